//! Retry files: the hosts that failed, for `--limit @FILE`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Consumer;
use super::event::Event;

/// Writes the names of the hosts that failed or were lost into a file.
pub struct RetryFile<O> {
    out: O,
    /// The folder; by default that of the playbook.
    folder: Option<PathBuf>,
    playbooks: Vec<PathBuf>,
    /// The playbook that runs.
    current: Option<PathBuf>,
}

impl<O: Write + Send> RetryFile<O> {
    /// Where the file is, is told on `out`.
    pub fn new(out: O, folder: Option<PathBuf>) -> Self {
        Self { out, folder, playbooks: Vec::new(), current: None }
    }

    fn write(&mut self, hosts: &[&str]) -> io::Result<()> {
        let Some(playbook) = self.current.as_ref().or(self.playbooks.first()) else {
            return Ok(());
        };
        let playbook = std::path::absolute(playbook)?;
        let folder = self.folder.as_deref().or(playbook.parent()).unwrap_or(Path::new("/"));
        let mut name = playbook.file_stem().unwrap_or_default().to_owned();
        name.push(".retry");
        let path = folder.join(name);
        let mut text = hosts.join("\n");
        text.push('\n');
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, text)?;
        writeln!(self.out, "\tto retry, use: --limit @{}", path.display())
    }
}

impl<O: Write + Send> Consumer for RetryFile<O> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { playbooks, .. } => {
                self.playbooks = playbooks.iter().map(PathBuf::from).collect();
            }
            Event::PlayStarted { place, .. } if self.playbooks.contains(&place.file) => {
                self.current = Some(place.file.clone());
            }
            Event::RunFinished { recap, .. } => {
                let out = recap.iter().filter(|(_, line)| line.failed + line.unreachable > 0);
                let hosts: Vec<&str> = out.map(|(host, _)| host.as_str()).collect();
                if !hosts.is_empty() {
                    self.write(&hosts)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
