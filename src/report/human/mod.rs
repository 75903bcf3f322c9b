//! The report for people, on terminals and in pipes.
//!
//! While the run is on, results that matter are told line by line, or, with a live view, only
//! those that cannot wait. At the end stands the change report: per task each distinct diff once
//! with its hosts folded, then what failed and why, what is unknown, and the recap.

mod live;
mod result;
mod screen;
mod stream;
mod summary;

use std::io::{self, Write};

use live::LiveView;
use stream::Stream;

use super::Consumer;
use super::color::{Color, ColorChoice, Terminal};
use super::event::{Event, Level};
use super::gather::Gatherer;
use super::model::ChangeReport;
use super::text::clean;

/// How much is told, by the number of `-v`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Changed, failed, unreachable and unknown tasks; the rest is counted.
    #[default]
    Normal,
    /// `-v`: every result.
    Results,
    /// `-vv`: and where each task stands.
    Paths,
    /// `-vvv` and more: and effects with reasons and times.
    Effects,
}

impl From<u8> for Verbosity {
    fn from(count: u8) -> Self {
        match count {
            0 => Self::Normal,
            1 => Self::Results,
            2 => Self::Paths,
            _ => Self::Effects,
        }
    }
}

/// Whether the change report shows diffs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DiffOutput {
    /// Each distinct diff once.
    Shown,
    /// Only which task changed which host, and why.
    #[default]
    Hidden,
}

/// Whether there is a live view on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Live {
    /// A line per host in work, cleared at the end; asks for a terminal.
    On,
    /// Plain lines.
    #[default]
    Off,
}

/// Whether lines have the time before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// After RFC 3339 in UTC, to the second.
    On,
    /// Not.
    #[default]
    Off,
}

/// How the human report looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanOptions {
    /// How much is told.
    pub verbosity: Verbosity,
    /// Whether it is coloured.
    pub color: Color,
    /// Whether diffs are shown.
    pub diff: DiffOutput,
    /// Whether there is a live view.
    pub live: Live,
    /// Whether each line tells when it was told, while the run is on.
    pub timestamps: Timestamps,
    /// Width of the terminal, if the report goes to one.
    pub columns: Option<u16>,
    /// Lines of one diff that are shown; what is left out is counted.
    pub longest_diff: usize,
    /// Hosts up to which the recap has a line for each; more are folded where counts are equal.
    pub recap_hosts: usize,
}

impl Default for HumanOptions {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Normal,
            color: Color::Off,
            diff: DiffOutput::Hidden,
            live: Live::Off,
            timestamps: Timestamps::Off,
            columns: None,
            longest_diff: 2000,
            recap_hosts: 20,
        }
    }
}

impl HumanOptions {
    /// For standard output and error as they are: a live view only when both are terminals.
    pub fn detect(color: ColorChoice) -> Self {
        let (out, talk) = (console::Term::stdout(), console::Term::stderr());
        let terminal = if out.is_term() { Terminal::Yes } else { Terminal::No };
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self {
            color: color.decide(terminal),
            live: if out.is_term() && talk.is_term() && !dumb { Live::On } else { Live::Off },
            columns: out.size_checked().map(|(_, columns)| columns),
            ..Self::default()
        }
    }
}

/// Writes the report for people.
pub struct HumanReport<O, T> {
    out: O,
    talk: T,
    options: HumanOptions,
    gatherer: Gatherer,
    stream: Stream,
    live: Option<LiveView>,
}

impl<O: Write + Send, T: Write + Send> HumanReport<O, T> {
    /// The report goes to `out` (standard output), warnings go to `talk` (standard error); a live
    /// view is always on standard error.
    pub fn new(out: O, talk: T, options: HumanOptions) -> Self {
        let live = (options.live == Live::On).then(|| LiveView::stderr(options.color));
        let stream = Stream::new(options.clone());
        Self { out, talk, options, gatherer: Gatherer::new(), stream, live }
    }

    /// The change report so far.
    pub fn report(&self) -> ChangeReport {
        self.gatherer.report()
    }

    /// Writes lines without disturbing the live view.
    fn write(&mut self, lines: &str, notices: &str) -> io::Result<()> {
        if lines.is_empty() && notices.is_empty() {
            return Ok(());
        }
        let Self { out, talk, live, .. } = self;
        let mut write = || {
            out.write_all(lines.as_bytes())?;
            out.flush()?;
            talk.write_all(notices.as_bytes())?;
            talk.flush()
        };
        match live {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }
}

impl<O: Write + Send, T: Write + Send> Consumer for HumanReport<O, T> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let known = self.gatherer.notices();
        self.gatherer.event(event);
        let repeated = known == self.gatherer.notices();
        if let Some(live) = &self.live {
            live.event(event);
        }
        let notice = match event {
            Event::Notice { level, .. } if repeated && *level != Level::Trace => String::new(),
            Event::Notice { level: Level::Debug, .. }
                if self.options.verbosity < Verbosity::Results =>
            {
                String::new()
            }
            Event::Notice { level: Level::Trace, .. }
                if self.options.verbosity < Verbosity::Effects =>
            {
                String::new()
            }
            Event::Notice { level, text, place, host, .. } => {
                notice(*level, text, place.as_ref(), host.as_deref(), self.options.color)
            }
            Event::Interrupted => "interrupted: what is in work is being ended\n".to_owned(),
            _ => String::new(),
        };
        if matches!(event, Event::Waiting { .. }) && self.live.is_some() {
            // whoever is asked may be looking elsewhere
            self.talk.write_all(b"\x07")?;
            self.talk.flush()?;
        }
        let lines = self.stream.event(event);
        match self.options.timestamps {
            Timestamps::On => self.write(&stamped(&lines), &stamped(&notice)),
            Timestamps::Off => self.write(&lines, &notice),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(live) = self.live.take() {
            live.finish();
        }
        let mut text = self.stream.finish();
        if !self.gatherer.has_begun() {
            return self.write(&text, "");
        }
        text.push_str(&summary::draw(&self.gatherer.report(), &self.options));
        self.write(&text, "")
    }
}

/// Lines with the time before them.
fn stamped(lines: &str) -> String {
    let now = super::moment::rfc3339(std::time::SystemTime::now());
    let now = format!("{}Z", now.get(..19).unwrap_or_default());
    let stamp = |line: &str| match line.trim().is_empty() {
        true => line.to_owned(),
        false => format!("{now} {line}"),
    };
    lines.split_inclusive('\n').map(stamp).collect()
}

/// A change report as text, as it stands at the end of its run.
pub fn summary(report: &ChangeReport, options: &HumanOptions) -> String {
    summary::draw(report, options)
}

fn notice(
    level: Level,
    text: &str,
    place: Option<&crate::source::Place>,
    host: Option<&str>,
    color: Color,
) -> String {
    use super::color::Paint;
    let (word, paint) = match level {
        Level::Trace | Level::Debug => ("[DEBUG]", Paint::Faint),
        Level::Info => ("[INFO]", Paint::Heading),
        Level::Warning => ("[WARNING]", Paint::Warning),
        Level::Deprecation => ("[DEPRECATION WARNING]", Paint::Warning),
    };
    let host = host.map(|host| format!(" [{}]", clean(host))).unwrap_or_default();
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    let text = format!("{word}:{host} {}{place}", clean(text.trim_end()));
    color.paint(paint, &text) + "\n"
}

#[cfg(test)]
pub(crate) mod tests;
