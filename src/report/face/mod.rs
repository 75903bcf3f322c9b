//! The faces of the change report: the same model as JSON, HTML, Markdown and `JUnit`.

mod html;
mod junit;
mod markdown;

use std::path::Path;

use super::model::ChangeReport;

pub use html::Sheet;
pub use markdown::LONGEST as LONGEST_MARKDOWN;

/// How a change report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// All of it, for machines (`docs/report.md`).
    Json,
    /// One page that needs nothing else.
    Html,
    /// For a comment or a summary of CI.
    Markdown,
    /// Test results by host and task.
    Junit,
}

impl Face {
    /// By the ending of a file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "html" | "htm" => Self::Html,
            "md" | "markdown" => Self::Markdown,
            "xml" => Self::Junit,
            _ => return None,
        })
    }

    /// The report as text.
    ///
    /// # Errors
    ///
    /// JSON that cannot be written; the other faces always can.
    pub fn draw(self, report: &ChangeReport) -> serde_json::Result<String> {
        Ok(match self {
            Self::Json => serde_json::to_string_pretty(report)? + "\n",
            Self::Html => html::draw(report),
            Self::Markdown => markdown::draw(report),
            Self::Junit => junit::draw(report),
        })
    }
}

/// A list of hosts that stays short: how many, the first groups, and whether that is all.
pub(super) fn short_hosts<H: AsRef<str>>(hosts: &[H], groups: usize) -> (String, usize) {
    let folded = super::hosts::fold_groups(hosts);
    let left = folded.len().saturating_sub(groups);
    let shown: Vec<String> = folded.into_iter().take(groups).collect();
    (shown.join(", "), left)
}

#[cfg(test)]
mod tests;
