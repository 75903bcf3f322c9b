//! HTTP by ureq and rustls, trusting what the host trusts.
//!
//! - [`redirect`] decides where a redirect leads, [`login`] answers who asks;
//! - [`tls`] finds certificates, [`unix`] reaches sockets of the host.

mod login;
pub(crate) mod redirect;
mod tls;
mod unix;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::AutoHeaderValue;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy, http};

use super::interrupt::Interrupt;
use super::resolve::Resolver;
use crate::host::{HostError, HttpRequest, HttpResponse};

/// Bound on a request that names none.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// Asks and waits for the whole answer.
pub(super) fn fetch(
    request: &HttpRequest,
    environment: &BTreeMap<String, String>,
    interrupt: &Arc<Interrupt>,
) -> Result<HttpResponse, HostError> {
    let failed = |reason: String| HostError::Http { url: without_password(&request.url), reason };
    match request.url.split_once("://") {
        Some(("file", path)) => return read_file(request, path),
        Some(("http" | "https", rest)) if !rest.is_empty() && !rest.starts_with('/') => {}
        _ => {
            let scheme = request.url.split(':').next().unwrap_or_default();
            let reason = match scheme {
                "http" | "https" => "no host given".to_owned(),
                other => format!("unknown url type: {other}"),
            };
            return Err(failed(format!("<urlopen error {reason}>")));
        }
    }
    let timeout = request.timeout.unwrap_or(PATIENCE);
    let timeout = interrupt.remaining().map_or(timeout, |left| left.min(timeout));
    let proxy = if request.use_proxy { proxy_for(&request.url, environment) } else { None };
    let proxy = match proxy {
        Some(address) => {
            Some(Proxy::new(&address).map_err(|error| failed(format!("proxy: {error}")))?)
        }
        None => None,
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        // as Ansible asks: servers that look at it give what they like best
        .accept(AutoHeaderValue::None)
        .timeout_global(Some(timeout))
        .proxy(proxy)
        .tls_config(tls::config(request).map_err(&failed)?)
        .build();
    let resolver = HostResolver(Resolver::new(environment.clone(), interrupt.clone()));
    let agent = match &request.unix_socket {
        Some(socket) => Agent::with_parts(config, unix::connector(socket), resolver),
        None => Agent::with_parts(config, DefaultConnector::new(), resolver),
    };
    let mut ask = Ask::of(request, environment);
    let mut cookies = Vec::new();
    for _ in 0..=MAX_REDIRECTS {
        let mut answer = ask.send(&agent, &cookies).map_err(&failed)?;
        interrupt.check()?;
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            redirect::keep_cookie(cookie, &mut cookies);
        }
        if let Some(login) = ask.login_for(&answer) {
            ask.headers.push(("Authorization".to_owned(), login));
            continue;
        }
        match redirect::next(request, &ask.method, &answer) {
            Some(next) => ask.follow(request, next),
            None => {
                answer.cookies = cookies;
                return Ok(answer);
            }
        }
    }
    Err(failed(format!("<urlopen error more than {MAX_REDIRECTS} redirects>")))
}

/// A request on its way.
struct Ask {
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    credentials: Option<(String, String)>,
    /// Whether the server was told who asks.
    told: bool,
    compressed: bool,
}

impl Ask {
    fn of(request: &HttpRequest, environment: &BTreeMap<String, String>) -> Self {
        let (url, in_url) = split_credentials(&request.url);
        let method = if request.method.is_empty() { "GET" } else { &request.method };
        let mut ask = Self {
            method: method.to_owned(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            credentials: request.credentials.clone(),
            told: false,
            compressed: request.compressed,
            url,
        };
        let known = ask.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some(pair) = in_url {
            let pair = String::from_utf8_lossy(&pair).into_owned();
            let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
            ask.tell(user, password);
        } else if let Some((user, password)) = ask.credentials.clone() {
            if request.force_credentials {
                ask.tell(&user, &password);
            }
        } else if request.use_netrc
            && !known
            && let Some((user, password)) = login::netrc(host_of(&ask.url), environment)
        {
            ask.tell(&user, &password);
        }
        ask.add("Accept-Encoding", "identity");
        if ask.body.is_some() {
            ask.add("Content-Type", "application/x-www-form-urlencoded");
        }
        ask
    }

    /// Adds a header that is not there yet.
    fn add(&mut self, name: &str, value: &str) {
        if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn tell(&mut self, user: &str, password: &str) {
        self.told = true;
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        self.headers.push(("Authorization".to_owned(), login::basic(user, password)));
    }

    /// The header that answers a server which asks who asks.
    fn login_for(&mut self, answer: &HttpResponse) -> Option<String> {
        if answer.status != 401 || std::mem::replace(&mut self.told, true) {
            return None;
        }
        let (user, password) = self.credentials.as_ref()?;
        login::answer(&self.method, &self.url, user, password, answer)
    }

    fn follow(&mut self, request: &HttpRequest, next: redirect::Next) {
        let elsewhere = host_of(&next.url) != host_of(&self.url);
        self.headers.retain(|(name, _)| {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let kept = !request.unredirected.iter().any(|other| is(other));
            // a login is for the host that it was meant for
            let login = is("authorization") && elsewhere;
            let of_body = ["content-length", "content-type", "transfer-encoding"];
            kept && !login && (next.keeps_body || !of_body.iter().any(|other| is(other)))
        });
        if !next.keeps_body {
            self.body = None;
        }
        self.url = next.url;
        self.method = next.method;
    }

    fn send(&self, agent: &Agent, cookies: &[(String, String)]) -> Result<HttpResponse, String> {
        let mut outgoing = http::Request::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            outgoing = outgoing.header(name, value);
        }
        if !cookies.is_empty() {
            let pairs: Vec<String> =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            outgoing = outgoing.header("Cookie", pairs.join("; "));
        }
        let unsent = |error: http::Error| error.to_string();
        let sent = match &self.body {
            Some(body) => agent.run(outgoing.body(body.as_slice()).map_err(unsent)?),
            None => agent.run(outgoing.body(()).map_err(unsent)?),
        };
        let mut response = sent.map_err(|error| told(&error))?;
        let body = response.body_mut().with_config().limit(u64::MAX).read_to_vec();
        let body = body.map_err(|error| told(&error))?;
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let packed = headers.iter().any(|(name, value)| {
            name == "content-encoding" && matches!(value.as_str(), "gzip" | "x-gzip")
        });
        let body = if packed && self.compressed { unpacked(&body)? } else { body };
        let status = response.status().as_u16();
        Ok(HttpResponse { status, headers, body, url: self.url.clone(), cookies: Vec::new() })
    }
}

fn unpacked(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(body);
    reader.read_to_end(&mut plain).map_err(|error| error.to_string())?;
    Ok(plain)
}

/// Why there is no answer, as Python words it.
fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => told_io(error),
        ureq::Error::HostNotFound => {
            "<urlopen error [Errno -2] Name or service not known>".to_owned()
        }
        ureq::Error::Timeout(_) => "The read operation timed out".to_owned(),
        ureq::Error::Rustls(error) => told_tls(error),
        other => other.to_string(),
    }
}

fn told_io(error: &std::io::Error) -> String {
    if let Some(source) = error.get_ref()
        && let Some(error) = source.downcast_ref::<rustls::Error>()
    {
        return told_tls(error);
    }
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            let words = text.split(" (os error").next().unwrap_or_default();
            format!("<urlopen error [Errno {number}] {words}>")
        }
        None => text,
    }
}

fn told_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => format!(
            "<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why}>"
        ),
        other => format!("<urlopen error [SSL] {other}>"),
    }
}

fn read_file(request: &HttpRequest, path: &str) -> Result<HttpResponse, HostError> {
    let path = path.strip_prefix("localhost").unwrap_or(path);
    let path = PathBuf::from(String::from_utf8_lossy(&percent_decoded(path)).into_owned());
    match std::fs::read(&path) {
        Ok(body) => Ok(HttpResponse {
            status: 200,
            headers: vec![("content-length".to_owned(), body.len().to_string())],
            body,
            url: request.url.clone(),
            cookies: Vec::new(),
        }),
        Err(error) => Err(HostError::Http { url: request.url.clone(), reason: error.to_string() }),
    }
}

/// Finds names by the host's own means.
#[derive(Debug)]
struct HostResolver(Resolver);

impl UreqResolver for HostResolver {
    fn resolve(
        &self,
        uri: &http::Uri,
        _config: &ureq::config::Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let standard = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(standard);
        let mut found = self.empty();
        for address in self.0.resolve(host).into_iter().take(16) {
            found.push((address, port).into());
        }
        if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
    }
}

/// The proxy that the environment names for a URL.
fn proxy_for(url: &str, environment: &BTreeMap<String, String>) -> Option<String> {
    let variable = |name: &str| {
        let value = environment.get(name).cloned().or_else(|| std::env::var(name).ok());
        value.filter(|value| !value.is_empty())
    };
    let host = host_of(url);
    let exempt = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    if is_exempt(host, &exempt) {
        return None;
    }
    // HTTP_PROXY in capitals is a header of a CGI request, so not read
    let names: &[&str] = if url.starts_with("https:") {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    names.iter().find_map(|name| variable(name))
}

fn is_exempt(host: &str, exempt: &str) -> bool {
    exempt.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        entry == "*"
            || host.eq_ignore_ascii_case(domain)
            || host
                .len()
                .checked_sub(domain.len())
                .and_then(|start| Some((host.get(..start)?, host.get(start..)?)))
                .is_some_and(|(before, end)| {
                    before.ends_with('.') && end.eq_ignore_ascii_case(domain)
                })
    })
}

/// The part between `://` and the path.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn host_of(url: &str) -> &str {
    let authority = authority(url);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// The URL without `user:password@`, and these decoded.
fn split_credentials(url: &str) -> (String, Option<Vec<u8>>) {
    match authority(url).rsplit_once('@') {
        Some((credentials, _)) => {
            let bare = url.replacen(&format!("{credentials}@"), "", 1);
            (bare, Some(percent_decoded(credentials)))
        }
        None => (url.to_owned(), None),
    }
}

/// The URL as errors may show it.
fn without_password(url: &str) -> String {
    split_credentials(url).0
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = text
            .get(at + 1..at + 3)
            .filter(|_| *byte == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_address() {
        let (url, credentials) = split_credentials("https://ann:p%40ss@host:8443/a@b");
        assert_eq!(url, "https://host:8443/a@b");
        assert_eq!(credentials.as_deref(), Some(b"ann:p@ss".as_slice()));
        assert_eq!(split_credentials("http://host/a@b").1, None);
        assert_eq!(host_of("http://u:p@[::1]:80/x"), "::1");
        assert_eq!(host_of("http://example.org:80/x"), "example.org");
    }

    #[test]
    fn no_proxy_exempts_names_and_their_subdomains() {
        let cases = [
            ("a.example.org", "example.org", true),
            ("a.example.org", ".example.org", true),
            ("example.org", "*.example.org", true),
            ("badexample.org", "example.org", false),
            ("x", "*", true),
            ("x", "", false),
            ("x", "y, x", true),
        ];
        for (host, exempt, expected) in cases {
            assert_eq!(is_exempt(host, exempt), expected, "{host} {exempt}");
        }
    }
}
