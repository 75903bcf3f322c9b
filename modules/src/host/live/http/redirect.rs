//! Where a redirect leads, and what it takes along.

use crate::host::{HttpRequest, HttpResponse, Redirects};

/// The next request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) keeps_body: bool,
}

/// What is asked next; `None` where the answer stands.
pub(super) fn next(request: &HttpRequest, method: &str, answer: &HttpResponse) -> Option<Next> {
    let code = answer.status;
    if !matches!(code, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let question = matches!(method, "GET" | "HEAD");
    let followed = match request.redirects {
        Redirects::All => true,
        Redirects::None => false,
        Redirects::Safe => question,
        Redirects::Urllib2 => question || (method == "POST" && code < 304),
    };
    let named = |wanted: &str| answer.headers.iter().find(|(name, _)| name == wanted);
    let (_, location) = named("location").or_else(|| named("uri")).filter(|_| followed)?;
    let keeps_body = matches!(code, 307 | 308) && request.redirects != Redirects::Urllib2;
    let method = match (code, method) {
        (_, "HEAD") => "HEAD",
        _ if request.redirects == Redirects::Urllib2 => "GET",
        (302 | 303, _) | (301, "POST") => "GET",
        (_, method) => method,
    };
    let url = join(&answer.url, &location.replace(' ', "%20"));
    Some(Next { url, method: method.to_owned(), keeps_body })
}

/// An address as seen from another (RFC 3986, 5.2).
pub(crate) fn join(base: &str, reference: &str) -> String {
    let has_scheme = reference.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it))
    });
    if has_scheme {
        return reference.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if reference.is_empty() {
        return base.split('#').next().unwrap_or_default().to_owned();
    }
    let target = if reference.starts_with('/') {
        reference.to_owned()
    } else if reference.starts_with(['?', '#']) {
        format!("{path}{reference}")
    } else {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{directory}/{reference}")
    };
    let (path, rest) = target.split_at(target.find(['?', '#']).unwrap_or(target.len()));
    format!("{scheme}://{authority}{}{rest}", without_dots(path))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    let open = path.ends_with("/.") || path.ends_with("/..");
    format!("/{}{}", kept.join("/"), if open && !kept.is_empty() { "/" } else { "" })
}

/// Keeps a cookie, or drops one that is over.
pub(super) fn keep_cookie(header: &str, cookies: &mut Vec<(String, String)>) {
    let mut parts = header.split(';').map(str::trim);
    let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
    let over = parts.any(|part| {
        part.to_ascii_lowercase()
            .strip_prefix("max-age=")
            .is_some_and(|age| age.trim().parse::<i64>().is_ok_and(|age| age <= 0))
    });
    let value = value.trim_matches('"').to_owned();
    match cookies.iter_mut().find(|(known, _)| known == name) {
        _ if over => cookies.retain(|(known, _)| known != name),
        Some((_, known)) => *known = value,
        None => cookies.push((name.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        for (base, reference, expected) in [
            ("http://h/a/b?x", "c", "http://h/a/c"),
            ("http://h/a/b", "/c?d", "http://h/c?d"),
            ("http://h", "c", "http://h/c"),
            ("http://h/a/b", "../c", "http://h/c"),
            ("https://h/a", "//i/c", "https://i/c"),
            ("http://h/a", "https://i/c", "https://i/c"),
            ("http://h/a?b", "?c", "http://h/a?c"),
        ] {
            assert_eq!(join(base, reference), expected);
        }
    }

    #[test]
    fn redirects_are_followed_as_ansible_follows_them() {
        let table = [
            (Redirects::Safe, "GET", 302, Some(("GET", false))),
            (Redirects::Safe, "POST", 302, None),
            (Redirects::All, "POST", 301, Some(("GET", false))),
            (Redirects::All, "PUT", 301, Some(("PUT", false))),
            (Redirects::All, "POST", 307, Some(("POST", true))),
            (Redirects::Urllib2, "POST", 303, Some(("GET", false))),
            (Redirects::Urllib2, "POST", 307, None),
            (Redirects::None, "GET", 302, None),
            (Redirects::All, "GET", 200, None),
        ];
        for (redirects, method, status, expected) in table {
            let request = HttpRequest { redirects, ..HttpRequest::default() };
            let answer = HttpResponse {
                status,
                url: "http://h/a".to_owned(),
                headers: vec![("location".to_owned(), "/b".to_owned())],
                ..HttpResponse::default()
            };
            let next = next(&request, method, &answer);
            let expected = expected.map(|(method, keeps_body)| Next {
                url: "http://h/b".to_owned(),
                method: method.to_owned(),
                keeps_body,
            });
            assert_eq!(next, expected, "{redirects:?} {method} {status}");
        }
    }

    #[test]
    fn cookies_come_and_go() {
        let mut cookies = Vec::new();
        for header in ["a=1; Path=/", "b=\"2\"", "a=3", "c=4", "c=; Max-Age=0"] {
            keep_cookie(header, &mut cookies);
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(cookies, [pair("a", "3"), pair("b", "2")]);
    }
}
