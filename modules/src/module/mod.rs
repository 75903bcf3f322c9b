//! The modules, a file or folder each.

pub mod apt;
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
