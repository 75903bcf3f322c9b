//! The runners that can be sent: the one inside this program and those in a directory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::error::RunnerProblem;

use built::{RUNNER_ARCH, RUNNER_GZ, RUNNER_SHA256, RUNNER_SIZE};

/// What the build script wrote.
mod built {
    #![expect(unreachable_pub, reason = "generated")]

    include!(concat!(env!("OUT_DIR"), "/runner.rs"));
}

/// A runner for one architecture.
#[derive(Debug, Clone)]
pub struct RunnerImage {
    /// The architecture as `uname -m` names it.
    pub architecture: String,
    /// SHA-256 of the program in hexadecimal.
    pub sha256: String,
    /// Length of the program in bytes.
    pub size: u64,
    /// The program, compressed by gzip.
    pub gzip: Cow<'static, [u8]>,
}

impl RunnerImage {
    /// The one that was built with this program.
    pub fn embedded() -> Self {
        Self {
            architecture: RUNNER_ARCH.to_owned(),
            sha256: RUNNER_SHA256.to_owned(),
            size: RUNNER_SIZE,
            gzip: Cow::Borrowed(RUNNER_GZ),
        }
    }

    /// Makes an image of a program.
    pub fn of_program(architecture: &str, program: &[u8]) -> std::io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(program)?;
        Ok(Self {
            architecture: architecture.to_owned(),
            sha256: hexadecimal(&Sha256::digest(program)),
            size: program.len() as u64,
            gzip: Cow::Owned(encoder.finish()?),
        })
    }

    /// The program as it is on the host.
    pub(crate) fn program(&self) -> std::io::Result<Vec<u8>> {
        let mut program = Vec::new();
        std::io::Read::read_to_end(&mut GzDecoder::new(&*self.gzip), &mut program)?;
        Ok(program)
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// All runners at hand.
#[derive(Debug)]
pub(crate) struct Images {
    first: Arc<RunnerImage>,
    directory: Option<PathBuf>,
    loaded: Mutex<HashMap<String, Arc<RunnerImage>>>,
    /// Unpacked programs by their SHA-256, for hosts without `gzip`.
    unpacked: Mutex<HashMap<String, Arc<[u8]>>>,
    /// Who sends one: what a thousand hosts are sent at once would all lie in memory.
    sending: Semaphore,
}

/// How many hosts are sent a runner at once.
const SENDERS: usize = 24;

impl Images {
    pub(crate) fn new(first: RunnerImage, directory: Option<PathBuf>) -> Self {
        Self {
            first: Arc::new(first),
            directory,
            loaded: Mutex::default(),
            unpacked: Mutex::default(),
            sending: Semaphore::new(SENDERS),
        }
    }

    /// The turn to send one; it lasts as long as what is returned.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // nobody closes it
        self.sending.acquire().await.ok()
    }

    /// A program as it is on the host, unpacked once.
    pub(crate) async fn program(&self, image: &Arc<RunnerImage>) -> std::io::Result<Arc<[u8]>> {
        let mut unpacked = self.unpacked.lock().await;
        if let Some(program) = unpacked.get(&image.sha256) {
            return Ok(Arc::clone(program));
        }
        let copy = Arc::clone(image);
        let unpack = tokio::task::spawn_blocking(move || copy.program());
        let program: Arc<[u8]> = unpack.await.map_err(std::io::Error::other).flatten()?.into();
        unpacked.insert(image.sha256.clone(), Arc::clone(&program));
        Ok(program)
    }

    /// The one that is tried before the host has said what it is.
    pub(crate) fn first(&self) -> Arc<RunnerImage> {
        Arc::clone(&self.first)
    }

    /// The one for an architecture: `canvass-runner-ARCHITECTURE` in the directory.
    pub(crate) async fn find(&self, architecture: &str) -> Result<Arc<RunnerImage>, RunnerProblem> {
        if architecture == self.first.architecture {
            return Ok(self.first());
        }
        let missing = || RunnerProblem::WrongArchitecture {
            architecture: architecture.to_owned(),
            available: vec![self.first.architecture.clone()],
            directory: self.directory.clone(),
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if architecture.is_empty() || !architecture.chars().all(plain) {
            return Err(missing());
        }
        let mut loaded = self.loaded.lock().await;
        if let Some(image) = loaded.get(architecture) {
            return Ok(Arc::clone(image));
        }
        let directory = self.directory.as_ref().ok_or_else(missing)?;
        let path = directory.join(format!("canvass-runner-{architecture}"));
        let unreadable = |source| RunnerProblem::Unreadable { path: path.clone(), source };
        let program = match tokio::fs::read(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            program => program.map_err(unreadable)?,
        };
        let name = architecture.to_owned();
        let image = tokio::task::spawn_blocking(move || RunnerImage::of_program(&name, &program))
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(unreadable)?;
        let image = Arc::new(image);
        loaded.insert(architecture.to_owned(), Arc::clone(&image));
        Ok(image)
    }
}
