//! Frames to and from a runner.

use bytes::BytesMut;
use canvass_modules::wire::frame::{Kind, header, parse_header};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::super::process::{Event, Input, Output, Tail};

/// A frame as it is sent.
pub(super) fn framed(kind: Kind, parts: &[&[u8]]) -> std::io::Result<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum();
    let head = header(kind, length)?;
    let mut frame = Vec::with_capacity(head.len() + length);
    frame.extend_from_slice(&head);
    for part in parts {
        frame.extend_from_slice(part);
    }
    Ok(frame)
}

/// Frames out of the output of a process.
pub(super) struct Frames {
    pub(super) output: Output,
    pub(super) buffer: BytesMut,
    pub(super) errors: Tail,
    pub(super) ended: Option<String>,
}

impl Frames {
    const HEAD: usize = 5;

    pub(super) async fn next(&mut self) -> Result<Option<(Kind, BytesMut)>, String> {
        loop {
            if let Some(head) = self.buffer.first_chunk::<{ Self::HEAD }>() {
                let (kind, length) = parse_header(*head).map_err(|error| error.to_string())?;
                if self.buffer.len() >= Self::HEAD + length {
                    let mut frame = self.buffer.split_to(Self::HEAD + length);
                    return Ok(Some((kind, frame.split_off(Self::HEAD))));
                }
            }
            match self.output.next().await {
                Some(Event::Stdout(data)) => self.buffer.extend_from_slice(&data),
                Some(Event::Stderr(data)) => self.errors.push(&data),
                Some(Event::Ended(ending)) => self.ended = Some(ending.to_string()),
                None => return Ok(None),
            }
        }
    }

    pub(super) fn last_words(&self) -> String {
        let words = self.errors.words();
        let ended = || self.ended.clone().unwrap_or_else(|| "it said nothing".to_owned());
        if words.is_empty() { ended() } else { words }
    }
}

/// Writes messages as they come, and parts of sources between them.
pub(super) async fn write(
    mut input: Input,
    mut messages: mpsc::UnboundedReceiver<Vec<u8>>,
    mut blobs: mpsc::Receiver<Vec<u8>>,
) {
    loop {
        let frame = tokio::select! {
            biased;
            message = messages.recv() => match message {
                Some(frame) => frame,
                None => break,
            },
            Some(frame) = blobs.recv() => frame,
        };
        if input.write_all(&frame).await.is_err() || input.flush().await.is_err() {
            // the reader sees the end and says why
            return;
        }
    }
    let _ = input.shutdown().await;
}
