//! What a first shell on the host says before frames begin.

use bytes::BytesMut;

use super::privilege::Question;
use super::process::{Ending, Event, Process, Tail};

/// A process and what came from it that nobody has looked at yet.
pub(crate) struct Conversation {
    pub(crate) process: Process,
    stdout: BytesMut,
    pub(crate) noise: Tail,
    pub(crate) errors: Tail,
    pub(crate) ending: Option<Ending>,
    marker: String,
    question: Question,
}

/// Something the host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The first shell is up, with the privilege that was asked for.
    Hello,
    /// No runner lies ready; the shell wants to be told more.
    More,
    /// The host is of another architecture than the runner that was offered.
    Architecture(String),
    /// The runner is wanted.
    Need(Encoding),
    /// No directory will do.
    Nowhere(String),
    /// Frames follow.
    Runner,
    /// A password is asked for.
    Question,
    /// Nothing will come any more.
    End,
}

/// In which form the runner is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Raw,
}

impl Conversation {
    /// More of a line than this is noise for sure.
    const LONGEST_LINE: usize = 64 * 1024;

    pub(crate) fn new(process: Process, marker: &str, question: Question) -> Self {
        Self {
            process,
            stdout: BytesMut::new(),
            noise: Tail::default(),
            errors: Tail::default(),
            ending: None,
            marker: marker.to_owned(),
            question,
        }
    }

    /// Waits for the next signal; lines that are none are noise.
    pub(crate) async fn signal(&mut self) -> Signal {
        loop {
            while let Some(end) = self.stdout.iter().position(|byte| *byte == b'\n') {
                let line = self.stdout.split_to(end + 1);
                let text = String::from_utf8_lossy(&line);
                if let Some(signal) = signal_in(text.trim(), &self.marker) {
                    return signal;
                }
                self.noise.push(&line);
            }
            if self.stdout.len() > Self::LONGEST_LINE {
                let line = self.stdout.split();
                self.noise.push(&line);
            }
            match self.process.output.next().await {
                Some(Event::Stdout(data)) => {
                    self.stdout.extend_from_slice(&data);
                    let last = self.stdout.rsplit(|byte| *byte == b'\n').next();
                    let last = String::from_utf8_lossy(last.unwrap_or_default());
                    if self.question.is_in(&last) {
                        let line = self.stdout.split();
                        self.noise.push(&line);
                        self.noise.push(b"\n");
                        return Signal::Question;
                    }
                }
                Some(Event::Stderr(data)) => {
                    self.errors.push(&data);
                    if self.question.is_in(&self.errors.pending()) {
                        self.errors.push(b"\n");
                        return Signal::Question;
                    }
                }
                Some(Event::Ended(ending)) => self.ending = Some(ending),
                None => return Signal::End,
            }
        }
    }

    /// From now on nothing is taken for a question.
    pub(crate) fn no_more_questions(&mut self) {
        self.question = Question::Never;
    }

    /// The last words of the host: errors, or else what else it said, or else how it ended.
    pub(crate) fn last_words(&self) -> String {
        let ending = || self.ending.as_ref().map_or_else(String::new, Ending::to_string);
        [self.errors.words(), self.noise.words(), ending()]
            .into_iter()
            .find(|words| !words.is_empty())
            .unwrap_or_else(|| "it said nothing".to_owned())
    }

    /// The process, and what it printed after the last signal.
    pub(crate) fn into_parts(self) -> (Process, BytesMut, Tail) {
        (self.process, self.stdout, self.errors)
    }
}

fn signal_in(line: &str, marker: &str) -> Option<Signal> {
    if let Some(rest) = line.strip_prefix("canvass-runner ") {
        return (rest == marker).then_some(Signal::Runner);
    }
    let rest = line.strip_prefix("canvass-boot ")?.strip_prefix(marker)?.strip_prefix(' ')?;
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    match (word, rest) {
        ("hello", _) => Some(Signal::Hello),
        ("more", _) => Some(Signal::More),
        ("arch", name) => Some(Signal::Architecture(name.to_owned())),
        ("need", "gzip") => Some(Signal::Need(Encoding::Gzip)),
        ("need", "raw") => Some(Signal::Need(Encoding::Raw)),
        ("nowhere", tried) => Some(Signal::Nowhere(tried.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_carry_the_marker() {
        for (line, signal) in [
            ("canvass-boot M hello", Some(Signal::Hello)),
            ("canvass-boot M more", Some(Signal::More)),
            ("canvass-boot M arch aarch64", Some(Signal::Architecture("aarch64".into()))),
            ("canvass-boot M need gzip", Some(Signal::Need(Encoding::Gzip))),
            ("canvass-boot M need raw", Some(Signal::Need(Encoding::Raw))),
            ("canvass-boot M nowhere /tmp (x);", Some(Signal::Nowhere("/tmp (x);".into()))),
            ("canvass-runner M", Some(Signal::Runner)),
            ("canvass-runner N", None),
            ("canvass-boot N hello", None),
            ("canvass-boot M", None),
            ("welcome", None),
        ] {
            assert_eq!(signal_in(line, "M"), signal, "{line}");
        }
    }
}
