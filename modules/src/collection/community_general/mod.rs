//! `community.general`.

pub mod ini_file;
