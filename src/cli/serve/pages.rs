//! What is at which address: the list, a run in each face, two runs beside each other.

use hyper::StatusCode;

use crate::record::{Records, RunName, RunRecord};
use crate::report::compare::Comparison;
use crate::report::event::RunMode;
use crate::report::face::{Face, Sheet};
use crate::report::model::ChangeReport;
use crate::report::moment;

use super::super::CommandError;
use super::super::{history, record};

/// Runs in the list.
const MOST: u32 = 200;

/// An answer.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Page {
    fn html(text: String) -> Self {
        Self { status: StatusCode::OK, kind: "text/html; charset=utf-8", text }
    }

    /// A page that says why there is none.
    pub(super) fn error(status: StatusCode, text: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", text: format!("{text}\n") }
    }
}

/// The page at a path.
pub(super) fn page(path: &str) -> Page {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let answered = record::records().and_then(|records| match parts.as_slice() {
        [] => list(&records).map(Some),
        ["runs", name] => run(&records, name),
        ["compare", before, after] => compare(&records, before, after),
        _ => Ok(None),
    });
    match answered {
        Ok(Some(page)) => page,
        Ok(None) => Page::error(StatusCode::NOT_FOUND, "There is no such page."),
        Err(error) => Page::error(StatusCode::INTERNAL_SERVER_ERROR, &error.rendered()),
    }
}

fn list(records: &Records) -> Result<Page, CommandError> {
    let runs = records.newest(MOST).map_err(|error| record::wrong(&error))?;
    let mut sheet = Sheet::new("Runs");
    sheet.raw("<div class=\"scroll\"><table><thead><tr><th>Run</th><th>Started</th>");
    sheet.raw("<th class=\"n\">Time</th><th>Playbooks</th><th>Result</th><th></th></tr></thead>");
    for (place, run) in runs.iter().enumerate() {
        let before = runs.iter().skip(place + 1).find(|other| other.playbooks == run.playbooks);
        row(&mut sheet, run, before);
    }
    sheet.raw("</table></div>");
    Ok(Page::html(sheet.finish()))
}

fn row(sheet: &mut Sheet, run: &RunRecord, before: Option<&RunRecord>) {
    let class = match (run.exit_code, run.changed) {
        (Some(0), 0) => "ok",
        (Some(0), _) => "changed",
        _ => "failed",
    };
    let id = run.id;
    sheet.raw(&format!("<tr><td><a href=\"/runs/{id}\">{id}</a></td><td>"));
    sheet.text(&moment::local_minute(&run.started));
    sheet.raw("</td><td class=\"n\">").text(&history::time(run)).raw("</td><td>");
    sheet.text(&run.playbooks.join(" "));
    sheet.raw(if run.mode == RunMode::Rehearsal {
        " <span class=\"tag\">dry run</span>"
    } else {
        ""
    });
    sheet.raw(&format!("</td><td><b class=\"{class}\">"));
    sheet.text(&history::result(run)).raw("</b></td><td>");
    if let Some(before) = before {
        sheet.raw(&format!("<a href=\"/compare/{}/{id}\">with {}</a>", before.id, before.id));
    }
    sheet.raw("</td></tr>");
}

/// `17` is the page of a run, `17.json` and its kin its other faces.
fn run(records: &Records, name: &str) -> Result<Option<Page>, CommandError> {
    let (number, face) = match name.split_once('.') {
        Some((number, _)) => (number, Face::of(name.as_ref())),
        None => (name, Some(Face::Html)),
    };
    let Some((report, face)) = report(records, number)?.zip(face) else { return Ok(None) };
    let text = face.draw(&report).map_err(|error| {
        CommandError::other(format!("the report cannot be drawn: {error}"), None)
    })?;
    let kind = match face {
        Face::Html => "text/html; charset=utf-8",
        Face::Json => "application/json",
        Face::Markdown => "text/markdown; charset=utf-8",
        Face::Junit => "application/xml",
    };
    Ok(Some(Page { status: StatusCode::OK, kind, text }))
}

fn compare(records: &Records, before: &str, after: &str) -> Result<Option<Page>, CommandError> {
    let both = report(records, before)?.zip(report(records, after)?);
    let Some((one, other)) = both else { return Ok(None) };
    let mut sheet = Sheet::new(&format!("Runs {before} and {after}"));
    sheet.raw("<p><a href=\"/\">All runs</a></p><pre>");
    sheet.text(&Comparison::of(&one, &other).text()).raw("</pre>");
    Ok(Some(Page::html(sheet.finish())))
}

/// The report of a run; `None` where there is none.
fn report(records: &Records, name: &str) -> Result<Option<ChangeReport>, CommandError> {
    let Ok(name) = name.parse::<RunName>() else { return Ok(None) };
    let Ok(run) = records.find(name) else { return Ok(None) };
    records.report(run.id).map_err(|error| record::wrong(&error))
}
