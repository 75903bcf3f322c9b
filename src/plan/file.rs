//! A plan as a file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::format::{Plan, SCHEMA};
use crate::source;

/// Why a plan cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It cannot be written.
    #[error("failed to write the plan `{}`: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be read.
    #[error("cannot read the plan `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is no plan, or one of another version.
    #[error("`{}` is no plan that this version understands: {reason}", .path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Writes a plan, whole or not at all.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(plan: &Plan, path: &Path) -> Result<(), PlanError> {
    source::replace(path, |file| {
        serde_json::to_writer_pretty(&mut *file, plan)?;
        file.write_all(b"\n")
    })
    .map_err(|source| PlanError::Write { path: path.to_owned(), source })
}

/// Reads a plan; also gives its bytes, of which a signature is.
///
/// # Errors
///
/// When it cannot be read, or is no plan of this version.
pub fn read(path: &Path) -> Result<(Plan, Vec<u8>), PlanError> {
    let form = |reason: String| PlanError::Form { path: path.to_owned(), reason };
    let bytes =
        std::fs::read(path).map_err(|source| PlanError::Read { path: path.to_owned(), source })?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| form(error.to_string()))?;
    match value.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => return Err(form(format!("its form is `{other}`, not `{SCHEMA}`"))),
        None => return Err(form("it names no form".to_owned())),
    }
    let plan: Plan = serde_json::from_value(value).map_err(|error| form(error.to_string()))?;
    let known = |number: &usize| *number < plan.steps.len();
    if !plan.courses.values().flatten().all(known) {
        return Err(form("a host has a step that is not there".to_owned()));
    }
    Ok((plan, bytes))
}
