//! What includes bring, as far as it can be read before any host comes to them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::{Step, StepKind, StepTask, Steps, TagFilter};
use crate::playbook::{IncludeSite, Includes, Play, is_include};

use super::super::action::{Include, Meta, written_include};

/// How deep includes are followed; what is deeper may hold anything.
const DEPTH: usize = 20;

/// How many steps are read for a play; what comes behind them may hold anything.
const STEPS: usize = 10_000;

/// Reads what includes bring.
pub(super) struct Reader {
    pub includes: Arc<Includes>,
    pub filter: TagFilter,
    pub play: Arc<Play>,
}

/// The steps of includes.
#[derive(Default)]
pub(super) struct Brought {
    reader: Option<Reader>,
    /// By the include; none where it cannot be known.
    parts: HashMap<usize, Option<Arc<Steps>>>,
    /// Includes that are known, so that no other one takes the place of one of them.
    known: Vec<Arc<StepTask>>,
    count: usize,
}

impl Brought {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader: Some(reader), ..Self::default() }
    }

    /// What an include brings.
    pub(super) fn by(&self, include: &Arc<StepTask>) -> Option<&Arc<Steps>> {
        self.parts.get(&key(include))?.as_ref()
    }

    /// Reads what the includes among these steps bring, and those in it; gives what is new.
    pub(super) fn read(&mut self, steps: &Steps) -> Vec<Arc<Steps>> {
        let mut new = Vec::new();
        let Some(reader) = self.reader.take() else { return new };
        self.follow(&reader, steps, 0, &mut new);
        self.reader = Some(reader);
        new
    }

    fn follow(&mut self, reader: &Reader, steps: &Steps, depth: usize, new: &mut Vec<Arc<Steps>>) {
        for step in steps.list.iter().filter(|step| is_include(&step.task.task.action.module)) {
            if self.parts.contains_key(&key(&step.task)) {
                continue;
            }
            let read = match depth < DEPTH && self.count < STEPS {
                true => reader.steps(step).map(Arc::new),
                false => None,
            };
            self.known.push(Arc::clone(&step.task));
            self.parts.insert(key(&step.task), read.clone());
            if let Some(brought) = read {
                self.count += brought.list.len() + 1;
                self.follow(reader, &brought, depth + 1, new);
                new.push(brought);
            }
        }
    }
}

fn key(include: &Arc<StepTask>) -> usize {
    Arc::as_ptr(include).addr()
}

impl Reader {
    /// The steps that an include brings on every host.
    fn steps(&self, step: &Step) -> Option<Steps> {
        let task = &step.task;
        // they may say what the include does not
        if task.keywords.iter().any(|level| !level.module_defaults.is_empty()) {
            return None;
        }
        let is_handler = matches!(step.kind, StepKind::Handler | StepKind::InHandler);
        let site = IncludeSite {
            file: task.task.path.clone(),
            playbook: self.play.path.parent().map(std::path::PathBuf::from).unwrap_or_default(),
            role: task.role.as_ref().map(|role| role.path.clone()),
            is_handler,
            play: 0,
            around: self.play.keywords.vars.clone(),
            span: task.task.span.clone(),
        };
        let kind = if is_handler { StepKind::InHandler } else { StepKind::Task };
        match written_include(&task.task)? {
            Include::Tasks(file) => {
                let file = self.includes.tasks_so_far(&file, &site).ok()?;
                Steps::of_file(task, &file.entries, kind, &self.filter).ok()
            }
            Include::Role(role) => {
                let role = self.includes.role_so_far(&role, &site).ok()?;
                Steps::of_role(task, &role, kind, &self.filter).ok()
            }
        }
    }
}

/// Whether nothing in a part is for hosts that do not enter it: no handlers, no variables of roles,
/// and no handlers of the play that run in the middle of it.
pub(super) fn is_for_itself(steps: &Steps) -> bool {
    let flushes = |step: &Step| matches!(Meta::of(&step.task.task), Some(Meta::FlushHandlers));
    steps.handlers.is_empty()
        && !steps.exported.iter().any(|role| role.gives_variables())
        && !steps.list.iter().any(flushes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::graph::{Reason, Tie};
    use crate::playbook::{self, NoNames, SearchPaths};
    use crate::run::ModuleTable;

    /// Whether a task that includes something ties all hosts, with these files beside it.
    fn is_tied(task: &str, files: &[(&str, &str)]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let vars = "  vars: {far: \"{{ hostvars.x.y }}\"}\n";
        let text = format!("- hosts: all\n  gather_facts: false\n{vars}  tasks:\n    - {task}\n");
        for (name, text) in files.iter().chain(&[("play.yml", text.as_str())]) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (search, names) = (SearchPaths::default(), NoNames);
        let path = folder.path().join("play.yml");
        let loaded = playbook::load(&path, &ModuleTable::Early, &search, &names);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{task}: {errors:?}"));
        let play = &loaded.playbook.plays[0];
        let steps = Steps::compile(play, &TagFilter::default()).unwrap();
        let includes = Arc::new(Includes::new(ModuleTable::Early, names, search));
        let ties = crate::run::ties(play, &steps, &includes);
        let at = steps.list.iter().position(|step| is_include(&step.task.task.action.module));
        ties[at.unwrap()].ties.contains(&Tie::Around(Reason::Role))
    }

    #[test]
    fn an_include_ties_hosts_only_where_what_it_brings_does() {
        let plain = "- command: \"true\"\n";
        let more = "- include_tasks: more.yml\n";
        let once = "- command: \"true\"\n  run_once: true\n";
        let role = "- include_role: {name: r}\n";
        let cases: &[(&str, &[(&str, &str)], bool)] = &[
            ("include_tasks: a.yml", &[("a.yml", plain)], false),
            (
                "{include_tasks: a.yml, loop: [1, 2], when: x is defined}",
                &[("a.yml", plain)],
                false,
            ),
            ("include_tasks: a.yml", &[("a.yml", more), ("more.yml", plain)], false),
            ("include_tasks: a.yml", &[("a.yml", role), ("roles/r/tasks/main.yml", plain)], false),
            ("include_tasks: a.yml", &[("a.yml", once)], true),
            ("include_tasks: a.yml", &[("a.yml", more), ("more.yml", once)], true),
            ("include_tasks: a.yml", &[("a.yml", "- debug: {msg: \"{{ far }}\"}\n")], true),
            ("include_tasks: a.yml", &[("a.yml", "- meta: flush_handlers\n")], true),
            ("include_tasks: a.yml", &[("a.yml", "- include_tasks: a.yml\n")], true),
            ("include_tasks: \"{{ x }}.yml\"", &[("a.yml", plain)], true),
            ("include_tasks: a.yml", &[], true),
            ("{include_tasks: {file: a.yml, apply: {throttle: 1}}}", &[("a.yml", plain)], true),
            (
                "include_role: {name: r}",
                &[("roles/r/tasks/main.yml", plain), ("roles/r/vars/main.yml", "a: b\n")],
                false,
            ),
            (
                "include_role: {name: r, public: true}",
                &[("roles/r/tasks/main.yml", plain), ("roles/r/vars/main.yml", "a: b\n")],
                true,
            ),
            (
                "include_role: {name: r}",
                &[
                    ("roles/r/tasks/main.yml", plain),
                    ("roles/r/handlers/main.yml", "- name: h\n  command: \"true\"\n"),
                ],
                true,
            ),
            // which file of the role is read, is known as well
            (
                "include_role: {name: r, tasks_from: one}",
                &[("roles/r/tasks/one.yml", once), ("roles/r/tasks/main.yml", plain)],
                true,
            ),
        ];
        for (task, files, tied) in cases {
            assert_eq!(is_tied(task, files), *tied, "{task} {files:?}");
        }
    }
}
