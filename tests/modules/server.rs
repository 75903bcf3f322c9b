//! A server that says what cases tell it to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value as Json};

/// Listens until the tests end.
pub(crate) struct Server {
    pub(crate) address: String,
}

impl Server {
    /// `/N/path` is answered as the case N says.
    pub(crate) fn start(cases: &[Json]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let answers: Vec<Json> = cases.iter().map(|case| case["answers"].clone()).collect();
        let own = address.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // whoever hangs up early wanted no answer
                let _ = answer(stream, &answers, &own);
            }
        });
        Ok(Self { address })
    }
}

fn answer(mut stream: TcpStream, answers: &[Json], own: &str) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().context("method")?, words.next().context("path")?);
    let mut headers = Map::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().into());
    }
    let length = headers.get("content-length").and_then(Json::as_str);
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or_default()];
    reader.read_exact(&mut body)?;
    let (number, path) =
        path.trim_start_matches('/').split_once('/').context("the number of a case")?;
    let said = &answers[number.parse::<usize>()?][format!("/{path}")];
    let (status, mut text) = match said {
        Json::Null => (404, "none".to_owned()),
        _ => (
            said["status"].as_u64().unwrap_or(200),
            said["body"].as_str().unwrap_or_default().to_owned(),
        ),
    };
    if let Some(names) = said["echo"].as_array() {
        let mut echo = Map::new();
        echo.insert("method".into(), method.clone().into());
        echo.insert("body".into(), String::from_utf8(body)?.into());
        for name in names.iter().filter_map(Json::as_str) {
            let header = headers.get(&name.to_ascii_lowercase()).cloned();
            echo.insert(name.to_owned(), header.unwrap_or_default());
        }
        // spaced as Python does
        let fields =
            echo.iter().map(|(name, value)| format!("{}: {value}", Json::from(name.as_str())));
        text = format!("{{{}}}", fields.collect::<Vec<_>>().join(", "));
    }
    let mut head =
        format!("HTTP/1.0 {status} {}\r\nContent-Length: {}\r\n", reason(status), text.len());
    for (name, value) in said["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let value = value.replace("{server}", &format!("{own}/{number}"));
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if method != "HEAD" {
        stream.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// The words of Python's server.
fn reason(status: u64) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Other",
    }
}
