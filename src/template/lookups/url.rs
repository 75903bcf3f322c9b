//! `url`: what an address answers, fetched from the controller.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canvass_modules::host::live::{Interrupt, LiveHost, NoSources};
use canvass_modules::host::{Host as _, HostError, HttpRequest};
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{as_float, entries, text};

/// Options that the controller's client does not have; each with its value where nothing is asked.
const REFUSED: [&str; 5] =
    ["use_gssapi", "unix_socket", "ca_path", "ciphers", "unredirected_headers"];

/// The address without what is secret in it.
fn masked(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (_, host))) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}

fn headers(request: &Request<'_>) -> Outcome<Vec<(String, String)>> {
    let mut headers =
        vec![("User-Agent".to_owned(), request.text_option("http_agent", "ansible-httpget")?)];
    if request.flag("force", false)? {
        headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    }
    if let Some(username) = request.option("username") {
        let password = request.text_option("password", "")?;
        let credentials = STANDARD.encode(format!("{}:{password}", text(username)?));
        headers.push(("Authorization".to_owned(), format!("Basic {credentials}")));
    }
    if let Some(given) = request.option("headers") {
        for (name, value) in entries(given)? {
            headers.push((text(&name)?, text(&value)?));
        }
    }
    Ok(headers)
}

/// `url`
pub(super) fn contents(request: &Request<'_>) -> Outcome<Vec<Value>> {
    for name in REFUSED {
        if request.option(name).is_some_and(Value::is_true) {
            return Err(Failure::failed(format!("the option '{name}' is not supported")));
        }
    }
    match request.text_option("follow_redirects", "urllib2")?.as_str() {
        "urllib2" | "all" | "yes" | "safe" => {}
        other => {
            return Err(Failure::failed(format!(
                "the value '{other}' of the option 'follow_redirects' is not supported"
            )));
        }
    }
    let seconds = request.option("timeout").and_then(as_float).unwrap_or(10.0).clamp(0.1, 1e6);
    let headers = headers(request)?;
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut host = LiveHost::new(Arc::new(Interrupt::new()));
    host.begin(environment, Box::new(NoSources));
    let mut found = Vec::new();
    for url in request.texts()? {
        let shown = masked(&url);
        let answer = host
            .fetch(&HttpRequest {
                url,
                method: "GET".to_owned(),
                headers: headers.clone(),
                timeout: Some(Duration::from_secs_f64(seconds)),
                insecure: !request.flag("validate_certs", true)?,
                use_proxy: request.flag("use_proxy", true)?,
                ..HttpRequest::default()
            })
            .map_err(|error| refused(&shown, &error))?;
        if answer.status >= 400 {
            return Err(Failure::failed(format!(
                "Received HTTP error for {shown}: HTTP Error {}",
                answer.status
            )));
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if request.flag("split_lines", true)? {
            found.extend(body.lines().map(Value::from));
        } else {
            found.push(Value::from(body));
        }
    }
    Ok(found)
}

fn refused(url: &str, error: &HostError) -> Box<Failure> {
    let reason = match error {
        HostError::Http { reason, .. } => reason.clone(),
        error => error.to_string(),
    };
    let certificate = reason.contains("certificate") || reason.contains("CertNotValid");
    Failure::failed(if certificate {
        format!("Error validating the server's certificate for {url}: {reason}")
    } else {
        format!("Failed lookup url for {url}: {reason}")
    })
}
