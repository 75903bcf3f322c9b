//! The recap in Ansible's form, a line a host.

use std::collections::BTreeMap;

use super::color::{Color, Paint};
use super::event::{Recap, RunMode};
use super::hosts::fold;
use super::text::clean;

/// Width of the column of host names.
const HOST_WIDTH: usize = 26;

/// Whether hosts with the same counts share a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecapLines {
    /// A line a host.
    PerHost,
    /// A line for all hosts with the same counts.
    Folded,
}

/// The lines of the recap, without its header.
pub(super) fn draw(
    recap: &BTreeMap<String, Recap>,
    mode: RunMode,
    color: Color,
    lines: RecapLines,
) -> String {
    let mut rows: Vec<(Recap, Vec<&str>)> = Vec::new();
    for (host, counts) in recap {
        match rows.iter_mut().find(|(known, _)| known == counts) {
            Some((_, hosts)) if lines == RecapLines::Folded => hosts.push(host),
            _ => rows.push((*counts, vec![host])),
        }
    }
    rows.iter().map(|(counts, hosts)| line(&clean(&fold(hosts)), counts, mode, color)).collect()
}

fn line(hosts: &str, recap: &Recap, mode: RunMode, color: Color) -> String {
    let paint = match recap {
        Recap { failed: 0, unreachable: 0, changed: 0, .. } => Paint::Ok,
        Recap { failed: 0, unreachable: 0, .. } => Paint::Changed,
        _ => Paint::Failed,
    };
    let padding = HOST_WIDTH.saturating_sub(hosts.chars().count());
    let mut text = format!("{}{:padding$} :", color.paint(paint, hosts), "");
    let unknown = (mode == RunMode::Rehearsal && recap.unknown > 0).then_some((
        "unknown",
        recap.unknown,
        Paint::Unknown,
    ));
    let counts = [
        ("ok", recap.ok, Paint::Ok),
        ("changed", recap.changed, Paint::Changed),
        ("unreachable", recap.unreachable, Paint::Unreachable),
        ("failed", recap.failed, Paint::Failed),
        ("skipped", recap.skipped, Paint::Skipped),
        ("rescued", recap.rescued, Paint::Ok),
        ("ignored", recap.ignored, Paint::Warning),
    ];
    for (word, count, paint) in counts.into_iter().chain(unknown) {
        let field = format!("{word}={count:<4}");
        text.push(' ');
        text.push_str(&if count == 0 { field } else { color.paint(paint, &field) });
    }
    text.push('\n');
    text
}

/// A title and stars that fill the line: 80 characters, or the terminal's width where it is wider.
pub(super) fn banner(title: &str, columns: Option<u16>) -> String {
    let width = columns.map_or(79, |columns| usize::from(columns).saturating_sub(1)).max(79);
    let stars = width.saturating_sub(console::measure_text_width(title)).max(3);
    format!("{title} {}", "*".repeat(stars))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_ansibles_columns() {
        let recap = BTreeMap::from([
            ("web1".to_owned(), Recap { ok: 3, changed: 1, ..Recap::default() }),
            ("web2".to_owned(), Recap { ok: 3, changed: 1, ..Recap::default() }),
            ("db".to_owned(), Recap { ok: 12345, unknown: 2, failed: 1, ..Recap::default() }),
        ]);
        assert_eq!(
            draw(&recap, RunMode::Apply, Color::Off, RecapLines::PerHost),
            "db                         : ok=12345 changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0   \n\
             web1                       : ok=3    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   \n\
             web2                       : ok=3    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   \n"
        );
        assert_eq!(
            draw(&recap, RunMode::Rehearsal, Color::Off, RecapLines::Folded),
            "db                         : ok=12345 changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0    unknown=2   \n\
             web[1-2]                   : ok=3    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   \n"
        );
    }

    #[test]
    fn keeps_the_columns_in_colour() {
        let recap = BTreeMap::from([("h".to_owned(), Recap { ok: 1, ..Recap::default() })]);
        let colored = draw(&recap, RunMode::Apply, Color::On, RecapLines::PerHost);
        let plain = draw(&recap, RunMode::Apply, Color::Off, RecapLines::PerHost);
        assert!(colored.starts_with("\x1b[0;32mh\x1b[0m "), "{colored:?}");
        assert_eq!(console::strip_ansi_codes(&colored), plain);
    }

    #[test]
    fn fills_the_line_with_stars() {
        assert_eq!(banner("PLAY RECAP", None).len(), 80);
        assert_eq!(banner("PLAY RECAP", Some(40)).len(), 80);
        assert_eq!(banner("PLAY RECAP", Some(120)).len(), 120);
        assert!(banner(&"x".repeat(200), None).ends_with("x ***"));
    }
}
