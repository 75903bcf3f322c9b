//! Which certificates are trusted and shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::host::HttpRequest;

/// The settings of a request.
pub(super) fn config(request: &HttpRequest) -> Result<TlsConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
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
