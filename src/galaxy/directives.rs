//! The directives of `manifest` in `galaxy.yml`: `include`, `exclude`, `recursive-include` and
//! their kin, as Python's distlib understands them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use serde_json::Value as Json;

use super::GalaxyError;
use super::document::plain;
use super::meta::Meta;

/// What is chosen where nobody says otherwise.
const FIRST: [&str; 10] = [
    "include meta/*.yml",
    "include *.txt *.md *.rst *.license COPYING LICENSE",
    "recursive-include .reuse **",
    "recursive-include LICENSES **",
    "recursive-include tests **",
    "recursive-include docs **.rst **.yml **.yaml **.json **.j2 **.txt **.license",
    "recursive-include roles **.yml **.yaml **.json **.j2 **.license",
    "recursive-include playbooks **.yml **.yaml **.json **.license",
    "recursive-include changelogs **.yml **.yaml **.license",
    "recursive-include plugins */**.py */**.license",
];
/// Kinds of plugins whose documentation may lie beside them.
const DOCUMENTED: [&str; 14] = [
    "become",
    "cache",
    "callback",
    "cliconf",
    "connection",
    "filter",
    "httpapi",
    "inventory",
    "lookup",
    "netconf",
    "shell",
    "strategy",
    "test",
    "vars",
];
const MODULES: [&str; 2] = [
    "recursive-include plugins/modules **.ps1 **.yml **.yaml **.license",
    "recursive-include plugins/module_utils **.ps1 **.psm1 **.cs **.license",
];

/// All directives of a collection, in order.
pub(super) fn of(meta: &Meta, control: &Json) -> Result<Vec<String>, GalaxyError> {
    let refused = |message: String| Err(GalaxyError::Refused(message));
    let empty = Json::Object(serde_json::Map::new());
    let control = if control.is_null() { &empty } else { control };
    let Json::Object(fields) = control else {
        return refused("Invalid \"manifest\" provided: it is no mapping".to_owned());
    };
    let known = |key: &&String| matches!(key.as_str(), "directives" | "omit_default_directives");
    if let Some(key) = fields.keys().find(|key| !known(key)) {
        return refused(format!("Invalid \"manifest\" provided: unexpected key '{key}'"));
    }
    let given: Vec<String> = match fields.get("directives") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(items)) => items.iter().map(plain).collect(),
        Some(other) => {
            let class = crate::template::type_name(&crate::template::from_json(other));
            return refused(format!("\"manifest.directives\" must be a list, got: {class}"));
        }
    };
    let omit = match fields.get("omit_default_directives") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(omit)) => *omit,
        Some(other) => {
            let class = crate::template::type_name(&crate::template::from_json(other));
            return refused(format!(
                "\"manifest.omit_default_directives\" is expected to be a boolean, got: {class}"
            ));
        }
    };
    if omit && given.is_empty() {
        return refused(
            "\"manifest.omit_default_directives\" was set to True, but no directives were defined \
             in \"manifest.directives\". This would produce an empty collection artifact."
                .to_owned(),
        );
    }
    if omit {
        return Ok(given);
    }
    let mut all: Vec<String> = FIRST.iter().map(|text| (*text).to_owned()).collect();
    if let Some(file) = meta.license_file() {
        all.push(format!("include {}", file.display()));
    }
    all.extend(
        DOCUMENTED.iter().map(|kind| format!("recursive-include plugins/{kind} **.yml **.yaml")),
    );
    all.extend(MODULES.iter().map(|text| (*text).to_owned()));
    all.extend(given);
    all.push(format!(
        "exclude galaxy.yml galaxy.yaml MANIFEST.json FILES.json {}-{}-*.tar.gz",
        meta.namespace(),
        meta.name()
    ));
    all.push("recursive-exclude tests/output **".to_owned());
    all.push("global-exclude /.* /__pycache__ *.pyc *.pyo *.bak *~ *.swp".to_owned());
    Ok(all)
}

/// The files of a folder that directives choose, in order; paths within the folder.
pub(super) fn chosen(
    folder: &Path,
    directives: &[String],
) -> Result<BTreeSet<PathBuf>, GalaxyError> {
    let all = all_files(folder)?;
    let mut chosen = BTreeSet::new();
    for directive in directives {
        for (takes, pattern) in parse(directive)? {
            let matches = |path: &PathBuf| {
                // patterns see paths below the folder with a slash before them
                pattern.is_match(&format!("/{}", path.display())).unwrap_or(false)
            };
            match takes {
                true => chosen.extend(all.iter().filter(|path| matches(path)).cloned()),
                false => chosen.retain(|path| !matches(path)),
            }
        }
    }
    Ok(chosen)
}

fn all_files(folder: &Path) -> Result<Vec<PathBuf>, GalaxyError> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(relative) = folders.pop() {
        let inside = folder.join(&relative);
        for entry in fs::read_dir(&inside).map_err(GalaxyError::file("read", &inside))? {
            let entry = entry.map_err(GalaxyError::file("read", &inside))?;
            let (path, below) = (entry.path(), relative.join(entry.file_name()));
            if path.is_file() {
                files.push(below);
            } else if path.is_dir() && !path.is_symlink() {
                folders.push(below);
            }
        }
    }
    Ok(files)
}

/// The patterns of a directive, and whether they take in or leave out.
fn parse(directive: &str) -> Result<Vec<(bool, Regex)>, GalaxyError> {
    let mut words: Vec<&str> = directive.split_whitespace().collect();
    if let [only] = words.as_slice()
        && ![
            "include",
            "exclude",
            "global-include",
            "global-exclude",
            "recursive-include",
            "recursive-exclude",
            "graft",
            "prune",
        ]
        .contains(only)
    {
        words.insert(0, "include");
    }
    let wrong = |what: String| GalaxyError::Refused(format!("Invalid manifest directive: {what}"));
    let (action, rest) = words.split_first().ok_or_else(|| wrong(format!("{directive:?}")))?;
    let expects = |what: &str| wrong(format!("'{action}' expects {what}"));
    let pattern = |text: String| Regex::new(&text).map_err(|error| wrong(error.to_string()));
    let takes = !matches!(*action, "exclude" | "global-exclude" | "recursive-exclude" | "prune");
    let patterns: Vec<String> = match *action {
        "include" | "exclude" if !rest.is_empty() => {
            rest.iter().map(|word| format!("^/{}$", translated(word))).collect()
        }
        "global-include" | "global-exclude" if !rest.is_empty() => {
            rest.iter().map(|word| format!("{}$", translated(word))).collect()
        }
        "include" | "exclude" | "global-include" | "global-exclude" => {
            return Err(expects("<pattern1> <pattern2> ..."));
        }
        "recursive-include" | "recursive-exclude" => match rest.split_first() {
            Some((folder, patterns)) if !patterns.is_empty() => patterns
                .iter()
                .map(|word| format!("^/{}/(?s:.*){}$", translated(folder), translated(word)))
                .collect(),
            _ => return Err(expects("<dir> <pattern1> <pattern2> ...")),
        },
        "graft" | "prune" => match rest {
            [folder] => vec![format!("^/{}/(?s:.*)$", translated(folder))],
            _ => return Err(expects("a single <dir_pattern>")),
        },
        other => return Err(wrong(format!("unknown action '{other}'"))),
    };
    patterns.into_iter().map(|text| Ok((takes, pattern(text)?))).collect()
}

/// A pattern of wildcards as a regular expression: `*` and `?` stop at a slash.
fn translated(pattern: &str) -> String {
    let mut text = String::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => {
                while letters.next_if_eq(&'*').is_some() {}
                text.push_str("[^/]*");
            }
            '?' => text.push_str("[^/]"),
            '[' => {
                let rest: String = letters.clone().collect();
                match rest.find(']') {
                    Some(end) if end > 0 => {
                        let set: String = letters.by_ref().take(end).collect();
                        letters.next();
                        let set = set.replace('\\', "\\\\");
                        let set =
                            set.strip_prefix('!').map_or(set.clone(), |set| format!("^{set}"));
                        text.push_str(&format!("[{set}]"));
                    }
                    _ => text.push_str("\\["),
                }
            }
            other => text.push_str(&fancy_regex::escape(&other.to_string())),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As distlib chooses.
    #[test]
    fn directives_choose_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.txt",
            "b.md",
            "docs/x.rst",
            "docs/deep/y.rst",
            "docs/z.png",
            "plugins/p.py",
            "plugins/m/q.py",
            "plugins/m/.hidden",
            "plugins/__pycache__/r.py",
            "keep/.git/config",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (directives, expected) in [
            (vec!["include *.txt"], vec!["a.txt"]),
            (vec!["*.md"], vec!["b.md"]),
            (vec!["recursive-include docs **.rst"], vec!["docs/deep/y.rst", "docs/x.rst"]),
            (
                vec!["recursive-include plugins */**.py"],
                vec!["plugins/__pycache__/r.py", "plugins/m/q.py"],
            ),
            (vec!["graft plugins", "global-exclude /.* *.py"], vec![]),
            (
                vec!["graft docs", "recursive-exclude docs/deep **", "exclude docs/z.*"],
                vec!["docs/x.rst"],
            ),
            (vec!["graft docs", "prune docs/deep"], vec!["docs/x.rst", "docs/z.png"]),
        ] {
            let texts: Vec<String> = directives.iter().map(|text| (*text).to_owned()).collect();
            let chosen = chosen(folder.path(), &texts).unwrap();
            let expected: BTreeSet<PathBuf> = expected.into_iter().map(PathBuf::from).collect();
            assert_eq!(chosen, expected, "{directives:?}");
        }
        for wrong in ["include", "graft a b", "fetch x y", "recursive-include docs"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
