//! What an answer is told as.

use encoding_rs::Encoding;
use serde_json::{Map, Value as Json};

use super::{Error, Params};
use crate::contract::{Returned, Stop};
use crate::host::live::http::redirect::join;
use crate::host::{HostError, HttpResponse};

/// An answer, or why there is none, as the module returns it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: i64,
    pub(super) returned: Returned,
    /// Its body, where it was answered as wanted.
    pub(super) body: Option<Vec<u8>>,
    /// Its name, where it has one.
    name: Option<String>,
    /// The address that answered.
    url: String,
}

impl Told {
    pub(super) fn of(params: &Params, answer: Result<HttpResponse, String>, elapsed: i64) -> Self {
        let asked = masked(&params.url);
        let mut returned = Map::new();
        let mut set = |name: &str, value: Json| returned.insert(name.to_owned(), value);
        set("elapsed", elapsed.into());
        let answer = match answer {
            Ok(answer) => answer,
            Err(reason) => {
                let lead = lead(&reason);
                set("url", asked.clone().into());
                set("status", (-1).into());
                set("redirected", false.into());
                set("msg", format!("{lead}: {reason}").into());
                return Self { status: -1, returned, body: None, name: None, url: asked };
            }
        };
        let status = i64::from(answer.status);
        let is_error = !(200..300).contains(&answer.status);
        let url = if is_error { asked.clone() } else { masked(&answer.url) };
        set("redirected", (url != asked).into());
        let mut headers: Map<String, Json> = Map::new();
        for (name, value) in &answer.headers {
            let key = name.replace('-', "_").to_lowercase();
            let value = match headers.get(&key).and_then(Json::as_str) {
                // an error tells the last only
                Some(before) if !is_error => format!("{before}, {value}"),
                _ => value.clone(),
            };
            headers.insert(key, Json::from(value));
        }
        let length = headers.get("content_length").and_then(Json::as_str).unwrap_or("unknown");
        let message =
            if is_error { refusal(answer.status) } else { format!("OK ({length} bytes)") };
        if let Some(location) = headers.get("location").and_then(Json::as_str) {
            let full = join(&asked, location);
            headers.insert("location".to_owned(), Json::from(full));
        }
        let content_type = headers.get("content_type").and_then(Json::as_str).map(str::to_owned);
        let name = name_of(&answer);
        returned.extend(headers);
        let mut set = |name: &str, value: Json| returned.insert(name.to_owned(), value);
        if !is_error {
            let pairs = answer.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            set("cookies_string", pairs.collect::<Vec<_>>().join("; ").into());
            let cookies =
                answer.cookies.iter().map(|(name, value)| (name.clone(), value.clone().into()));
            set("cookies", Json::Object(cookies.collect()));
        }
        set("msg", message.into());
        set("url", url.clone().into());
        set("status", status.into());
        let kind = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        let text = decoded(&answer.body, &kind);
        if is_json(&kind)
            && let Ok(json) = serde_json::from_str::<Json>(&text)
        {
            set("json", json);
        }
        if params.return_content {
            set("content", text.into());
        } else if is_error && wanted(params).contains(&status) && !is_json(&kind) {
            set("body", text.into());
        }
        Self { status, returned, body: Some(answer.body), name, url }
    }

    /// Fails where the code is none of those wanted.
    pub(super) fn check(&self, params: &Params) -> Result<(), Stop> {
        let wanted = wanted(params);
        if wanted.contains(&self.status) {
            return Ok(());
        }
        let message = self.returned.get("msg").and_then(Json::as_str).unwrap_or_default();
        let error = Error::Status {
            status: self.status,
            wanted: wanted.iter().map(i64::to_string).collect(),
            message: message.to_owned(),
        };
        let mut stop = Stop::failed(error);
        if self.body.is_none() && params.return_content {
            stop = stop.with("content", "");
        }
        for (name, value) in &self.returned {
            stop = stop.with(name, value.clone());
        }
        Err(stop)
    }
}

/// The codes that are no failure.
fn wanted(params: &Params) -> Vec<i64> {
    params.status_code.clone().unwrap_or_else(|| vec![200])
}

/// The name that an answer is kept under in a directory.
pub(super) fn file_name(told: Option<&Told>, url: &str) -> String {
    if let Some(name) = told.and_then(|told| told.name.clone()) {
        return name;
    }
    let url = told.map_or(url, |told| told.url.as_str());
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "index.html".to_owned() } else { name.replace("%20", " ") }
}

/// An address without its password.
pub(super) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((login, host)) if login.contains(':') => format!("{scheme}://****:****@{host}{path}"),
        Some((_, host)) => format!("{scheme}://****@{host}{path}"),
        None => url.to_owned(),
    }
}

/// A parameter of a header, such as `charset`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn is_json(kind: &str) -> bool {
    let full = kind.split([';', ',']).next().unwrap_or_default().trim().to_lowercase();
    let below = full.split_once('/').map_or("", |(_, below)| below);
    let below = below.rsplit_once('+').map_or(below, |(_, suffix)| suffix);
    matches!(below, "json" | "javascript")
}

fn decoded(body: &[u8], kind: &str) -> String {
    let charset = parameter(kind, "charset").unwrap_or_else(|| "utf-8".to_owned());
    let charset = charset.split(',').next().unwrap_or_default();
    match Encoding::for_label(charset.as_bytes()) {
        Some(encoding) => encoding.decode_without_bom_handling(body).0.into_owned(),
        None => String::from_utf8_lossy(body).into_owned(),
    }
}

/// The name that a server gives to what it sends: a name alone, nothing that leads elsewhere.
pub(crate) fn name_of(answer: &HttpResponse) -> Option<String> {
    let (_, value) = answer.headers.iter().find(|(name, _)| name == "content-disposition")?;
    let name = parameter(value, "filename")?;
    let name = name.rsplit('/').next()?;
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// What a reason for there being no answer begins with.
pub(crate) fn lead(reason: &str) -> &'static str {
    if reason.starts_with('<') { "Request failed" } else { "Connection failure" }
}

/// The body of an answer with status 200; of anything else what Ansible's `fetch_url` says of it.
/// What nobody knows yet stays unknown.
pub(crate) fn fetched(
    answer: Result<HttpResponse, HostError>,
) -> Result<Result<Vec<u8>, String>, HostError> {
    Ok(match answer {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => Err(refusal(answer.status)),
        Err(HostError::Http { reason, .. }) => Err(format!("{}: {reason}", lead(&reason))),
        Err(error @ HostError::Unknown(_)) => return Err(error),
        Err(error) => Err(error.to_string()),
    })
}

/// `HTTP Error 404: Not Found`.
pub(crate) fn refusal(status: u16) -> String {
    format!("HTTP Error {status}: {}", reason_phrase(status))
}

fn reason_phrase(status: u16) -> &'static str {
    ureq::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::{file_name, is_json, masked, name_of};
    use crate::host::HttpResponse;

    #[test]
    fn a_server_may_name_what_it_sends() {
        for (value, expected) in [
            ("attachment; filename=\"a b.tgz\"", Some("a b.tgz")),
            ("inline; filename=x.bin; size=3", Some("x.bin")),
            ("attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            ("attachment; filename=..", None),
            ("inline", None),
        ] {
            let headers = vec![("content-disposition".to_owned(), value.to_owned())];
            let answer = HttpResponse { headers, ..HttpResponse::default() };
            assert_eq!(name_of(&answer).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn addresses_and_types_are_read() {
        assert_eq!(masked("http://u:p@h/x?y"), "http://****:****@h/x?y");
        assert_eq!(masked("http://h/a@b"), "http://h/a@b");
        assert_eq!(file_name(None, "http://h/a/b.txt?x"), "b.txt");
        assert_eq!(file_name(None, "http://h"), "index.html");
        for (kind, expected) in [
            ("application/json; charset=utf-8", true),
            ("application/vnd.api+json", true),
            ("text/javascript", true),
            ("text/html", false),
        ] {
            assert_eq!(is_json(kind), expected, "{kind}");
        }
    }
}
