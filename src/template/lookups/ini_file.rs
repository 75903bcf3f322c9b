//! INI as Python's `configparser` reads it.

use indexmap::IndexMap;

/// The name of the section whose entries all others have.
const DEFAULTS: &str = "DEFAULT";

/// Deeper references between values are refused.
const MAXIMUM_DEPTH: usize = 10;

type Entries = IndexMap<String, Option<String>>;

/// Sections of entries.
#[derive(Debug, Default)]
pub(in crate::template) struct Ini {
    sections: IndexMap<String, Entries>,
    case_sensitive: bool,
    interpolates: bool,
}

/// Text that is no INI.
#[derive(Debug, thiserror::Error)]
pub(in crate::template) enum IniError {
    /// An entry before any section.
    #[error("File contains no section headers.\nfile: '<???>', line: {line}\n'{text}'")]
    NoSection { line: usize, text: String },
    /// A section twice.
    #[error("While reading from '<???>' [line {line:2}]: section '{section}' already exists")]
    DuplicateSection { line: usize, section: String },
    /// An entry twice.
    #[error(
        "While reading from '<???>' [line {line:2}]: option '{option}' in section '{section}' \
         already exists"
    )]
    Duplicate { line: usize, section: String, option: String },
    /// A line that is nothing.
    #[error("Source contains parsing errors: '<???>'\n\t[line {line:2}]: '{text}'")]
    Line { line: usize, text: String },
    /// A reference to nothing.
    #[error(
        "Bad value substitution: option '{option}' in section '{section}' contains an \
         interpolation key '{reference}' which is not a valid option name. Raw value: '{raw}'"
    )]
    Reference { section: String, option: String, reference: String, raw: String },
    /// A `%` that is neither doubled nor begins a reference.
    #[error("'%' must be followed by '%' or '(', found: '{rest}'")]
    Percent { rest: String },
    /// References in a circle.
    #[error("Recursion limit exceeded in value substitution: option '{option}'")]
    Depth { option: String },
}

impl Ini {
    /// Reads text; `bare` allows names without a value.
    pub(in crate::template) fn parse(
        text: &str,
        case_sensitive: bool,
        bare: bool,
    ) -> Result<Self, IniError> {
        let mut ini = Self { case_sensitive, ..Self::default() };
        let mut section: Option<String> = None;
        let mut option: Option<(String, usize)> = None;
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let stripped = raw.trim();
            let indent = raw.len() - raw.trim_start().len();
            if stripped.starts_with(['#', ';']) {
                continue;
            }
            if stripped.is_empty() {
                if let (Some(section), Some((name, _))) = (&section, &option) {
                    ini.extend(section, name, "");
                }
                continue;
            }
            if let (Some(section), Some((name, level))) = (&section, &option)
                && indent > *level
            {
                ini.extend(section, name, stripped);
                continue;
            }
            if let Some(name) =
                stripped.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')).map(|pair| pair.0)
            {
                if name != DEFAULTS && ini.sections.contains_key(name) {
                    return Err(IniError::DuplicateSection { line, section: name.to_owned() });
                }
                ini.sections.entry(name.to_owned()).or_default();
                (section, option) = (Some(name.to_owned()), None);
                continue;
            }
            let Some(section) = &section else {
                return Err(IniError::NoSection { line, text: raw.to_owned() });
            };
            let (name, value) = match stripped.split_once(['=', ':']) {
                Some((name, value)) => (name.trim_end(), Some(value.trim().to_owned())),
                None if bare => (stripped, None),
                None => return Err(IniError::Line { line, text: raw.to_owned() }),
            };
            if name.is_empty() {
                return Err(IniError::Line { line, text: raw.to_owned() });
            }
            let name = ini.key(name);
            let entries = ini.sections.entry(section.clone()).or_default();
            if entries.insert(name.clone(), value).is_some() {
                let section = section.clone();
                return Err(IniError::Duplicate { line, section, option: name });
            }
            option = Some((name, indent));
        }
        for value in ini.sections.values_mut().flat_map(Entries::values_mut).flatten() {
            value.truncate(value.trim_end().len());
        }
        Ok(ini)
    }

    fn extend(&mut self, section: &str, name: &str, line: &str) {
        let entries = self.sections.get_mut(section);
        if let Some(Some(value)) = entries.and_then(|entries| entries.get_mut(name)) {
            value.push('\n');
            value.push_str(line);
        }
    }

    /// Whether `%(name)s` stands for another value.
    pub(super) fn interpolated(mut self, interpolates: bool) -> Self {
        self.interpolates = interpolates;
        self
    }

    /// A name as it is kept.
    pub(super) fn key(&self, name: &str) -> String {
        if self.case_sensitive { name.to_owned() } else { name.to_lowercase() }
    }

    /// All sections with their entries; first those that all sections have, in a section of their
    /// own at the end.
    pub(in crate::template) fn all(&self) -> Vec<(String, Vec<(String, Option<String>)>)> {
        let shared = self.sections.get(DEFAULTS).cloned().unwrap_or_default();
        let mut all = Vec::new();
        for (name, own) in self.sections.iter().filter(|(name, _)| *name != DEFAULTS) {
            let mut entries = shared.clone();
            entries.extend(own.clone());
            all.push((name.clone(), entries.into_iter().collect()));
        }
        if !shared.is_empty() {
            all.push((DEFAULTS.to_owned(), shared.into_iter().collect()));
        }
        all
    }

    /// The entries of a section and those that all sections have, as written.
    pub(super) fn entries(&self, section: &str) -> Option<Entries> {
        let defaults = self.sections.get(DEFAULTS);
        let own = match self.sections.get(section) {
            Some(own) if section != DEFAULTS => own,
            _ if section == DEFAULTS => return Some(defaults.cloned().unwrap_or_default()),
            _ => return None,
        };
        let mut entries = own.clone();
        for (name, value) in defaults.into_iter().flatten() {
            entries.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Some(entries)
    }

    /// The value of an entry with its references replaced.
    pub(super) fn value(
        &self,
        section: &str,
        name: &str,
        raw: Option<&str>,
    ) -> Result<Option<String>, IniError> {
        match raw {
            Some(raw) if self.interpolates => self.filled(section, name, raw, 0).map(Some),
            raw => Ok(raw.map(str::to_owned)),
        }
    }

    fn filled(
        &self,
        section: &str,
        name: &str,
        raw: &str,
        depth: usize,
    ) -> Result<String, IniError> {
        if depth > MAXIMUM_DEPTH {
            return Err(IniError::Depth { option: name.to_owned() });
        }
        let entries = self.entries(section).unwrap_or_default();
        let mut out = String::new();
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(")s"));
            let Some((reference, after)) = reference else {
                return Err(IniError::Percent { rest: format!("%{after}") });
            };
            let key = self.key(reference);
            let Some(value) = entries.get(&key) else {
                return Err(IniError::Reference {
                    section: section.to_owned(),
                    option: name.to_owned(),
                    reference: key,
                    raw: raw.to_owned(),
                });
            };
            let value = value.as_deref().unwrap_or_default();
            out.push_str(&self.filled(section, &key, value, depth + 1)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}
