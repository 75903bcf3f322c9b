//! `community.general`.

pub mod alternatives;
pub mod ini_file;
pub mod modprobe;
