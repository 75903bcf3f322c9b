//! The settings that there are, read from `table.txt`.

use std::sync::OnceLock;

/// The rows, a line each.
const TEXT: &str = include_str!("table.txt");

/// All settings.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Definition>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The plugin whose setting it is; none for those of the whole program.
    pub plugin: Option<Plugin>,
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// The default as JSON; text may hold a template.
    pub default: &'static str,
    /// Environment variables; the last one that is set counts.
    pub environment: Vec<&'static str>,
    /// Sections and keys of the file; the last one that is there counts.
    pub keys: Vec<(&'static str, &'static str)>,
    /// The values that it knows, where they are few.
    pub choices: Vec<&'static str>,
    /// Host variables that say the same, for settings of plugins.
    pub variables: Vec<&'static str>,
}

/// A plugin as settings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plugin {
    /// `callback`, `connection` …
    pub kind: &'static str,
    /// Its name without its collection.
    pub name: &'static str,
}

/// What the values of a setting are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whether.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// Text.
    String,
    /// As it is.
    Raw,
    /// Texts with commas between them.
    List,
    /// A path; in a file relative to it.
    Path,
    /// A folder for temporary files.
    TemporaryPath,
    /// Paths with colons between them.
    PathSpec,
    /// Paths with commas between them.
    PathList,
    /// A mapping.
    Dict,
}

impl Kind {
    /// Each with the word for it.
    const WORDS: [(&'static str, Self); 11] = [
        ("boolean", Self::Boolean),
        ("integer", Self::Integer),
        ("float", Self::Float),
        ("string", Self::String),
        ("raw", Self::Raw),
        ("list", Self::List),
        ("path", Self::Path),
        ("tmppath", Self::TemporaryPath),
        ("pathspec", Self::PathSpec),
        ("pathlist", Self::PathList),
        ("dict", Self::Dict),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("raw", |(word, _)| word)
    }
}

impl Table {
    /// The table of this program.
    pub fn get() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| Self { rows: parse() })
    }

    /// All settings, those of the program first.
    pub fn rows(&self) -> &[Definition] {
        &self.rows
    }

    /// A setting of the program.
    pub fn base(&self, name: &str) -> Option<&Definition> {
        self.rows.iter().find(|row| row.plugin.is_none() && row.name == name)
    }

    /// A setting of a plugin.
    pub fn plugin(&self, kind: &str, plugin: &str, name: &str) -> Option<&Definition> {
        self.of_plugin(kind, plugin).find(|row| row.name == name)
    }

    /// The settings of a plugin.
    pub fn of_plugin(&self, kind: &str, plugin: &str) -> impl Iterator<Item = &Definition> {
        let of = move |row: &&Definition| {
            row.plugin.is_some_and(|known| known.kind == kind && known.name == plugin)
        };
        self.rows.iter().filter(of)
    }
}

fn parse() -> Vec<Definition> {
    let mut plugin = None;
    let mut rows = Vec::new();
    for line in TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(head) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            plugin = head.split_once(' ').map(|(kind, name)| Plugin { kind, name });
        } else {
            rows.extend(row(line, plugin));
        }
    }
    rows
}

fn row(line: &'static str, plugin: Option<Plugin>) -> Option<Definition> {
    let mut cells = line.split(" | ").map(str::trim);
    let name = cells.next()?;
    let word = cells.next()?;
    let kind = Kind::WORDS.iter().find(|(known, _)| *known == word)?.1;
    let default = cells.next()?;
    let mut words = || cells.next().unwrap_or_default().split_whitespace().collect::<Vec<_>>();
    Some(Definition {
        plugin,
        name,
        kind,
        default,
        environment: words(),
        keys: words().into_iter().filter_map(|key| key.split_once('.')).collect(),
        choices: words(),
        variables: words(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_setting() {
        let lines = TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
        assert_eq!(lines.count(), Table::get().rows().len());
        for row in Table::get().rows() {
            let default: serde_json::Value = serde_json::from_str(row.default).unwrap();
            assert!(
                !default.is_number()
                    || matches!(row.kind, Kind::Integer | Kind::Float | Kind::Raw | Kind::String),
                "{row:?}"
            );
        }
    }

    #[test]
    fn finds_settings_of_the_program_and_of_plugins() {
        let forks = Table::get().base("DEFAULT_FORKS").unwrap();
        assert_eq!((forks.kind, forks.default), (Kind::Integer, "5"));
        assert_eq!(forks.keys, [("defaults", "forks")]);
        let format = Table::get().plugin("callback", "default", "result_format").unwrap();
        assert_eq!(format.choices, ["json", "yaml"]);
        assert_eq!(format.environment, ["ANSIBLE_CALLBACK_RESULT_FORMAT"]);
    }
}
