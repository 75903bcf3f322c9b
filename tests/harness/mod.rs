//! Drives the binary through scenario folders and compares what it says and does.

pub(crate) mod command;
pub(crate) mod description;
pub(crate) mod drive;
pub(crate) mod folders;
pub(crate) mod lab_view;
pub(crate) mod oracle;
pub(crate) mod redaction;
pub(crate) mod report;
pub(crate) mod snapshot;
