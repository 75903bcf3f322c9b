//! The options that `get_url` and `uri` share: how a request is sent.
//!
//! Follows ansible-core 2.19. `ciphers` selects among the suites that this program has; it has no
//! GSSAPI, so `use_gssapi: true` fails.

use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::ciphers::Ciphers;
use super::expansion;
use crate::contract::Stop;
use crate::host::{Host, HttpRequest};
use crate::params;
use crate::params::{Expected, OptionKind, ParamValue};

params! {
    /// How a request is sent.
    pub struct WebOptions {
        /// Headers of the request.
        headers: Option<Map<String, Json>>,
        /// Whether it is asked for anew: what is there is not told, and no cache is to answer.
        force: bool = false,
        /// What the request says who asks.
        http_agent: String = "ansible-httpget".to_owned(),
        /// Whether proxies of the environment are used.
        use_proxy: bool = true,
        /// Whether the server's certificate is checked.
        validate_certs: bool = true,
        /// Whether the password is sent without being asked for.
        force_basic_auth: bool = false,
        /// A file with the certificate to show, and perhaps its key.
        client_cert: Option<PathBuf>,
        /// A file with the key of that certificate.
        client_key: Option<PathBuf>,
        /// Certificates to trust instead of those of the host: a file or a directory.
        ca_path: Option<PathBuf>,
        /// Cipher suites of TLS 1.2, in OpenSSL's notation.
        ciphers: Option<Ciphers>,
        /// Whether to log in by GSSAPI, which fails.
        use_gssapi: Option<NoGssapi>,
        /// Headers that are not sent to where a redirect leads.
        unredirected_headers: Option<Vec<String>>,
        /// Whether an answer that comes compressed is unpacked.
        decompress: bool = true,
        /// Whether a password is looked for in `~/.netrc`.
        use_netrc: bool = true,
    }
}

/// `use_gssapi`, which may be asked not to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoGssapi;

impl ParamValue for NoGssapi {
    const KIND: OptionKind = OptionKind::Bool;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        if bool::from_json(value)? {
            return Err(Expected::Refused(
                "Failed to import the required Python library (gssapi): this program has no \
                 GSSAPI. This is required for use_gssapi=True.",
                String::new(),
            ));
        }
        Ok(Self)
    }
}

impl WebOptions {
    /// A question to this address; the caller adds what it wants to know.
    pub(crate) fn request(
        &self,
        url: &str,
        user: Option<&str>,
        password: Option<&str>,
        host: &mut dyn Host,
    ) -> Result<HttpRequest, Stop> {
        // a scheme ends before the first slash
        if !url
            .split_once(':')
            .is_some_and(|(scheme, _)| !scheme.is_empty() && !scheme.contains('/'))
        {
            let stop = Stop::failed(format!("unknown url type: '{url}'"));
            return Err(stop.with("status", -1).with("url", url));
        }
        let mut headers = Vec::new();
        for (name, value) in self.headers.iter().flatten() {
            headers.push((name.clone(), crate::params::plain(value)));
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            headers.push(("User-Agent".to_owned(), self.http_agent.clone()));
        }
        if self.force {
            headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
        }
        let mut path = |given: &Option<PathBuf>| match given {
            Some(path) => expansion::path(path, host).map(Some),
            None => Ok(None),
        };
        let (certificate, key) = (path(&self.client_cert)?, path(&self.client_key)?);
        let ca_path = path(&self.ca_path)?;
        let password = password.unwrap_or_default().to_owned();
        Ok(HttpRequest {
            url: url.to_owned(),
            headers,
            insecure: !self.validate_certs,
            use_proxy: self.use_proxy,
            credentials: user.map(|user| (user.to_owned(), password)),
            force_credentials: self.force_basic_auth,
            use_netrc: self.use_netrc,
            ca_path,
            client_certificate: certificate.map(|certificate| (certificate, key)),
            unredirected: self.unredirected_headers.clone().unwrap_or_default(),
            compressed: self.decompress,
            ciphers: self.ciphers.as_ref().and_then(Ciphers::select),
            ..HttpRequest::default()
        })
    }
}
