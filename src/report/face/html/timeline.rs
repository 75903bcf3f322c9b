//! When each host worked on what, and what the end of the run waited for.

use crate::report::critical::Leg;
use crate::report::entries::counted;
use crate::report::model::{ChangeReport, HostReport, TaskReport, TaskStatus};
use crate::report::moment;

use super::data::HostTable;
use super::escape::Markup;

/// Hosts up to which each has a line with its name; more share one picture of a fixed height.
const NAMED_HOSTS: usize = 16;

/// Height of that picture.
const HEIGHT: f64 = 240.0;

/// Units from the left to the right.
const WIDTH: f64 = 1000.0;

/// Legs of the critical path that are named.
const NAMED_LEGS: usize = 6;

/// Draws it; nothing where no time is known.
pub(super) fn draw(
    page: &mut Markup,
    report: &ChangeReport,
    hosts: &HostTable<'_>,
    path: &[Leg<'_>],
) {
    let spans = report.tasks().filter_map(TaskReport::span);
    let whole = spans.map(|(_, end)| end).fold(0.0_f64, f64::max);
    if whole <= 0.0 || hosts.names.is_empty() {
        return;
    }
    page.raw("<section id=\"timeline\"><h2>Timeline</h2>\n");
    page.raw("<figure><div id=\"lanes\" data-ms=\"");
    page.raw(&format!("{:.0}", whole * 1000.0)).raw("\">\n");
    let scale = WIDTH / whole;
    if hosts.names.len() <= NAMED_HOSTS {
        for (number, name) in hosts.names.iter().enumerate() {
            page.raw("<div class=\"lane\"><span>").text(name).raw("</span>");
            page.raw("<svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" data-from=\"");
            page.raw(&format!("{number}\" data-to=\"{}\" stroke-width=\"10\">", number + 1));
            bands(page, report, &[name], 10.0, scale);
            legs(page, path, scale, |host| (host == *name).then_some(9.0));
            page.raw("</svg></div>\n");
        }
    } else {
        let count = hosts.names.len();
        let row = HEIGHT / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        page.raw("<div class=\"lane all\"><svg viewBox=\"0 0 1000 240\" ");
        page.raw("preserveAspectRatio=\"none\" data-from=\"0\" ");
        page.raw(&format!("data-to=\"{count}\" stroke-width=\"{row:.3}\">"));
        bands(page, report, &hosts.names, row, scale);
        let middle = |host: &str| {
            let number = u32::try_from(hosts.number(host)?).ok()?;
            Some((f64::from(number) + 0.5) * row)
        };
        legs(page, path, scale, middle);
        page.raw("</svg></div>\n");
    }
    page.raw("</div>\n<div class=\"axis\" aria-hidden=\"true\">");
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        page.raw("<span>").text(&moment::words(whole * part)).raw("</span>");
    }
    page.raw("</div>\n<output id=\"pointed\"></output>\n<figcaption>");
    if hosts.names.len() > NAMED_HOSTS {
        page.raw(&format!("{}, a row each. ", counted(hosts.names.len(), "host")));
    }
    page.raw("The line marks the critical path: the work that the end waited for.");
    page.raw("</figcaption></figure>\n");
    named(page, report, path, whole);
    page.raw("</section>\n");
}

/// A path a status: a stroke for each piece of work.
fn bands(page: &mut Markup, report: &ChangeReport, hosts: &[&str], row: f64, scale: f64) {
    for status in TaskStatus::ALL {
        if status == TaskStatus::Skipped {
            continue;
        }
        let mut begun = false;
        let mut y = row / 2.0;
        for host in hosts {
            for told in report.tasks().filter_map(|task| task.hosts.get(*host)) {
                if told.status != status {
                    continue;
                }
                if !begun {
                    page.raw(&format!("<path class=\"{}\" d=\"", status.word()));
                    begun = true;
                }
                stroke(page, told, y, scale);
            }
            y += row;
        }
        page.raw(if begun { "\"/>" } else { "" });
    }
}

fn stroke(page: &mut Markup, told: &HostReport, y: f64, scale: f64) {
    page.raw("M").number(told.started * scale).raw(" ").number(y);
    page.raw("h").number((told.seconds * scale).max(0.8));
}

/// The critical path as one line.
fn legs(page: &mut Markup, path: &[Leg<'_>], scale: f64, place: impl Fn(&str) -> Option<f64>) {
    let mut begun = false;
    for leg in path {
        let Some(y) = place(leg.host) else { continue };
        if !begun {
            page.raw("<path class=\"critical\" d=\"");
            begun = true;
        }
        page.raw("M").number(leg.started * scale).raw(" ").number(y);
        page.raw("h").number((leg.seconds * scale).max(0.8));
    }
    page.raw(if begun { "\"/>" } else { "" });
}

/// The longest legs of the critical path.
fn named(page: &mut Markup, report: &ChangeReport, path: &[Leg<'_>], whole: f64) {
    let tasks: Vec<&TaskReport> = report.tasks().collect();
    let mut longest: Vec<&Leg<'_>> =
        path.iter().filter(|leg| leg.seconds >= whole / 100.0).collect();
    longest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    if longest.is_empty() {
        return;
    }
    page.raw("<ol class=\"legs\">\n");
    for leg in longest.into_iter().take(NAMED_LEGS) {
        let Some(task) = tasks.get(leg.task) else { continue };
        page.raw("<li><span>").text(&task.title()).raw("</span> <span class=\"hosts\">");
        page.text(leg.host).raw("</span> <span class=\"n\">").text(&moment::words(leg.seconds));
        page.raw(&format!(" · {:.0}%</span></li>\n", leg.seconds / whole * 100.0));
    }
    page.raw("</ol>\n");
}
