//! `community.general.to_prettytable`: mappings as the rows of a drawn table.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, elements, entries, is_mapping, mapping_get, text, type_name,
};

/// The family.
pub(super) const FILTERS: &[Filter] =
    &[filter("community.general.to_prettytable", &["data", "*", "**"], table)];

/// Words for where a column's text stands.
const ALIGNMENTS: [&str; 6] = ["c", "center", "l", "left", "r", "right"];

fn wrong(call: &Bound<'_>, value: &Value, expected: &str) -> Box<crate::template::Failure> {
    let kind = if class_of(value) == Class::Text { "string" } else { type_name(value) };
    call.refuse(format!("Expected {expected}, got a {kind}"))
}

fn names(call: &Bound<'_>, value: &Value, list: &str, one: &str) -> Outcome<Vec<String>> {
    if class_of(value) != Class::List {
        return Err(wrong(call, value, list));
    }
    let name = |value: Value| match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(wrong(call, &value, one)),
    };
    elements(value)?.into_iter().map(name).collect()
}

fn table(call: &Bound<'_>) -> Outcome<Value> {
    let data = call.value()?;
    if class_of(data) != Class::List {
        return Err(wrong(call, data, "a list of dictionaries"));
    }
    let rows = elements(data)?;
    if let Some(row) = rows.iter().find(|row| !is_mapping(row)) {
        return Err(wrong(call, row, "all items in the list to be dictionaries"));
    }
    let sample = rows.first().map(entries).transpose()?.unwrap_or_default();
    let most = sample.len();
    let too_many = |count: usize| !rows.is_empty() && count > most;
    let more = |name: &str, count: usize| {
        call.refuse(format!(
            "'{name}' has more elements ({count}) than available fields in data ({most})"
        ))
    };
    let given = call.keyword("column_order").filter(|order| !order.is_none());
    let order = match (given, call.rest.is_empty()) {
        (Some(_), false) => {
            return Err(call.refuse(
                "Cannot use both positional arguments and the 'column_order' keyword argument",
            ));
        }
        (None, true) => None,
        (None, false) => Some(crate::template::python::list(call.rest.clone())),
        (Some(order), true) => Some(order.clone()),
    };
    let order = order
        .map(|order| names(call, &order, "a list of column names", "a string for column name"))
        .transpose()?;
    if let Some(count) = order.as_ref().map(Vec::len).filter(|count| too_many(*count)) {
        return Err(more("column_order", count));
    }
    let headers = call
        .keyword("header_names")
        .filter(|names| !names.is_none())
        .map(|it| names(call, it, "a list of header names", "a string for header name"))
        .transpose()?;
    if let Some(headers) = &headers {
        if too_many(headers.len()) {
            return Err(more("header_names", headers.len()));
        }
        if let Some(order) = order.as_ref().filter(|order| order.len() != headers.len()) {
            return Err(call.refuse(format!(
                "'column_order' and 'header_names' must have the same number of elements. Got {} \
                 columns and {} headers.",
                order.len(),
                headers.len()
            )));
        }
    }
    let alignments = alignments(call)?;
    if too_many(alignments.len()) {
        return Err(more("column_alignments", alignments.len()));
    }
    let known = ["column_order", "header_names", "column_alignments"];
    let mut unknown: Vec<&str> = call.keywords.iter().map(|(name, _)| name.as_str()).collect();
    unknown.retain(|name| !known.contains(name));
    unknown.sort_unstable();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(
            call.refuse(format!("Unknown parameter(s) for to_prettytable filter: {unknown}"))
        );
    }
    let is_ordered = order.as_ref().is_some_and(|order| !order.is_empty());
    let columns = match order.filter(|order| !order.is_empty()) {
        Some(order) => order,
        None => sample.iter().map(|(key, _)| text(key)).collect::<Outcome<Vec<String>>>()?,
    };
    let shown = headers.clone().unwrap_or_else(|| columns.clone());
    if rows.is_empty() && !is_ordered && headers.is_none() && alignments.is_empty() {
        return Ok(Value::from("++\n++"));
    }
    let mut cells = Vec::new();
    for row in &rows {
        let keys: &[(Value, Value)] = if is_ordered { &[] } else { &sample };
        let cell = |column: &String| cell(row, column, keys);
        cells.push(columns.iter().map(cell).collect::<Outcome<Vec<String>>>()?);
    }
    Ok(Value::from(drawn(&shown, &cells, &alignments)))
}

fn alignments(call: &Bound<'_>) -> Outcome<Vec<(String, char)>> {
    let Some(given) = call.keyword("column_alignments") else { return Ok(Vec::new()) };
    if !is_mapping(given) {
        return Err(wrong(call, given, "a dictionary for column_alignments"));
    }
    let mut found = Vec::new();
    for (key, value) in entries(given)? {
        let Some(name) = key.as_str() else {
            return Err(wrong(call, &key, "a string for column_alignments key"));
        };
        let Some(word) = value.as_str() else {
            return Err(wrong(call, &value, "a string for column_alignments value"));
        };
        if !ALIGNMENTS.contains(&word.to_lowercase().as_str()) {
            return Err(call.refuse(format!(
                "Invalid alignment '{word}' in 'column_alignments'. Valid alignments are: {}",
                ALIGNMENTS.join(", ")
            )));
        }
        let first = word.to_lowercase().chars().next().unwrap_or('c');
        found.push((name.to_owned(), first));
    }
    Ok(found)
}

/// The text of a row's column; keys that are no texts are found by what they print as.
fn cell(row: &Value, column: &str, sample: &[(Value, Value)]) -> Outcome<String> {
    let named = |exact: bool| {
        sample.iter().map(|(key, _)| key).rfind(|key| {
            let name = text(key).unwrap_or_default();
            if exact { name == column } else { name.to_lowercase() == column.to_lowercase() }
        })
    };
    let own = Value::from(column);
    let mut keys: Vec<Value> = named(true).cloned().into_iter().collect();
    if keys.is_empty() {
        keys.push(own);
        match column.to_lowercase().as_str() {
            word @ ("true" | "false") => keys.push(Value::from(word == "true")),
            digits => keys.extend(digits.parse::<u32>().ok().map(Value::from)),
        }
        keys.extend(named(false).cloned());
    }
    for key in keys {
        if let Some(value) = mapping_get(row, &key)? {
            return text(&value);
        }
    }
    Ok(String::new())
}

fn drawn(headers: &[String], rows: &[Vec<String>], alignments: &[(String, char)]) -> String {
    let lines = |cell: &String| cell.split('\n').map(str::to_owned).collect::<Vec<String>>();
    let rows: Vec<Vec<Vec<String>>> =
        rows.iter().map(|row| row.iter().map(lines).collect()).collect();
    let width = |text: &str| console::measure_text_width(text);
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(index, header)| {
            let cells = rows.iter().filter_map(|row| row.get(index)).flatten();
            cells.map(|line| width(line)).chain([width(header)]).max().unwrap_or_default()
        })
        .collect();
    let rule: String = format!(
        "+{}+",
        widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+")
    );
    let row = |cells: Vec<&str>| {
        let mut line = String::new();
        for ((cell, size), header) in cells.into_iter().zip(&widths).zip(headers) {
            let missing = size.saturating_sub(width(cell));
            let alignment =
                alignments.iter().find(|(name, _)| name == header).map_or('c', |(_, at)| *at);
            let left = match alignment {
                'l' => 0,
                'r' => missing,
                // an odd blank goes to the left of what is even
                _ if missing % 2 == 1 && width(cell) % 2 == 0 => missing / 2 + 1,
                _ => missing / 2,
            };
            line.push_str(&format!("| {}{cell}{} ", " ".repeat(left), " ".repeat(missing - left)));
        }
        line + "|"
    };
    let mut out =
        vec![rule.clone(), row(headers.iter().map(String::as_str).collect()), rule.clone()];
    for cells in &rows {
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for index in 0..height {
            let line = |cell: &Vec<String>| cell.get(index).cloned().unwrap_or_default();
            let line: Vec<String> = cells.iter().map(line).collect();
            out.push(row(line.iter().map(String::as_str).collect()));
        }
    }
    out.push(rule);
    out.join("\n")
}
