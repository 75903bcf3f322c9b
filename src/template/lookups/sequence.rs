//! `sequence`: numbers from a start to an end, written by a format.

use minijinja::Value;

use super::Request;
use crate::playbook::{Form, parse_text_arguments};
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{as_integer, parse_integer, percent, repr, text};
use crate::template::regex::{Flags, compiled};

/// `[start-]end[/stride][:format]`
const SHORTCUT: &str = r"^((0?x?[0-9a-f]+)-)?(0?x?[0-9a-f]+)(/(0?x?[0-9a-f]+))?(:(.+))?$";

const NAMES: [&str; 5] = ["start", "end", "stride", "count", "format"];

/// What is counted.
#[derive(Debug, Default, Clone)]
struct Counting {
    start: Option<i128>,
    end: Option<i128>,
    count: Option<i128>,
    stride: Option<i128>,
    format: Option<String>,
}

impl Counting {
    fn set(&mut self, name: &str, value: &Value) -> Outcome<()> {
        if name == "format" {
            self.format = Some(text(value)?);
            return Ok(());
        }
        let number =
            as_integer(value).or_else(|| value.as_str().and_then(|text| parse_integer(text, 10)));
        let Some(number) = number else {
            return Err(Failure::failed(format!(
                "Config '{name}' for 'sequence' lookup plugin from 'Direct' has an invalid value: \
                 Invalid value provided for 'integer': {}",
                repr(value)?
            )));
        };
        match name {
            "start" => self.start = Some(number),
            "end" => self.end = Some(number),
            "count" => self.count = Some(number),
            _ => self.stride = Some(number),
        }
        Ok(())
    }

    fn read(&mut self, term: &str) -> Outcome<()> {
        let flags = Flags { ignore_case: true, ..Flags::default() };
        if let Some(found) = compiled(SHORTCUT, flags)?.search(term)? {
            for (name, group) in [("start", 2), ("end", 3), ("stride", 5), ("format", 7)] {
                if let Some(part) = found.get(group) {
                    self.set(name, &Value::from(part.as_str()))?;
                }
            }
            return Ok(());
        }
        let Some(parsed) = parse_text_arguments(term, Form::Options) else {
            return Err(Failure::failed(format!(
                "unknown error parsing with_sequence arguments: '{term}'. Error was: failed at \
                 splitting arguments, either an unbalanced jinja2 block or quotes: {term}"
            )));
        };
        let mut unknown = Vec::new();
        for (name, value, _) in &parsed.options {
            if NAMES.contains(&name.as_str()) {
                self.set(name, &Value::from(value.as_str()))?;
            } else {
                unknown.push(format!("'{name}'"));
            }
        }
        if parsed.free_form.is_some_and(|rest| !rest.is_empty()) {
            unknown.push("'_raw_params'".to_owned());
        }
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "unrecognized arguments to with_sequence: [{}]",
            unknown.join(", ")
        )))
    }

    fn numbers(&self) -> Outcome<Vec<i128>> {
        let start = self.start.unwrap_or(1);
        let stride = self.stride.unwrap_or(1);
        let end = match (self.count, self.end) {
            (None, None) => {
                return Err(Failure::failed("must specify count or end in with_sequence"));
            }
            (Some(_), Some(_)) => {
                return Err(Failure::failed("can't specify both count and end in with_sequence"));
            }
            (Some(0), None) => return Ok(Vec::new()),
            (Some(count), None) => {
                count.saturating_mul(stride).saturating_add(start).saturating_sub(1)
            }
            (None, Some(end)) => end,
        };
        if stride > 0 && end < start {
            return Err(Failure::failed("to count backwards make stride negative"));
        }
        if stride < 0 && end > start {
            return Err(Failure::failed("to count forward don't make stride negative"));
        }
        if stride == 0 {
            return Ok(Vec::new());
        }
        if end.saturating_sub(start) / stride > 1_000_000 {
            return Err(Failure::failed("the sequence would be too long"));
        }
        let mut numbers = Vec::new();
        let mut number = start;
        while (stride > 0 && number <= end) || (stride < 0 && number >= end) {
            numbers.push(number);
            number += stride;
        }
        Ok(numbers)
    }
}

/// `sequence`
pub(super) fn sequence(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut given = Counting::default();
    for (name, value) in &request.options {
        if NAMES.contains(&name.as_str()) && !value.is_none() {
            given.set(name, value)?;
        }
    }
    let mut terms = request.texts()?;
    if terms.is_empty() && !request.options.is_empty() {
        terms.push(String::new());
    }
    let mut made = Vec::new();
    for term in terms {
        let mut counting = given.clone();
        counting.read(&term)?;
        let format = counting.format.clone().unwrap_or_else(|| "%d".to_owned());
        let numbers = counting.numbers()?;
        if !numbers.is_empty() && format.matches('%').count() != 1 {
            return Err(Failure::failed(format!("bad formatting string: {format}")));
        }
        for number in numbers {
            let written = percent(&Value::from(format.as_str()), &Value::from(number));
            let Ok(written) = written else {
                return Err(Failure::failed(format!(
                    "problem formatting {number} with '{format}'"
                )));
            };
            made.push(written);
        }
    }
    Ok(made)
}
