//! Modules of collections, a folder each.

pub mod ansible_posix;
pub mod community_general;
