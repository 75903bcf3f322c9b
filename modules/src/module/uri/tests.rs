//! Requests to answers that a test prepared; what comes of them was recorded from ansible-core
//! 2.19 and a server that gives the same.

use serde_json::{Map, Value as Json, json};

use super::{Params, Uri};
use crate::execute::{Executed, Execution, execute};
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::host::{Host, HttpResponse};
use crate::params::Params as _;
use crate::wire::Status;

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    HttpResponse {
        status,
        headers: headers.collect(),
        body: body.as_bytes().to_vec(),
        url: "http://h/x".to_owned(),
        cookies: Vec::new(),
    }
}

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    let arguments: Map<String, Json> = arguments.as_object().unwrap().clone();
    execute::<Uri>("uri", Execution { host, arguments: &arguments, diff: true })
}

#[test]
fn answers_are_told_as_ansible_tells_them() {
    let json_kind = ("content-type", "application/json");
    let length = ("content-length", "7");
    let table = [
        (
            json!({}),
            answer(200, &[json_kind, length, ("x-one", "a"), ("x-one", "b")], "{\"e\":1}"),
            Status::Ok,
            json!({
                "redirected": false, "status": 200, "url": "http://h/x", "elapsed": 0,
                "content_type": "application/json", "content_length": "7", "x_one": "a, b",
                "cookies": {}, "cookies_string": "", "msg": "OK (7 bytes)", "json": {"e": 1},
            }),
        ),
        (
            json!({"return_content": true}),
            answer(404, &[json_kind], "{\"e\":1}"),
            Status::Failed,
            json!({
                "redirected": false, "status": 404, "url": "http://h/x", "elapsed": 0,
                "content_type": "application/json", "json": {"e": 1}, "content": "{\"e\":1}",
                "msg": "Status code was 404 and not [200]: HTTP Error 404: Not Found",
            }),
        ),
        (
            json!({"status_code": [200, 302], "follow_redirects": "none"}),
            answer(302, &[("location", "/y")], ""),
            Status::Ok,
            json!({
                "redirected": false, "status": 302, "url": "http://h/x", "elapsed": 0,
                "location": "http://h/y", "msg": "HTTP Error 302: Found", "body": "",
            }),
        ),
    ];
    for (more, response, status, expected) in table {
        let mut host = MemoryHost::new().with_response("http://h/x", response);
        let arguments = crate::recorded::with(&json!({"url": "http://h/x"}), &more);
        let ended = run(&mut host, &arguments);
        assert_eq!((ended.status, Json::Object(ended.returned)), (status, expected));
    }
}

#[test]
fn a_file_takes_the_answer() {
    let response = answer(200, &[("content-disposition", "attachment; filename=\"f.bin\"")], "new");
    let mut host = MemoryHost::new().with_response("http://h/x", response);
    let ended = run(&mut host, &json!({"url": "http://h/x", "dest": "/tmp", "mode": "0600"}));
    assert_eq!(ended.status, Status::Changed);
    assert_eq!(
        (&ended.returned["path"], &ended.returned["mode"]),
        (&json!("/tmp/f.bin"), &json!("0600"))
    );
    assert_eq!(host.read("/tmp/f.bin".as_ref()).unwrap(), b"new");
}

#[test]
fn a_rehearsal_asks_and_does_not_send() {
    let prepared = || MemoryHost::new().with_response("http://h/x", answer(200, &[], "ok"));
    let mut host = RehearsalHost::new(prepared());
    assert_eq!(run(&mut host, &json!({"url": "http://h/x"})).status, Status::Ok);
    let post = json!({"url": "http://h/x", "method": "post", "body": "a"});
    let sent = run(&mut host, &post);
    assert!(matches!(sent.status, Status::Unknown { .. }), "{sent:?}");
    let live = run(&mut prepared(), &post);
    assert_eq!((live.status, &live.returned["status"]), (Status::Ok, &json!(200)));
}

#[test]
fn guards_and_refusals() {
    let mut host = MemoryHost::new();
    for (arguments, status, field, text) in [
        (json!({"creates": "/tmp"}), Status::Ok, "stdout", "skipped, since '/tmp' exists"),
        (json!({"removes": "/no"}), Status::Ok, "stdout", "skipped, since '/no' does not exist"),
        (
            json!({"method": "a b"}),
            Status::Failed,
            "msg",
            "Parameter 'method' needs to be a single word in uppercase, like GET or POST.",
        ),
        (
            json!({"remote_src": true, "src": "/no"}),
            Status::Failed,
            "msg",
            "Unable to open source file /no",
        ),
        (
            json!({"body_format": "form-multipart", "body": {"a": {}}}),
            Status::Failed,
            "msg",
            "failed to parse body as form-multipart: at least one of filename or content must be \
             provided",
        ),
    ] {
        let all = crate::recorded::with(&json!({"url": "http://h/x"}), &arguments);
        let ended = run(&mut host, &all);
        assert_eq!((ended.status, &ended.returned[field]), (status, &json!(text)));
    }
    let both = json!({"url": "http://h/x", "body": "a", "src": "b", "use_gssapi": true});
    let errors = Params::parse("uri", both.as_object().unwrap()).unwrap_err();
    assert_eq!(errors.len(), 2);
}
