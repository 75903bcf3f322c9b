//! Every keyword that a playbook can have, where it may stand, and whether canvass has it yet.
//!
//! The list is that of ansible-core 2.19: <https://docs.ansible.com/ansible/latest/reference_appendices/playbooks_keywords.html>.

use std::fmt;

/// Where a keyword stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A play.
    Play,
    /// An entry of `roles:` or of a role's `dependencies:`.
    Role,
    /// A block.
    Block,
    /// A task.
    Task,
    /// A handler.
    Handler,
    /// `import_playbook`.
    ImportPlaybook,
    /// `import_tasks` and `import_role`.
    Import,
    /// `include_tasks` and `include_role`.
    Include,
    /// `loop_control`.
    LoopControl,
    /// `meta/main` of a role.
    Meta,
}

impl Level {
    /// The thing, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Play => "a play",
            Self::Role => "a role",
            Self::Block => "a block",
            Self::Task => "a task",
            Self::Handler => "a handler",
            Self::ImportPlaybook => "`import_playbook`",
            Self::Import => "an import",
            Self::Include => "an include",
            Self::LoopControl => "`loop_control`",
            Self::Meta => "the `meta` of a role",
        }
    }

    /// Ansible's word for it, which scripts look for.
    pub fn class(self) -> &'static str {
        match self {
            Self::Play => "Play",
            Self::Role => "RoleInclude",
            Self::Block => "Block",
            Self::Task => "Task",
            Self::Handler => "Handler",
            Self::ImportPlaybook => "PlaybookInclude",
            Self::Import | Self::Include => "TaskInclude",
            Self::LoopControl => "LoopControl",
            Self::Meta => "RoleMetadata",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Whether a keyword may stand somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It may, and does what Ansible does.
    Yes,
    /// Ansible has it there; canvass has not yet.
    NotYet,
    /// Ansible has it, but not there.
    Elsewhere,
}

use Level::{Block, Handler, Import, ImportPlaybook, Include, LoopControl, Meta, Play, Role, Task};

macro_rules! keywords {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal [$($level:expr),*] $(not yet [$($later:expr),*])?;)*) => {
        /// A keyword of plays, roles, blocks, tasks, handlers, imports and loop controls.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Keyword {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Keyword {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in a playbook.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Where it may stand and does something.
            pub fn levels(self) -> &'static [Level] {
                match self { $(Self::$variant => &[$($level),*],)* }
            }

            /// Where Ansible has it and canvass has not yet.
            pub fn later(self) -> &'static [Level] {
                match self { $(Self::$variant => &[$($($later),*)?],)* }
            }
        }
    };
}

keywords! {
    Action = "action" [Task, Handler, Include, Import];
    Always = "always" [Block];
    AllowDuplicates = "allow_duplicates" [Meta];
    AnyErrorsFatal = "any_errors_fatal" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Args = "args" [Task, Handler, Include, Import];
    ArgumentSpecs = "argument_specs" [Meta];
    Async = "async" [Task, Handler];
    Become = "become" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    BecomeExe = "become_exe" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    BecomeFlags = "become_flags" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    BecomeMethod = "become_method" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    BecomeUser = "become_user" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    BlockTasks = "block" [Block];
    BreakWhen = "break_when" [LoopControl];
    ChangedWhen = "changed_when" [Task, Handler, Import];
    CheckMode = "check_mode" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Collections = "collections" [Play, Role, Block, Task, Handler, Import, Include, Meta];
    Connection = "connection" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Debugger = "debugger" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Delay = "delay" [Task, Handler, Import];
    DelegateFacts = "delegate_facts" [Block, Task, Handler, Import];
    DelegateTo = "delegate_to" [Block, Task, Handler, Import];
    Dependencies = "dependencies" [Meta];
    Diff = "diff" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Environment = "environment" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Extended = "extended" [LoopControl];
    ExtendedAllitems = "extended_allitems" [LoopControl];
    FactPath = "fact_path" [Play];
    FailedWhen = "failed_when" [Task, Handler, Import];
    ForceHandlers = "force_handlers" [Play];
    GalaxyInfo = "galaxy_info" [Meta];
    GatherFacts = "gather_facts" [Play];
    GatherSubset = "gather_subset" [Play];
    GatherTimeout = "gather_timeout" [Play];
    Handlers = "handlers" [Play];
    Hosts = "hosts" [Play];
    IgnoreErrors = "ignore_errors" [Play, Role, Block, Task, Handler, Import, Include, ImportPlaybook];
    IgnoreUnreachable = "ignore_unreachable" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    IndexVar = "index_var" [LoopControl];
    Label = "label" [LoopControl];
    Listen = "listen" [Handler, Include];
    LocalAction = "local_action" [Task, Handler];
    Loop = "loop" [Task, Handler, Include];
    LoopControlKeyword = "loop_control" [Task, Handler, Include, Import];
    LoopVar = "loop_var" [LoopControl];
    MaxFailPercentage = "max_fail_percentage" [Play];
    ModuleDefaults = "module_defaults" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Name = "name" [Play, Role, Block, Task, Handler, Import, ImportPlaybook, Include];
    NoLog = "no_log" [Play, Role, Block, Task, Handler, Import, Include, ImportPlaybook];
    Notify = "notify" [Task, Handler, Block, Import];
    Order = "order" [Play];
    Pause = "pause" [LoopControl];
    Poll = "poll" [Task, Handler];
    Port = "port" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    PostTasks = "post_tasks" [Play];
    PreTasks = "pre_tasks" [Play];
    Register = "register" [Task, Handler, Include, Import];
    RemoteUser = "remote_user" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Rescue = "rescue" [Block];
    Retries = "retries" [Task, Handler, Import];
    RoleName = "role" [Role];
    Roles = "roles" [Play];
    RunOnce = "run_once" [Play, Role, Block, Task, Handler, Import, Include, ImportPlaybook];
    Serial = "serial" [Play];
    Strategy = "strategy" [Play];
    Tags = "tags" [Play, Role, Block, Task, Handler, Import, ImportPlaybook, Include];
    Tasks = "tasks" [Play];
    Throttle = "throttle" [Play, Role, Block, Task, Handler, Import, ImportPlaybook];
    Timeout = "timeout" [Play, Role, Block, Task, Handler, Import, Include, ImportPlaybook];
    Until = "until" [Task, Handler, Import];
    User = "user" [Play];
    Vars = "vars" [Play, Role, Block, Task, Handler, Import, ImportPlaybook, Include];
    VarsFiles = "vars_files" [Play];
    VarsPrompt = "vars_prompt" [Play];
    When = "when" [Role, Block, Task, Handler, Import, ImportPlaybook, Include];
}

impl Keyword {
    /// The keyword of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|keyword| keyword.name() == name)
    }

    /// Whether it may stand there.
    pub fn support(self, level: Level) -> Support {
        if self.levels().contains(&level) {
            Support::Yes
        } else if self.later().contains(&level) {
            Support::NotYet
        } else {
            Support::Elsewhere
        }
    }

    /// The keyword whose name is nearest to a word that is none, among those of a level.
    pub fn nearest(word: &str, level: Level) -> Option<&'static str> {
        let names = Self::ALL
            .iter()
            .filter(|keyword| keyword.support(level) != Support::Elsewhere)
            .map(|keyword| keyword.name());
        nearest(word, names)
    }
}

/// The name that a word most probably means, if one is near; of a name with dots the last part
/// says how near.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    names
        .map(|name| (strsim::damerau_levenshtein(&word, name), name))
        .filter(|(distance, name)| {
            let own = name.rsplit('.').next().map_or(0, str::len);
            *distance <= 1 + own / 5 && *distance < own
        })
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keywords of ansible-core 2.19 (`ansible-doc -t keyword -l`) with their levels.
    const ANSIBLE: &str = "\
action Task\n\
always Block\n\
any_errors_fatal Play Role Block Task\n\
args Task\n\
async Task\n\
become Play Role Block Task\n\
become_exe Play Role Block Task\n\
become_flags Play Role Block Task\n\
become_method Play Role Block Task\n\
become_user Play Role Block Task\n\
block Block\n\
changed_when Task\n\
check_mode Play Role Block Task\n\
collections Play Role Block Task\n\
connection Play Role Block Task\n\
debugger Play Role Block Task\n\
delay Task\n\
delegate_facts Block Task\n\
delegate_to Block Task\n\
diff Play Role Block Task\n\
environment Play Role Block Task\n\
fact_path Play\n\
failed_when Task\n\
force_handlers Play\n\
gather_facts Play\n\
gather_subset Play\n\
gather_timeout Play\n\
handlers Play\n\
hosts Play\n\
ignore_errors Play Role Block Task\n\
ignore_unreachable Play Role Block Task\n\
local_action Task\n\
loop Task\n\
loop_control Task\n\
max_fail_percentage Play\n\
module_defaults Play Role Block Task\n\
name Play Role Block Task\n\
no_log Play Role Block Task\n\
notify Block Task\n\
order Play\n\
poll Task\n\
port Play Role Block Task\n\
post_tasks Play\n\
pre_tasks Play\n\
register Task\n\
remote_user Play Role Block Task\n\
rescue Block\n\
retries Task\n\
role Role\n\
roles Play\n\
run_once Play Role Block Task\n\
serial Play\n\
strategy Play\n\
tags Play Role Block Task\n\
tasks Play\n\
throttle Play Role Block Task\n\
timeout Play Role Block Task\n\
until Task\n\
vars Play Role Block Task\n\
vars_files Play\n\
vars_prompt Play\n\
when Role Block Task";

    #[test]
    fn every_keyword_of_ansible_is_known_where_it_stands() {
        for line in ANSIBLE.lines() {
            let (name, levels) = line.split_once(' ').unwrap();
            let keyword = Keyword::from_name(name).unwrap_or_else(|| panic!("{name}"));
            for level in levels.split(' ') {
                let level = match level {
                    "Play" => Play,
                    "Role" => Role,
                    "Block" => Block,
                    "Task" => Task,
                    other => panic!("{other}"),
                };
                assert_ne!(keyword.support(level), Support::Elsewhere, "{name} in {level}");
            }
        }
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_not() {
        for (word, level, expected) in [
            ("whne", Task, Some("when")),
            ("become_usr", Play, Some("become_user")),
            ("task", Play, Some("tasks")),
            ("host", Play, Some("hosts")),
            ("Name", Task, Some("name")),
            ("frobnicate", Task, None),
        ] {
            assert_eq!(Keyword::nearest(word, level), expected, "{word}");
        }
    }
}
