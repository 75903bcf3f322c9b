//! Statements to output.

use std::sync::Arc;

use minijinja::Value;

use super::callable::Callable;
use super::interpreter::{Interpreter, lock};
use super::looping::LoopState;
use super::output::Output;
use crate::template::failure::{Failure, Outcome, Way};
use crate::template::python::{
    self, Class, Dict, class_of, elements, text, truth, type_name, usable,
};
use crate::template::stack::on_enough_stack;
use crate::template::syntax::{Expression, Loop, Macro, Node, Statement, Target};
use crate::template::work;

impl Interpreter<'_> {
    /// Runs statements in order.
    pub(in crate::template) fn statements(
        &mut self,
        body: &[Statement],
        output: &mut Output,
    ) -> Outcome<()> {
        let done = body.iter().try_for_each(|statement| {
            work::spend(1)?;
            on_enough_stack(|| self.statement(statement, output))
        });
        // what was emitted before is looked at first
        done.map_err(|failure| match failure.ends_all() {
            true => failure,
            false => output.missing().unwrap_or(failure),
        })
    }

    fn statement(&mut self, statement: &Statement, output: &mut Output) -> Outcome<()> {
        match statement {
            Statement::Data(text) => output.push_text(text),
            Statement::Output(expression) => {
                output.push(self.expression(expression)?, expression.range);
            }
            Statement::For(definition) => {
                let iterated = self.expression(&definition.iterated)?;
                self.loop_over(definition, &iterated, 1, output)?;
            }
            Statement::If(branches, otherwise) => {
                for (condition, body) in branches {
                    let value = self.expression(condition)?;
                    if truth(&value).map_err(located(condition))? {
                        return self.statements(body, output);
                    }
                }
                self.statements(otherwise, output)?;
            }
            Statement::With(assignments, body) => {
                let mut values = Vec::new();
                for (target, expression) in assignments {
                    values.push((target, self.expression(expression)?));
                }
                self.with_frame(|inner| {
                    for (target, value) in values {
                        inner.assign_target(target, value)?;
                    }
                    inner.statements(body, output)
                })?;
            }
            Statement::Set(target, expression) => {
                let value = self.expression(expression)?;
                self.assign_target(target, value)?;
            }
            Statement::SetBlock(target, filtered, body) => {
                let captured = self.capture(body)?;
                let value = match filtered {
                    Some(filtered) => self.with_captured(captured, filtered)?,
                    None => captured,
                };
                self.assign_target(target, value)?;
            }
            Statement::FilterBlock(filtered, body) => {
                let captured = self.capture(body)?;
                output.push(self.with_captured(captured, filtered)?, filtered.range);
            }
            Statement::Macro(definition) => {
                let function = self.macro_value(definition);
                self.assign(&definition.name, function);
            }
            Statement::CallBlock(call, body) => {
                output.push(self.call_block(call, body)?, call.range);
            }
            Statement::Block(name, required) => {
                let filled = self.blocks.get(name).is_some_and(|bodies| bodies.len() > 1);
                if *required && !filled {
                    return Err(Failure::failed(format!("Required block '{name}' not found")));
                }
                self.block_at(name, 0, output)?;
            }
            Statement::Do(expression) => {
                self.expression(expression)?;
            }
            Statement::Break => return Err(Failure::of_loop(Way::Break)),
            Statement::Continue => return Err(Failure::of_loop(Way::Continue)),
            Statement::Group(body) => self.with_frame(|inner| inner.statements(body, output))?,
            Statement::Extends(name) => self.extends(name)?,
            Statement::Include { name, ignore_missing, context } => {
                self.include(name, *ignore_missing, *context, output)?;
            }
            Statement::Import { name, target, context } => {
                let module = self.import(name, *context)?;
                self.assign(target, python::string_keys(module));
            }
            Statement::FromImport { name, names, context } => {
                self.from_import(name, names, *context)?;
            }
        }
        Ok(())
    }

    fn with_captured(&mut self, captured: Value, filtered: &Node<Expression>) -> Outcome<Value> {
        let before = self.captured.replace(captured);
        let value = self.expression(filtered);
        self.captured = before;
        value
    }

    fn capture(&mut self, body: &[Statement]) -> Outcome<Value> {
        let mut output = Output::default();
        self.with_frame(|inner| inner.statements(body, &mut output))?;
        output.into_value()
    }

    fn macro_value(&self, definition: &Arc<Macro>) -> Value {
        Value::from_object(Callable::Macro {
            definition: Arc::clone(definition),
            frames: self.frames.clone(),
            context: self.context,
        })
    }

    fn call_block(&mut self, call: &Node<Expression>, body: &Arc<Macro>) -> Outcome<Value> {
        let Expression::Call(callee, arguments) = &call.kind else {
            return Err(Failure::failed("expected call"));
        };
        let function = self.expression(callee)?;
        let mut values = super::callable::Call::default();
        self.arguments(arguments, &mut values)?;
        values.keywords.push(("caller".to_owned(), self.macro_value(body)));
        self.call(&function, values).map_err(located(call))
    }

    /// Runs one of the definitions of a block; 0 is the most derived.
    pub(super) fn block_at(
        &mut self,
        name: &Arc<str>,
        level: usize,
        output: &mut Output,
    ) -> Outcome<()> {
        let blocks = Arc::clone(&self.blocks);
        let Some(body) = blocks.get(name).and_then(|bodies| bodies.get(level)) else {
            return Err(Failure::failed(format!("there is no parent block called '{name}'.")));
        };
        let mut inner = self.nested(self.frames.clone())?;
        inner.block = Some((Arc::clone(name), level));
        inner.with_frame(|inner| inner.statements(body, output))
    }

    pub(super) fn assign_target(&mut self, target: &Target, value: Value) -> Outcome<()> {
        match target {
            Target::Name(name) => self.assign(name, value),
            Target::Attribute(name, attribute) => {
                let namespace = self.name(name)?;
                match namespace.downcast_object_ref::<Dict>().filter(|dict| dict.namespace) {
                    Some(dict) => {
                        dict.set([(Value::from(attribute.as_ref()), value)])?;
                    }
                    None => {
                        return Err(Failure::failed(
                            "cannot assign attribute on non-namespace object",
                        ));
                    }
                }
            }
            Target::Several(targets) => {
                usable(&value)?;
                let values = elements(&value).map_err(|_| {
                    let class = type_name(&value);
                    Failure::failed(format!("cannot unpack non-iterable {class} object"))
                })?;
                if values.len() < targets.len() {
                    return Err(Failure::failed(format!(
                        "not enough values to unpack (expected {}, got {})",
                        targets.len(),
                        values.len()
                    )));
                }
                if values.len() > targets.len() {
                    return Err(Failure::failed(format!(
                        "too many values to unpack (expected {})",
                        targets.len()
                    )));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.assign_target(target, value)?;
                }
            }
        }
        Ok(())
    }

    /// Runs a loop over a value.
    pub(super) fn loop_over(
        &mut self,
        definition: &Arc<Loop>,
        iterated: &Value,
        depth: usize,
        output: &mut Output,
    ) -> Outcome<()> {
        let mut values = elements(iterated).map_err(located(&definition.iterated))?;
        if let Some(condition) = &definition.condition {
            let mut kept = Vec::new();
            for value in values {
                let keeps = self.with_frame(|inner| {
                    inner.assign_target(&definition.target, value.clone())?;
                    truth(&inner.expression(condition)?).map_err(located(condition))
                })?;
                if keeps {
                    kept.push(value);
                }
            }
            values = kept;
        }
        if values.is_empty() {
            return self.with_frame(|inner| inner.statements(&definition.otherwise, output));
        }
        let outer = self.frames.clone();
        let values = Arc::new(values);
        let state = LoopState::new(Arc::clone(&values), depth);
        for (index, value) in values.iter().enumerate() {
            work::spend(1)?;
            let round = self.with_frame(|inner| {
                inner.assign_target(&definition.target, value.clone())?;
                if let Some(frame) = inner.frames.last() {
                    let turn = Value::from_object(state.at(index));
                    lock(frame).insert(Arc::from("loop"), turn);
                    if definition.recursive {
                        let recursion = Callable::Recursion {
                            definition: Arc::clone(definition),
                            frames: outer.clone(),
                            depth,
                        };
                        lock(frame).insert(Arc::from("__loop"), Value::from_object(recursion));
                    }
                }
                inner.statements(&definition.body, output)
            });
            match round {
                Err(failure) if failure.way == Way::Break => break,
                Err(failure) if failure.way == Way::Continue => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// The names of templates that an include may take, and whether it is a list of them.
    pub(super) fn template_names(
        &mut self,
        node: &Node<Expression>,
    ) -> Outcome<(Vec<String>, bool)> {
        let value = self.expression(node)?;
        usable(&value).map_err(located(node))?;
        if matches!(class_of(&value), Class::List | Class::Tuple) {
            let names = elements(&value)?.iter().map(text).collect::<Outcome<_>>()?;
            return Ok((names, true));
        }
        Ok((vec![text(&value)?], false))
    }
}

fn located(node: &Node<Expression>) -> impl Fn(Box<Failure>) -> Box<Failure> {
    let range = node.range;
    move |mut failure| {
        if failure.span.is_none() {
            failure.range.get_or_insert(range);
        }
        failure
    }
}
