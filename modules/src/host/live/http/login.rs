//! Telling a server who asks: Basic and Digest (RFC 7617, RFC 7616), and `~/.netrc`.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use base64::Engine as _;

use crate::host::{DigestAlgorithm, HttpResponse};

/// The header of Basic authentication.
pub(super) fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

/// The header that answers a challenge; `None` where it cannot be answered.
pub(super) fn answer(
    method: &str,
    url: &str,
    user: &str,
    password: &str,
    answer: &HttpResponse,
) -> Option<String> {
    let challenges = answer.headers.iter().filter(|(name, _)| name == "www-authenticate");
    let challenges: Vec<&str> = challenges.map(|(_, value)| value.as_str()).collect();
    let of = |scheme: &str| {
        challenges.iter().find_map(|challenge| {
            let (kind, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
            kind.eq_ignore_ascii_case(scheme).then_some(rest)
        })
    };
    if let Some(challenge) = of("digest") {
        return digest(method, url, user, password, challenge);
    }
    of("basic").map(|_| basic(user, password))
}

fn digest(method: &str, url: &str, user: &str, password: &str, challenge: &str) -> Option<String> {
    let fields = fields(challenge);
    let field = |name: &str| fields.get(name).map(String::as_str);
    let algorithm = field("algorithm").unwrap_or("MD5");
    if !algorithm.eq_ignore_ascii_case("md5") {
        return None;
    }
    let (realm, nonce) = (field("realm")?, field("nonce")?);
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    let uri = path.split('#').next().unwrap_or_default();
    let secret = md5(&format!("{user}:{realm}:{password}"));
    let asked = md5(&format!("{method}:{uri}"));
    let qop = field("qop").map(|words| words.split(',').any(|word| word.trim() == "auth"));
    let cnonce = format!("{:016x}", RandomState::new().build_hasher().finish());
    let (response, more) = match qop {
        Some(true) => (
            md5(&format!("{secret}:{nonce}:00000001:{cnonce}:auth:{asked}")),
            format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""),
        ),
        Some(false) => return None,
        None => (md5(&format!("{secret}:{nonce}:{asked}")), String::new()),
    };
    let opaque =
        field("opaque").map_or_else(String::new, |opaque| format!(", opaque=\"{opaque}\""));
    Some(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=\"MD5\"{opaque}{more}"
    ))
}

fn md5(text: &str) -> String {
    crate::host::digest::Digester::of(DigestAlgorithm::Md5, text.as_bytes())
}

/// `name="value", other=value`.
fn fields(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        let name = name.trim_matches([',', ' ']).to_ascii_lowercase();
        found.insert(name, value.trim().to_owned());
        rest = after.trim_start_matches([',', ' ']);
    }
    found
}

/// Who asks a host, by the file that `NETRC` names or `~/.netrc`.
pub(super) fn netrc(
    host: &str,
    environment: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let variable = |name: &str| environment.get(name).cloned().or_else(|| std::env::var(name).ok());
    let path = variable("NETRC").or_else(|| Some(format!("{}/.netrc", variable("HOME")?)))?;
    in_netrc(&std::fs::read_to_string(path).ok()?, host)
}

fn in_netrc(text: &str, host: &str) -> Option<(String, String)> {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default());
    let plain = lines.filter(|line| !line.trim_start().starts_with('#'));
    let words: Vec<&str> = plain.flat_map(str::split_whitespace).collect();
    let mut found = None;
    let mut fallback = None;
    let mut at = 0;
    let mut current: Option<&mut Option<(String, String)>> = None;
    while let Some(word) = words.get(at) {
        let value = words.get(at + 1).copied().unwrap_or_default();
        match *word {
            "machine" => {
                current = (value == host && found.is_none()).then_some(&mut found);
                if let Some(slot) = &mut current {
                    **slot = Some((String::new(), String::new()));
                }
                at += 2;
            }
            "default" => {
                fallback = Some((String::new(), String::new()));
                current = Some(&mut fallback);
                at += 1;
            }
            "login" | "user" | "password" | "account" => {
                if let Some(Some((user, password))) = current.as_deref_mut() {
                    match *word {
                        "password" => *password = value.to_owned(),
                        "account" => {}
                        _ => *user = value.to_owned(),
                    }
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
    found.or(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc_tells_who_asks() {
        let text = "# c\nmachine a login x password y\nmachine b\n  login u\n  password p\n";
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(in_netrc(text, "b"), pair("u", "p"));
        assert_eq!(in_netrc(text, "a"), pair("x", "y"));
        assert_eq!(in_netrc(text, "c"), None);
        assert_eq!(in_netrc("default login d password e", "c"), pair("d", "e"));
    }

    #[test]
    fn challenges_are_answered() {
        let challenge = |value: &str| HttpResponse {
            headers: vec![("www-authenticate".to_owned(), value.to_owned())],
            ..HttpResponse::default()
        };
        let basic = answer("GET", "http://h/", "u", "p", &challenge("Basic realm=\"x\""));
        assert_eq!(basic.as_deref(), Some("Basic dTpw"));
        // RFC 2069 form, as Python's urllib answers it
        let given = challenge("Digest realm=\"r\", nonce=\"n\"");
        let told = answer("GET", "http://h/a?b", "u", "p", &given).unwrap();
        let secret = md5("u:r:p");
        let response = md5(&format!("{secret}:n:{}", md5("GET:/a?b")));
        assert!(told.contains(&format!("response=\"{response}\"")), "{told}");
        assert_eq!(answer("GET", "http://h/", "u", "p", &challenge("Negotiate")), None);
    }
}
