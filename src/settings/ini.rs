//! `ansible.cfg`: INI as Python's `configparser` reads it, comments after ` ;` on a line.

use std::iter;

/// A section's keys and values, in order.
type Section = Vec<(String, String)>;

/// An INI file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ini {
    sections: Vec<(String, Section)>,
}

/// A line that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IniError {
    /// Something stands before the first section.
    #[error("File contains no section headers. line: {line} `{text}`")]
    NoSection {
        /// Which line.
        line: usize,
        /// The line.
        text: String,
    },
    /// A section stands there twice.
    #[error("line {line}: section '{name}' already exists")]
    DuplicateSection {
        /// Which line.
        line: usize,
        /// The section.
        name: String,
    },
    /// A key stands twice in a section.
    #[error("line {line}: option '{key}' in section '{section}' already exists")]
    DuplicateKey {
        /// Which line.
        line: usize,
        /// The section.
        section: String,
        /// The key.
        key: String,
    },
    /// No `key = value`.
    #[error("Source contains parsing errors: line {line}: `{text}`")]
    Line {
        /// Which line.
        line: usize,
        /// The line.
        text: String,
    },
}

impl Ini {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The first line that cannot be understood.
    pub fn parse(text: &str) -> Result<Self, IniError> {
        let mut ini = Self::default();
        // indentation of the key that lines further in belong to
        let mut open: Option<usize> = None;
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let content = without_comment(raw);
            let indent = raw.len() - raw.trim_start().len();
            if content.is_empty() {
                // an empty line may stand within a value
                if raw.trim().is_empty() && open.is_some() {
                    ini.continue_value("");
                }
                continue;
            }
            if open.is_some_and(|key| indent > key) {
                ini.continue_value(content);
                continue;
            }
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let name = name.0;
                if ini.sections.iter().any(|(known, _)| known == name) {
                    return Err(IniError::DuplicateSection { line, name: name.to_owned() });
                }
                ini.sections.push((name.to_owned(), Vec::new()));
                open = None;
                continue;
            }
            let Some((section, keys)) = ini.sections.last_mut() else {
                return Err(IniError::NoSection { line, text: content.to_owned() });
            };
            let Some(at) = content.find(['=', ':']).filter(|at| *at > 0) else {
                return Err(IniError::Line { line, text: content.to_owned() });
            };
            let (key, value) = content.split_at(at);
            let key = key.trim_end().to_lowercase();
            let value = value.get(1..).unwrap_or_default().trim();
            if keys.iter().any(|(known, _)| *known == key) {
                return Err(IniError::DuplicateKey { line, section: section.clone(), key });
            }
            keys.push((key, value.to_owned()));
            open = Some(indent);
        }
        for (_, value) in ini.sections.iter_mut().flat_map(|(_, keys)| keys) {
            value.truncate(value.trim_end().len());
        }
        Ok(ini)
    }

    fn continue_value(&mut self, text: &str) {
        if let Some((_, value)) = self.sections.last_mut().and_then(|(_, keys)| keys.last_mut()) {
            value.push('\n');
            value.push_str(text);
        }
    }

    /// A value; keys of the section `DEFAULT` are in all sections.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let key = key.to_lowercase();
        let of = |wanted: &str| self.sections.iter().find(|(name, _)| name == wanted);
        let own = of(section)?;
        iter::once(own)
            .chain(of("DEFAULT"))
            .flat_map(|(_, keys)| keys)
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.as_str())
    }

    /// All keys as section, key and value, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.sections.iter().flat_map(|(section, keys)| {
            keys.iter().map(|(key, value)| (section.as_str(), key.as_str(), value.as_str()))
        })
    }
}

/// The line without its comment and without the space around it.
fn without_comment(line: &str) -> &str {
    let trimmed = line.trim();
    if trimmed.starts_with(['#', ';']) {
        return "";
    }
    let comment = line.char_indices().find(|(at, character)| {
        *character == ';'
            && line.get(..*at).is_some_and(|before| before.ends_with(char::is_whitespace))
    });
    match comment {
        Some((at, _)) => line.get(..at).unwrap_or_default().trim(),
        None => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_configparser_does() {
        let text = "# c\n[defaults]\nForks = 20 ; many\ninventory: a,\n  b\n\n; x\nempty=\n\
                    url = http://a;b\n[DEFAULT]\nshared = 1\n[x y]\n";
        let ini = Ini::parse(text).unwrap();
        let cases = [
            ("defaults", "forks", Some("20")),
            ("defaults", "inventory", Some("a,\nb")),
            ("defaults", "empty", Some("")),
            ("defaults", "url", Some("http://a;b")),
            ("defaults", "shared", Some("1")),
            ("x y", "Shared", Some("1")),
            ("x y", "forks", None),
            ("nowhere", "shared", None),
        ];
        for (section, key, value) in cases {
            assert_eq!(ini.get(section, key), value, "{section}.{key}");
        }
    }

    #[test]
    fn refuses_what_configparser_refuses() {
        let cases = [
            ("a = 1\n", 1),
            ("[a]\n[b]\n[a]\n", 3),
            ("[a]\nx = 1\nX = 2\n", 3),
            ("[a]\nnothing\n", 2),
        ];
        for (text, wanted) in cases {
            let line = match Ini::parse(text).unwrap_err() {
                IniError::NoSection { line, .. }
                | IniError::DuplicateSection { line, .. }
                | IniError::DuplicateKey { line, .. }
                | IniError::Line { line, .. } => line,
            };
            assert_eq!(line, wanted, "{text}");
        }
    }
}
