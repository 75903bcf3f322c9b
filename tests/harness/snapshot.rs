//! Comparing a text with a file, and showing where they differ.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use canvass_modules::diff::Diff;
use serde_json::json;

/// Set, differing files are written instead of refused.
const UPDATE: &str = "UPDATE_EXPECTED";

/// Whether files are to be written.
pub(crate) fn updates() -> bool {
    std::env::var_os(UPDATE).is_some()
}

/// That a file holds this text.
pub(crate) fn holds(path: &Path, text: &str) -> Result<()> {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == text {
        return Ok(());
    }
    if updates() {
        return write(path, text);
    }
    let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    let diff = Diff {
        before_header: name.display().to_string(),
        after_header: "this run".to_owned(),
        before: json!(expected),
        after: json!(text),
        note: None,
    };
    bail!(
        "the output is not the expected one (`{UPDATE}=1` writes it):\n{}",
        canvass::report::diff::draw(&diff)
    )
}

/// Writes an expectation.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(path, text).with_context(|| format!("{}", path.display()))
}
