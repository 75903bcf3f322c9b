//! Where the time went: a picture of tasks by the time of all hosts, and a table.

use crate::report::model::ChangeReport;
use crate::report::profile::{Line, Profile, part_of, seconds};
use crate::report::spent::Spent;

use super::escape::Markup;

/// Units from the left to the right.
const WIDTH: f64 = 1000.0;

/// What is narrower is not drawn by itself.
const NARROWEST: f64 = 0.6;

/// Draws it; nothing where nobody asked for it.
pub(super) fn draw(page: &mut Markup, report: &ChangeReport) {
    let Some(profile) = Profile::of(report) else { return };
    let whole = profile.whole.whole();
    if whole <= 0.0 {
        return;
    }
    let shown = profile.shown();
    page.raw("<section id=\"profile\"><h2>Where the time went</h2>\n<figure>\n");
    page.raw("<svg class=\"flame\" role=\"img\" viewBox=\"0 0 1000 84\" ");
    page.raw("preserveAspectRatio=\"none\" aria-label=\"Tasks by the time of all hosts, ");
    page.raw("and below each the parts of its time\">\n");
    let scale = WIDTH / whole;
    let mut left = 0.0;
    for line in &profile.tasks {
        left = task(page, line, &shown, left, scale);
    }
    page.raw("</svg>\n<figcaption>The time of all hosts, a block for each task in their order, ");
    page.raw("and what it was spent on:");
    for part in &shown {
        let name = Spent::NAMES.get(*part).copied().unwrap_or_default();
        page.raw(&format!(" <span class=\"key\"><i class=\"part-{name}\"></i>{name}</span>"));
    }
    page.raw("</figcaption></figure>\n");
    table(page, &profile, &shown);
    page.raw("</section>\n");
}

/// A task and the parts of its time; gives where the next one begins.
fn task(page: &mut Markup, line: &Line, shown: &[usize], left: f64, scale: f64) -> f64 {
    let width = line.spent.whole() * scale;
    if width < NARROWEST {
        return left + width;
    }
    let block = |page: &mut Markup, class: &str, x: f64, y: &str, height: &str, width: f64| {
        page.raw(&format!("<rect class=\"{class}\" y=\"{y}\" height=\"{height}\" x=\""));
        page.number(x).raw("\" width=\"").number((width - 0.4).max(0.3)).raw("\"/>");
    };
    page.raw("<g><title>").text(&line.title);
    page.raw(": ").text(&seconds(line.spent.whole()));
    let parts = shown.iter().map(|part| (*part, part_of(&line.spent, *part)));
    for (part, spent) in parts.clone().filter(|(_, spent)| *spent > 0.0) {
        let name = Spent::NAMES.get(part).copied().unwrap_or_default();
        page.text(&format!(", {name} {}", seconds(spent)));
    }
    page.raw("</title>");
    block(page, "block", left, "0", "26", width);
    let mut x = left;
    for (part, spent) in parts {
        let width = spent * scale;
        if width >= NARROWEST {
            let name = Spent::NAMES.get(part).copied().unwrap_or_default();
            block(page, &format!("part-{name}"), x, "28", "56", width);
        }
        x += width;
    }
    page.raw("</g>\n");
    left + width
}

fn table(page: &mut Markup, profile: &Profile<'_>, shown: &[usize]) {
    page.raw("<div class=\"scroll\"><table><thead><tr><th></th><th class=\"n\">all</th>");
    for part in shown {
        let name = Spent::NAMES.get(*part).copied().unwrap_or_default();
        page.raw(&format!("<th class=\"n\">{name}</th>"));
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for (name, spent) in profile.rows() {
        page.raw("<tr><td>").text(&name).raw("</td><td class=\"n\">");
        page.text(&seconds(spent.whole())).raw("</td>");
        for part in shown {
            let spent = part_of(&spent, *part);
            let class = if spent > 0.0 { "n" } else { "n zero" };
            page.raw(&format!("<td class=\"{class}\">")).text(&seconds(spent)).raw("</td>");
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n");
}
