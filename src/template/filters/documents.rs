//! INI and CSV as data and back, by `community.general`.

use indexmap::IndexMap;
use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::lookups::{Ini, csv_rows};
use crate::template::python::{dict, elements, entries, is_mapping, list, text, type_name};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.from_ini", &["obj"], |call| {
        let value = call.value()?;
        let Some(source) = value.as_str() else {
            return Err(
                call.refuse(format!("from_ini requires a str, got <class '{}'>", type_name(value)))
            );
        };
        let ini = Ini::parse(source, true, false).map_err(|error| {
            call.refuse(format!("from_ini failed to parse given string: {error}"))
        })?;
        let section = |entries: Vec<(String, Option<String>)>| {
            dict(entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
        };
        Ok(dict(ini.all().into_iter().map(|(name, all)| (name.into(), section(all))).collect()))
    }),
    filter("community.general.to_ini", &["obj"], to_ini),
    filter(
        "community.general.from_csv",
        &["data", "dialect", "fieldnames", "delimiter", "skipinitialspace", "strict"],
        from_csv,
    ),
];

fn to_ini(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if !is_mapping(value) {
        return Err(
            call.refuse(format!("to_ini requires a dict, got <class '{}'>", type_name(value)))
        );
    }
    let mut sections: Vec<(String, String)> = Vec::new();
    for (name, section) in entries(value)? {
        if !is_mapping(&section) {
            return Err(call.refuse(format!(
                "to_ini failed to parse given dict:'{}' object has no attribute 'items'",
                type_name(&section)
            )));
        }
        let name = text(&name)?;
        let mut lines = String::new();
        for (option, value) in entries(&section)? {
            if value.is_none() {
                return Err(
                    call.refuse("to_ini failed to parse given dict:option values must be strings")
                );
            }
            let value = text(&value)?.replace('\n', "\n\t");
            lines.push_str(&format!("{} = {value}\n", text(&option)?));
        }
        sections.push((name, lines));
    }
    if sections.is_empty() {
        return Err(
            call.refuse("to_ini received an empty dict. An empty dict cannot be converted.")
        );
    }
    // the entries that all sections have come first, and are left out when there are none
    let is_default = |section: &(String, String)| section.0 == "DEFAULT";
    sections.retain(|section| !is_default(section) || !section.1.is_empty());
    sections.sort_by_key(|section| !is_default(section));
    let sections: Vec<String> =
        sections.iter().map(|(name, lines)| format!("[{name}]\n{lines}")).collect();
    Ok(Value::from(sections.join("\n")))
}

fn from_csv(call: &Bound<'_>) -> Outcome<Value> {
    let data = call.text(0)?;
    let dialect = call.text_or(1, "excel")?;
    let mut delimiter = match dialect.as_str() {
        "excel" | "unix" => ',',
        "excel-tab" => '\t',
        other => {
            return Err(call
                .refuse(format!("Dialect '{other}' is not supported by your version of python.")));
        }
    };
    if let Some(given) = call.some(3) {
        let given = text(given)?;
        let mut letters = given.chars();
        delimiter = match (letters.next(), letters.next()) {
            (Some(letter), None) => letter,
            _ => {
                return Err(call.refuse(
                    "Unable to create custom dialect: \"delimiter\" must be a 1-character string",
                ));
            }
        };
    }
    let mut rows =
        csv_rows(data.trim_start_matches('\u{feff}'), delimiter, call.flag(4)?).into_iter();
    let names: Vec<Value> = match call.some(2) {
        Some(names) => elements(names)?,
        None => match rows.next() {
            Some(names) => names.into_iter().map(Value::from).collect(),
            None => return Ok(list(Vec::new())),
        },
    };
    let mut all = Vec::new();
    for row in rows {
        let mut cells = row.into_iter().map(Value::from);
        let mut record: IndexMap<Value, Value> = names
            .iter()
            .map(|name| (name.clone(), cells.next().unwrap_or_else(|| Value::from(()))))
            .collect();
        let rest: Vec<Value> = cells.collect();
        if !rest.is_empty() {
            record.insert(Value::from(()), list(rest));
        }
        all.push(dict(record));
    }
    Ok(list(all))
}
