//! HTTP questions by ureq and rustls, trusting what the host trusts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy, ResponseExt as _, http};

use super::interrupt::Interrupt;
use super::resolve::Resolver;
use crate::host::{HostError, HttpRequest, HttpResponse};

/// Bound on a request that names none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches a URL into memory.
pub(super) fn fetch(
    request: &HttpRequest,
    environment: &BTreeMap<String, String>,
    interrupt: &Arc<Interrupt>,
) -> Result<HttpResponse, HostError> {
    let failed = |reason: String| HostError::Http { url: without_password(&request.url), reason };
    match request.url.split_once("://") {
        Some(("file", path)) => return read_file(request, path),
        Some(("http" | "https", _)) => {}
        _ => return Err(failed("only http, https and file addresses are supported".to_owned())),
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
        .timeout_global(Some(timeout))
        .proxy(proxy)
        .tls_config(tls(request))
        .build();
    let resolver = HostResolver(Resolver::new(environment.clone(), interrupt.clone()));
    let agent = Agent::with_parts(config, DefaultConnector::new(), resolver);
    let (url, credentials) = split_credentials(&request.url);
    let method = if request.method.is_empty() { "GET" } else { &request.method };
    let mut outgoing = http::Request::builder().method(method).uri(&url);
    if let Some(credentials) = credentials {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        outgoing = outgoing.header("Authorization", format!("Basic {encoded}"));
    }
    for (name, value) in &request.headers {
        outgoing = outgoing.header(name, value);
    }
    let outgoing = outgoing.body(()).map_err(|error| failed(error.to_string()))?;
    let mut response = agent.run(outgoing).map_err(|error| failed(error.to_string()))?;
    let body = response
        .body_mut()
        .with_config()
        .limit(u64::MAX)
        .read_to_vec()
        .map_err(|error| failed(error.to_string()))?;
    interrupt.check()?;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Ok(HttpResponse {
        status: response.status().as_u16(),
        headers,
        body,
        url: response.get_uri().to_string(),
    })
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
        }),
        Err(error) => Err(HostError::Http { url: request.url.clone(), reason: error.to_string() }),
    }
}

fn tls(request: &HttpRequest) -> TlsConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trusted: Vec<Certificate<'static>> = if request.insecure {
        Vec::new()
    } else {
        // what cannot be read is not trusted; without any, the handshake tells
        rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
            .collect()
    };
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::new_with_certs(&trusted))
        .disable_verification(request.insecure)
        .build()
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
