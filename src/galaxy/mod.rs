//! Ansible Galaxy: collections and roles, made, built, fetched, installed and verified.
//!
//! A collection is a folder with a `galaxy.yml`; built, it is a tarball with a `MANIFEST.json`
//! (what it is) and a `FILES.json` (a checksum a file). Requirements name collections by what they
//! are called on a server, by a file, folder, address or git repository; [`resolve`] picks a
//! version for each, and [`install`] puts them in place. Roles are tarballs or git repositories.
//! Follows ansible-core 2.19
//! (<https://docs.ansible.com/ansible/latest/collections_guide/collections_installing.html>).

mod archive;
mod artifact;
mod build;
mod checkout;
mod directives;
mod document;
mod error;
mod http;
mod install;
mod installed;
mod manifest;
mod meta;
mod publish;
mod requirement;
mod requirements_file;
mod resolve;
mod role;
mod role_archive;
mod role_requirement;
mod server;
mod skeleton;
mod token;
mod verify;
mod version;
mod voice;

pub(crate) use role_requirement::name_of as role_name_of;

pub use build::build;
pub use checkout::Certificates;
pub use error::GalaxyError;
pub use install::{Install, download, install};
pub use installed::{Installed, find, with_root};
pub use publish::Patience;
pub use requirement::{Collection, Origin, is_collection_name};
pub use requirements_file::{Requirements, read_requirements};
pub use role::{Role, RoleFolders, install_roles};
pub use role_requirement::RoleRequirement;
pub use server::{Server, Servers};
pub use skeleton::{Made, Skeleton};
pub use token::Token;
pub use verify::{Verified, verify};
pub use voice::Voice;
