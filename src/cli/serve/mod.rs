//! `canvass history serve`: the recorded runs in a browser, on the loopback interface, to be read
//! only.

mod io;
mod pages;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use io::{Stream, Text};

/// Serves until it is interrupted.
pub(super) async fn serve(port: u16) -> Result<ExitCode, CommandError> {
    // what cannot be read is said before the first page is asked for
    super::record::records()?;
    let wrong = |error: std::io::Error| {
        CommandError::other(format!("cannot listen on port {port}: {error}"), None)
    };
    // listened to all the time: one that came between two connections would be lost otherwise
    let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    super::say(&format!("http://{address}/ (Ctrl-C ends it)"));
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
            _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
            accepted = listener.accept() => {
                // a connection that is gone already is no reason to end
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(async move {
                        let answer = service_fn(move |request| answer(request, address));
                        // a browser that goes away is no error
                        let _ = http1::Builder::new()
                            .serve_connection(Stream::new(stream), answer)
                            .await;
                    });
                }
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    address: SocketAddr,
) -> Result<Response<Text>, Infallible> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let page = if !is_ours(host, address) {
        pages::Page::error(StatusCode::MISDIRECTED_REQUEST, "This server is for this machine only.")
    } else if request.method() == Method::GET || request.method() == Method::HEAD {
        let path = request.uri().path().to_owned();
        // the database is read beside the thread that serves
        let asked = tokio::task::spawn_blocking(move || pages::page(&path)).await;
        asked.unwrap_or_else(|_| {
            pages::Page::error(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.")
        })
    } else {
        pages::Page::error(StatusCode::METHOD_NOT_ALLOWED, "Nothing can be changed here.")
    };
    let body = if request.method() == Method::HEAD { String::new() } else { page.text };
    let mut response = Response::new(Text::new(body));
    *response.status_mut() = page.status;
    for (name, value) in [
        (header::CONTENT_TYPE, page.kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Whether a request was meant for this server: a name that another site has pointed here would
/// let that site read the records.
fn is_ours(host: Option<&str>, address: SocketAddr) -> bool {
    let port = address.port();
    let names = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    host.is_some_and(|host| names.iter().any(|name| name.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_served() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        for (host, ours) in [
            (Some("127.0.0.1:8080"), true),
            (Some("LocalHost:8080"), true),
            (Some("127.0.0.1"), false),
            (Some("evil.example:8080"), false),
            (Some("127.0.0.1:8080.evil.example"), false),
            (None, false),
        ] {
            assert_eq!(is_ours(host, address), ours, "{host:?}");
        }
    }
}
