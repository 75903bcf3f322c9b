//! What a query finds.

use std::cmp::Ordering;

use minijinja::Value;

use super::functions;
use super::lexer::Comparator;
use super::parser::Node;
use crate::template::failure::Outcome;
use crate::template::python::{
    self, Class, class_of, compare, element_at, elements, entries, equal, is_mapping, list,
    mapping_get, string_keys, truth,
};

/// An argument of a function.
pub(super) enum Argument<'a> {
    Value(Value),
    Reference(&'a Node),
}

pub(super) fn null() -> Value {
    Value::from(())
}

pub(super) fn is_list(value: &Value) -> bool {
    class_of(value) == Class::List
}

pub(super) fn is_number(value: &Value) -> bool {
    matches!(class_of(value), Class::Integer | Class::Float)
}

/// Whether a value counts as false: nothing, `false`, and what is empty; not the number zero.
fn is_false(value: &Value) -> Outcome<bool> {
    Ok(match class_of(value) {
        Class::Integer | Class::Float => false,
        _ => !truth(value)?,
    })
}

/// The value of an expression for the value at hand.
pub(super) fn visit(node: &Node, value: &Value) -> Outcome<Value> {
    Ok(match node {
        Node::Current | Node::Reference(_) => value.clone(),
        Node::Field(name) if is_mapping(value) => {
            mapping_get(value, &Value::from(name.as_str()))?.unwrap_or_else(null)
        }
        Node::Field(_) => null(),
        Node::Literal(literal) => literal.clone(),
        Node::Index(index) if is_list(value) => element_at(value, *index)?.unwrap_or_else(null),
        Node::Index(_) => null(),
        Node::Slice(parts) if is_list(value) => {
            python::slice(value, parts.map(|part| part.map(Value::from)))?
        }
        Node::Slice(_) => null(),
        Node::Chain(left, right) => visit(right, &visit(left, value)?)?,
        Node::Projection(left, right) => {
            let base = visit(left, value)?;
            if is_list(&base) { each(elements(&base)?, right)? } else { null() }
        }
        Node::ValueProjection(left, right) => {
            let base = visit(left, value)?;
            if is_mapping(&base) {
                each(entries(&base)?.into_iter().map(|(_, value)| value).collect(), right)?
            } else {
                null()
            }
        }
        Node::FilterProjection { left, right, condition } => {
            let base = visit(left, value)?;
            if !is_list(&base) {
                return Ok(null());
            }
            let mut kept = Vec::new();
            for element in elements(&base)? {
                if !is_false(&visit(condition, &element)?)? {
                    kept.push(element);
                }
            }
            each(kept, right)?
        }
        Node::Flatten(inner) => {
            let base = visit(inner, value)?;
            if !is_list(&base) {
                return Ok(null());
            }
            let mut flat = Vec::new();
            for element in elements(&base)? {
                if is_list(&element) {
                    flat.extend(elements(&element)?);
                } else {
                    flat.push(element);
                }
            }
            list(flat)
        }
        Node::Comparison(comparator, left, right) => {
            compared(*comparator, &visit(left, value)?, &visit(right, value)?)?
        }
        Node::Or(left, right) => {
            let found = visit(left, value)?;
            if is_false(&found)? { visit(right, value)? } else { found }
        }
        Node::And(left, right) => {
            let found = visit(left, value)?;
            if is_false(&found)? { found } else { visit(right, value)? }
        }
        Node::Not(inner) => Value::from(is_false(&visit(inner, value)?)?),
        Node::List(_) | Node::Hash(_) if value.is_none() => null(),
        Node::List(nodes) => {
            let all = nodes.iter().map(|node| visit(node, value)).collect::<Outcome<_>>()?;
            list(all)
        }
        Node::Hash(pairs) => {
            let mut all = Vec::new();
            for (name, node) in pairs {
                all.push((name.as_str(), visit(node, value)?));
            }
            string_keys(all)
        }
        Node::Call(name, arguments) => {
            let mut given = Vec::new();
            for argument in arguments {
                given.push(match argument {
                    Node::Reference(inner) => Argument::Reference(inner),
                    other => Argument::Value(visit(other, value)?),
                });
            }
            functions::call(name, &given)?
        }
    })
}

/// What an expression gives for each element, without nothings.
fn each(elements: Vec<Value>, node: &Node) -> Outcome<Value> {
    let mut found = Vec::new();
    for element in elements {
        let result = visit(node, &element)?;
        if !result.is_none() {
            found.push(result);
        }
    }
    Ok(list(found))
}

fn compared(comparator: Comparator, left: &Value, right: &Value) -> Outcome<Value> {
    let ordered = |value: &Value| is_number(value) || class_of(value) == Class::Text;
    let holds_if = |operator: &str, accepts: fn(Ordering) -> bool| {
        compare(left, right, operator).map(|order| order.is_some_and(accepts))
    };
    let holds = match comparator {
        Comparator::Equal => same(left, right)?,
        Comparator::NotEqual => !same(left, right)?,
        _ if !ordered(left) || !ordered(right) => return Ok(null()),
        Comparator::Less => holds_if("<", Ordering::is_lt)?,
        Comparator::LessOrEqual => holds_if("<=", Ordering::is_le)?,
        Comparator::Greater => holds_if(">", Ordering::is_gt)?,
        Comparator::GreaterOrEqual => holds_if(">=", Ordering::is_ge)?,
    };
    Ok(Value::from(holds))
}

/// As Python compares, but a number is no boolean.
fn same(left: &Value, right: &Value) -> Outcome<bool> {
    let is_bool = |value: &Value| class_of(value) == Class::Bool;
    let mixed = is_bool(left) && is_number(right) || is_number(left) && is_bool(right);
    if mixed { Ok(false) } else { equal(left, right) }
}
