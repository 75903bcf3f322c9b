//! The modules, a file or folder each.

pub mod blockinfile;
pub mod copy;
pub mod file;
pub mod file_attributes;
pub mod file_mode;
pub(crate) mod host_path;
pub mod lineinfile;
pub mod ping;
pub mod replace;
pub mod template;
pub mod text_edit;
