//! The faces of a report made by hand.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::report::event::{Event, Outcome, RunMode, Status};
use crate::report::gather::Gatherer;
use crate::report::human::tests::{Run, because, changed, names, outcome, with_result};

fn gathered(events: &[Event]) -> ChangeReport {
    let mut gatherer = Gatherer::new();
    for event in events {
        gatherer.event(event);
    }
    gatherer.report()
}

/// A run with one of everything.
fn report(mode: RunMode) -> ChangeReport {
    let hosts = names("web", 12);
    let mut run = Run::new(mode, &hosts);
    let task = run.task("Gathering Facts", "setup");
    for host in &hosts {
        run.host(task, host, outcome(Status::Ok));
    }
    let task = run.task("write the page", "copy");
    for host in &hosts {
        run.host(task, host, changed("/srv/index", "old\nsame\n", "new\nsame\n"));
    }
    let task = run.task("install", "package");
    for host in &hosts {
        run.item(task, host, json!("nginx"), outcome(Status::Changed));
        run.host(task, host, because("nginx is not installed", outcome(Status::Changed)));
    }
    let task = run.task("migrate", "command");
    for host in &hosts {
        let reason = "the command `migrate` was not run".to_owned();
        let status = match (mode, host.as_str()) {
            (RunMode::Rehearsal, _) => outcome(Status::Unknown { reason }),
            (_, "web03") => {
                let result = json!({"msg": "non-zero return code", "rc": 3, "stderr": "no table"});
                with_result(Status::Failed, result)
            }
            (_, "web04") => with_result(Status::Unreachable, json!({"msg": "timed out"})),
            _ => outcome(Status::Skipped),
        };
        run.host(task, host, status);
    }
    let exit = if mode == RunMode::Apply { 2 } else { 0 };
    gathered(&run.finish(exit))
}

/// So many hosts that do the same, and tasks; each with a diff.
fn large(hosts: usize, tasks: usize, alike: bool) -> ChangeReport {
    let hosts = names("web", hosts);
    let mut run = Run::new(RunMode::Apply, &hosts);
    for number in 0..tasks {
        let task = run.task(&format!("task number {number}"), "template");
        for (place, host) in hosts.iter().enumerate() {
            let own = if alike { String::new() } else { format!("{:04}", place * 7) };
            let path = format!("/etc/app/{number}.conf");
            let (before, after) = (format!("listen 80 {own}\n"), format!("listen 443 {own}\n"));
            let outcome = match (number % 3, alike) {
                (0, _) => changed(&path, &before, &after),
                (1, false) if place % 40 == 7 => {
                    with_result(Status::Failed, json!({"msg": format!("no {own}"), "rc": 1}))
                }
                _ => outcome(Status::Ok),
            };
            let took = Duration::from_millis(200 + (place as u64 * 37 + number as u64 * 91) % 900);
            run.host(task, host, Outcome { took, ..outcome });
        }
    }
    gathered(&run.finish(0))
}

fn drawn(face: Face, report: &ChangeReport) -> String {
    face.draw(report).unwrap()
}

#[test]
fn endings_name_the_face() {
    let cases = [
        ("a.json", Some(Face::Json)),
        ("a.HTML", Some(Face::Html)),
        ("x/a.md", Some(Face::Markdown)),
        ("a.xml", Some(Face::Junit)),
        ("a.txt", None),
        ("json", None),
    ];
    for (path, face) in cases {
        assert_eq!(Face::of(Path::new(path)), face, "{path}");
    }
}

#[test]
fn json_is_read_back_as_the_same_report() {
    for mode in [RunMode::Apply, RunMode::Rehearsal] {
        let report = report(mode);
        let read: ChangeReport = serde_json::from_str(&drawn(Face::Json, &report)).unwrap();
        assert_eq!(read, report);
    }
}

/// What of a value is not as its schema says; of the words that the schema uses.
fn wrong(
    value: &serde_json::Value,
    schema: &serde_json::Value,
    root: &serde_json::Value,
) -> Vec<String> {
    use serde_json::Value as Json;
    let mut found = Vec::new();
    if let Some(name) = schema["$ref"].as_str() {
        return wrong(value, &root["$defs"][name.trim_start_matches("#/$defs/")], root);
    }
    if let Some(any) = schema["anyOf"].as_array()
        && !any.iter().any(|schema| wrong(value, schema, root).is_empty())
    {
        found.push(format!("{value} is none of {any:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"].as_array().is_some_and(|words| !words.contains(value))
    {
        found.push(format!("{value} is not of {schema}"));
    }
    let right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !right {
        found.push(format!("{value} is no {}", schema["type"]));
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(wrong(item, &schema["items"], root));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{name} is missing"));
        }
    }
    for (name, item) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name).or(schema.get("additionalProperties")) {
            Some(schema) => found.extend(wrong(item, schema, root)),
            None if schema.get("properties").is_some()
                && schema["properties"]["effect"]["type"] != "string" =>
            {
                found.push(format!("{name} is not in the schema"));
            }
            None => {}
        }
    }
    found
}

#[test]
fn json_is_as_its_schema_says() {
    let schema = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    for report in [report(RunMode::Apply), report(RunMode::Rehearsal), hostile()] {
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(wrong(&value, &schema, &schema), Vec::<String>::new());
    }
    let broken = json!({"schema": "canvass-report/1", "plays": [{"name": 1}]});
    assert!(wrong(&broken, &schema, &schema).len() > 5);
}

#[test]
fn markdown_of_a_dry_run() {
    assert_snapshot!(drawn(Face::Markdown, &report(RunMode::Rehearsal)));
}

#[test]
fn markdown_of_a_run_that_failed() {
    assert_snapshot!(drawn(Face::Markdown, &report(RunMode::Apply)));
}

#[test]
fn junit_of_a_run_that_failed() {
    let text = drawn(Face::Junit, &report(RunMode::Apply));
    let suite = |host: &str| {
        let start = text.find(&format!("\t<testsuite name=\"{host}\"")).unwrap();
        let end = text[start..].find("\t</testsuite>").unwrap();
        text[start..start + end].to_owned()
    };
    let first = text.lines().nth(1).unwrap();
    assert_snapshot!(format!("{first}\n{}{}", suite("web03"), suite("web04")));
}

#[test]
fn markdown_is_cut_and_says_so() {
    let text = drawn(Face::Markdown, &large(200, 100, false));
    assert!(text.chars().count() <= LONGEST_MARKDOWN, "{}", text.chars().count());
    let cut = text.lines().find(|line| line.starts_with("> **Cut:**")).unwrap();
    assert!(cut.contains("entries are not shown"), "{cut}");
    // what failed is told before what changed
    assert!(text.find("#### Failed").unwrap() < text.find("#### Changed").unwrap());
    let one = large(1, 1, true);
    let mut long = one.clone();
    long.plays[0].tasks[0].changes[0].unified = "+x\n".repeat(20_000);
    let text = drawn(Face::Markdown, &long);
    assert!(text.contains("16000 more lines of this diff cut here"), "{}", text.len());
    assert!(text.contains("> **Cut:** 1 diff shortened."));
}

/// Names, answers and diffs that want to be more than text.
fn hostile() -> ChangeReport {
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`@team|[x](y)";
    let host = "h<b>\u{202e}";
    let mut run = Run::new(RunMode::Apply, &[host.to_owned()]);
    let task = run.task(evil, "command");
    let result = json!({"msg": evil, "rc": 1, "stderr": format!("```\n{evil}\u{1b}[2J")});
    run.host(task, host, with_result(Status::Failed, result));
    let task = run.task(evil, "copy");
    run.host(task, host, changed(evil, evil, &format!("{evil}\n````\n")));
    gathered(&run.finish(2))
}

#[test]
fn nothing_in_a_report_becomes_markup() {
    let page = drawn(Face::Html, &hostile());
    let scripts = page.matches("<script").count();
    assert_eq!(scripts, 2, "its data and its own script");
    for forbidden in ["<img", "onerror=alert(1)>\"", "\u{202e}", "\u{1b}", "<b>\u{202e}", " style="]
    {
        assert!(!page.contains(forbidden), "{forbidden:?}");
    }
    let text = drawn(Face::Markdown, &hostile());
    // within a fence that is longer than any in it
    assert!(text.contains("`````diff"), "{text}");
    let outside: String = text.split("`````").step_by(2).collect();
    let outside: String = outside.split("````").step_by(2).collect();
    let outside: String = outside.split("```").step_by(2).collect();
    let outside: String = outside.split("``").step_by(2).collect();
    assert!(!outside.contains("<img") && !outside.contains("@team"), "{outside}");
    let xml = drawn(Face::Junit, &hostile());
    assert!(!xml.contains("<img") && !xml.contains('\u{1b}'), "{xml}");
}

#[test]
fn the_page_allows_nothing_but_its_own_script() {
    let page = drawn(Face::Html, &report(RunMode::Apply));
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap();
    let policy = policy.split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for outside in ["http://", "https://", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for id in ["filters", "failures", "changes", "timeline", "tasks", "graph", "recap"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(page.contains("<b class=\"failed\">failed</b> <span class=\"hosts\">web03</span>"));
    assert!(page.contains("site.yml:40"));
}

#[test]
fn many_hosts_with_the_same_change_make_a_page_as_short_as_one() {
    let (one, many) = (large(1, 3, true), large(500, 3, true));
    let (one, many) = (drawn(Face::Html, &one), drawn(Face::Html, &many));
    for element in ["<article", "<tr", "<pre", "<li", "<section"] {
        assert_eq!(one.matches(element).count(), many.matches(element).count(), "{element}");
    }
    assert_eq!(many.matches("web[01-500]").count(), 2, "the change and the recap");
    assert!(many.len() - one.len() < 100_000, "{}", many.len() - one.len());
}

#[test]
fn a_page_of_200_hosts_and_100_tasks_stays_small() {
    for alike in [true, false] {
        let report = large(200, 100, alike);
        let page = drawn(Face::Html, &report);
        // to look at
        if let Some(folder) = std::env::var_os("PAGES") {
            let name = format!("large-{alike}.html");
            std::fs::write(Path::new(&folder).join(name), &page).unwrap();
        }
        assert!(page.len() < 5_000_000, "{}", page.len());
    }
}
