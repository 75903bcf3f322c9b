//! Forms in parts (RFC 7578), as Python's `email` package writes them.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value as Json};

use super::Error;
use crate::contract::Stop;
use crate::host::Host;
use crate::params::plain;

/// Where the engine puts the content of a file of the controller, in base64.
pub const PART_CONTENT: &str = "_canvass_content";

/// Kinds of files by their endings.
const KINDS: [(&str, &str); 18] = [
    ("txt", "text/plain"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("xml", "text/xml"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("tar", "application/x-tar"),
    ("sh", "application/x-sh"),
    ("py", "text/x-python"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("svg", "image/svg+xml"),
];

/// The type with its boundary, and the body.
pub(super) fn encode(body: &Json, host: &mut dyn Host) -> Result<(String, Vec<u8>), Stop> {
    let bad = |reason: String| Stop::failed(Error::Body { format: "form-multipart", reason });
    let Json::Object(fields) = body else {
        return Err(bad(format!(
            "Mapping is required, cannot be type {}",
            crate::params::python_type(body)
        )));
    };
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort();
    let boundary = format!("==============={:016x}==", RandomState::new().build_hasher().finish());
    let mut bytes = Vec::new();
    for name in names {
        let part = match fields.get(name) {
            Some(Json::String(text)) => Part {
                kind: "text/plain".to_owned(),
                content: text.clone().into_bytes(),
                filename: None,
                encoded: false,
            },
            Some(Json::Object(field)) => read(field, host)?,
            other => {
                let kind = other.map_or("NoneType", crate::params::python_type);
                return Err(bad(format!(
                    "value must be a string, or mapping, cannot be type {kind}"
                )));
            }
        };
        bytes.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        part.write(name, &mut bytes);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary=\"{boundary}\""), bytes))
}

struct Part {
    kind: String,
    content: Vec<u8>,
    filename: Option<String>,
    /// Whether it is sent in base64.
    encoded: bool,
}

fn read(field: &Map<String, Json>, host: &mut dyn Host) -> Result<Part, Stop> {
    let bad = |reason: &str| {
        let reason = reason.to_owned();
        Stop::failed(Error::Body { format: "form-multipart", reason })
    };
    let text = |name: &str| {
        let value = field.get(name).filter(|value| !value.is_null()).map(plain);
        value.filter(|text| !text.is_empty())
    };
    let (filename, content) = (text("filename"), text("content"));
    let encoding = text("multipart_encoding").unwrap_or_else(|| "base64".to_owned());
    let kind = text("mime_type").unwrap_or_else(|| guess(filename.as_deref()));
    let is_file = content.is_none();
    let content = match (content, &filename, text(PART_CONTENT)) {
        (Some(content), ..) => content.into_bytes(),
        (None, None, _) => return Err(bad("at least one of filename or content must be provided")),
        (None, Some(_), Some(sent)) => BASE64.decode(sent).unwrap_or_default(),
        (None, Some(name), None) => {
            let path = super::expansion::path(Path::new(name), host)?;
            host.read(&path)?
        }
    };
    if !matches!(encoding.as_str(), "base64" | "7or8bit") {
        return Err(bad("multipart_encoding must be one of dict_keys(['base64', '7or8bit'])."));
    }
    let encoded = is_file && encoding == "base64";
    Ok(Part { kind, content, filename, encoded })
}

fn guess(filename: Option<&str>) -> String {
    let ending = filename.and_then(|name| Path::new(name).extension());
    let ending = ending.map(|ending| ending.to_string_lossy().to_lowercase());
    let found = KINDS.iter().find(|(known, _)| Some(*known) == ending.as_deref());
    found.map_or("application/octet-stream", |(_, kind)| kind).to_owned()
}

impl Part {
    fn write(&self, name: &str, bytes: &mut Vec<u8>) {
        let mut head = String::new();
        if self.encoded {
            head.push_str("Content-Transfer-Encoding: base64\r\n");
        }
        head.push_str(&format!("Content-Type: {}\r\n", self.kind));
        head.push_str(&format!("Content-Disposition: form-data; name=\"{}\"", escaped(name)));
        if let Some(filename) = &self.filename {
            let base = Path::new(filename).file_name().unwrap_or_default().to_string_lossy();
            head.push_str(&format!("; filename=\"{}\"", escaped(&base)));
        }
        head.push_str("\r\n\r\n");
        bytes.extend_from_slice(head.as_bytes());
        if self.encoded {
            let text = BASE64.encode(&self.content);
            for line in text.as_bytes().chunks(76) {
                bytes.extend_from_slice(line);
                bytes.extend_from_slice(b"\r\n");
            }
        } else {
            bytes.extend_from_slice(&self.content);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
