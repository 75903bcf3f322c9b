//! The Python that the host has, though nothing here needs one.

use serde_json::json;

use super::probe::Probe;
use crate::contract::Returned;

/// `python`: where it is, and the version that its file is named for.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    let found = ["python3", "python"].iter().find_map(|name| {
        let answer = probe.host().find_program(name);
        probe.note(answer).flatten()
    });
    let Some(path) = found else { return };
    let mut told = json!({"executable": path.display().to_string(), "type": "cpython"});
    let real = super::super::host_path::follow_links(probe.host(), &path);
    let real = probe.note(real).unwrap_or(path);
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
    let version = name.as_deref().and_then(|name| name.strip_prefix("python"));
    if let Some((major, minor)) = version.and_then(|version| version.split_once('.'))
        && let (Ok(major), Ok(minor)) = (major.parse::<u32>(), minor.parse::<u32>())
        && let Some(told) = told.as_object_mut()
    {
        told.insert("version".to_owned(), json!({"major": major, "minor": minor}));
        told.insert("version_info".to_owned(), json!([major, minor]));
    }
    facts.insert("python".to_owned(), told);
}
