//! The modules, a file or folder each.

pub mod assemble;
pub mod blockinfile;
pub mod copy;
pub mod fetch;
pub mod file;
pub mod file_attributes;
pub mod file_facts;
pub mod file_mode;
pub mod find;
pub(crate) mod host_path;
pub mod lineinfile;
pub mod ping;
pub mod replace;
pub mod slurp;
pub mod stat;
pub mod tempfile;
pub mod template;
pub mod text_edit;
