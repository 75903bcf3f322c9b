//! `ansible.builtin.tree`: the last result of each host as a file of its name.

use std::io;
use std::path::PathBuf;

use crate::report::Consumer;
use crate::report::default::{DefaultOptions, result};
use crate::report::event::{Event, Status};

/// Writes results into a folder.
pub struct Tree {
    directory: PathBuf,
}

impl Tree {
    /// Results go to this folder, which is made when the first comes.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }
}

impl Consumer for Tree {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Event::HostFinished { host, outcome, .. } = event else { return Ok(()) };
        // a name with a slash would lead elsewhere
        if outcome.status == Status::Skipped || host.contains('/') {
            return Ok(());
        }
        std::fs::create_dir_all(&self.directory)?;
        let options = DefaultOptions::default();
        let text = result::dump(outcome, "", &options, result::Indent::Never);
        std::fs::write(self.directory.join(host), text)
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
