//! The graph of tasks as a picture: which hosts went from which task to which.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::critical::Leg;
use crate::report::model::{ChangeReport, TaskReport, TaskStatus};
use crate::report::text::one_line;

use super::escape::Markup;

/// From a task to the next.
const STEP: f64 = 24.0;

/// Where the tasks stand, right of the ways around them.
const COLUMN: f64 = 120.0;

/// Tasks up to which the picture stands open.
const OPEN_TASKS: usize = 24;

/// Letters of a title.
const LONGEST_TITLE: usize = 72;

/// Draws it; hosts that skip a task go around it.
pub(super) fn draw(page: &mut Markup, report: &ChangeReport, path: &[Leg<'_>]) {
    let nodes: Vec<Node<'_>> = nodes(report);
    let tasks = nodes.iter().filter(|node| node.task.is_some()).count();
    if tasks == 0 {
        return;
    }
    let ways = ways(report, &nodes);
    let most = ways.values().copied().max().unwrap_or(1);
    let critical: BTreeSet<usize> = path.iter().map(|leg| leg.task).collect();
    let height = at(nodes.len()) - STEP / 2.0;
    let open = if tasks <= OPEN_TASKS { " open" } else { "" };
    page.raw("<section id=\"graph\"><h2>Task graph</h2>\n");
    page.raw(&format!("<details{open}><summary>Which hosts went which way</summary>\n"));
    page.raw("<div class=\"scroll\"><svg class=\"graph\" role=\"img\" ");
    page.raw("aria-label=\"Tasks in order, and the hosts that go from one to the next\" ");
    page.raw("width=\"720\" height=\"").number(height).raw("\" viewBox=\"0 0 720 ");
    page.number(height).raw("\">\n");
    for ((from, to), count) in &ways {
        way(page, *from, *to, share(*count, most));
    }
    for (place, node) in nodes.iter().enumerate() {
        match node.task {
            Some((number, task)) => self::task(page, place, task, critical.contains(&number)),
            None => {
                let title: String = one_line(node.play).chars().take(LONGEST_TITLE).collect();
                page.raw("<text class=\"play\" x=\"").number(COLUMN + 16.0).raw("\" y=\"");
                page.number(at(place) + 4.0).raw("\">").text(&title).raw("</text>\n");
                page.raw("<rect class=\"play\" x=\"").number(COLUMN - 4.0).raw("\" y=\"");
                page.number(at(place) - 4.0).raw("\" width=\"8\" height=\"8\"/>\n");
            }
        }
    }
    page.raw("</svg></div></details>\n</section>\n");
}

/// A play's beginning, or a task with its number in the report.
struct Node<'a> {
    play: &'a str,
    task: Option<(usize, &'a TaskReport)>,
}

fn nodes(report: &ChangeReport) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    let mut number = 0;
    for play in &report.plays {
        nodes.push(Node { play: &play.name, task: None });
        for task in &play.tasks {
            nodes.push(Node { play: &play.name, task: Some((number, task)) });
            number += 1;
        }
    }
    nodes
}

/// How many hosts go from one node to another, by their places.
fn ways(report: &ChangeReport, nodes: &[Node<'_>]) -> BTreeMap<(usize, usize), usize> {
    let mut ways = BTreeMap::new();
    // where each host stands
    let mut standing: BTreeMap<&str, usize> = BTreeMap::new();
    let mut plays = report.plays.iter();
    for (place, node) in nodes.iter().enumerate() {
        let arriving: Vec<&str> = match node.task {
            None => {
                let hosts = plays.next().map(|play| play.hosts.iter().map(String::as_str));
                hosts.into_iter().flatten().collect()
            }
            Some((_, task)) => {
                let there = task.hosts.iter();
                let there = there.filter(|(_, told)| told.status != TaskStatus::Skipped);
                there.map(|(host, _)| host.as_str()).collect()
            }
        };
        for host in arriving {
            if let Some(from) = standing.insert(host, place) {
                *ways.entry((from, place)).or_insert(0) += 1;
            }
        }
    }
    ways
}

fn at(place: usize) -> f64 {
    f64::from(u32::try_from(place).unwrap_or(u32::MAX)) * STEP + STEP
}

fn share(count: usize, most: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(count) / number(most).max(1.0)
}

fn way(page: &mut Markup, from: usize, to: usize, share: f64) {
    page.raw("<path class=\"way\" stroke-width=\"").number(1.0 + share * 4.0).raw("\" d=\"M");
    page.number(COLUMN).raw(" ").number(at(from));
    if to == from + 1 {
        page.raw("V").number(at(to));
    } else {
        let over = f64::from(u32::try_from(to - from).unwrap_or(u32::MAX));
        let out = COLUMN - (16.0 + over * 7.0).min(COLUMN * 1.2);
        page.raw("C").number(out).raw(" ").number(at(from)).raw(" ").number(out).raw(" ");
        page.number(at(to)).raw(" ").number(COLUMN).raw(" ").number(at(to));
    }
    page.raw("\"/>\n");
}

fn task(page: &mut Markup, place: usize, task: &TaskReport, critical: bool) {
    let count = |status| task.hosts.values().filter(|host| host.status == status).count();
    let worst = TaskStatus::ALL.into_iter().find(|status| count(*status) > 0);
    let worst = worst.unwrap_or(TaskStatus::Skipped);
    let ring = if critical { " critical" } else { "" };
    page.raw(&format!("<circle class=\"{}{ring}\" cx=\"", worst.word())).number(COLUMN);
    page.raw("\" cy=\"").number(at(place)).raw("\" r=\"6\"/>\n<text x=\"");
    page.number(COLUMN + 16.0).raw("\" y=\"").number(at(place) + 4.0).raw("\">");
    let title = one_line(&task.title());
    let short: String = title.chars().take(LONGEST_TITLE).collect();
    page.text(&short);
    page.raw(if title.chars().count() > LONGEST_TITLE { "…" } else { "" });
    page.raw(if task.handler { " (handler)" } else { "" });
    let went = task.hosts.len() - count(TaskStatus::Skipped);
    page.raw(&format!(" <tspan class=\"quiet\">{went}</tspan></text>\n"));
}
