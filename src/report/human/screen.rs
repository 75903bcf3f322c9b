//! The lines of the live view on a terminal that may change its size at any time.
//!
//! indicatif fills lines up to the right edge and counts on that they stay there; after a resize
//! they wrap and ghosts remain. This target never writes into the last column, ends lines by line
//! feeds, and when it erases them reckons how the terminal has wrapped them meanwhile.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use console::measure_text_width;
use indicatif::TermLike;

/// Rows and columns of a terminal.
pub(super) type Size = Box<dyn Fn() -> Option<(u16, u16)> + Send + Sync>;

/// A terminal below whose cursor the live view stands.
pub(super) struct Screen {
    size: Size,
    drawing: Mutex<Drawing>,
}

struct Drawing {
    out: Box<dyn Write + Send>,
    /// Width of each line that stands on the screen.
    lines: Vec<usize>,
    /// What is written at the next flush, in one go so that nothing flickers.
    waiting: String,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, size: Size) -> Self {
        let drawing = Drawing { out, lines: Vec::new(), waiting: String::new() };
        Self { size, drawing: Mutex::new(drawing) }
    }

    fn with<R>(&self, action: impl FnOnce(&mut Drawing) -> R) -> R {
        action(&mut self.drawing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drawing {
    /// Erases all lines, the cursor stands where the first one began.
    fn erase(&mut self, columns: usize) {
        if self.lines.is_empty() {
            return;
        }
        let rows: usize =
            self.lines.drain(..).map(|width| width.div_ceil(columns.max(1)).max(1)).sum();
        self.waiting.push('\r');
        if rows > 1 {
            let _ = write!(self.waiting, "\x1b[{}A", rows - 1);
        }
        self.waiting.push_str("\x1b[J");
    }

    fn add(&mut self, text: &str) {
        // the filler up to the right edge
        if text.trim_matches(' ').is_empty() {
            return;
        }
        for line in text.split('\n') {
            if !self.lines.is_empty() {
                self.waiting.push_str("\r\n");
            }
            self.waiting.push_str(line);
            self.lines.push(measure_text_width(line));
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        (self.size)().map_or(80, |(_, columns)| columns.max(1))
    }

    fn height(&self) -> u16 {
        (self.size)().map_or(24, |(rows, _)| rows.max(1))
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.with(|drawing| drawing.add(text));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let columns = usize::from(self.width());
        self.with(|drawing| drawing.erase(columns));
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.with(|drawing| {
            drawing.out.write_all(drawing.waiting.as_bytes())?;
            drawing.waiting.clear();
            drawing.out.flush()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, Ordering};

    use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

    use super::*;
    use crate::report::human::tests::Paper;

    #[test]
    fn erases_as_many_rows_as_the_lines_take_now() {
        let (paper, columns) = (Paper::default(), Arc::new(AtomicU16::new(40)));
        let size: Size = Box::new({
            let columns = Arc::clone(&columns);
            move || Some((24, columns.load(Ordering::Relaxed)))
        });
        let screen = Screen::new(Box::new(paper.clone()), size);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen), 255);
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap());
        bar.set_message("123456789012345\nshort\n123456789012345678901");
        bar.suspend(|| {});
        let text = paper.text();
        assert!(text.contains("123456789012345\r\nshort\r\n123456789012345678901"), "{text:?}");
        assert!(text.contains("\r\x1b[2A\x1b[J"), "{text:?}");
        // at ten columns the lines take two, one and three rows
        columns.store(10, Ordering::Relaxed);
        bar.suspend(|| {});
        let text = paper.text();
        assert!(text.contains("\r\x1b[5A\x1b[J"), "{text:?}");
        bar.finish_and_clear();
        assert!(paper.text().ends_with("\x1b[J"), "{:?}", paper.text());
    }
}
