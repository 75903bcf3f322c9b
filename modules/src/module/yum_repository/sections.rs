//! A file of repositories as Python's `configparser` reads and writes it.

/// The sections of a file with their fields, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sections(Vec<(String, Vec<(String, String)>)>);

impl Sections {
    pub(super) fn parse(text: &str) -> Self {
        let mut sections = Self::default();
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let last = sections.0.last_mut();
            if line.starts_with([' ', '\t'])
                && let Some((_, value)) = last.and_then(|(_, fields)| fields.last_mut())
            {
                value.push('\n');
                value.push_str(trimmed);
                continue;
            }
            if let Some((name, _)) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            {
                sections.0.push((name.to_owned(), Vec::new()));
            } else if let (Some((key, value)), Some((_, fields))) =
                (trimmed.split_once(['=', ':']), sections.0.last_mut())
            {
                fields.push((key.trim().to_lowercase(), value.trim().to_owned()));
            }
        }
        sections
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    pub(super) fn add(&mut self, name: &str, fields: Vec<(String, String)>) {
        self.0.push((name.to_owned(), fields));
    }

    /// The sections and fields in an order that only what they say decides.
    pub(super) fn sorted(&self) -> Self {
        let mut sorted = self.clone();
        sorted.0.iter_mut().for_each(|(_, fields)| fields.sort());
        sorted.0.sort();
        sorted
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, fields) in &self.0 {
            text.push_str(&format!("[{name}]\n"));
            for (key, value) in fields {
                text.push_str(&format!("{key} = {}\n", value.replace('\n', "\n\t")));
            }
            text.push('\n');
        }
        text
    }
}
