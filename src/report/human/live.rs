//! The live view: a line per host in work, cleared at the end.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::{Term, measure_text_width, truncate_str};
use indexmap::IndexMap;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::{Screen, Size};
use crate::report::color::{Color, Paint};
use crate::report::event::{Event, Status};
use crate::report::text::one_line;

/// Time between two drawings.
const TICK: Duration = Duration::from_millis(120);

/// Drawings a second at most.
const DRAWINGS: u8 = 20;

/// Most lines of hosts.
const MOST_HOSTS: usize = 12;

/// Longest line, so that growing and shrinking a wide terminal seldom breaks one.
const LONGEST_LINE: usize = 100;

/// Narrower terminals show only the head line.
const NARROW: usize = 30;

/// Pictures of the spinner.
const SPINNER: [char; 4] = ['|', '/', '-', '\\'];

pub(super) struct LiveView {
    bar: ProgressBar,
    state: Arc<Mutex<State>>,
    stop: Sender<()>,
    ticker: Option<JoinHandle<()>>,
}

impl LiveView {
    /// On standard error; draws nothing where that is no terminal.
    pub(super) fn stderr(color: Color) -> Self {
        let term = Term::stderr();
        if !term.is_term() {
            return Self::on(ProgressDrawTarget::hidden(), Box::new(|| None), color);
        }
        let screen = Screen::new(Box::new(io::stderr()), size_of(&term));
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen), DRAWINGS);
        Self::on(target, size_of(&term), color)
    }

    /// On any target.
    fn on(target: ProgressDrawTarget, size: Size, color: Color) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let state = Arc::new(Mutex::new(State::new(color)));
        let (stop, stopped) = mpsc::channel();
        let (shared, drawn) = (Arc::clone(&state), bar.clone());
        let ticker = std::thread::Builder::new().name("live view".to_owned()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let (rows, columns) = size().unwrap_or((24, 80));
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                if state.waiting {
                    continue;
                }
                let text = state.draw(usize::from(rows), usize::from(columns), Instant::now());
                drawn.set_message(text);
            }
        });
        // without a thread there is no live view, and the report comes all the same
        Self { bar, state, stop, ticker: ticker.ok() }
    }

    pub(super) fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.event(event, Instant::now());
        if matches!(event, Event::Waiting { .. }) {
            // whoever is asked has the screen alone; drawn while the ticker is held
            self.bar.set_message("");
            self.bar.tick();
        }
    }

    /// Does something while nothing of the view is on the screen.
    pub(super) fn suspend<R>(&self, action: impl FnOnce() -> R) -> R {
        self.bar.suspend(action)
    }

    /// Clears the view.
    pub(super) fn finish(self) {
        drop(self);
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        // a ticker that is gone needs no word to stop
        let _ = self.stop.send(());
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
        self.bar.finish_and_clear();
    }
}

fn size_of(term: &Term) -> Size {
    let term = term.clone();
    Box::new(move || term.size_checked())
}

/// What is in work.
struct State {
    color: Color,
    began: Instant,
    frame: usize,
    play: String,
    hosts: usize,
    tasks: HashMap<usize, String>,
    newest: String,
    /// Whether someone is being asked.
    waiting: bool,
    counts: Counts,
    working: IndexMap<String, Working>,
}

#[derive(Default)]
struct Counts {
    changed: usize,
    failed: usize,
    unreachable: usize,
}

struct Working {
    task: usize,
    since: Instant,
    note: String,
    items: usize,
}

impl State {
    fn new(color: Color) -> Self {
        Self {
            color,
            began: Instant::now(),
            frame: 0,
            play: String::new(),
            hosts: 0,
            tasks: HashMap::new(),
            newest: String::new(),
            waiting: false,
            counts: Counts::default(),
            working: IndexMap::new(),
        }
    }

    fn event(&mut self, event: &Event, now: Instant) {
        // a notice may come while someone is asked
        if !matches!(event, Event::Notice { .. }) {
            self.waiting = matches!(event, Event::Waiting { .. });
        }
        match event {
            Event::RunStarted { .. } => self.began = now,
            Event::PlayStarted { name, hosts, .. } => {
                self.play = one_line(name);
                self.hosts = hosts.len();
            }
            Event::TaskStarted { task } => {
                let name = one_line(&task.name);
                self.newest.clone_from(&name);
                self.tasks.insert(task.id, name);
            }
            Event::HostStarted { task, host, .. } => {
                let working = Working { task: *task, since: now, note: String::new(), items: 0 };
                self.working.insert(host.clone(), working);
            }
            Event::ItemFinished { host, .. } => {
                if let Some(working) = self.working.get_mut(host) {
                    working.items += 1;
                    working.note = format!("{} items done", working.items);
                }
            }
            Event::Output { host, lines, .. } => {
                let last = lines.iter().rev().find(|line| !line.trim().is_empty());
                if let (Some(working), Some(last)) = (self.working.get_mut(host), last) {
                    working.note = one_line(last.trim());
                }
            }
            Event::Retrying { host, left, .. } => {
                if let Some(working) = self.working.get_mut(host) {
                    working.note = format!("{left} tries left");
                }
            }
            Event::HostFinished { host, outcome, .. } => {
                self.working.shift_remove(host);
                match outcome.status {
                    Status::Changed => self.counts.changed += 1,
                    Status::Failed if !outcome.ignored => self.counts.failed += 1,
                    Status::Unreachable if !outcome.ignored => self.counts.unreachable += 1,
                    _ => {}
                }
            }
            Event::Included { hosts, .. } => {
                for host in hosts {
                    self.working.shift_remove(host);
                }
            }
            Event::Interrupted => "interrupted".clone_into(&mut self.play),
            Event::NoHosts { .. }
            | Event::Rescued { .. }
            | Event::Polled { .. }
            | Event::Waiting { .. }
            | Event::CustomStats { .. }
            | Event::NoHostsLeft
            | Event::Notice { .. }
            | Event::RunFinished { .. } => {}
        }
    }

    /// The view for a terminal of this size: no line reaches its last column.
    fn draw(&mut self, rows: usize, columns: usize, now: Instant) -> String {
        self.frame = self.frame.wrapping_add(1);
        let width = columns.saturating_sub(1).min(LONGEST_LINE);
        if width == 0 {
            return String::new();
        }
        let spinner = SPINNER.get(self.frame % SPINNER.len()).copied().unwrap_or('|');
        let mut head = format!(
            "{spinner} {} {}: {}",
            clock(now.saturating_duration_since(self.began)),
            self.play,
            self.newest
        );
        let counts = [
            ("changed", self.counts.changed),
            ("failed", self.counts.failed),
            ("unreachable", self.counts.unreachable),
        ];
        for (word, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            let _ = write!(head, ", {count} {word}");
        }
        let head = truncate_str(&head, width, "…");
        let mut lines = vec![self.color.paint(Paint::Heading, &head)];
        // half of the terminal: what stands above stays in sight, and lines that wrap when it gets
        // narrower are still within reach to be erased
        let room = (rows / 2).saturating_sub(1).min(MOST_HOSTS);
        if width >= NARROW && room > 0 {
            lines.extend(self.host_lines(room, width, now));
        }
        lines.join("\n")
    }

    fn host_lines(&self, room: usize, width: usize, now: Instant) -> Vec<String> {
        let all = self.working.len();
        // the last line is the count when more than fit
        let shown = if all > room { room.saturating_sub(1) } else { all };
        let named: Vec<(String, &Working)> = self
            .working
            .iter()
            .take(shown)
            .map(|(host, working)| (one_line(host), working))
            .collect();
        let column = named.iter().map(|(host, _)| measure_text_width(host)).max().unwrap_or(0);
        let column = column.min(width / 3);
        let mut lines: Vec<String> = named
            .iter()
            .map(|(host, working)| {
                let task = self.tasks.get(&working.task).map_or("", String::as_str);
                let host = console::pad_str(host, column, console::Alignment::Left, Some("…"));
                let time = clock(now.saturating_duration_since(working.since));
                let note = match working.note.as_str() {
                    "" => String::new(),
                    note => format!(" ({note})"),
                };
                truncate_str(&format!("  {host} {time} {task}{note}"), width, "…").into_owned()
            })
            .collect();
        if all > shown {
            let more = format!("  and {} more hosts of {}", all - shown, self.hosts.max(all));
            lines.push(truncate_str(&more, width, "…").into_owned());
        }
        lines
    }
}

/// Elapsed time: `3s`, `2m05s`, `1h02m`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn busy(hosts: usize) -> State {
        let mut state = State::new(Color::Off);
        let began = state.began;
        for number in 0..hosts {
            let host = format!("a-host-with-a-long-name-{number:03}\u{1b}[2J");
            state.event(&Event::HostStarted { at: SystemTime::now(), task: 0, host }, began);
        }
        state.tasks.insert(0, "install 包 packages".to_owned());
        state.hosts = hosts;
        state
    }

    #[test]
    fn fits_every_terminal() {
        for hosts in [0, 1, 5, 200] {
            for (rows, columns) in
                [(0, 0), (1, 1), (2, 5), (24, 10), (24, 29), (24, 40), (5, 80), (50, 200)]
            {
                let mut state = busy(hosts);
                let now = state.began + Duration::from_secs(75);
                let text = state.draw(rows, columns, now);
                assert!(text.lines().count() <= rows.max(1), "{hosts} {rows}x{columns}: {text}");
                for line in text.lines() {
                    assert!(measure_text_width(line) < columns.max(1), "{columns}: {line:?}");
                }
                assert!(!text.contains('\u{1b}'), "{text:?}");
            }
        }
    }

    #[test]
    fn counts_the_hosts_that_do_not_fit() {
        let mut state = busy(200);
        let now = state.began + Duration::from_secs(75);
        let text = state.draw(10, 80, now);
        assert_eq!(text.lines().count(), 5, "{text}");
        assert_eq!(text.lines().last(), Some("  and 197 more hosts of 200"));
        assert_eq!(
            text.lines().nth(1),
            Some("  a-host-with-a-long-name-0… 1m15s install 包 packages")
        );
    }

    #[test]
    fn leaves_the_screen_to_whoever_is_asked() {
        let mut state = busy(1);
        let now = state.began;
        state.event(&Event::Waiting { mark: 1 }, now);
        let (level, text) = (crate::report::event::Level::Info, "typed".to_owned());
        let notice = Event::Notice { level, text, place: None, host: None, marked: false };
        state.event(&notice, now);
        assert!(state.waiting);
        state.event(&Event::NoHostsLeft, now);
        assert!(!state.waiting);
    }

    #[test]
    fn forgets_hosts_that_are_done() {
        let mut state = busy(1);
        let host = state.working.keys().next().cloned().unwrap();
        let outcome = Box::new(crate::report::human::tests::outcome(Status::Changed));
        state.event(&Event::HostFinished { task: 0, host, outcome }, Instant::now());
        let began = state.began;
        assert_eq!(state.draw(24, 80, began).lines().count(), 1);
    }

    #[test]
    fn words_time() {
        let cases = [(0, "0s"), (59, "59s"), (125, "2m05s"), (3725, "1h02m")];
        for (seconds, text) in cases {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }
}
