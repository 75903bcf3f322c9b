//! What commands print while they run, on its way to the report (`--stream`).
//!
//! Lines are told whole, so that no secret is cut in two; a line that does not end is told in parts
//! that cut none. Nobody gathers what the report has not taken: the command waits.

use std::collections::HashMap;
use std::sync::Arc;

use canvass_modules::wire::{OutputPiece, StdStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::context::RunContext;
use crate::report::event::Event;
use crate::report::mask::Secrets;

/// Pieces that may wait for the report.
const WAITING: usize = 4;

/// A line that is longer is told in parts.
const LONGEST_LINE: usize = 16 * 1024;

/// Where pieces go, and the work on them, which ends with them.
pub(super) type Listening = (Sender<OutputPiece>, JoinHandle<()>);

/// Begins to listen to the commands of a task on a host.
pub(super) fn listen(run: &Arc<RunContext>, task: usize, host: &str) -> Listening {
    let (sender, pieces) = channel(WAITING);
    let listener = Listener { run: Arc::clone(run), task, host: host.to_owned() };
    (sender, tokio::spawn(listener.work(pieces)))
}

struct Listener {
    run: Arc<RunContext>,
    task: usize,
    host: String,
}

impl Listener {
    async fn work(self, mut pieces: Receiver<OutputPiece>) {
        let mut texts: HashMap<(usize, StdStream), Text> = HashMap::new();
        while let Some(piece) = pieces.recv().await {
            let OutputPiece { item, stream, bytes, .. } = piece;
            let text = texts.entry((item, stream)).or_default();
            let lines = text.take(&bytes, &self.run.secrets());
            self.tell(stream, lines).await;
        }
        for ((_, stream), text) in texts {
            let lines = text.end(&self.run.secrets());
            self.tell(stream, lines).await;
        }
    }

    async fn tell(&self, stream: StdStream, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        // given back when the report has taken it
        if let Ok(room) = self.run.room.acquire().await {
            room.forget();
        }
        let (task, host) = (self.task, self.host.clone());
        self.run.tell(Event::Output { task, host, stream, lines });
    }
}

/// What has come of a line.
#[derive(Default)]
struct Text {
    begun: Vec<u8>,
}

impl Text {
    /// The lines that a piece ends, masked.
    fn take(&mut self, bytes: &[u8], secrets: &Secrets) -> Vec<String> {
        self.begun.extend_from_slice(bytes);
        let mut lines = Vec::new();
        if let Some(last) = self.begun.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.begun.split_off(last + 1);
            let whole = std::mem::replace(&mut self.begun, rest);
            let whole = String::from_utf8_lossy(&whole);
            lines.extend(whole.lines().map(|line| secrets.mask(shown(line)).into_owned()));
        }
        if self.begun.len() > LONGEST_LINE {
            // a letter that is cut in two waits for its other half
            let whole = match std::str::from_utf8(&self.begun) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => self.begun.len(),
            };
            let half = self.begun.split_off(whole);
            let text = String::from_utf8_lossy(&self.begun).into_owned();
            let (masked, rest) = secrets.mask_begun(&text);
            lines.push(masked);
            self.begun = [rest.as_bytes(), &half].concat();
        }
        lines
    }

    /// What is left when no more comes.
    fn end(self, secrets: &Secrets) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.begun);
        text.lines().map(|line| secrets.mask(shown(line)).into_owned()).collect()
    }
}

/// What a terminal would show of a line that is written over.
fn shown(line: &str) -> &str {
    line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::new();
        secrets.add("hunter2-and-more");
        secrets
    }

    /// The lines of a text that comes in pieces of this size.
    fn lines(text: &str, size: usize) -> Vec<String> {
        let (mut begun, secrets) = (Text::default(), secrets());
        let mut lines: Vec<String> =
            text.as_bytes().chunks(size).flat_map(|piece| begun.take(piece, &secrets)).collect();
        assert!(begun.begun.len() <= LONGEST_LINE, "it does not grow");
        lines.extend(begun.end(&secrets));
        lines
    }

    #[test]
    fn a_secret_is_masked_wherever_a_piece_ends() {
        let text = "one\r\nlogin hunter2-and-more é now\n 10%\r 90%\rdone\n\nlast";
        let expected = ["one", "login ******** é now", "done", "", "last"];
        for size in 1..text.len() {
            assert_eq!(lines(text, size), expected, "{size}");
        }
    }

    #[test]
    fn a_line_without_end_is_told_in_parts_that_cut_no_secret() {
        for before in LONGEST_LINE - 40..LONGEST_LINE + 40 {
            let text = format!("{}hunter2-and-more{}", "x".repeat(before), "é".repeat(20_000));
            for size in [1000, 16 * 1024] {
                let told = lines(&text, size);
                assert!(told.len() > 1);
                let told = told.concat();
                let expected = text.replace("hunter2-and-more", "********");
                assert!(told == expected, "{before} {size}");
            }
        }
    }
}
