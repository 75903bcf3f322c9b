//! `JMESPath`, the query language of `json_query` (<https://jmespath.org/specification.html>), on
//! values as templates have them: keys keep their order, numbers their type.

mod evaluate;
mod functions;
mod lexer;
mod parser;

use minijinja::Value;

use super::error::TemplateErrorKind;
use super::failure::{Failure, Outcome};

/// What a query finds in a value.
///
/// # Errors
///
/// A query that does not parse, or a function that is not there or does not take its arguments.
pub(super) fn search(query: &str, value: &Value) -> Outcome<Value> {
    let node = parser::parse(query).map_err(refused)?;
    evaluate::visit(&node, value).map_err(|mut failure| {
        if let TemplateErrorKind::Failed(message) = &mut failure.kind
            && !message.starts_with("JMESPathError")
        {
            *message = format!("Error in jmespath.search in json_query filter plugin:\n{message}");
        }
        failure
    })
}

fn refused(message: impl std::fmt::Display) -> Box<Failure> {
    Failure::failed(format!("JMESPathError in json_query filter plugin:\n{message}"))
}
