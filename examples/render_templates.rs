//! Renders the templates of a file as `tests/oracle/corpus.py` asks: one JSON line a case in, one
//! line out.
//!
//! Usage: `render_templates VARS.yml < cases.jsonl`. A case has `mode` (`template`, `condition`,
//! `file`), `source`, the path for a file, and `variables` of its own.
#![expect(clippy::print_stdout, reason = "lines of results are what it is for")]

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canvass::source::{Node, SourceFile, Span, yaml};
use canvass::template::{Directories, FileOptions, Templar, is_omit, to_json};
use canvass::vars::{Layer, Scope, Var};
use serde_json::{Value as Json, json};

fn layer(path: &Path, text: String) -> Option<Arc<Layer>> {
    let file = SourceFile::new(path, text);
    let node = yaml::load(&file).ok()?.node?;
    let layer: Layer = node
        .as_map()?
        .iter()
        .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), Var::from(value))))
        .collect();
    Some(Arc::new(layer))
}

fn outcome(case: &Json, common: &Arc<Layer>) -> Json {
    let Some(own) = layer(Path::new("variables"), case["variables"].to_string()) else {
        return json!({ "error": "no variables" });
    };
    let scope = &Scope::new(vec![own, Arc::clone(common)]);
    let source = case["source"].as_str().unwrap_or_default();
    let span = Span::at(&SourceFile::new(Path::new("case"), source.to_owned()), 1, 1);
    let templar = Templar::new();
    let value = match case["mode"].as_str() {
        Some("file") => {
            let path = PathBuf::from(source);
            let Ok(text) = std::fs::read_to_string(&path) else {
                return json!({ "error": "unreadable" });
            };
            let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
            let directories = Directories { playbook: folder, ..Directories::default() };
            let scope = scope.clone().with_directories(Arc::new(directories));
            templar.file(&path, &text, &FileOptions::default(), &scope).map(Into::into)
        }
        Some("condition") => templar.condition(&Node::text(source, span), scope).map(Into::into),
        _ => templar.node(&Node::text(source, span), scope),
    };
    match value {
        Ok(value) if is_omit(&value) => json!({ "error": "omitted" }),
        Ok(value) => match to_json(&value) {
            Ok(value) => json!({ "value": value }),
            Err(error) => json!({ "error": error.to_string() }),
        },
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let path = Path::new(&path);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let Some(common) = layer(path, text) else {
        println!("{}", json!({ "error": "no variables" }));
        return;
    };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let case: Json = serde_json::from_str(&line).unwrap_or_default();
        println!("{}", outcome(&case, &common));
    }
}
