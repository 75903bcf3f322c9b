//! YAML as `PyYAML`'s safe dumper writes it.

use std::fmt::Write as _;

use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, ScalarStyle, SequenceStyle};
use minijinja::Value;
use serde_json::Value as Json;

use super::failure::{Failure, Outcome};
use super::python::{
    Class, as_float, class_of, elements, entries, float_text, is_markup, locked_text, repr,
    sort_by, text, type_name, usable,
};
use crate::source::yaml::is_plain_text;

/// Options of `yaml.dump`.
#[derive(Debug, Clone)]
pub(super) struct YamlStyle {
    pub(super) indent: i32,
    pub(super) width: i32,
    pub(super) sort_keys: bool,
    /// `default_flow_style`: without it, collections of scalars are written in a line.
    pub(super) flow: Option<bool>,
    pub(super) unicode: bool,
    pub(super) explicit_start: bool,
    pub(super) explicit_end: bool,
    /// Whether every node names its tag.
    pub(super) canonical: bool,
    /// `default_style`
    pub(super) quote: Option<char>,
    /// Whether texts of several lines stand as blocks.
    pub(super) blocks: Blocks,
    /// `dump_vault_tags`: whether what was encrypted is written as `!vault`.
    pub(super) vault_tags: bool,
}

/// How texts of several lines stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Blocks {
    /// As other texts.
    #[default]
    None,
    /// As blocks where a block can hold them.
    Exact,
    /// As blocks; what a block cannot hold is left out.
    Lossy,
}

/// A result as Ansible's callbacks write it.
pub(crate) fn yaml_of_results(value: &Json, indent: Option<usize>, lossy: bool) -> String {
    let style = YamlStyle {
        indent: indent.and_then(|columns| i32::try_from(columns).ok()).unwrap_or(2),
        flow: Some(false),
        blocks: if lossy { Blocks::Lossy } else { Blocks::Exact },
        ..YamlStyle::default()
    };
    // a value that came as JSON can be written
    dump_yaml(&super::from_json(value), &style).unwrap_or_default()
}

/// Line ends that YAML knows.
const BREAKS: [char; 4] = ['\n', '\u{85}', '\u{2028}', '\u{2029}'];

/// A text without what a block cannot hold.
fn for_block(text: &str) -> String {
    let printable = |letter: &char| {
        matches!(letter, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            && *letter != '\u{feff}'
    };
    let mut column = 0;
    let mut expanded = String::with_capacity(text.len());
    for letter in text.trim_end().chars() {
        if letter == '\t' {
            let width = 8 - column % 8;
            expanded.extend(std::iter::repeat_n(' ', width));
            column += width;
            continue;
        }
        column = if matches!(letter, '\n' | '\r') { 0 } else { column + 1 };
        expanded.push(letter);
    }
    let mut clean = String::with_capacity(expanded.len());
    for letter in expanded.chars().filter(printable) {
        if BREAKS.contains(&letter) {
            clean.truncate(clean.trim_end_matches(' ').len());
        }
        clean.push(letter);
    }
    clean
}

impl Default for YamlStyle {
    fn default() -> Self {
        Self {
            indent: 2,
            width: 80,
            sort_keys: true,
            flow: None,
            unicode: true,
            explicit_start: false,
            explicit_end: false,
            canonical: false,
            quote: None,
            blocks: Blocks::None,
            vault_tags: true,
        }
    }
}

/// The YAML text of a value.
pub(super) fn dump_yaml(value: &Value, style: &YamlStyle) -> Outcome<String> {
    let mut events = vec![
        Event::stream_start(Encoding::Utf8),
        Event::document_start(None, &[], !style.explicit_start),
    ];
    node(value, style, &mut events)?;
    events.push(Event::document_end(!style.explicit_end));
    events.push(Event::stream_end());
    let mut bytes = Vec::new();
    {
        let mut emitter = Emitter::new();
        emitter.set_output_string(&mut bytes);
        emitter.set_unicode(style.unicode);
        emitter.set_indent(style.indent);
        emitter.set_width(style.width);
        emitter.set_canonical(style.canonical);
        for event in events {
            emitter
                .emit(event)
                .map_err(|error| Failure::failed(format!("cannot write YAML: {error}")))?;
        }
        emitter.flush().map_err(|error| Failure::failed(format!("cannot write YAML: {error}")))?;
    }
    let text = String::from_utf8(bytes).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(escape_astral(&text))
}

/// Characters that `PyYAML` writes as escapes, which need double quotes.
fn is_astral(letter: char) -> bool {
    u32::from(letter) > 0xffff
}

fn escape_astral(text: &str) -> String {
    if !text.chars().any(is_astral) {
        return text.to_owned();
    }
    let mut escaped = String::new();
    for letter in text.chars() {
        if is_astral(letter) {
            let _ = write!(escaped, "\\U{:08X}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Whether it fits into a line: no container, and no block of ciphertext.
fn is_scalar(value: &Value) -> bool {
    !matches!(class_of(value), Class::List | Class::Tuple | Class::Dict)
        && locked_text(value).is_none()
        && crate::vault::ciphertext_of(value).is_none()
}

fn node(value: &Value, style: &YamlStyle, events: &mut Vec<Event>) -> Outcome<()> {
    if let Some(event) = vaulted(value, style)? {
        events.push(event);
        return Ok(());
    }
    usable(value)?;
    match class_of(value) {
        Class::List | Class::Tuple => {
            let elements = elements(value)?;
            let leaf = elements.iter().all(is_scalar);
            let layout =
                if style.flow.unwrap_or(leaf) { SequenceStyle::Flow } else { SequenceStyle::Block };
            events.push(Event::sequence_start(None, Some(TAG_SEQUENCE), true, layout));
            for element in elements.iter().filter(|element| class_of(element) != Class::Omit) {
                node(element, style, events)?;
            }
            events.push(Event::sequence_end());
        }
        Class::Dict => {
            let mut members = entries(value)?;
            members.retain(|(_, entry)| class_of(entry) != Class::Omit);
            if style.sort_keys {
                members = sorted(members);
            }
            let leaf = members.iter().all(|(_, entry)| is_scalar(entry));
            let layout =
                if style.flow.unwrap_or(leaf) { MappingStyle::Flow } else { MappingStyle::Block };
            events.push(Event::mapping_start(None, Some(TAG_MAPPING), true, layout));
            for (key, entry) in &members {
                node(key, style, events)?;
                node(entry, style, events)?;
            }
            events.push(Event::mapping_end());
        }
        _ => events.push(scalar(value, style)?),
    }
    Ok(())
}

/// A value that was encrypted, as it was.
fn vaulted(value: &Value, style: &YamlStyle) -> Outcome<Option<Event>> {
    let locked = locked_text(value);
    if !style.vault_tags {
        return match locked {
            Some(_) => usable(value).map(|()| None),
            None => Ok(None),
        };
    }
    Ok(locked.or_else(|| crate::vault::ciphertext_of(value)).map(|ciphertext| {
        Event::scalar(None, Some("!vault"), &ciphertext, false, false, ScalarStyle::Literal)
    }))
}

const TAG_SEQUENCE: &str = "tag:yaml.org,2002:seq";
const TAG_MAPPING: &str = "tag:yaml.org,2002:map";

/// Entries by key; as they are where the keys have no order.
fn sorted(members: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let keyed = members
        .iter()
        .enumerate()
        .map(|(index, (key, _))| (key.clone(), Value::from(index)))
        .collect();
    let Ok(order) = sort_by(keyed, false) else {
        return members;
    };
    order.iter().filter_map(|index| members.get(index.as_usize()?).cloned()).collect()
}

fn scalar(value: &Value, style: &YamlStyle) -> Outcome<Event> {
    let (tag, written) = match class_of(value) {
        Class::None => ("null", "null".to_owned()),
        Class::Bool => ("bool", if value.is_true() { "true" } else { "false" }.to_owned()),
        Class::Integer => ("int", value.to_string()),
        Class::Float => ("float", yaml_float(as_float(value).unwrap_or_default())),
        Class::Text if is_markup(value) => {
            let shown = repr(value)?;
            return Err(Failure::failed(format!("('cannot represent an object', {shown})")));
        }
        Class::Text => ("str", text(value)?),
        Class::DateTime => ("timestamp", text(value)?),
        _ => {
            return Err(Failure::failed(format!(
                "cannot represent an object of type {}",
                type_name(value)
            )));
        }
    };
    let is_text = tag == "str";
    let as_block = is_text && style.blocks != Blocks::None && written.contains(BREAKS);
    let written =
        if as_block && style.blocks == Blocks::Lossy { for_block(&written) } else { written };
    let plain_implicit = !is_text || is_plain_text(&written);
    let layout = match style.quote {
        None if as_block => ScalarStyle::Literal,
        Some('\'') => ScalarStyle::SingleQuoted,
        Some('"') => ScalarStyle::DoubleQuoted,
        Some('|') => ScalarStyle::Literal,
        Some('>') => ScalarStyle::Folded,
        None if written.chars().any(is_astral) => ScalarStyle::DoubleQuoted,
        _ => ScalarStyle::Plain,
    };
    let tag = format!("tag:yaml.org,2002:{tag}");
    Ok(Event::scalar(None, Some(&tag), &written, plain_implicit, is_text, layout))
}

fn yaml_float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = float_text(number);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}
