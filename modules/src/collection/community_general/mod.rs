//! `community.general`.

pub mod alternatives;
pub mod capabilities;
pub mod git_config;
pub mod ini_file;
pub mod modprobe;
