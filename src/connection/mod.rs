//! stub while the branch is away
#![allow(missing_docs, clippy::all)]
mod target;
mod secret;
pub use target::*;
pub use secret::*;
use std::sync::Arc;
use std::path::PathBuf;
use canvass_modules::effect::{Source, Output};
use canvass_modules::wire::{TaskRequest, ItemReply};
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BecomeMethod { Sudo, Su, Doas }
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Privilege { Same, Become { method: BecomeMethod, user: String, executable: Option<String>, flags: Option<String>, password: Option<Secret> } }
impl std::hash::Hash for Privilege { fn hash<H: std::hash::Hasher>(&self, _: &mut H) {} }
#[derive(Default)]
pub struct ConnectorSettings;
pub struct Connector; pub struct Connection; pub struct Runner;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ConnectionError;
impl ConnectionError { pub fn is_unreachable(&self) -> bool { true } }
impl Connector { pub fn new(_: ConnectorSettings) -> Arc<Self> { Arc::new(Self) } pub async fn connect(self: &Arc<Self>, _t: &Target) -> Result<Connection, ConnectionError> { Err(ConnectionError) } }
impl Connection { pub async fn runner(&self, _: &Privilege) -> Result<Runner, ConnectionError> { Err(ConnectionError) } pub async fn raw(&self, _: &Privilege, _: &str, _: Option<std::time::Duration>) -> Result<Output, ConnectionError> { Err(ConnectionError) } pub async fn close(self) {} }
impl Runner { pub async fn task(&self, _r: TaskRequest, _s: Vec<TaskSource>, _t: tokio::sync::mpsc::UnboundedSender<ItemReply>) -> Result<(), ConnectionError> { Ok(()) } }
#[derive(Debug, Clone)]
pub enum TaskSource { Bytes{ source: Source, bytes: Arc<[u8]> }, File { source: Source, path: PathBuf } }
impl TaskSource { pub fn describe(&self) -> &Source { match self { Self::Bytes{source,..}|Self::File{source,..} => source } } }
