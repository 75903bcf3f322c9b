//! A page as people and programs read it.

use std::fmt::Write as _;

use canvass_modules::params::OptionSpec;
use serde_json::{Map, Value as Json, json};

use super::catalogue::{Content, Entry, Topic};
use super::examples;

/// The page as text.
pub(in crate::cli) fn text(entry: &Entry) -> String {
    let mut text = format!("> {} {}\n", entry.topic.word().to_uppercase(), entry.name);
    let (words, mut examples) = parts(entry.page);
    if let Some(example) = examples::of(entry.topic, &entry.name) {
        examples = indented(&example.text(), "  ");
    }
    let words = if words.is_empty() { entry.short.clone() } else { words };
    if !words.is_empty() {
        let _ = writeln!(text, "\n{}", indented(&words, "  "));
    }
    match &entry.content {
        Content::Options(options) if options.is_empty() => {}
        Content::Options(options) => {
            text.push_str("\nOPTIONS (= indicates it is required):\n");
            for spec in options.iter().filter(|spec| !spec.name.starts_with('_')) {
                option(&mut text, spec);
            }
        }
        Content::AnyOption => text.push_str("\nOPTIONS: any\n"),
        Content::Parameters([]) => {}
        Content::Parameters(parameters) => {
            let _ = writeln!(text, "\nPOSITIONAL: {}", parameters.join(", "));
        }
        Content::Levels(levels) => {
            let _ = writeln!(text, "\nAPPLIES TO: {}", levels.join(", "));
        }
    }
    if !examples.is_empty() {
        let _ = writeln!(text, "\nEXAMPLES:\n\n{examples}");
    }
    text.push('\n');
    text
}

fn option(text: &mut String, spec: &OptionSpec) {
    let mark = if spec.required { '=' } else { '-' };
    let _ = writeln!(text, "\n{mark} {}\n{}", spec.name, indented(spec.doc, "        "));
    if !spec.aliases.is_empty() {
        let _ = writeln!(text, "        aliases: [{}]", spec.aliases.join(", "));
    }
    if !spec.choices.is_empty() {
        let _ = writeln!(text, "        choices: [{}]", spec.choices.join(", "));
    }
    if !spec.required {
        let _ = writeln!(text, "        default: {}", spec.default.as_deref().unwrap_or("null"));
    }
    let _ = writeln!(text, "        type: {}", spec.kind.name());
}

/// The words of a page and its examples.
fn parts(page: &str) -> (String, String) {
    let (mut words, mut examples, mut inside) = (Vec::new(), Vec::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            examples.push(line);
        } else if !(line.is_empty() && words.last().is_none_or(|last: &&str| last.is_empty())) {
            words.push(line);
        }
    }
    (words.join("\n").trim_end().to_owned(), examples.join("\n"))
}

fn indented(text: &str, by: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim();
        if line.is_empty() { String::new() } else { format!("{by}{line}") }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The page for programs, in the shape of `ansible-doc --json`.
pub(in crate::cli) fn json(entry: &Entry) -> Json {
    let (words, mut examples) = parts(entry.page);
    if let Some(example) = examples::of(entry.topic, &entry.name) {
        examples = example.text();
    }
    let (collection, plain) = entry.name.rsplit_once('.').unwrap_or(("", &entry.name));
    if let Content::Levels(levels) = &entry.content {
        return json!({ "applies_to": levels });
    }
    let mut doc = Map::new();
    doc.insert("collection".to_owned(), json!(collection));
    doc.insert("description".to_owned(), json!(words.split("\n\n").collect::<Vec<_>>()));
    let name = if entry.topic == Topic::Module { "module" } else { "name" };
    doc.insert(name.to_owned(), json!(plain));
    let mut options = Map::new();
    match &entry.content {
        Content::Options(specs) => {
            for spec in specs.iter().filter(|spec| !spec.name.starts_with('_')) {
                options.insert(spec.name.to_owned(), option_json(spec));
            }
        }
        Content::Parameters(parameters) => {
            doc.insert("positional".to_owned(), json!(parameters));
        }
        Content::AnyOption | Content::Levels(_) => {}
    }
    doc.insert("options".to_owned(), Json::Object(options));
    doc.insert("plugin_name".to_owned(), json!(entry.name));
    doc.insert("short_description".to_owned(), json!(entry.short));
    json!({ "doc": doc, "examples": examples })
}

fn option_json(spec: &OptionSpec) -> Json {
    let mut about = Map::new();
    about.insert("description".to_owned(), json!([spec.doc.replace('\n', " ")]));
    about.insert("type".to_owned(), json!(spec.kind.name()));
    if spec.required {
        about.insert("required".to_owned(), json!(true));
    }
    if let Some(default) = &spec.default {
        about.insert("default".to_owned(), json!(default));
    }
    if !spec.choices.is_empty() {
        about.insert("choices".to_owned(), json!(spec.choices));
    }
    if !spec.aliases.is_empty() {
        about.insert("aliases".to_owned(), json!(spec.aliases));
    }
    Json::Object(about)
}

/// A task to be filled in.
pub(in crate::cli) fn snippet(entry: &Entry) -> Option<String> {
    let plain = entry.name.strip_prefix("ansible.builtin.").unwrap_or(&entry.name);
    if entry.topic == Topic::Lookup {
        return Some(format!("lookup('{plain}', )\n"));
    }
    if entry.topic != Topic::Module {
        return None;
    }
    let mut text = format!("- name: {}\n  {plain}:\n", entry.short);
    if let Content::Options(options) = &entry.content {
        let mut options: Vec<&OptionSpec> =
            options.iter().filter(|spec| !spec.name.starts_with('_')).collect();
        options.sort_by_key(|spec| spec.name);
        for spec in options {
            let doc = spec.doc.replace('\n', " ");
            let said = if spec.required { format!("(required) {doc}") } else { doc };
            let key = format!("{}:", spec.name);
            let _ = writeln!(text, "      {key:<20}   # {said}");
        }
    }
    Some(text)
}
