//! Playbooks as types: plays, blocks, tasks, handlers and roles.

pub mod model;

pub use model::{
    Action, Block, Entry, Keywords, LoopControl, Play, Playbook, Role, Strategy, Task,
};
