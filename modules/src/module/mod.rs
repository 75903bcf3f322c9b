//! The modules, a file or folder each.

pub mod blockinfile;
pub mod copy;
pub mod file;
pub mod file_attributes;
pub mod file_mode;
pub(crate) mod host_path;
pub mod command;
pub mod expansion;
pub mod group;
pub mod local_time;
pub mod ping;
pub mod raw;
pub mod service;
pub mod setup;
pub mod shell_words;
pub mod systemd_service;
pub mod text_lines;
pub mod user;
pub mod wildcard;
pub mod lineinfile;
pub mod replace;
pub mod template;
pub mod text_edit;
