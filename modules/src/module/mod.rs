//! The modules, a file or folder each.

pub mod ping;
