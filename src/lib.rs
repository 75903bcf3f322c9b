//! canvass runs Ansible playbooks over SSH, without Python, and reports what changed.
//!
//! The folders are the data flow, one direction:
//!
//! ```text
//! playbook, vars ─┐
//!                 ├─ source ── playbook ─┐
//! inventory ──────┘        └─ inventory ─┴─ graph ── run ── connection ═══ runner ── modules
//!                                             │       │
//!                                   vars + template  events ── report
//! ```
//!
//! | module | takes | gives |
//! | --- | --- | --- |
//! | [`source`] | files | YAML nodes that know their file, line and column |
//! | [`vault`] | passwords | what is encrypted in files, opened and kept secret |
//! | [`inventory`] | located YAML, INI, host lists | hosts, groups, patterns, their variables |
//! | [`playbook`] | located YAML | typed plays, blocks, tasks, handlers, roles |
//! | [`vars`] | every scope | one ordered view of a host's variables |
//! | [`template`] | expressions, variables | values; filters, tests and lookups by family |
//! | [`graph`] | typed plays | the graph of steps: what waits for what, and why |
//! | [`run`] | the graph | outcomes: one state machine a host |
//! | [`connection`] | host variables, `ssh_config` | an open channel to a runner |
//! | [`report`] | events | what people and machines read |
//! | [`plan`] | a rehearsal | what was approved, and a run that is held to it |
//! | [`record`] | finished reports | the runs that were, in a database of the user's |
//! | [`lab`] | a number | throwaway hosts on this machine |
//! | [`settings`] | `ansible.cfg`, `ANSIBLE_*` | the value of each setting, and where it comes from |
//! | [`galaxy`] | names, tarballs, repositories | collections and roles in their places |
//! | [`cli`] | arguments | settings, then one call into the library |
//!
//! What happens on a host lives in the crate [`canvass_modules`].

pub mod cli;
pub mod connection;
pub mod diagnostics;
mod difflib;
pub mod galaxy;
pub mod graph;
pub mod inventory;
pub mod lab;
pub mod plan;
pub mod playbook;
pub mod record;
pub mod report;
pub mod run;
pub mod settings;
pub mod source;
pub mod template;
pub mod vars;
pub mod vault;
