//! What Ansible's callback plugins write beside, or in place of, the default output.

mod clock;
mod json;
mod junit;
mod profile_tasks;
mod timer;
mod tree;

pub use json::{JsonOptions, JsonOutput};
pub use junit::{JunitOptions, JunitReport};
pub use profile_tasks::{ProfileOptions, ProfileTasks, SortOrder};
pub use timer::Timer;
pub use tree::Tree;
