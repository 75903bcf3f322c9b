//! `ansible.posix.profile_tasks`: when each task began, and which took longest.

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use crate::report::Consumer;
use crate::report::event::{Event, TaskHead};
use crate::report::human::Verbosity;
use crate::report::recap::banner;
use crate::report::text::clean;

use super::clock;

/// Columns of lines that are filled up.
const WIDTH: usize = 79;

/// What is told.
#[derive(Debug, Clone, Copy)]
pub struct ProfileOptions {
    /// Which tasks come first in the summary.
    pub sort: SortOrder,
    /// How many are named there; none is all.
    pub limit: Option<usize>,
    /// Whether only the summary is told.
    pub summary_only: bool,
    /// The width of the terminal, if it is one.
    pub columns: Option<u16>,
    /// From `-vv` on the summary has paths.
    pub verbosity: Verbosity,
}

/// Which tasks come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// Those that took longest.
    Descending,
    /// Those that were done first in time.
    Ascending,
    /// Those that began first.
    None,
}

/// Tells when tasks began, and how long they took.
pub struct ProfileTasks<O> {
    out: O,
    options: ProfileOptions,
    began: Instant,
    last: Instant,
    tasks: Vec<Task>,
    current: Option<(usize, Instant)>,
}

struct Task {
    head: TaskHead,
    elapsed: Duration,
}

impl<O: Write + Send> ProfileTasks<O> {
    /// Time begins now.
    pub fn new(out: O, options: ProfileOptions) -> Self {
        let now = Instant::now();
        Self { out, options, began: now, last: now, tasks: Vec::new(), current: None }
    }

    /// A line that says what time it is, how long it is since the line before, and since the
    /// beginning.
    fn line(&mut self) -> String {
        let since = clock::span(self.last.elapsed());
        let total = clock::span(self.began.elapsed());
        self.last = Instant::now();
        let told = format!("{} ({since})       {total}", clock::local(SystemTime::now()));
        filled(&told, '*')
    }

    fn over(&mut self) {
        if let Some((task, began)) = self.current.take()
            && let Some(task) = self.tasks.get_mut(task)
        {
            task.elapsed += began.elapsed();
        }
    }

    fn summary(&mut self) -> io::Result<()> {
        self.over();
        writeln!(self.out, "\n{}", banner("TASKS RECAP", self.options.columns))?;
        let line = self.line();
        writeln!(self.out, "{line}\n{}", filled("", '='))?;
        match self.options.sort {
            SortOrder::Descending => self.tasks.sort_by_key(|task| std::cmp::Reverse(task.elapsed)),
            SortOrder::Ascending => self.tasks.sort_by_key(|task| task.elapsed),
            SortOrder::None => {}
        }
        let columns =
            self.options.columns.map_or(WIDTH, |columns| usize::from(columns).max(20) - 1);
        let limit = self.options.limit.unwrap_or(usize::MAX);
        for task in self.tasks.iter().take(limit) {
            let name = match &task.head.role {
                Some(role) => format!("{role} : {} ", task.head.name),
                None => format!("{} ", task.head.name),
            };
            let seconds = format!(" {:.02}s", task.elapsed.as_secs_f64());
            writeln!(self.out, "{:-<width$}{seconds:->9}", clean(&name), width = columns - 9)?;
            if self.options.verbosity >= Verbosity::Effects {
                let place = &task.head.place;
                let file = crate::report::default::absolute(&place.file);
                let path = format!("{}:{} ", file.display(), place.line);
                writeln!(self.out, "{path:-<columns$}")?;
            }
        }
        self.out.flush()
    }
}

/// A line filled up to its width.
fn filled(text: &str, with: char) -> String {
    let text = if text.is_empty() { String::new() } else { format!("{text} ") };
    let rest = WIDTH.saturating_sub(text.chars().count()).max(3);
    format!("{text}{} ", with.to_string().repeat(rest))
}

impl<O: Write + Send> Consumer for ProfileTasks<O> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::TaskStarted { task } => {
                if !self.options.summary_only {
                    let line = self.line();
                    writeln!(self.out, "{line}")?;
                    self.out.flush()?;
                }
                self.over();
                let same =
                    |known: &Task| known.head.place == task.place && known.head.play == task.play;
                let index = self.tasks.iter().position(same).unwrap_or_else(|| {
                    self.tasks.push(Task { head: task.clone(), elapsed: Duration::ZERO });
                    self.tasks.len() - 1
                });
                self.current = Some((index, Instant::now()));
                Ok(())
            }
            Event::RunFinished { .. } => self.summary(),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
