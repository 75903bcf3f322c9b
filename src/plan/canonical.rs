//! The one form of an effect that its digest is made from.
//!
//! The same effect reaches the engine in several shapes: a rehearsal sends contents along, a live
//! host names the file that the engine holds, numbers of users are known to one and not to the
//! other. What does not change the meaning is taken out.

use std::collections::HashMap;

use canvass_modules::effect::Effect;
use serde_json::{Map, Value as Json};

/// How content is told in a digest: its length and SHA-1, the digest by which the runner compares
/// files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Length in bytes.
    pub size: u64,
    /// SHA-1 in hexadecimal.
    pub sha1: String,
}

/// Contents that are told otherwise, by their SHA-1.
pub type Otherwise = HashMap<String, Told>;

/// The effect in its one form. `tell` makes of a content how it is told.
pub fn of(effect: &Effect, tell: &dyn Fn(&[u8]) -> Told, otherwise: &Otherwise) -> Json {
    let mut value = serde_json::to_value(effect).unwrap_or_default();
    settle(&mut value, tell, otherwise);
    value
}

fn settle(value: &mut Json, tell: &dyn Fn(&[u8]) -> Told, otherwise: &Otherwise) {
    match value {
        Json::Object(fields) => {
            if let Some(told) = content(fields, tell, otherwise) {
                *value = told;
                return;
            }
            // a user that the play makes has no number yet
            if fields.len() == 2
                && fields.get("name").is_some_and(Json::is_string)
                && fields.contains_key("id")
            {
                fields.shift_remove("id");
            }
            fields.values_mut().for_each(|field| settle(field, tell, otherwise));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| settle(item, tell, otherwise)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// A content, in memory or held by the engine.
fn content(
    fields: &Map<String, Json>,
    tell: &dyn Fn(&[u8]) -> Told,
    otherwise: &Otherwise,
) -> Option<Json> {
    use base64::Engine as _;
    let told = match fields.iter().next().filter(|_| fields.len() == 1) {
        Some((name, Json::String(text))) if name == "bytes" => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
            tell(&bytes)
        }
        Some((name, Json::Object(source))) if name == "source" => held(source, otherwise)?,
        _ => held(fields, otherwise)?,
    };
    Some(serde_json::json!({ "size": told.size, "sha1": told.sha1 }))
}

/// A file that the engine holds; its number changes with the request.
fn held(source: &Map<String, Json>, otherwise: &Otherwise) -> Option<Told> {
    if source.len() != 3 || !source.contains_key("id") {
        return None;
    }
    let sha1 = source.get("sha1")?.as_str()?.to_owned();
    let size = source.get("size")?.as_u64()?;
    Some(otherwise.get(&sha1).cloned().unwrap_or(Told { size, sha1 }))
}

/// The kind of an effect, and what it is about.
pub fn about(effect: &Effect) -> (String, String) {
    let value = serde_json::to_value(effect).unwrap_or_default();
    let kind = value.get("effect").and_then(Json::as_str).unwrap_or_default().to_owned();
    let about = match effect {
        Effect::Run(command) => command.argv.join(" "),
        Effect::Packages(change) => {
            let words = change.install.iter().map(|step| match (&step.from, &step.to) {
                (None, Some(to)) => format!("{} {to}", step.name),
                (Some(from), Some(to)) => format!("{} {from} → {to}", step.name),
                _ => step.name.clone(),
            });
            let gone = change.remove.iter().map(|step| format!("-{}", step.name));
            words.chain(gone).collect::<Vec<_>>().join(", ")
        }
        Effect::RefreshPackageLists { manager } => manager.clone(),
        Effect::Unit(change) => format!("{:?} {}", change.action, change.name).to_lowercase(),
        Effect::Setting(change) => format!("{} {}", change.kind, change.name),
        Effect::Unpack(unpack) => unpack.into.display().to_string(),
        Effect::CopyFile { to, .. } => to.display().to_string(),
        Effect::Request(request) => format!("{} {}", request.method, request.url),
        _ => {
            let field = ["path", "name"].iter().find_map(|name| value.get(*name)?.as_str());
            field.unwrap_or_default().to_owned()
        }
    };
    (kind, about.replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use canvass_modules::effect::{Attributes, Content, Principal, Source, WriteFile};

    use super::*;

    fn tell(bytes: &[u8]) -> Told {
        Told { size: bytes.len() as u64, sha1: format!("of {}", String::from_utf8_lossy(bytes)) }
    }

    fn write(content: Content, id: Option<u32>) -> Effect {
        let owner = Some(Principal { name: Some("www".to_owned()), id });
        Effect::WriteFile(WriteFile {
            path: "/etc/motd".into(),
            content,
            attributes: Attributes { owner, ..Attributes::default() },
            validate: None,
            backup: false,
            unsafe_writes: false,
        })
    }

    #[test]
    fn the_same_effect_has_one_form() {
        let source = |id| Content::Source(Source { id, size: 2, sha1: "of hi".to_owned() });
        let none = Otherwise::new();
        let first = of(&write(Content::Bytes(b"hi".to_vec()), None), &tell, &none);
        for other in [write(source(1), Some(33)), write(source(7), None)] {
            assert_eq!(of(&other, &tell, &none), first);
        }
        let other = of(&write(Content::Bytes(b"ho".to_vec()), None), &tell, &none);
        assert_ne!(other, first);
    }

    #[test]
    fn says_what_an_effect_is_about() {
        let command = canvass_modules::effect::Command::new(["rm", "-r", "/x"]);
        assert_eq!(about(&Effect::Run(command)), ("run".to_owned(), "rm -r /x".to_owned()));
        let effect = write(Content::Bytes(Vec::new()), None);
        assert_eq!(about(&effect), ("write_file".to_owned(), "/etc/motd".to_owned()));
    }
}
