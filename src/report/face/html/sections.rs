//! The parts of the page that are text and tables.

use std::collections::BTreeSet;

use crate::report::critical::Leg;
use crate::report::diff::LineKind;
use crate::report::entries::{self, OWN_NAME_SAYS, circumstances, counted, last_lines};
use crate::report::event::{Level, RunMode};
use crate::report::model::{ChangeReport, TaskReport, TaskStatus};
use crate::report::moment;
use crate::report::text::clean;

use super::data::HostTable;
use super::escape::Markup;
use super::hosts_named;

/// Bytes of the page up to which diffs are shown whole.
const DIFFS: usize = 3_500_000;

/// Lines of one diff.
const LONGEST_DIFF: usize = 1000;

/// Diffs of one task that stand open.
const OPEN_DIFFS: usize = 4;

/// Lines of a diff that stands open.
const OPEN_LINES: usize = 60;

/// Last lines of the output of a failed command.
const TOLD_OUTPUT: usize = 60;

/// Lines of an output that stands open.
const OPEN_OUTPUT: usize = 12;

/// The form that narrows the page; the script brings it to sight.
pub(super) fn filters(page: &mut Markup, report: &ChangeReport, hosts: &HostTable<'_>) {
    page.raw("<form id=\"filters\" hidden role=\"search\" aria-label=\"Filter\">\n");
    page.raw("<label class=\"wide\">Text<input type=\"search\" name=\"text\" ");
    page.raw("placeholder=\"in diffs, reasons, names\"></label>\n");
    page.raw("<label>Host<input name=\"host\" list=\"hosts\" placeholder=\"web*\"></label>\n");
    page.raw("<label>Task<input name=\"task\" placeholder=\"part of its name\"></label>\n");
    let roles: BTreeSet<&str> = report.tasks().filter_map(|task| task.role.as_deref()).collect();
    page.raw("<label>Role<select name=\"role\"><option value=\"\">all</option>");
    for role in roles {
        page.raw("<option>").text(role).raw("</option>");
    }
    page.raw("</select></label>\n<fieldset><legend>Status</legend>");
    for status in TaskStatus::ALL {
        let word = status.word();
        page.raw(&format!(
            "<label class=\"chip {word}\"><input type=\"checkbox\" name=\"status\" \
             value=\"{word}\">{word}</label>"
        ));
    }
    page.raw("</fieldset>\n<button type=\"reset\">Clear</button>\n");
    page.raw("<output id=\"matches\" aria-live=\"polite\"></output>\n<datalist id=\"hosts\">");
    for name in hosts.names.iter().take(200) {
        page.raw("<option value=\"").text(name).raw("\">");
    }
    page.raw("</datalist>\n</form>\n");
}

/// What failed, why, and where it stands in the playbook.
pub(super) fn failures(page: &mut Markup, report: &ChangeReport, hosts: &HostTable<'_>) {
    let mut section = Section::default();
    for status in [TaskStatus::Unreachable, TaskStatus::Failed] {
        for (number, task) in report.tasks().enumerate() {
            for failure in task.failures.iter().filter(|failure| failure.status == status) {
                let (heading, told) =
                    (("failures", "Failed and unreachable"), hosts.ranges(&failure.hosts));
                section.entry(page, heading, (number, task), status, &told);
                let caught = failure.ignored || failure.rescued;
                let class = if caught { "skipped" } else { status.word() };
                page.raw(&format!("<p class=\"on\"><b class=\"{class}\">{}</b> ", status.word()));
                hosts_named(page, &failure.hosts);
                page.text(&circumstances(failure)).raw("</p>\n<p class=\"reason\">");
                page.text(&clean(failure.cause.reason.trim())).raw("</p>\n");
                if let Some((name, output)) = entries::output(failure) {
                    let (told, left) = last_lines(output, TOLD_OUTPUT);
                    let note = match left {
                        0 => String::new(),
                        left => format!(", the last {TOLD_OUTPUT} of {}", left + TOLD_OUTPUT),
                    };
                    let open = if told.lines().count() <= OPEN_OUTPUT { " open" } else { "" };
                    page.raw(&format!("<details{open}><summary>{name}{note}</summary><pre>"));
                    page.text(&told).raw("</pre></details>\n");
                }
                page.raw("</article>\n");
            }
        }
    }
    section.end(page);
}

/// Each distinct diff once with its hosts.
pub(super) fn changes(page: &mut Markup, report: &ChangeReport, hosts: &HostTable<'_>) {
    let heading = match report.mode {
        RunMode::Apply => "Changed",
        RunMode::Rehearsal => "Would change",
    };
    let mut section = Section::default();
    let mut left_out = 0;
    for (number, task) in report.tasks().enumerate() {
        for (place, change) in entries::changed(task).into_iter().enumerate() {
            let (room, told) = (page.len() < DIFFS, hosts.ranges(&change.hosts));
            let status = TaskStatus::Changed;
            section.entry(page, ("changes", heading), (number, task), status, &told);
            page.raw("<p class=\"on\">");
            hosts_named(page, &change.hosts);
            if change.own_names {
                page.raw(" · <span class=\"note\">").text(OWN_NAME_SAYS).raw("</span>");
            }
            page.raw(if change.ended_badly { " and did not end well</p>\n" } else { "</p>\n" });
            if !change.reasons.is_empty() {
                page.raw("<ul class=\"reasons\">");
                for reason in &change.reasons {
                    page.raw("<li>").text(reason).raw("</li>");
                }
                page.raw("</ul>\n");
            }
            for diff in &change.diffs {
                match room {
                    true => drawn(page, diff, place < OPEN_DIFFS),
                    false => left_out += 1,
                }
            }
            page.raw("</article>\n");
        }
    }
    if left_out > 0 {
        page.raw(&format!(
            "<p class=\"cut\">{} not shown, so that the page stays readable; all are in \
             <code>--report FILE.json</code>.</p>\n",
            counted(left_out, "diff")
        ));
    }
    section.end(page);
}

/// A diff to be opened or closed.
fn drawn(page: &mut Markup, diff: &str, open: bool) {
    let lines = diff.trim_end().lines().count();
    let side = |sign| diff.lines().find_map(|line: &str| line.strip_prefix(sign));
    let header = side("+++ ").unwrap_or("diff");
    let name = header.strip_prefix("after: ").unwrap_or(header);
    // the summary says it already
    let same = side("--- ").is_some_and(|header| header.strip_prefix("before: ") == Some(name));
    let headers = if same { 2 } else { 0 };
    let (mut added, mut removed) = (0, 0);
    for line in diff.lines().skip(2) {
        match LineKind::of(line) {
            LineKind::Added => added += 1,
            LineKind::Removed => removed += 1,
            LineKind::Hunk | LineKind::Context => {}
        }
    }
    let open = if open && lines <= OPEN_LINES { " open" } else { "" };
    page.raw(&format!("<details class=\"diff\"{open}><summary>"));
    page.text(name);
    page.raw(&format!(
        " <span class=\"sums\"><ins>+{added}</ins> <del>−{removed}</del></span></summary><pre>"
    ));
    let mut before = LineKind::Context;
    let shown = diff.trim_end().lines().enumerate().skip(headers).take(LONGEST_DIFF);
    for (number, line) in shown {
        let kind = if number < 2 { LineKind::Hunk } else { LineKind::of(line) };
        if kind != before {
            page.raw(if before == LineKind::Context { "" } else { "</span>" });
            page.raw(match kind {
                LineKind::Added => "<span class=\"a\">",
                LineKind::Removed => "<span class=\"r\">",
                LineKind::Hunk => "<span class=\"h\">",
                LineKind::Context => "",
            });
            before = kind;
        }
        page.text(line).raw("\n");
    }
    page.raw(if before == LineKind::Context { "" } else { "</span>" });
    page.raw("</pre>");
    if lines > LONGEST_DIFF {
        page.raw(&format!(
            "<p class=\"cut\">{} of this diff in <code>--report FILE.json</code></p>",
            counted(lines - LONGEST_DIFF, "more line")
        ));
    }
    page.raw("</details>\n");
}

/// What only acting would tell.
pub(super) fn unknown(page: &mut Markup, report: &ChangeReport, hosts: &HostTable<'_>) {
    let mut section = Section::default();
    for (number, task) in report.tasks().enumerate() {
        for unknown in &task.unknown {
            let told = hosts.ranges(&unknown.hosts);
            let heading = ("unknown", "Unknown before it is done");
            section.entry(page, heading, (number, task), TaskStatus::Unknown, &told);
            page.raw("<p class=\"on\">");
            hosts_named(page, &unknown.hosts);
            page.raw("</p>\n<p class=\"reason\">").text(&unknown.reason).raw("</p>\n</article>\n");
        }
    }
    section.end(page);
}

/// All tasks, how many hosts ended how, and when.
pub(super) fn tasks(page: &mut Markup, report: &ChangeReport, path: &[Leg<'_>]) {
    let spans = report.tasks().filter_map(TaskReport::span);
    let whole = spans.map(|(_, end)| end).fold(0.0_f64, f64::max).max(0.001);
    let critical: BTreeSet<usize> = path.iter().map(|leg| leg.task).collect();
    if report.tasks().next().is_none() {
        return;
    }
    page.raw("<section id=\"tasks\"><h2>Tasks</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    page.raw("<th>Task</th><th>Hosts</th><th class=\"n\">Time</th>");
    page.raw("<th class=\"when\">When</th></tr></thead>\n");
    let mut number = 0;
    for play in &report.plays {
        page.raw("<tbody>\n<tr class=\"play\"><th colspan=\"4\">").text(&play.name);
        page.raw(" <span class=\"place\">").text(&play.place.to_string()).raw("</span>");
        if let Some(pattern) = &play.unmatched_pattern {
            page.raw(" no host matches <code>").text(pattern).raw("</code>");
        }
        page.raw("</th></tr>\n");
        for task in &play.tasks {
            task_row(page, number, task, whole, critical.contains(&number));
            number += 1;
        }
        page.raw("</tbody>\n");
    }
    page.raw("</table></div>\n</section>\n");
}

fn task_row(page: &mut Markup, number: usize, task: &TaskReport, whole: f64, critical: bool) {
    let class = if critical { " class=\"critical\"" } else { "" };
    page.raw(&format!("<tr data-t=\"{number}\"{class}><td>"));
    if let Some(role) = &task.role {
        page.raw("<span class=\"role\">").text(role).raw("</span> ");
    }
    page.text(&task.name);
    page.raw(if task.handler { " <span class=\"tag\">handler</span>" } else { "" });
    page.raw(" <span class=\"place\">").text(&task.place.to_string()).raw("</span></td><td>");
    let mut worst = TaskStatus::Skipped;
    for status in TaskStatus::ALL.into_iter().rev() {
        let count = task.hosts.values().filter(|host| host.status == status).count();
        if count > 0 {
            worst = status;
        }
    }
    for status in TaskStatus::ALL {
        let count = task.hosts.values().filter(|host| host.status == status).count();
        if count > 0 {
            page.raw(&format!("<b class=\"{0}\">{count} {0}</b> ", status.word()));
        }
    }
    page.raw("</td><td class=\"n\">");
    if let Some((start, end)) = task.span() {
        page.text(&moment::words(end - start));
        page.raw(
            "</td><td class=\"when\"><svg viewBox=\"0 0 200 10\" preserveAspectRatio=\"none\" ",
        );
        page.raw("aria-hidden=\"true\"><rect class=\"track\" y=\"4\" width=\"200\" height=\"2\"/>");
        page.raw(&format!("<rect class=\"{}\" x=\"", worst.word()));
        page.number(start / whole * 199.0).raw("\" y=\"1\" width=\"");
        page.number(((end - start) / whole * 200.0).max(1.0)).raw("\" height=\"8\"/></svg>");
    } else {
        page.raw("</td><td class=\"when\">");
    }
    page.raw("</td></tr>\n");
}

/// Ansible's counts; hosts with the same share a line.
pub(super) fn recap(page: &mut Markup, report: &ChangeReport) {
    let mut rows: Vec<(_, Vec<&str>)> = Vec::new();
    for (host, counts) in &report.recap {
        match rows.iter_mut().find(|(known, _)| *known == counts) {
            Some((_, hosts)) => hosts.push(host),
            None => rows.push((counts, vec![host])),
        }
    }
    if rows.is_empty() {
        return;
    }
    page.raw("<section id=\"recap\"><h2>Hosts</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    page.raw("<th>Hosts</th>");
    let words =
        ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored", "unknown"];
    for word in words {
        page.raw(&format!("<th class=\"n\">{word}</th>"));
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for (counts, hosts) in rows {
        page.raw("<tr><td>");
        hosts_named(page, &hosts);
        page.raw("</td>");
        let numbers = [
            counts.ok,
            counts.changed,
            counts.unreachable,
            counts.failed,
            counts.skipped,
            counts.rescued,
            counts.ignored,
            counts.unknown,
        ];
        for (word, number) in words.iter().zip(numbers) {
            let class = if number == 0 { "zero" } else { word };
            page.raw(&format!("<td class=\"n {class}\">{number}</td>"));
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n</section>\n");
}

/// Warnings and the like.
pub(super) fn notices(page: &mut Markup, report: &ChangeReport) {
    let told = report.notices.iter().filter(|notice| notice.level >= Level::Info);
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        return;
    }
    page.raw("<section id=\"notices\"><h2>Warnings</h2>\n<ul>\n");
    for notice in told {
        page.raw("<li>");
        if let Some(host) = &notice.host {
            page.raw("<span class=\"hosts\">").text(host).raw("</span> ");
        }
        page.text(notice.text.trim());
        if let Some(place) = &notice.place {
            page.raw(" <span class=\"place\">").text(&place.to_string()).raw("</span>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ul>\n</section>\n");
}

/// A section of the page: begun before its first entry, with a card for each task.
#[derive(Default)]
struct Section {
    begun: bool,
    task: Option<usize>,
}

impl Section {
    /// Begins an entry: of this task, with this status, for hosts by their numbers.
    fn entry(
        &mut self,
        page: &mut Markup,
        (id, heading): (&str, &str),
        (number, task): (usize, &TaskReport),
        status: TaskStatus,
        hosts: &str,
    ) {
        if !self.begun {
            page.raw(&format!("<section id=\"{id}\" class=\"entries\"><h2>{heading}</h2>\n"));
            self.begun = true;
        }
        if self.task != Some(number) {
            page.raw(if self.task.is_some() { "</div>\n" } else { "" });
            page.raw(&format!("<div class=\"card {}\">\n", status.word()));
            title(page, task);
            self.task = Some(number);
        }
        page.raw(&format!(
            "<article data-t=\"{number}\" data-s=\"{}\" data-h=\"{hosts}\">\n",
            status.word()
        ));
    }

    fn end(&self, page: &mut Markup) {
        page.raw(if self.task.is_some() { "</div>\n" } else { "" });
        page.raw(if self.begun { "</section>\n" } else { "" });
    }
}

fn title(page: &mut Markup, task: &TaskReport) {
    page.raw("<h3>");
    if let Some(role) = &task.role {
        page.raw("<span class=\"role\">").text(role).raw("</span> ");
    }
    page.text(&task.name);
    page.raw(if task.handler { " <span class=\"tag\">handler</span>" } else { "" });
    page.raw(" <span class=\"place\">").text(&task.place.to_string()).raw("</span></h3>\n");
}
