//! Variables with names that belong to the language, set while a run goes on: they are warned of,
//! each once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::playbook::reserved::{is_reserved, words};
use crate::source::{Node, Place};

use super::context::RunContext;

/// Variables that say how a host is reached.
const CONNECTION: [&str; 35] = [
    "ansible_become",
    "ansible_become_exe",
    "ansible_become_flags",
    "ansible_become_method",
    "ansible_become_pass",
    "ansible_become_password",
    "ansible_become_user",
    "ansible_connection",
    "ansible_connection_user",
    "ansible_docker_extra_args",
    "ansible_host",
    "ansible_module_compression",
    "ansible_network_os",
    "ansible_password",
    "ansible_pipelining",
    "ansible_port",
    "ansible_private_key_file",
    "ansible_scp_extra_args",
    "ansible_sftp_extra_args",
    "ansible_shell_executable",
    "ansible_shell_type",
    "ansible_ssh_common_args",
    "ansible_ssh_executable",
    "ansible_ssh_extra_args",
    "ansible_ssh_host",
    "ansible_ssh_pass",
    "ansible_ssh_pipelining",
    "ansible_ssh_port",
    "ansible_ssh_private_key_file",
    "ansible_ssh_retries",
    "ansible_ssh_timeout",
    "ansible_ssh_transfer_method",
    "ansible_ssh_user",
    "ansible_timeout",
    "ansible_user",
];

/// Whether a variable says how a host is reached, which no fact may.
pub(crate) fn is_connection_variable(name: &str) -> bool {
    CONNECTION.contains(&name)
}

/// What was warned of in a run.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashSet<String>>);

impl Warned {
    /// Warns of reserved names among these, at the places where they were set.
    pub(crate) fn of<'n>(
        &self,
        run: &RunContext,
        names: impl IntoIterator<Item = (&'n str, Option<Place>)>,
    ) {
        for (name, place) in names.into_iter().filter(|(name, _)| is_reserved(name)) {
            if self.is_new(name) {
                run.remark(words(name), place);
            }
        }
    }

    /// Warns of a template that stands for all arguments of a task: a fact of a host could bring
    /// arguments that the task's author did not mean.
    pub(crate) fn of_arguments(&self, run: &RunContext, whole: &Node) {
        if self.is_new(&format!("{:?}", whole.span)) {
            let text = "Using a template for task args is unsafe in some situations (see \
                        https://docs.ansible.com/ansible/devel/reference_appendices/faq.html\
                        #argsplat-unsafe).";
            run.remark(text, Some(whole.span.place()));
        }
    }

    fn is_new(&self, about: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(about.to_owned())
    }
}
