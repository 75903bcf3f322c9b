//! `ansible.posix`.

pub mod acl;
pub mod at;
pub mod authorized_key;
pub mod firewalld;
pub mod mount;
pub mod patch;
pub mod seboolean;
pub mod selinux;
pub mod synchronize;
pub mod sysctl;
