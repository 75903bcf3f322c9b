//! Questions to servers.

use std::sync::Arc;
use std::time::Duration;

use canvass_modules::host::live::{Interrupt, LiveHost, NoSources};
use canvass_modules::host::{Host as _, HttpRequest, HttpResponse, Redirects};

use super::{Certificates, GalaxyError, Token};

/// How many times a server that is busy is asked.
const TRIES: u32 = 6;

/// What is asked of an address; by default what is there.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// `GET` where it is empty.
    pub(super) method: &'static str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) redirects: Redirects,
}

/// Asks for what is at an address.
pub(super) fn get(
    url: &str,
    token: Option<&Token>,
    certificates: Certificates,
    timeout: Duration,
) -> Result<HttpResponse, GalaxyError> {
    ask(url, Question::default(), token, certificates, timeout)
}

/// Asks something of an address.
pub(super) fn ask(
    url: &str,
    question: Question,
    token: Option<&Token>,
    certificates: Certificates,
    timeout: Duration,
) -> Result<HttpResponse, GalaxyError> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut host = LiveHost::new(Arc::new(Interrupt::new()));
    host.begin(environment, Box::new(NoSources));
    let mut headers = vec![
        ("User-Agent".to_owned(), format!("canvass/{}", env!("CARGO_PKG_VERSION"))),
        ("Accept".to_owned(), "application/json, */*".to_owned()),
    ];
    if let Some(token) = token {
        headers.push(("Authorization".to_owned(), token.header().as_str().to_owned()));
    }
    headers.extend(question.headers);
    let request = HttpRequest {
        url: url.to_owned(),
        method: if question.method.is_empty() { "GET" } else { question.method }.to_owned(),
        headers,
        body: question.body,
        redirects: question.redirects,
        timeout: Some(timeout),
        insecure: certificates == Certificates::Ignored,
        use_proxy: true,
        // downloads may lie elsewhere
        unredirected: vec!["Authorization".to_owned()],
        ..HttpRequest::default()
    };
    let mut pause = Duration::from_secs(2);
    for left in (0..TRIES).rev() {
        let answer = host.fetch(&request).map_err(|error| {
            GalaxyError::refused(format!(
                "Unknown error when attempting to call Galaxy at '{url}': {error}"
            ))
        })?;
        // a busy server, or one behind something that is
        if left == 0 || !matches!(answer.status, 429 | 502 | 520) {
            return Ok(answer);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(40));
    }
    Err(GalaxyError::refused(format!("'{url}' does not answer")))
}

/// Percent-encodes what may not stand in a query.
pub(super) fn quoted(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Joins parts of an address with one slash between them and one at the end.
pub(super) fn joined(parts: &[&str]) -> String {
    let parts = parts.iter().filter(|part| !part.is_empty()).map(|part| part.trim_matches('/'));
    format!("{}/", parts.collect::<Vec<_>>().join("/"))
}

/// An address as a page at `base` means it.
pub(super) fn resolved(base: &str, link: &str) -> Option<String> {
    if link.contains("://") {
        return Some(link.to_owned());
    }
    let path = link.strip_prefix('/')?;
    let (scheme, rest) = base.split_once("://")?;
    let host = rest.split('/').next()?;
    Some(format!("{scheme}://{host}/{path}"))
}
