//! What is sent, by its format.

use serde_json::Value as Json;

use super::super::copy::python_json;
use super::{BodyFormat, Error, Params, multipart};
use crate::contract::Stop;
use crate::host::{Follow, Host};
use crate::params::plain;

/// A body, and the type that it is sent as; `true` where a given one does not count.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) content_type: Option<(String, bool)>,
}

pub(super) fn of(params: &Params, host: &mut dyn Host) -> Result<Sent, Stop> {
    let body = params.body.clone().filter(|body| !body.is_null());
    let mut sent = Sent::default();
    match params.body_format {
        BodyFormat::Raw => sent.bytes = body.map(|body| text(&body).into_bytes()),
        BodyFormat::Json => {
            let text = match &body {
                Some(Json::String(text)) => text.clone(),
                Some(body) => python_json(body),
                None => "null".to_owned(),
            };
            sent.bytes = Some(text.into_bytes());
            sent.content_type = Some(("application/json".to_owned(), false));
        }
        BodyFormat::FormUrlencoded => {
            sent.bytes = match body {
                Some(body) => Some(urlencoded(&body)?.into_bytes()),
                None => None,
            };
            sent.content_type = Some(("application/x-www-form-urlencoded".to_owned(), false));
        }
        BodyFormat::FormMultipart => {
            let body = body.unwrap_or(Json::Null);
            let (kind, bytes) = multipart::encode(&body, host)?;
            sent.bytes = Some(bytes);
            sent.content_type = Some((kind, true));
        }
    }
    if let Some(source) = &params.engine.source {
        sent.bytes = Some(host.read_source(source)?);
    } else if let Some(src) = &params.src {
        let path = super::expansion::path(src, host)?;
        if host.stat(&path, Follow::Yes)?.is_none() {
            let error = Error::NoSource(path.display().to_string());
            return Err(Stop::failed(error).with("elapsed", 0));
        }
        sent.bytes = Some(host.read(&path)?);
    }
    Ok(sent)
}

/// Data that is no text is sent as Python prints it.
fn text(body: &Json) -> String {
    match body {
        Json::Array(_) | Json::Object(_) => python_json(body),
        scalar => plain(scalar),
    }
}

fn urlencoded(body: &Json) -> Result<String, Stop> {
    let mut pairs: Vec<(String, Json)> = Vec::new();
    let bad = |reason: &str| {
        let error = Error::Body { format: "form_urlencoded", reason: reason.to_owned() };
        Stop::failed(error).with("elapsed", 0)
    };
    match body {
        Json::String(text) => return Ok(text.clone()),
        Json::Object(fields) => {
            pairs.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Json::Array(elements) => {
            for element in elements {
                match element.as_array().map(Vec::as_slice) {
                    Some([name, value]) => pairs.push((plain(name), value.clone())),
                    Some(more) if more.len() > 2 => {
                        return Err(bad("too many values to unpack (expected 2)"));
                    }
                    _ => return Err(bad("not enough values to unpack (expected 2, got 1)")),
                }
            }
        }
        other => return Ok(plain(other)),
    }
    let mut encoded: Vec<String> = Vec::new();
    for (name, value) in &pairs {
        let values = match value {
            Json::Array(values) => values.clone(),
            Json::Object(fields) => fields.keys().map(|key| Json::from(key.as_str())).collect(),
            value => vec![value.clone()],
        };
        for value in values.iter().filter(|value| !value.is_null()) {
            encoded.push(format!("{}={}", quote_plus(name), quote_plus(&text(value))));
        }
    }
    Ok(encoded.join("&"))
}

/// Python's `quote_plus`.
fn quote_plus(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => quoted.push('+'),
            b'_' | b'.' | b'-' | b'~' => quoted.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => quoted.push(char::from(byte)),
            byte => quoted.push_str(&format!("%{byte:02X}")),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::urlencoded;

    #[test]
    fn forms_are_those_of_python() {
        let table = [
            (json!({"a": 1, "b": "x y&z", "c": ["u", "v"]}), "a=1&b=x+y%26z&c=u&c=v"),
            (json!([["a", "ü"], ["a", ["1", null]], ["b", true]]), "a=%C3%BC&a=1&b=True"),
            (json!("raw=1"), "raw=1"),
        ];
        for (body, expected) in table {
            assert_eq!(urlencoded(&body).unwrap(), expected);
        }
        let error = urlencoded(&json!(["a", "b"])).unwrap_err();
        assert!(error.to_string().starts_with("failed to parse body as form_urlencoded: "));
    }
}
