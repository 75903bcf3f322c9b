//! `ansible.builtin.junit`: tasks as test cases, in a file of XML.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use serde_json::Value as Json;

use crate::report::Consumer;
use crate::report::default::{DefaultOptions, absolute, failure_message, result};
use crate::report::event::{Event, Outcome, Status, TaskHead};

use crate::report::xml::Element;

/// What the report holds (`JUNIT_…`).
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "settings of the user, looked at once each")]
pub struct JunitOptions {
    /// Where the file goes.
    pub output_dir: PathBuf,
    /// Whether classes are files without a line.
    pub task_class: bool,
    /// The folder that paths are seen from; empty leaves them absolute.
    pub relative_to: String,
    /// What stands before the name of a file that is not below that folder.
    pub replace_out_of_tree: Option<String>,
    /// Whether a change is a failure.
    pub fail_on_change: bool,
    /// Whether an ignored failure is one.
    pub fail_on_ignore: bool,
    /// Whether `setup` is among the cases.
    pub include_setup: bool,
    /// Whether names go without arguments.
    pub hide_arguments: bool,
    /// Only tasks whose name begins with this, and failures.
    pub prefix: String,
}

/// Gathers test cases and writes them at the end.
pub struct JunitReport {
    options: JunitOptions,
    playbook: String,
    play: String,
    tasks: Vec<Task>,
    /// Places of the tasks in the list, by their number in the run.
    places: HashMap<usize, usize>,
}

struct Task {
    head: TaskHead,
    name: String,
    play: String,
    began: Instant,
    cases: Vec<Case>,
}

struct Case {
    host: String,
    seconds: f64,
    body: Body,
}

enum Body {
    Passed(String),
    Failed { message: String, output: String },
    Skipped(String),
}

impl JunitReport {
    /// With these options; the folder is made now.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn new(options: JunitOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&options.output_dir)?;
        Ok(Self {
            options,
            playbook: String::new(),
            play: String::new(),
            tasks: Vec::new(),
            places: HashMap::new(),
        })
    }

    fn start(&mut self, head: &TaskHead) {
        let mut name = head.name.trim().to_owned();
        if let Some(role) = &head.role {
            name = format!("{role} : {name}");
        }
        if !self.options.hide_arguments && !head.arguments.is_empty() {
            name = format!("{name} {}", head.arguments);
        }
        self.places.insert(head.id, self.tasks.len());
        let (head, play) = (head.clone(), self.play.clone());
        self.tasks.push(Task { head, name, play, began: Instant::now(), cases: Vec::new() });
    }

    fn finished(&mut self, task: usize, host: &str, outcome: &Outcome) {
        let options = &self.options;
        let Some(task) = self.places.get(&task).and_then(|place| self.tasks.get_mut(*place)) else {
            return;
        };
        let changed = outcome.status == Status::Changed;
        let mut failed = match outcome.status {
            Status::Failed => !outcome.ignored || options.fail_on_ignore,
            Status::Ok | Status::Changed | Status::Skipped => changed && options.fail_on_change,
            Status::Unreachable | Status::Unknown { .. } => return,
        };
        let skipped = outcome.status == Status::Skipped;
        if failed && task.name.contains("EXPECTED FAILURE") {
            failed = false;
        } else if !skipped && task.name.contains("TOGGLE RESULT") {
            failed = !failed;
        }
        if !task.name.starts_with(&options.prefix) && !failed {
            return;
        }
        let dumped = || {
            let options = DefaultOptions::default();
            result::dump(outcome, "", &options, result::Indent::Flush)
        };
        let body = if failed {
            let message = failure_message(&task.head, outcome);
            Body::Failed { message, output: dumped() }
        } else if skipped {
            let reason = outcome.result.get("skip_reason").and_then(Json::as_str);
            Body::Skipped(reason.unwrap_or("skipped").to_owned())
        } else {
            Body::Passed(dumped())
        };
        let seconds = task.began.elapsed().as_secs_f64();
        task.cases.push(Case { host: host.to_owned(), seconds, body });
    }

    fn included(&mut self, task: usize, name: &str, hosts: &[String]) {
        let Some(task) = self.places.get(&task).and_then(|place| self.tasks.get_mut(*place)) else {
            return;
        };
        let told = format!("{name}: [{}]", hosts.join(", "));
        let seconds = task.began.elapsed().as_secs_f64();
        let before = task.cases.iter_mut().find(|case| case.host == "include");
        match before {
            Some(Case { body: Body::Passed(known), .. }) => *known = format!("{known}\n{told}"),
            _ => {
                let body = Body::Passed(told);
                task.cases.push(Case { host: "include".to_owned(), seconds, body });
            }
        }
    }

    fn class(&self, head: &TaskHead) -> String {
        let file = absolute(&head.place.file);
        let mut class = file.to_string_lossy().into_owned();
        if !self.options.relative_to.is_empty() {
            class = relative(&file, Path::new(&self.options.relative_to));
        }
        if let Some(prefix) = &self.options.replace_out_of_tree
            && class.starts_with("../")
        {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            class = format!("{prefix}{name}");
        }
        match self.options.task_class {
            true => class.strip_suffix(".yml").unwrap_or(&class).to_owned(),
            false => format!("{class}:{}", head.place.line),
        }
    }

    fn document(&self) -> String {
        let mut suite_cases = Vec::new();
        let (mut errors, mut skipped, mut time) = (0, 0, 0.0);
        for task in &self.tasks {
            if super::super::default::is_setup(&task.head.module) && !self.options.include_setup {
                continue;
            }
            for case in &task.cases {
                let mut element = Element::new("testcase")
                    .with("classname", self.class(&task.head))
                    .with("name", format!("[{}] {}: {}", case.host, task.play, task.name))
                    .with("time", case.seconds);
                time += case.seconds;
                match &case.body {
                    Body::Passed(output) => {
                        element.push(Element::new("system-out").text(output));
                    }
                    Body::Failed { message, output } => {
                        errors += 1;
                        let error = Element::new("error").with("message", message);
                        element.push(error.with("type", "error").text(output));
                    }
                    Body::Skipped(reason) => {
                        skipped += 1;
                        element.push(Element::new("skipped").text(reason));
                    }
                }
                suite_cases.push(element);
            }
        }
        let tests = suite_cases.len();
        let counted = |name| Element::new(name).with("disabled", 0).with("errors", errors);
        let mut suite = counted("testsuite")
            .with("failures", 0)
            .with("name", &self.playbook)
            .with("skipped", skipped)
            .with("tests", tests)
            .with("time", time);
        for case in suite_cases {
            suite.push(case);
        }
        let mut root =
            counted("testsuites").with("failures", 0).with("tests", tests).with("time", time);
        root.push(suite);
        root.document()
    }

    fn write(&self) -> io::Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{}-{}.xml", self.playbook, now.as_secs_f64());
        std::fs::write(self.options.output_dir.join(name), self.document())
    }
}

/// A path as it is seen from a folder.
fn relative(path: &Path, from: &Path) -> String {
    let from = std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
    let shared = path.components().zip(from.components()).take_while(|(one, other)| one == other);
    let shared = shared.count();
    let up = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    let path: PathBuf = up.chain(path.components().skip(shared)).collect();
    path.to_string_lossy().into_owned()
}

impl Consumer for JunitReport {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { playbooks, .. } => {
                let path = playbooks.first().map(Path::new);
                let stem = path.and_then(Path::file_stem).unwrap_or_default();
                self.playbook = stem.to_string_lossy().into_owned();
            }
            Event::PlayStarted { name, .. } => self.play.clone_from(name),
            Event::TaskStarted { task } => self.start(task),
            Event::HostFinished { task, host, outcome } => self.finished(*task, host, outcome),
            Event::Included { task, name, hosts, .. } => self.included(*task, name, hosts),
            Event::RunFinished { .. } => self.write()?,
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_a_folder() {
        for (path, from, expected) in [
            ("/a/b/c.yml", "/a", "b/c.yml"),
            ("/a/b/c.yml", "/a/d", "../b/c.yml"),
            ("/x.yml", "/a/d", "../../x.yml"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(from)), expected);
        }
    }
}
