//! `ansible.posix`.

pub mod authorized_key;
pub mod sysctl;
