//! `url`: what an address answers, fetched from the controller.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use canvass_modules::host::live::{Interrupt, LiveHost, NoSources};
use canvass_modules::host::{Host as _, HostError, HttpRequest, Redirects};
use canvass_modules::module::ciphers::Ciphers;
use canvass_modules::params::{Expected, ParamValue as _};
use minijinja::Value;
use serde_json::Value as Json;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{as_float, entries, text};

/// An option: of the call, of a variable, of the environment or of `ansible.cfg`.
fn option(request: &Request<'_>, name: &str) -> Outcome<Option<Value>> {
    if let Some(given) = request.option(name) {
        return Ok(Some(given.clone()));
    }
    let name = match name {
        "http_agent" => "agent",
        "unredirected_headers" => "unredir_headers",
        other => other,
    };
    let variable = format!("ansible_lookup_url_{name}");
    for variable in [&variable, &variable.to_uppercase()] {
        if let Some(set) = request.scope.lookup(variable)?.filter(|set| !set.is_none()) {
            return Ok(Some(set));
        }
    }
    let settings = crate::settings::current();
    let set = settings.variable(&variable.to_uppercase());
    Ok(set.or_else(|| settings.entry("url_lookup", name)).map(Value::from))
}

fn text_option(request: &Request<'_>, name: &str, default: &str) -> Outcome<String> {
    option(request, name)?.map_or_else(|| Ok(default.to_owned()), |given| text(&given))
}

fn flag(request: &Request<'_>, name: &str) -> Outcome<bool> {
    let Some(given) = option(request, name)? else { return Ok(false) };
    let given = serde_json::to_value(&given).unwrap_or_default();
    let refused = |_| Failure::failed(format!("the option '{name}' is yes or no, not '{given}'"));
    bool::from_json(&given).map_err(refused)
}

/// An option in seconds, which a variable or the environment may give as text.
fn seconds(request: &Request<'_>, name: &str, default: f64) -> Outcome<Duration> {
    let Some(given) = option(request, name)? else { return Ok(Duration::from_secs_f64(default)) };
    let number = as_float(&given).or_else(|| given.as_str()?.trim().parse().ok());
    match number.filter(|number| number.is_finite()) {
        Some(number) => Ok(Duration::from_secs_f64(number.clamp(0.1, 1e6))),
        None => Err(Failure::failed(format!(
            "the option '{name}' is a number of seconds, not '{given}'"
        ))),
    }
}

/// An option that is a list, or text with commas.
fn list(request: &Request<'_>, name: &str) -> Outcome<Option<Vec<String>>> {
    let Some(given) = option(request, name)? else { return Ok(None) };
    let given = serde_json::to_value(&given).unwrap_or_default();
    let refused = |_| Failure::failed(format!("the option '{name}' is a list of texts"));
    Vec::from_json(&given).map(Some).map_err(refused)
}

fn redirects(request: &Request<'_>) -> Outcome<Redirects> {
    Ok(match text_option(request, "follow_redirects", "urllib2")?.as_str() {
        "all" | "yes" => Redirects::All,
        "none" | "no" => Redirects::None,
        "safe" => Redirects::Safe,
        "urllib2" => Redirects::Urllib2,
        other => {
            return Err(Failure::failed(format!(
                "the value '{other}' of the option 'follow_redirects' is not supported"
            )));
        }
    })
}

fn ciphers(request: &Request<'_>) -> Outcome<Option<Vec<&'static str>>> {
    let Some(names) = list(request, "ciphers")? else { return Ok(None) };
    match Ciphers::from_json(&Json::from(names)) {
        Ok(ciphers) => Ok(ciphers.select()),
        Err(Expected::Form(reason)) => Err(Failure::failed(reason)),
        Err(_) => Err(Failure::failed("the option 'ciphers' is a list of texts".to_owned())),
    }
}

/// The address without what is secret in it.
fn masked(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (_, host))) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}

fn headers(request: &Request<'_>) -> Outcome<Vec<(String, String)>> {
    let agent = text_option(request, "http_agent", "ansible-httpget")?;
    let mut headers = vec![("User-Agent".to_owned(), agent)];
    if flag(request, "force")? {
        headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    }
    if let Some(given) = request.option("headers") {
        for (name, value) in entries(given)? {
            headers.push((text(&name)?, text(&value)?));
        }
    }
    Ok(headers)
}

/// The question to an address, but for the address.
fn question(request: &Request<'_>) -> Outcome<HttpRequest> {
    if flag(request, "use_gssapi")? {
        return Err(Failure::failed("the option 'use_gssapi' is not supported".to_owned()));
    }
    let credentials = match request.option("username") {
        Some(username) => Some((text(username)?, request.text_option("password", "")?)),
        None => None,
    };
    let path = |name: &str| -> Outcome<Option<PathBuf>> {
        option(request, name)?.map(|given| text(&given).map(PathBuf::from)).transpose()
    };
    Ok(HttpRequest {
        method: "GET".to_owned(),
        headers: headers(request)?,
        timeout: Some(seconds(request, "timeout", 10.0)?),
        insecure: !request.flag("validate_certs", true)?,
        use_proxy: request.flag("use_proxy", true)?,
        redirects: redirects(request)?,
        credentials,
        force_credentials: flag(request, "force_basic_auth")?,
        use_netrc: option(request, "use_netrc")?.is_none() || flag(request, "use_netrc")?,
        unix_socket: path("unix_socket")?,
        ca_path: path("ca_path")?,
        unredirected: list(request, "unredirected_headers")?.unwrap_or_default(),
        ciphers: ciphers(request)?,
        ..HttpRequest::default()
    })
}

/// `url`
pub(super) fn contents(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let question = question(request)?;
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut host = LiveHost::new(Arc::new(Interrupt::new()));
    host.begin(environment, Box::new(NoSources));
    let mut found = Vec::new();
    for url in request.texts()? {
        let shown = masked(&url);
        let answer = host
            .fetch(&HttpRequest { url, ..question.clone() })
            .map_err(|error| refused(&shown, &error))?;
        if answer.status >= 300 {
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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use crate::template::Templar;
    use crate::vars::Scope;

    #[test]
    fn options_that_are_none_are_refused_by_name() {
        for (options, told) in [
            ("timeout='soon'", "the option 'timeout' is a number of seconds, not 'soon'"),
            ("force='perhaps'", "the option 'force' is yes or no, not '\"perhaps\"'"),
            ("ciphers='NONE-SUCH'", "NONE-SUCH"),
        ] {
            let call = format!("lookup('url', 'http://127.0.0.1:1/', {options})");
            let error = Templar::new().expression(&call, None, &Scope::default()).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn a_socket_is_asked_in_place_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let count = stream.read(&mut asked).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n";
            stream.write_all(answer).unwrap();
            String::from_utf8_lossy(&asked[..count]).into_owned()
        });
        let call = format!("lookup('url', 'http://localhost/x', unix_socket='{}')", path.display());
        let found = Templar::new().expression(&call, None, &Scope::default()).unwrap();
        assert_eq!(found.to_string(), "hi");
        assert!(server.join().unwrap().starts_with("GET /x HTTP/1.1\r\n"));
    }
}
