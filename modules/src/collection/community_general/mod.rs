//! `community.general`.

pub mod alternatives;
pub mod apk;
pub mod archive;
pub mod capabilities;
pub mod dpkg_divert;
pub mod filesystem;
pub mod gem;
pub mod git_config;
pub mod htpasswd;
pub mod ini_file;
pub mod locale_gen;
pub mod lvg;
pub mod lvol;
pub mod modprobe;
pub mod npm;
pub mod pacman;
pub mod pam_limits;
pub mod runit;
pub mod sudoers;
pub mod timezone;
pub mod ufw;
pub mod xml;
pub mod zypper;
