//! Which certificates are trusted and shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::host::HttpRequest;

/// The settings of a request.
pub(super) fn config(request: &HttpRequest) -> Result<TlsConfig, String> {
    let mut provider = rustls::crypto::ring::default_provider();
    if let Some(names) = &request.ciphers {
        restrict(&mut provider, names)?;
    }
    let provider = Arc::new(provider);
    let trusted = match &request.ca_path {
        _ if request.insecure => Vec::new(),
        Some(path) => of_path(path)?,
        // what cannot be read is not trusted; without any, the handshake tells
        None => rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
            .collect(),
    };
    let shown = match &request.client_certificate {
        Some((certificate, key)) => Some(client(certificate, key.as_deref())?),
        None => None,
    };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::new_with_certs(&trusted))
        .client_cert(shown)
        .disable_verification(request.insecure)
        .build())
}

/// Leaves these suites of TLS 1.2, in this order, and all of TLS 1.3.
fn restrict(provider: &mut CryptoProvider, names: &[&str]) -> Result<(), String> {
    if names.is_empty() {
        // in the words of Python's `ssl`
        return Err("('No cipher can be selected.',)".to_owned());
    }
    let order = |suite: &SupportedCipherSuite| {
        names.iter().position(|name| suite.suite().as_str() == Some(&*rustls_name(name)))
    };
    provider.cipher_suites.retain(|suite| suite.tls13().is_some() || order(suite).is_some());
    provider.cipher_suites.sort_by_key(order);
    Ok(())
}

/// The name of the standard for what OpenSSL calls `ECDHE-RSA-AES256-GCM-SHA384`.
fn rustls_name(name: &str) -> String {
    let name = match name.strip_suffix("-POLY1305") {
        Some(rest) => format!("{rest}-POLY1305-SHA256"),
        None => name.replace("AES", "AES-"),
    };
    let name = name.replacen("ECDSA-", "ECDSA-WITH-", 1).replacen("RSA-", "RSA-WITH-", 1);
    format!("TLS_{}", name.replace('-', "_"))
}

/// The certificates of a file, or of all files of a directory.
fn of_path(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    if !path.is_dir() {
        return certificates(path);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file: PathBuf = entry.map_err(unreadable)?.path();
        if file.is_file() {
            found.extend(certificates(&file).unwrap_or_default());
        }
    }
    Ok(found)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let text = read(path)?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(items.collect())
}

fn client(certificate: &Path, key: Option<&Path>) -> Result<ClientCert, String> {
    let chain = certificates(certificate)?;
    let key = read(key.unwrap_or(certificate))?;
    let key = PrivateKey::from_pem(&key).map_err(|error| error.to_string())?;
    if chain.is_empty() {
        return Err(format!("`{}` holds no certificate", certificate.display()));
    }
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::ciphers::Ciphers;
    use crate::params::ParamValue as _;

    #[test]
    fn all_suites_that_can_be_named_are_there() {
        let mut provider = rustls::crypto::ring::default_provider();
        let all = provider.cipher_suites.len();
        let names = Ciphers::from_json(&"ALL".into()).unwrap().select().unwrap();
        restrict(&mut provider, &names).unwrap();
        assert_eq!(provider.cipher_suites.len(), all);
        restrict(&mut provider, &["ECDHE-RSA-AES128-GCM-SHA256"]).unwrap();
        let older = provider.cipher_suites.iter().filter(|suite| suite.tls13().is_none());
        let older: Vec<_> = older.map(|suite| suite.suite().as_str().unwrap()).collect();
        assert_eq!(older, ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
        assert!(restrict(&mut provider, &[]).is_err());
    }
}
