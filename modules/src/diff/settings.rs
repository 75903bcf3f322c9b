//! What programs keep, before and after.

use serde_json::Value as Json;

use super::Diff;
use crate::effect::{SettingChange, Unpack};

/// One value is drawn as `name = value`, a text of several lines as it is, an object by field.
pub(super) fn diff(change: &SettingChange) -> Option<Diff> {
    if change.before == change.after && change.deed.is_none() {
        return None;
    }
    // what stays as it is, and still something happens to it
    let after = match (&change.deed, &change.after) {
        (Some(deed), Some(Json::String(after))) => Some(Json::from(format!("{after}, {deed}"))),
        (Some(deed), None) => Some(Json::from(deed.as_str())),
        (_, after) => after.clone(),
    };
    let header = match change.kind.as_str() {
        kind if kind == change.name => kind.to_owned(),
        kind => format!("{kind} {}", change.name),
    };
    if change.secret {
        let note = Some("its values are secret".to_owned());
        return Some(Diff { note, ..Diff::new(header, Json::from(""), Json::from("")) });
    }
    let side = |value: &Option<Json>| match value {
        None => Json::from(""),
        Some(Json::String(text)) if text.contains('\n') => Json::from(text.clone()),
        Some(Json::String(text)) => Json::from(format!("{} = {text}\n", change.name)),
        Some(other) => other.clone(),
    };
    Some(Diff::new(header, side(&change.before), side(&after)))
}

/// What differs between an archive and the host, a line each.
pub(super) fn unpack_diff(unpack: &Unpack) -> Option<Diff> {
    if unpack.changes.is_empty() {
        return None;
    }
    let text: String = unpack.changes.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    Some(Diff::new(unpack.into.to_string_lossy(), Json::from(""), Json::from(text)))
}
