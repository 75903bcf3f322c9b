//! The report as one HTML page that needs nothing else: no network, no other file.
//!
//! Without scripts all of it can be read; the script filters, and tells what lies under the
//! pointer. A policy in the page allows nothing but its own style and script, by their hashes,
//! and whatever came from hosts or playbooks is escaped.

mod data;
mod escape;
mod graph;
mod profile;
mod sections;
mod sheet;
mod timeline;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::report::critical;
use crate::report::entries::{Digest, counted};
use crate::report::event::RunMode;
use crate::report::model::ChangeReport;
use crate::report::moment;

pub use sheet::Sheet;

use data::HostTable;
use escape::Markup;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Draws it.
pub(super) fn draw(report: &ChangeReport) -> String {
    let hosts = HostTable::of(report);
    let digest = Digest::of(report);
    let path = critical::path(report);
    let mut page = Markup::default();
    head(&mut page, report);
    page.raw("<body>\n<a class=\"skip\" href=\"#content\">Skip to the report</a>\n");
    masthead(&mut page, report, &digest);
    page.raw("<main id=\"content\">\n");
    sections::filters(&mut page, report, &hosts);
    sections::failures(&mut page, report, &hosts);
    sections::changes(&mut page, report, &hosts);
    sections::unknown(&mut page, report, &hosts);
    page.raw("<p id=\"nothing\" hidden>Nothing matches the filter.</p>\n");
    timeline::draw(&mut page, report, &hosts, &path);
    profile::draw(&mut page, report);
    sections::tasks(&mut page, report, &path);
    graph::draw(&mut page, report, &path);
    sections::recap(&mut page, report);
    sections::notices(&mut page, report);
    page.raw("</main>\n<footer>");
    page.text(if report.engine.is_empty() { "canvass" } else { &report.engine });
    if let Some(finished) = &report.finished {
        page.raw(" · finished ").text(&instant(finished));
    }
    page.raw("</footer>\n<script type=\"application/json\" id=\"data\">");
    page.raw(&escape::script(&data::json(report, &hosts)));
    page.raw("</script>\n<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    page.finish()
}

fn head(page: &mut Markup, report: &ChangeReport) {
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // with nothing allowed by default no address can be asked, whatever the page holds
    page.raw(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n",
        hash(STYLE),
        hash(SCRIPT)
    ));
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    page.text(&title(report));
    page.raw("</title>\n<style>").raw(STYLE).raw("</style>\n</head>\n");
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn title(report: &ChangeReport) -> String {
    let mode = match report.mode {
        RunMode::Apply => "Run",
        RunMode::Rehearsal => "Dry run",
    };
    format!("{mode} of {}", report.playbooks.join(", "))
}

fn masthead(page: &mut Markup, report: &ChangeReport, digest: &Digest) {
    let state = match (digest.is_well(), report.exit_code) {
        (true, Some(0)) if digest.unknown > 0 => "unknown",
        (true, Some(0)) if digest.changed > 0 => "changed",
        (true, Some(0)) => "ok",
        (true, _) => "unknown",
        (false, _) => "failed",
    };
    page.raw("<header class=\"masthead ").raw(state).raw("\">\n<h1>");
    page.text(&title(report));
    page.raw("</h1>\n<p class=\"verdict\">").text(&digest.verdict(report)).raw(".</p>\n");
    page.raw("<p class=\"meta\">");
    if let Some(started) = &report.started {
        page.raw("<time datetime=\"").text(started).raw("\">").text(&instant(started));
        page.raw("</time>");
    }
    if let Some(seconds) = digest.seconds {
        page.raw(" · ").text(&moment::words(seconds));
    }
    if let Some(code) = report.exit_code {
        page.raw(" · exit code ").text(&code.to_string());
    }
    page.raw("</p>\n<dl class=\"tiles\">\n");
    let (changed, wording) = match report.mode {
        RunMode::Apply => (digest.changed, "changed"),
        RunMode::Rehearsal => (digest.changed, "would change"),
    };
    for (class, count, word) in [
        ("", digest.hosts, "hosts"),
        ("changed", changed, wording),
        ("failed", digest.failed, "failed"),
        ("unreachable", digest.unreachable, "unreachable"),
        ("unknown", digest.unknown, "unknown"),
        ("", digest.tasks, "tasks"),
    ] {
        let zero = if count == 0 { " zero" } else { "" };
        page.raw(&format!("<div class=\"tile {class}{zero}\"><dt>{word}</dt>"));
        page.raw(&format!("<dd>{count}</dd></div>\n"));
    }
    page.raw("</dl>\n</header>\n");
}

/// A moment for people: date, minutes, seconds, in UTC.
fn instant(text: &str) -> String {
    format!("{} UTC", text.get(..19).unwrap_or(text).replace('T', " "))
}

/// `1 host` or `n hosts` with the hosts folded, as markup; long lists are to be opened.
fn hosts_named<H: AsRef<str>>(page: &mut Markup, hosts: &[H]) {
    let groups = crate::report::hosts::fold_groups(hosts);
    let (shown, rest) = groups.split_at(groups.len().min(6));
    if rest.is_empty() {
        page.raw("<span class=\"hosts\">").text(&shown.join(", ")).raw("</span>");
        if hosts.len() > 1 {
            page.raw(&format!(" <span class=\"count\">{}</span>", counted(hosts.len(), "host")));
        }
        return;
    }
    page.raw("<details class=\"hosts\"><summary>").text(&shown.join(", "));
    page.raw(&format!(" … <span class=\"count\">{}</span>", counted(hosts.len(), "host")));
    page.raw("</summary>").text(&rest.join(", ")).raw("</details>");
}
