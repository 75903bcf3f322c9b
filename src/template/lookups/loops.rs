//! Lookups that make the elements of a loop.

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::{cartesian, element_pairs, flatten, key_value, random_below};
use crate::template::python::{
    Class, as_integer, class_of, elements, entries, is_mapping, list, mapping_get, parse_integer,
    percent, text, truth, tuple, type_name,
};

/// `items`: lists among the terms are opened once.
pub(super) fn items(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut all = Vec::new();
    for term in &request.terms {
        match class_of(term) {
            Class::List | Class::Tuple | Class::Range => all.extend(elements(term)?),
            _ => all.push(term.clone()),
        }
    }
    Ok(all)
}

/// `list`
pub(super) fn plain(request: &Request<'_>) -> Outcome<Vec<Value>> {
    Ok(request.terms.clone())
}

/// `dict`
pub(super) fn dicts(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut items = Vec::new();
    for term in &request.terms {
        if !is_mapping(term) {
            return Err(Failure::failed(format!(
                "with_dict expects a dict, not {}",
                type_name(term)
            )));
        }
        for (key, value) in entries(term)? {
            items.push(key_value(["key", "value"], key, value));
        }
    }
    Ok(items)
}

fn columns(request: &Request<'_>) -> Outcome<Vec<Vec<Value>>> {
    request
        .terms
        .iter()
        .map(|term| match class_of(term) {
            Class::List | Class::Tuple | Class::Range => elements(term),
            _ => Ok(vec![term.clone()]),
        })
        .collect()
}

/// `together`
pub(super) fn together(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let columns = columns(request)?;
    let Some(length) = columns.iter().map(Vec::len).max() else {
        return Err(Failure::failed("with_together requires at least one element in each list"));
    };
    Ok((0..length)
        .map(|row| {
            let cells = columns
                .iter()
                .map(|column| column.get(row).cloned().unwrap_or_else(|| Value::from(())));
            list(cells.collect())
        })
        .collect())
}

/// `nested`
pub(super) fn nested(request: &Request<'_>) -> Outcome<Vec<Value>> {
    if request.terms.is_empty() {
        return Err(Failure::failed(
            "with_nested requires at least one element in the nested list",
        ));
    }
    Ok(cartesian(&columns(request)?)?.into_iter().map(list).collect())
}

/// `flattened`
pub(super) fn flattened(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut flat = Vec::new();
    flatten(&request.terms, None, true, &mut flat)?;
    Ok(flat)
}

/// `indexed_items`
pub(super) fn indexed(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let all = items(request)?;
    Ok(all
        .into_iter()
        .enumerate()
        .map(|(index, value)| tuple(vec![Value::from(index), value]))
        .collect())
}

/// `random_choice`
pub(super) fn random_choice(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let all = items(request)?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let chosen = random_below(all.len())?;
    Ok(all.get(chosen).cloned().into_iter().collect())
}

/// `subelements`
pub(super) fn subelements(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let [all, path, flags @ ..] = request.terms.as_slice() else {
        return Err(Failure::failed(
            "subelements lookup expects a list of two or three items, first a dict or a list, \
             second a string pointing to the subkey",
        ));
    };
    let all = if is_mapping(all) {
        entries(all)?.into_iter().map(|(_, value)| value).collect()
    } else {
        elements(all)?
    };
    let skip = match flags.first() {
        Some(flags) => match mapping_get(flags, &Value::from("skip_missing"))? {
            Some(skip) => truth(&skip)?,
            None => false,
        },
        None => false,
    };
    let path: Vec<String> = text(path)?.split('.').map(str::to_owned).collect();
    let pairs = element_pairs(&all, &path, skip)?;
    Ok(pairs.into_iter().map(|(element, sub)| tuple(vec![element, sub])).collect())
}

/// What `sequence` counts.
#[derive(Debug, Default)]
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
        let number = as_integer(value)
            .or_else(|| value.as_str().and_then(|text| parse_integer(text, 0)))
            .ok_or_else(|| Failure::failed(format!("can't parse {name}={value} as integer")))?;
        match name {
            "start" => self.start = Some(number),
            "end" => self.end = Some(number),
            "count" => self.count = Some(number),
            "stride" => self.stride = Some(number),
            _ => {
                return Err(Failure::failed(format!(
                    "unrecognized arguments to with_sequence: '{name}'"
                )));
            }
        }
        Ok(())
    }

    /// `[start-]end[/stride][:format]`
    fn shortcut(term: &str) -> Option<Self> {
        let (numbers, format) = match term.split_once(':') {
            Some((numbers, format)) => (numbers, Some(format.to_owned())),
            None => (term, None),
        };
        let (numbers, stride) = match numbers.split_once('/') {
            Some((numbers, stride)) => (numbers, Some(parse_integer(stride, 0)?)),
            None => (numbers, None),
        };
        let (start, end) = match numbers.split_once('-') {
            Some((start, end)) if !start.is_empty() => (Some(parse_integer(start, 0)?), end),
            _ => (None, numbers),
        };
        let end = Some(parse_integer(end, 0)?);
        Some(Self { start, end, count: None, stride, format })
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
            (Some(count), None) => start + count * stride - stride,
            (None, Some(end)) => end,
        };
        if stride == 0 {
            return Ok(Vec::new());
        }
        if stride > 0 && end < start {
            return Err(Failure::failed("to count backwards make stride negative"));
        }
        if stride < 0 && end > start {
            return Err(Failure::failed("to count forward don't make stride negative"));
        }
        if (end - start) / stride > 1_000_000 {
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
    let mut made = Vec::new();
    let mut terms = request.texts()?;
    if terms.is_empty() {
        terms.push(String::new());
    }
    for term in terms {
        let mut counting = match Counting::shortcut(&term) {
            Some(counting) => counting,
            None => {
                let mut counting = Counting::default();
                for pair in term.split_whitespace() {
                    let Some((name, value)) = pair.split_once('=') else {
                        return Err(Failure::failed(format!(
                            "unknown error parsing with_sequence arguments: '{term}'"
                        )));
                    };
                    counting.set(name, &Value::from(value.trim_matches(['"', '\''])))?;
                }
                counting
            }
        };
        for (name, value) in &request.options {
            counting.set(name, value)?;
        }
        let format = counting.format.clone().unwrap_or_else(|| "%d".to_owned());
        for number in counting.numbers()? {
            let written = percent(&Value::from(format.as_str()), &Value::from(number))?;
            made.push(Value::from(written));
        }
    }
    Ok(made)
}
