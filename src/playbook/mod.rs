//! Playbooks as types: plays, blocks, tasks, handlers and roles.
//!
//! [`load`] reads a playbook with its roles and imports and finds everything that is wrong without
//! any host: unknown keywords and modules, wrong parameters, missing files and roles.

mod action;
mod action_groups;
mod arguments;
mod collections;
mod entries;
mod error;
mod imports;
mod include;
pub mod keywords;
mod load;
pub mod model;
mod modules;
mod own_module;
mod parser;
mod play;
mod plugins;
mod prompts;
pub(crate) mod reserved;
mod role;
mod shared;
mod task;
#[cfg(test)]
mod tests;
mod text_arguments;

pub use action_groups::ActionGroup;
pub(crate) use action_groups::{PREFIX as GROUP_PREFIX, full_name as group_name};
pub use error::{PlaybookError, PlaybookErrorKind, Unsupported};
pub use include::{IncludeError, IncludeSite, Includes, RoleInclude, TaskFile};
pub use load::{Loaded, SearchPaths, load, load_given};
pub use model::{
    Action, Block, Entry, Keywords, Loop, LoopControl, Play, Playbook, Prompt, Role, RoleFiles,
    RoleImport, Strategy, Task,
};
pub(crate) use modules::moved;
pub use modules::{
    ModuleFace, Modules, Options, RunnerModules, further_names, is_builtin, is_include, qualify,
};
pub use own_module::{OwnForm, OwnModule};
pub use parser::{NoNames, StaticNames};

pub use text_arguments::key_values;
pub(crate) use text_arguments::{Form, parse as parse_text_arguments};
