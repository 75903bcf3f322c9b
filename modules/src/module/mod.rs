//! The modules, a file or folder each.

pub mod copy;
pub mod file;
pub mod file_attributes;
pub mod file_mode;
pub(crate) mod host_path;
pub mod ping;
pub mod template;
