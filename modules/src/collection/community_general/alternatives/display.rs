//! What `update-alternatives --display` says.

use serde_json::Value as Json;

use crate::params::{Expected, OptionKind, ParamValue, plain};

/// A name that goes along with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subcommand {
    /// The name.
    pub name: String,
    /// The program.
    pub path: String,
    /// Where the name lies.
    pub link: String,
}

impl ParamValue for Subcommand {
    const KIND: OptionKind = OptionKind::Dict;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let fields =
            value.as_object().ok_or_else(|| Expected::Form("a dictionary is needed".to_owned()))?;
        if let Some(name) =
            fields.keys().find(|it| !["name", "path", "link"].contains(&it.as_str()))
        {
            return Err(Expected::Form(format!("there is no `{name}` here")));
        }
        let field = |name: &str| {
            let value = fields.get(name).filter(|value| !value.is_null()).map(plain);
            value.ok_or_else(|| Expected::Form(format!("missing required arguments: {name}")))
        };
        Ok(Self { name: field("name")?, path: field("path")?, link: field("link")? })
    }
}

/// One of the programs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) path: String,
    pub(super) priority: i64,
    pub(super) family: String,
    pub(super) subcommands: Vec<Subcommand>,
}

/// What is known of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// `auto` or `manual`.
    pub(super) mode: Option<String>,
    pub(super) current: Option<String>,
    pub(super) link: Option<String>,
    pub(super) alternatives: Vec<Alternative>,
}

impl Known {
    pub(super) fn find(&self, path: &str) -> Option<&Alternative> {
        self.alternatives.iter().find(|it| it.path == path)
    }

    /// Lets the best be the current one.
    pub(super) fn choose_best(&mut self) {
        let best = self.alternatives.iter().max_by_key(|it| it.priority);
        self.current = best.map(|it| it.path.clone());
    }

    /// Reads it; links of names that go along are those given where none are told.
    pub(super) fn read(text: &str, given: &[Subcommand]) -> Self {
        let mut known = Self::default();
        let mut links: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let trimmed = line.trim();
            if let Some(path) = trimmed.strip_prefix("link currently points to ") {
                known.current.get_or_insert_with(|| path.to_owned());
            } else if let Some((name, link)) = follower(trimmed, " is ") {
                links.push((name.to_owned(), link.to_owned()));
            } else if let Some(rest) = trimmed.strip_prefix("link ") {
                // the best version has a line of its own
                if let Some((name, link)) = rest.split_once(" is ")
                    && !name.contains(' ')
                {
                    known.link.get_or_insert_with(|| link.to_owned());
                }
            } else if let Some((name, path)) = follower(trimmed, ": ") {
                if let Some(last) = known.alternatives.last_mut().filter(|_| path != "(null)") {
                    let (name, path) = (name.to_owned(), path.to_owned());
                    last.subcommands.push(Subcommand { name, path, link: String::new() });
                }
            } else if let Some(alternative) = alternative(line) {
                known.alternatives.push(alternative);
            } else if known.mode.is_none()
                && let Some((_, rest)) = line.rsplit_once(" - ")
            {
                let rest = rest.strip_prefix("status is ").unwrap_or(rest);
                let mode = rest.strip_suffix(" mode").or_else(|| rest.strip_suffix('.'));
                known.mode = mode.map(str::to_owned);
            }
        }
        if links.is_empty() {
            links.extend(given.iter().map(|it| (it.name.clone(), it.link.clone())));
        }
        for subcommand in known.alternatives.iter_mut().flat_map(|it| &mut it.subcommands) {
            if let Some((_, link)) = links.iter().find(|(name, _)| *name == subcommand.name) {
                subcommand.link.clone_from(link);
            }
        }
        known
    }

    /// What a rehearsal kept.
    pub(super) fn of_json(value: Option<&Json>) -> Self {
        let Some(value) = value else { return Self::default() };
        let text =
            |value: &Json, name: &str| value.get(name).and_then(Json::as_str).map(str::to_owned);
        let list = |value: &Json, name: &str| {
            value.get(name).and_then(Json::as_array).cloned().unwrap_or_default()
        };
        let all = list(value, "alternatives");
        let alternatives = all.iter().map(|it| Alternative {
            path: text(it, "path").unwrap_or_default(),
            priority: it.get("priority").and_then(Json::as_i64).unwrap_or_default(),
            family: text(it, "family").unwrap_or_default(),
            subcommands: list(it, "subcommands")
                .iter()
                .filter_map(|it| Subcommand::from_json(it).ok())
                .collect(),
        });
        Self {
            alternatives: alternatives.collect(),
            mode: text(value, "mode"),
            current: text(value, "current"),
            link: text(value, "link"),
        }
    }
}

/// `slave NAME is LINK`, `follower NAME: PATH`.
fn follower<'a>(line: &'a str, between: &str) -> Option<(&'a str, &'a str)> {
    let rest = line.strip_prefix("slave ").or_else(|| line.strip_prefix("follower "))?;
    rest.split_once(between)
}

/// `/usr/bin/vim - family NAME priority 30`.
fn alternative(line: &str) -> Option<Alternative> {
    if !line.starts_with('/') {
        return None;
    }
    let (path, rest) = line.rsplit_once(" - ")?;
    let (family, rest) = match rest.strip_prefix("family ") {
        Some(rest) => rest.split_once(' ')?,
        None => ("", rest),
    };
    let priority = rest.strip_prefix("priority ")?.trim().parse().ok()?;
    let (path, family) = (path.to_owned(), family.to_owned());
    Some(Alternative { path, priority, family, subcommands: Vec::new() })
}
