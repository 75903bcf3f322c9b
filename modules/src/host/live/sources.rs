//! Where the content of the engine's files comes from.

use std::collections::BTreeMap;
use std::path::Path;

use crate::effect::Source;
use crate::host::digest::Digester;
use crate::host::{DigestAlgorithm, HostError};
use crate::wire::InlineSource;

/// Takes in a piece of content.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), HostError> + 'a;

/// Delivers the files that the engine holds for a task.
pub trait Sources {
    /// Passes the whole content to the sink, piece by piece; what a file of the host, the basis,
    /// has in common with it need not travel.
    fn deliver(
        &mut self,
        source: &Source,
        basis: Option<&Path>,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError>;
}

/// The sources that came along with the request, and where to ask for the others.
pub struct RequestSources {
    inline: BTreeMap<u64, Vec<u8>>,
    others: Box<dyn Sources>,
}

impl RequestSources {
    /// These, and the others from there.
    pub fn new(inline: Vec<InlineSource>, others: Box<dyn Sources>) -> Self {
        Self { inline: inline.into_iter().map(|one| (one.id, one.content)).collect(), others }
    }
}

impl Sources for RequestSources {
    fn deliver(
        &mut self,
        source: &Source,
        basis: Option<&Path>,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        match self.inline.get(&source.id) {
            Some(content) => sink(content),
            None => self.others.deliver(source, basis, sink),
        }
    }
}

/// No sources at all.
#[derive(Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn deliver(
        &mut self,
        source: &Source,
        _basis: Option<&Path>,
        _sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        Err(HostError::SourceMissing(source.id))
    }
}

/// Delivers a source and checks that it is what the engine announced.
pub(super) fn deliver_checked(
    sources: &mut dyn Sources,
    source: &Source,
    basis: Option<&Path>,
    sink: &mut Sink<'_>,
) -> Result<(), HostError> {
    let mut digest = Digester::new(DigestAlgorithm::Sha1);
    let mut length = 0;
    sources.deliver(source, basis, &mut |bytes| {
        digest.update(bytes);
        length += bytes.len() as u64;
        sink(bytes)
    })?;
    // the engine's file changed under its hands, or the channel is broken
    if length != source.size || digest.finish() != source.sha1 {
        return Err(HostError::SourceMissing(source.id));
    }
    Ok(())
}
