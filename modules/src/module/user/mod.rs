//! `ansible.builtin.user`: creates, changes and removes users.
//!
//! Follows the module of ansible-core 2.19, through `useradd`, `usermod` and `userdel`, those of
//! libuser where `local` asks for them, or busybox's `adduser` and `deluser` where those are
//! missing. Check mode: full. Diff: none.
//!
//! Differs from Ansible: a password hash is never an argument of a program, it goes to
//! `chpasswd` on its standard input; what busybox cannot change is refused instead of left. Options for other systems than Linux
//! (`login_class`, `hidden`, `profile`, `authorization`, `role`) have no effect, as there.
//!
//! ```yaml
//! - name: The user that deploys
//!   ansible.builtin.user:
//!     name: deploy
//!     groups: [docker, adm]
//!     append: true
//!     shell: /bin/bash
//!     generate_ssh_key: true
//! ```
//!
//! Returns `name`, `state`, `uid`, `group`, `groups`, `home`, `shell`, `comment`, `append`,
//! `move_home`, `create_home`, `system`, `remove`, `force`, `ssh_fingerprint`, `ssh_key_file`,
//! `ssh_public_key`, `stdout`, `stderr`.

mod observe;
mod params;
mod plan;
#[cfg(test)]
mod tests;

use serde_json::Value as Json;

pub use observe::Observed;
pub use params::Params;

use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{AccountAction, Applied, Effect};
use crate::host::{Host, HostError};

/// The module.
#[derive(Debug)]
pub struct User;

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option that does not go with `local`.
    #[error("'{0}' can not be used with 'local'")]
    Local(&'static str),
    /// A group that is not there.
    #[error("Group {0} does not exist")]
    NoGroup(String),
    /// busybox has no `usermod`.
    #[error("cannot change {what} of user `{name}`: there is no `usermod`")]
    NoUsermod {
        /// The field.
        what: &'static str,
        /// The user.
        name: String,
    },
}

impl Module for User {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        plan::plan(params, observed)
    }

    fn conclude(
        params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        for (planned, applied) in plan.effects.iter().zip(applied) {
            let (Effect::User(change), Applied::Ran(output)) = (&planned.effect, applied) else {
                continue;
            };
            let text = output.stdout_text();
            if change.action == AccountAction::Remove {
                set_output(&mut returned, "stdout", &text);
                set_output(&mut returned, "stderr", &output.stderr_text());
                continue;
            }
            match planned.reason.as_str() {
                plan::GENERATES_KEY => {
                    returned.insert("ssh_fingerprint".to_owned(), Json::from(text.trim()));
                }
                plan::READS_KEY => {
                    returned.insert("ssh_public_key".to_owned(), Json::from(text.trim()));
                }
                _ => set_entry(&mut returned, &params.name, &text),
            }
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(params: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match &error {
            HostError::CommandFailed { output, .. } => Stop::failed(output.stderr_text())
                .with("name", params.name.clone())
                .with("rc", output.status),
            _ => Stop::Host(error),
        }
    }
}

fn set_output(returned: &mut Returned, name: &str, text: &str) {
    if !text.is_empty() {
        returned.insert(name.to_owned(), Json::from(text));
        let lines = super::text_lines::lines(text);
        returned.insert(format!("{name}_lines"), Json::from(lines));
    }
}

/// Takes what became of the user from its entry in the database.
fn set_entry(returned: &mut Returned, name: &str, entry: &str) {
    let fields: Vec<&str> = entry.lines().next().unwrap_or_default().split(':').collect();
    let [found, _, uid, gid, comment, home, shell] = fields.as_slice() else { return };
    if *found != name {
        return;
    }
    for (field, value) in [("uid", uid), ("group", gid)] {
        if let Ok(number) = value.parse::<u32>() {
            returned.insert(field.to_owned(), Json::from(number));
        }
    }
    for (field, value) in [("comment", comment), ("home", home), ("shell", shell)] {
        returned.insert(field.to_owned(), Json::from(*value));
    }
}
