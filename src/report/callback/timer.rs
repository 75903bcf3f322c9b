//! `ansible.posix.timer`: how long the run took.

use std::io::{self, Write};
use std::time::Instant;

use crate::report::Consumer;
use crate::report::event::Event;
use crate::report::recap::banner;

/// Says at the end how long the run took.
pub struct Timer<O> {
    out: O,
    columns: Option<u16>,
    started: Instant,
}

impl<O: Write + Send> Timer<O> {
    /// Time begins now; the width of the terminal, if it is one.
    pub fn new(out: O, columns: Option<u16>) -> Self {
        Self { out, columns, started: Instant::now() }
    }
}

impl<O: Write + Send> Consumer for Timer<O> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Event::RunFinished { .. } = event else { return Ok(()) };
        let seconds = self.started.elapsed().as_secs();
        let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
        writeln!(self.out, "\n{}", banner("PLAYBOOK RECAP", self.columns))?;
        writeln!(
            self.out,
            "Playbook run took {days} days, {hours} hours, {} minutes, {} seconds\n\r",
            seconds / 60 % 60,
            seconds % 60
        )
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
