//! Expressions to values.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use super::callable::{Call, Callable, MacroContext, Stateful};
use super::interpreter::{Frame, Interpreter, lock};
use super::looping::LoopState;
use super::output::Output;
use crate::template::failure::{Failure, Outcome};
use crate::template::methods;
use crate::template::python::{
    self, Blank, Class, Missing, as_float, as_integer, binary, class_of, compare, contains, dict,
    equal, list, marker_name, text, truth, tuple, type_name, undefined, usable,
};
use crate::template::render;
use crate::template::stack::on_enough_stack;
use crate::template::syntax::{
    Arguments, BinaryOperator, ComparisonOperator, Expression, Macro, Node, Range,
};
use crate::template::told;
use crate::template::work;

type Expr = Node<Expression>;

/// Whether the first of what is added is a list written in the template.
fn begins_with_literal(node: &Expr) -> bool {
    match &node.kind {
        Expression::Binary(BinaryOperator::Add, left, _) => begins_with_literal(left),
        kind => matches!(kind, Expression::List(_)),
    }
}

fn at(range: Range) -> impl Fn(Box<Failure>) -> Box<Failure> {
    move |mut failure| {
        if failure.span.is_none() {
            failure.range.get_or_insert(range);
        }
        failure
    }
}

impl Interpreter<'_> {
    /// The value of an expression; failures carry its place.
    pub(in crate::template) fn expression(&mut self, node: &Expr) -> Outcome<Value> {
        work::spend(1)?;
        let value = on_enough_stack(|| self.evaluate(node)).map_err(at(node.range))?;
        match &node.kind {
            Expression::Binary(..)
            | Expression::Concat(_)
            | Expression::Filter { .. }
            | Expression::Call(..)
            | Expression::Slice(..) => work::made(value).map_err(at(node.range)),
            _ => Ok(value),
        }
    }

    fn evaluate(&mut self, node: &Expr) -> Outcome<Value> {
        match &node.kind {
            Expression::Constant(value) => Ok(value.clone()),
            Expression::Embedded(source) => {
                told::embedded(self.environment.span, self.environment.text);
                render::template_value(source, None, self.environment.scope)
            }
            Expression::Name(name) => self.name(name),
            Expression::List(elements) => Ok(list(self.held(elements)?)),
            Expression::Tuple(elements) => Ok(tuple(self.held(elements)?)),
            Expression::Dict(entries) => self.dict(entries),
            Expression::Negate(operand) => python::negate(&self.expression(operand)?),
            Expression::Positive(operand) => self.positive(operand),
            Expression::Not(operand) => Ok(Value::from(!self.truth(operand)?)),
            Expression::And(left, right) => {
                let left = self.expression(left)?;
                if truth(&left)? { self.expression(right) } else { Ok(left) }
            }
            Expression::Or(left, right) => {
                let left = self.expression(left)?;
                if truth(&left)? { Ok(left) } else { self.expression(right) }
            }
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expression::Concat(parts) => {
                let mut joined = String::new();
                for part in parts {
                    joined.push_str(&text(&self.expression(part)?).map_err(at(part.range))?);
                }
                Ok(Value::from(joined))
            }
            Expression::Compare(first, rest) => self.comparison(first, rest),
            Expression::Conditional { condition, then, otherwise } => {
                if self.truth(condition)? {
                    return self.expression(then);
                }
                match otherwise {
                    Some(otherwise) => self.expression(otherwise),
                    None => Ok(Value::from_object(Blank)),
                }
            }
            Expression::Filter { target, filter, arguments } => {
                let mut call = Call::default();
                call.positional.push(self.expression(target)?);
                self.arguments(arguments, &mut call)?;
                self.environment.filter(filter, call.positional, call.keywords)
            }
            Expression::Test { target, test, arguments } => {
                let mut call = Call::default();
                call.positional.push(self.expression(target)?);
                self.arguments(arguments, &mut call)?;
                self.environment.test(test, call.positional, call.keywords)
            }
            Expression::Attribute(target, name) => {
                let target = self.expression(target)?;
                self.attribute(&target, name)
            }
            Expression::Item(target, key) => {
                let target = self.expression(target)?;
                let key = self.expression(key)?;
                python::item(&target, &key)
            }
            Expression::Slice(target, bounds) => {
                let target = self.expression(target)?;
                let mut values = [None, None, None];
                for (value, bound) in values.iter_mut().zip(bounds) {
                    if let Some(bound) = bound {
                        *value = Some(self.expression(bound)?);
                    }
                }
                python::slice(&target, values)
            }
            Expression::Call(callee, arguments) => self.call_expression(callee, arguments),
            Expression::Unknown(family, name) => {
                Err(Failure::failed(format!("No {family} named '{name}' found.")))
            }
            Expression::Captured => Ok(self.captured.clone().unwrap_or_default()),
        }
    }

    fn truth(&mut self, node: &Expr) -> Outcome<bool> {
        let value = self.expression(node)?;
        truth(&value).map_err(at(node.range))
    }

    fn expressions(&mut self, nodes: &[Expr]) -> Outcome<Vec<Value>> {
        nodes.iter().map(|node| self.expression(node)).collect()
    }

    /// What a list holds.
    fn held(&mut self, nodes: &[Expr]) -> Outcome<Vec<Value>> {
        let values = self.expressions(nodes)?;
        python::fits(&values)?;
        Ok(values)
    }

    fn dict(&mut self, nodes: &[(Expr, Expr)]) -> Outcome<Value> {
        let mut entries = IndexMap::with_capacity(nodes.len());
        for (key, value) in nodes {
            let name = self.expression(key)?;
            usable(&name).map_err(at(key.range))?;
            if matches!(class_of(&name), Class::List | Class::Dict) {
                let message = format!("unhashable type: '{}'", type_name(&name));
                return Err(at(key.range)(Failure::failed(message)));
            }
            entries.insert(name, self.expression(value)?);
        }
        python::fits(entries.values())?;
        Ok(dict(entries))
    }

    fn positive(&mut self, operand: &Expr) -> Outcome<Value> {
        let value = self.expression(operand)?;
        usable(&value)?;
        if let Some(number) = as_integer(&value) {
            return Ok(Value::from(number));
        }
        if as_float(&value).is_some() {
            return Ok(value);
        }
        Err(Failure::failed(format!("bad operand type for unary +: '{}'", type_name(&value))))
    }

    fn binary(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr) -> Outcome<Value> {
        let first = self.expression(left)?;
        let second = self.expression(right)?;
        usable(&first).map_err(at(left.range))?;
        let adds = operator == BinaryOperator::Add && class_of(&first) == Class::List;
        if adds && class_of(&second) == Class::Undefined && !begins_with_literal(left) {
            // a list of a variable refuses first; one that is written here lets the other speak
            let kind = marker_name(&second);
            return Err(Failure::failed(format!(
                "can only concatenate list (not \"{kind}\") to list"
            )));
        }
        usable(&second).map_err(at(right.range))?;
        binary(operator, &first, &second)
    }

    fn comparison(&mut self, first: &Expr, rest: &[(ComparisonOperator, Expr)]) -> Outcome<Value> {
        let mut left = self.expression(first)?;
        let mut left_range = first.range;
        for (operator, node) in rest {
            let right = self.expression(node)?;
            if matches!(operator, ComparisonOperator::In | ComparisonOperator::NotIn) {
                // the container is asked, which asks for what it looks for where it holds anything
                usable(&right).map_err(at(node.range))?;
                let is_list = matches!(class_of(&right), Class::List | Class::Tuple);
                if is_list && python::length(&right)? == 0 {
                    if *operator == ComparisonOperator::In {
                        return Ok(Value::from(false));
                    }
                    (left, left_range) = (right, node.range);
                    continue;
                }
                usable(&left).map_err(at(left_range))?;
            } else {
                usable(&left).map_err(at(left_range))?;
                usable(&right).map_err(at(node.range))?;
            }
            if !compared(*operator, &left, &right)? {
                return Ok(Value::from(false));
            }
            left = right;
            left_range = node.range;
        }
        Ok(Value::from(true))
    }

    pub(super) fn arguments(&mut self, written: &Arguments, call: &mut Call) -> Outcome<()> {
        for node in &written.positional {
            call.positional.push(self.expression(node)?);
        }
        for (name, node) in &written.keyword {
            call.keywords.push((name.to_string(), self.expression(node)?));
        }
        if let Some(star) = &written.star {
            let values = self.expression(star)?;
            call.positional.extend(python::elements(&values)?);
        }
        if let Some(double_star) = &written.double_star {
            let values = self.expression(double_star)?;
            for (key, value) in python::entries(&values)? {
                call.keywords.push((text(&key)?, value));
            }
        }
        Ok(())
    }

    fn attribute(&mut self, target: &Value, name: &str) -> Outcome<Value> {
        if let Some(state) = target.downcast_object::<LoopState>()
            && matches!(name, "cycle" | "changed")
        {
            return Ok(Value::from_object(Callable::LoopMethod(state, name.to_owned())));
        }
        if let Some(Callable::Macro { definition, .. }) = target.downcast_object_ref()
            && let Some(found) = macro_attribute(definition, name)
        {
            return Ok(found);
        }
        python::attribute_of(target, name)
    }

    fn call_expression(&mut self, callee: &Expr, arguments: &Arguments) -> Outcome<Value> {
        if let Expression::Attribute(target, name) = &callee.kind {
            if let Some(value) = self.own_block(target, name)? {
                return Ok(value);
            }
            let mut value = self.expression(target)?;
            if methods::changes_in_place(name)
                && let Some(changeable) = self.changeable(target, &value)?
            {
                value = changeable;
            }
            if class_of(&value) == Class::Undefined {
                return Ok(value);
            }
            if methods::has(&value, name) {
                let mut call = Call::default();
                self.arguments(arguments, &mut call)?;
                return self.call_method(&value, name, call).or_else(Failure::into_undefined);
            }
            let function = self.attribute(&value, name)?;
            let mut call = Call::default();
            self.arguments(arguments, &mut call)?;
            return self.call(&function, call).or_else(Failure::into_undefined);
        }
        if let Expression::Name(name) = &callee.kind
            && let Some(value) = self.special_call(name, arguments)?
        {
            return Ok(value);
        }
        let function = self.expression(callee)?;
        let mut call = Call::default();
        self.arguments(arguments, &mut call)?;
        self.call(&function, call).or_else(Failure::into_undefined)
    }

    /// `self.name()` of template inheritance.
    fn own_block(&mut self, target: &Expr, name: &Arc<str>) -> Outcome<Option<Value>> {
        let is_self = matches!(&target.kind, Expression::Name(name) if **name == *"self");
        if !is_self || !self.blocks.contains_key(name) || self.local("self").is_some() {
            return Ok(None);
        }
        let mut output = Output::default();
        self.block_at(name, 0, &mut output)?;
        output.into_text().map(|text| Some(Value::from(text)))
    }

    /// `super()` of template inheritance.
    fn special_call(&mut self, name: &str, arguments: &Arguments) -> Outcome<Option<Value>> {
        if name != "super" || self.local(name).is_some() {
            return Ok(None);
        }
        let Some((block, level)) = self.block.clone() else {
            return Ok(None);
        };
        if !arguments.positional.is_empty() {
            return Err(Failure::failed("super() takes no arguments"));
        }
        let mut output = Output::default();
        self.block_at(&block, level + 1, &mut output)?;
        output.into_text().map(|text| Some(Value::from(text)))
    }

    fn call_method(&mut self, value: &Value, name: &str, call: Call) -> Outcome<Value> {
        let undefined = call
            .positional
            .iter()
            .chain(call.keywords.iter().map(|(_, value)| value))
            .find(|argument| class_of(argument) == Class::Undefined);
        let stores = methods::changes_in_place(name) || name == "get";
        if let Some(undefined) = undefined
            && !stores
        {
            return Ok(undefined.clone());
        }
        methods::call(self.environment, value, name, call)
    }

    /// A variable's list or mapping as one of the template's own, so that it can be changed.
    fn changeable(&mut self, target: &Expr, value: &Value) -> Outcome<Option<Value>> {
        if python::thaw(value).is_none() {
            return Ok(None);
        }
        let mut root = target;
        loop {
            match &root.kind {
                Expression::Attribute(inner, _) | Expression::Item(inner, _) => root = inner,
                Expression::Name(name) => {
                    let whole = self.name(name)?;
                    if let Some(thawed) = python::thaw(&whole) {
                        self.rebind(name, thawed);
                    }
                    return self.expression(target).map(Some);
                }
                _ => return Ok(python::thaw(value)),
            }
        }
    }

    /// Calls a value.
    pub(in crate::template) fn call(&mut self, function: &Value, call: Call) -> Outcome<Value> {
        if class_of(function) == Class::Undefined {
            return Ok(function.clone());
        }
        if let Some(loop_state) = function.downcast_object::<LoopState>()
            && let Some(recursion) = self.local("__loop")
        {
            drop(loop_state);
            return self.call(&recursion, call);
        }
        let Some(callable) = function.downcast_object::<Callable>() else {
            usable(function)?;
            if class_of(function) == Class::Blank {
                return Err(Blank::failure());
            }
            let name = type_name(function);
            return Err(Failure::failed(format!("'{name}' object is not callable")));
        };
        match &*callable {
            Callable::Method(target, name) => self.call_method(target, name, call),
            Callable::Global(global) => {
                let undefined =
                    call.positional.iter().find(|value| class_of(value) == Class::Undefined);
                if let Some(undefined) = undefined
                    && !global.takes_undefined
                {
                    return Ok(undefined.clone());
                }
                (global.run)(self.environment, call)
            }
            Callable::Macro { definition, frames, context } => {
                self.call_macro(definition, frames, *context, call)
            }
            Callable::Recursion { definition, frames, depth } => {
                let Some(iterated) = call.positional.into_iter().next() else {
                    return Err(Failure::failed("loop() needs what to loop over"));
                };
                let mut inner = self.nested(frames.clone())?;
                let mut output = Output::default();
                inner.loop_over(definition, &iterated, depth + 1, &mut output)?;
                output.into_text().map(Value::from)
            }
            Callable::LoopMethod(state, name) => state.call(name, call.positional),
            Callable::Stateful(Stateful::Next(cycler)) => Ok(cycler.next()),
            Callable::Stateful(Stateful::Reset(cycler)) => {
                cycler.reset();
                Ok(Value::from(()))
            }
            Callable::Stateful(Stateful::Joiner(separator, used)) => {
                let first = !used.swap(true, std::sync::atomic::Ordering::Relaxed);
                Ok(Value::from(if first { "" } else { separator.as_str() }))
            }
        }
    }

    fn call_macro(
        &mut self,
        definition: &Arc<Macro>,
        frames: &[Frame],
        context: MacroContext,
        call: Call,
    ) -> Outcome<Value> {
        let mut frames = frames.to_vec();
        let own = Frame::default();
        frames.push(Arc::clone(&own));
        let mut inner = self.nested(frames)?;
        inner.context = context;
        let mut keywords = call.keywords;
        let mut positional = call.positional.into_iter();
        for (name, default) in &definition.parameters {
            let keyword = keywords.iter().position(|(keyword, _)| **keyword == **name);
            let value = match (positional.next(), keyword, default) {
                (Some(value), ..) => value,
                (None, Some(index), _) => keywords.remove(index).1,
                (None, None, Some(default)) => inner.expression(default)?,
                (None, None, None) => undefined(Missing::Other(
                    Some(name.to_string()),
                    format!("parameter '{name}' was not provided"),
                )),
            };
            lock(&own).insert(Arc::clone(name), value);
        }
        let rest: Vec<Value> = positional.collect();
        let caller = keywords.iter().position(|(keyword, _)| keyword == "caller");
        if let Some(index) = caller {
            let (_, value) = keywords.remove(index);
            lock(&own).insert(Arc::from("caller"), value);
        }
        if definition.reads.varargs {
            lock(&own).insert(Arc::from("varargs"), tuple(rest));
        } else if !rest.is_empty() {
            return Err(Failure::failed(format!(
                "macro '{}' takes not more than {} argument(s)",
                definition.name,
                definition.parameters.len()
            )));
        }
        if definition.reads.kwargs {
            lock(&own).insert(Arc::from("kwargs"), python::string_keys(keywords));
        } else if let Some((keyword, _)) = keywords.first() {
            return Err(Failure::failed(format!(
                "macro '{}' takes no keyword argument '{keyword}'",
                definition.name
            )));
        }
        let mut output = Output::default();
        inner.statements(&definition.body, &mut output)?;
        output.into_value()
    }
}

/// What a macro tells of itself.
fn macro_attribute(definition: &Macro, name: &str) -> Option<Value> {
    let names = || definition.parameters.iter().map(|(name, _)| Value::from(name.as_ref()));
    Some(match name {
        "name" => Value::from(definition.name.as_ref()),
        "arguments" => tuple(names().collect()),
        "catch_kwargs" => Value::from(definition.reads.kwargs),
        "catch_varargs" => Value::from(definition.reads.varargs),
        "caller" => Value::from(definition.reads.caller),
        _ => return None,
    })
}

fn compared(operator: ComparisonOperator, left: &Value, right: &Value) -> Outcome<bool> {
    Ok(match operator {
        ComparisonOperator::Equal => equal(left, right)?,
        ComparisonOperator::NotEqual => !equal(left, right)?,
        ComparisonOperator::Less => {
            compare(left, right, "<")?.is_some_and(std::cmp::Ordering::is_lt)
        }
        ComparisonOperator::LessOrEqual => {
            compare(left, right, "<=")?.is_some_and(std::cmp::Ordering::is_le)
        }
        ComparisonOperator::Greater => {
            compare(left, right, ">")?.is_some_and(std::cmp::Ordering::is_gt)
        }
        ComparisonOperator::GreaterOrEqual => {
            compare(left, right, ">=")?.is_some_and(std::cmp::Ordering::is_ge)
        }
        ComparisonOperator::In => contains(right, left)?,
        ComparisonOperator::NotIn => !contains(right, left)?,
    })
}
