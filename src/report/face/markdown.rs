//! The report as Markdown, for a comment on a pull request or the summary of a CI job.
//!
//! It never grows beyond what such a place takes: first diffs are cut, then left out, and it says
//! what is missing. Whatever came from hosts or playbooks stands in code, so that no name becomes
//! a link, an image, HTML or a mention.

use std::fmt::Write as _;

use super::short_hosts;
use crate::report::entries::{
    self, Changed, Digest, OWN_NAME_SAYS, circumstances, counted, last_lines,
};
use crate::report::event::{Level, RunMode};
use crate::report::model::{ChangeReport, Failure, TaskReport, TaskStatus};
use crate::report::moment;
use crate::report::text::{clean, one_line, visible};

/// Characters that it has at most: comments on GitHub take 65,536.
pub const LONGEST: usize = 60_000;

/// Kept back for what stands at the end.
const END: usize = 6_000;

/// Characters of one diff.
const LONGEST_DIFF: usize = 12_000;

/// Lines up to which a diff is not folded.
const OPEN_LINES: usize = 12;

/// Groups of hosts that are named.
const NAMED_GROUPS: usize = 8;

/// Lines of the recap.
const RECAP_LINES: usize = 30;

/// Last lines of the output of a failed command.
const TOLD_OUTPUT: usize = 20;

/// Draws it.
pub(super) fn draw(report: &ChangeReport) -> String {
    let digest = Digest::of(report);
    let mut page = Page::default();
    page.text.push_str(&head(report, &digest));
    failures(report, &mut page);
    changes(report, &mut page);
    unknown(report, &mut page);
    page.text.push_str(&notices(report));
    page.text.push_str(&recap(report));
    if let Some(cut) = page.told_cuts() {
        let _ = write!(page.text, "\n> **Cut:** {cut} The whole is in `--report FILE.html`.\n");
    }
    page.text
}

/// The text so far and what did not fit.
#[derive(Default)]
struct Page {
    text: String,
    left_out: usize,
    cut: usize,
}

impl Page {
    fn room(&self) -> usize {
        (LONGEST - END).saturating_sub(self.text.chars().count())
    }

    /// Adds a block if it fits.
    fn add(&mut self, block: &str) {
        if block.chars().count() <= self.room() {
            self.text.push_str(block);
        } else {
            self.left_out += 1;
        }
    }

    fn told_cuts(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.left_out > 0 {
            let are = if self.left_out == 1 { "is" } else { "are" };
            parts.push(format!(
                "{} {are} not shown, because this text ends at {LONGEST} characters.",
                counted(self.left_out, "entry").replace("entrys", "entries")
            ));
        }
        if self.cut > 0 {
            parts.push(format!("{} shortened.", counted(self.cut, "diff")));
        }
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

fn head(report: &ChangeReport, digest: &Digest) -> String {
    let sign = match (digest.is_well(), report.exit_code) {
        (true, Some(0)) => "✅",
        (true, _) => "⚠️",
        (false, _) => "❌",
    };
    let mode = match report.mode {
        RunMode::Apply => "Run",
        RunMode::Rehearsal => "Dry run",
    };
    let playbooks: Vec<String> = report.playbooks.iter().map(|name| code(name)).collect();
    let mut text = format!("### {sign} {mode} of {}\n\n", playbooks.join(", "));
    let _ = write!(text, "**{}.**", digest.verdict(report));
    let _ = write!(text, " {}, {}", counted(digest.tasks, "task"), counted(digest.hosts, "host"));
    if let Some(seconds) = digest.seconds {
        let _ = write!(text, ", {}", moment::words(seconds));
    }
    if let Some(started) = &report.started {
        let _ = write!(text, ", {}", started.get(..16).unwrap_or(started).replace('T', " "));
        text.push_str(" UTC");
    }
    text.push_str(".\n");
    text
}

fn failures(report: &ChangeReport, page: &mut Page) {
    let mut headed = false;
    for status in [TaskStatus::Unreachable, TaskStatus::Failed] {
        for task in report.tasks() {
            for failure in task.failures.iter().filter(|failure| failure.status == status) {
                if !headed {
                    page.text.push_str("\n#### Failed and unreachable\n");
                    headed = true;
                }
                page.add(&failed(task, failure));
            }
        }
    }
}

fn failed(task: &TaskReport, failure: &Failure) -> String {
    let word = failure.status.word();
    let mut text = format!("\n**{word}:** {} · {}", named(&failure.hosts), title(task));
    let circumstances = circumstances(failure);
    if !circumstances.is_empty() {
        let _ = write!(text, " {}", code(circumstances.trim()));
    }
    let reason = clean(failure.cause.reason.trim());
    let _ = write!(text, "\n\n{}", fenced(&reason, ""));
    if let Some((name, output)) = entries::output(failure) {
        let (told, left) = last_lines(output, TOLD_OUTPUT);
        let note = match left {
            0 => String::new(),
            left => format!(", the last {TOLD_OUTPUT} of {} lines", left + TOLD_OUTPUT),
        };
        text.push_str(&folded(&format!("<code>{name}</code>{note}"), &fenced(&told, "")));
    }
    text
}

fn changes(report: &ChangeReport, page: &mut Page) {
    let title = match report.mode {
        RunMode::Apply => "\n#### Changed\n",
        RunMode::Rehearsal => "\n#### Would change\n",
    };
    let mut headed = false;
    for task in report.tasks() {
        for change in entries::changed(task) {
            if !headed {
                page.text.push_str(title);
                headed = true;
            }
            let (block, cuts) = changed(task, &change);
            let before = page.left_out;
            page.add(&block);
            if page.left_out == before {
                page.cut += cuts;
            }
        }
    }
}

fn changed(task: &TaskReport, change: &Changed<'_>) -> (String, usize) {
    let mut text = format!("\n{} · {}", title(task), named(&change.hosts));
    if change.ended_badly {
        text.push_str(" (and did not end well)");
    }
    if change.own_names {
        let _ = write!(text, " ({OWN_NAME_SAYS})");
    }
    text.push('\n');
    for reason in &change.reasons {
        let _ = writeln!(text, "- {}", code(reason));
    }
    let mut cuts = 0;
    for diff in &change.diffs {
        let (shown, cut) = cut_diff(diff);
        cuts += usize::from(cut > 0);
        let (added, removed) = lines_of(diff);
        let mut block = fenced(&shown, "diff");
        if cut > 0 {
            let _ = writeln!(block, "{} of this diff cut here", counted(cut, "more line"));
        }
        text.push('\n');
        if shown.lines().count() <= OPEN_LINES {
            text.push_str(&block);
        } else {
            let path = escaped(subject(diff));
            let summary = format!("<code>{path}</code> +{added} −{removed}");
            text.push_str(&folded(&summary, &block));
        }
    }
    (text, cuts)
}

/// What a diff is about: the header of its new side.
fn subject(diff: &str) -> &str {
    let header = diff.lines().find_map(|line| line.strip_prefix("+++ "));
    let header = header.unwrap_or("diff");
    header.strip_prefix("after: ").unwrap_or(header)
}

/// How many lines are added and removed.
fn lines_of(diff: &str) -> (usize, usize) {
    let count = |sign: char, header: &str| {
        diff.lines().filter(|line| line.starts_with(sign) && !line.starts_with(header)).count()
    };
    (count('+', "+++ "), count('-', "--- "))
}

/// The first lines of a diff, and how many are left.
fn cut_diff(diff: &str) -> (String, usize) {
    let diff = visible(diff.trim_end());
    let mut shown = String::new();
    let mut length = 0;
    for (number, line) in diff.lines().enumerate() {
        length += line.chars().count() + 1;
        if length > LONGEST_DIFF {
            let left = diff.lines().count() - number;
            if number == 0 {
                shown = line.chars().take(LONGEST_DIFF).collect();
            }
            return (shown, left);
        }
        shown.push_str(line);
        shown.push('\n');
    }
    (shown, 0)
}

fn unknown(report: &ChangeReport, page: &mut Page) {
    let mut headed = false;
    for task in report.tasks() {
        for unknown in &task.unknown {
            if !headed {
                page.text.push_str("\n#### Unknown before it is done\n\n");
                headed = true;
            }
            let reason = code(&one_line(&unknown.reason));
            page.add(&format!("- {} · {}: {reason}\n", title(task), named(&unknown.hosts)));
        }
    }
}

fn notices(report: &ChangeReport) -> String {
    let told: Vec<_> =
        report.notices.iter().filter(|notice| notice.level >= Level::Warning).collect();
    if told.is_empty() {
        return String::new();
    }
    let mut lines = String::new();
    for notice in told.iter().take(10) {
        let text: String = one_line(&notice.text).chars().take(200).collect();
        let _ = writeln!(lines, "- {}", code(&text));
    }
    if told.len() > 10 {
        let _ = writeln!(lines, "- and {} more", told.len() - 10);
    }
    "\n".to_owned() + &folded(&counted(told.len(), "warning"), &lines)
}

fn recap(report: &ChangeReport) -> String {
    let mut rows: Vec<(_, Vec<&str>)> = Vec::new();
    for (host, counts) in &report.recap {
        match rows.iter_mut().find(|(known, _)| *known == counts) {
            Some((_, hosts)) => hosts.push(host),
            None => rows.push((counts, vec![host])),
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut table = "| Hosts | ok | changed | unreachable | failed | skipped | rescued | ignored \
                     | unknown |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for (counts, hosts) in rows.iter().take(RECAP_LINES) {
        let _ = write!(table, "| {} ", named(hosts).replace('|', "\\|"));
        for count in [
            counts.ok,
            counts.changed,
            counts.unreachable,
            counts.failed,
            counts.skipped,
            counts.rescued,
            counts.ignored,
            counts.unknown,
        ] {
            let _ = write!(table, "| {count} ");
        }
        table.push_str("|\n");
    }
    if rows.len() > RECAP_LINES {
        let _ = write!(table, "\nand {} more kinds of hosts\n", rows.len() - RECAP_LINES);
    }
    "\n".to_owned() + &folded("Recap", &table)
}

fn title(task: &TaskReport) -> String {
    let name = short(&one_line(&task.title()), 120);
    let place = short(&task.place.to_string(), 120);
    format!("**{}** <sub>{}</sub>", code(&name), escaped(&place))
}

fn named<H: AsRef<str>>(hosts: &[H]) -> String {
    let (text, left) = short_hosts(hosts, NAMED_GROUPS);
    let text = code(&short(&one_line(&text), 400));
    match left {
        0 => text,
        left => format!("{text} and {left} more of {}", counted(hosts.len(), "host")),
    }
}

fn short(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most).collect::<String>() + "…",
        false => text.to_owned(),
    }
}

/// One line of text in code, whatever backticks it has.
fn code(text: &str) -> String {
    let text = visible(text).replace('\n', " ");
    let ticks = "`".repeat(longest_run(&text) + 1);
    match text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() {
        true => format!("{ticks} {text} {ticks}"),
        false => format!("{ticks}{text}{ticks}"),
    }
}

/// A block of code that no text can leave.
fn fenced(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn folded(summary: &str, block: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{block}\n</details>\n")
}

fn escaped(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // what Markdown would take for its own, and mentions
            '@' | '*' | '_' | '`' | '[' | ']' | '!' | '#' | '|' | '\\' | '~' | ':' => {
                let _ = write!(out, "&#{};", u32::from(letter));
            }
            '\n' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
