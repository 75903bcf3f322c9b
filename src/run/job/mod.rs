//! One task on one host: delegation, loop, condition, arguments, action, retries, verdict.
//!
//! The order of evaluation is Ansible's: the loop, then for each item `delegate_to`, `when`, the
//! other keywords, the arguments, the action, `until`, `changed_when` and `failed_when`.
//!
//! [`setting`] holds the keywords of an item, [`item`] brings one from its condition to its
//! result, [`looped`] does so for all of a loop, [`retried`] until it succeeds; [`send`] speaks
//! with the host and [`verdict`] judges what came back. [`ahead`] does what it can of a task
//! before the one before it is over.

pub(in crate::run) mod ahead;
mod gathered;
mod item;
mod looped;
mod retried;
mod send;
mod setting;
mod unknown_facts;
mod verdict;

use std::sync::Arc;
use std::time::Instant;

use minijinja::Value;

use crate::graph::StepTask;
use crate::playbook::{is_include, qualify};
use crate::report::event::ErrorCause;
use crate::source::{Place, Span};
use crate::template::{TemplateError, TemplateErrorKind};
use crate::vars::{Layer, Scope};

use super::action::Meta;
use super::causes;
use super::context::{PlayContext, StepLayers, data};
use super::host_vars::{Facts, GATHERED};
use super::items::{self, Items};
use super::keyword::{KeywordError, KeywordReader};
use super::login_variables::LoginVariables;
use super::outcome::{TaskResult, Verdict};

pub(super) use setting::Setting;

/// A task for a host.
#[derive(Clone)]
pub(crate) struct Job {
    pub play: Arc<PlayContext>,
    pub layers: Arc<StepLayers>,
    pub task: Arc<StepTask>,
    /// Whether it is a handler, or was included by one.
    pub is_handler: bool,
    pub host: String,
    /// Number of the task in the report.
    pub id: usize,
    /// The round of its loop that it is for.
    pub item: Option<usize>,
}

/// What came of a job.
pub(crate) struct JobResult {
    pub total: TaskResult,
    pub meta: Option<Meta>,
    /// Whether an earlier run has done it.
    pub replayed: bool,
}

impl From<TaskResult> for JobResult {
    fn from(total: TaskResult) -> Self {
        Self { total, meta: None, replayed: false }
    }
}

/// What is settled before the items.
struct Rounds {
    scope: Scope,
    items: Items,
}

impl Job {
    /// Does the task.
    pub(crate) async fn run(mut self) -> JobResult {
        let started = Instant::now();
        if self.task.task.action.template.is_some() {
            let job = self.clone();
            match blocking(move || job.resolved()).await {
                Ok(task) => self.task = task,
                Err(early) => return JobResult::from(*early),
            }
        }
        let job = self.clone();
        let rounds = match blocking(move || job.rounds()).await {
            Ok(rounds) => rounds,
            Err(early) => {
                self.note_unknown(None, &early);
                self.note_unforeseen(&early);
                return JobResult::from(*early);
            }
        };
        let rendered = started.elapsed().as_secs_f64();
        let (mut total, meta) = match &rounds.items {
            Items::None => {
                let (mut total, meta) = Box::pin(self.single(&rounds.scope)).await;
                total.ignored = self.ignored(&rounds.scope, &total);
                (total, meta)
            }
            Items::Loop(items) => (Box::pin(self.looped(&rounds.scope, items)).await, None),
        };
        total.took = started.elapsed();
        total.spent.render += rendered;
        self.note_unknown(None, &total);
        self.note_unforeseen(&total);
        self.note_unknown_facts(&rounds.scope, &mut total);
        if self.task.task.action.module == "ansible.builtin.gather_facts"
            && total.verdict == Verdict::Ok
            && let Some(Facts::Gathered(facts)) = &mut total.learnt.facts
        {
            facts.insert(GATHERED.to_owned(), Value::from(true));
        }
        self.register(&mut total);
        JobResult { meta, ..JobResult::from(total) }
    }

    /// The loop; a task whose loop cannot be evaluated ends here.
    fn rounds(&self) -> Result<Rounds, Box<TaskResult>> {
        let scope = self.play.step_scope(&self.host, &self.layers);
        match items::of(self, &scope) {
            Ok(items) => Ok(Rounds { scope: scope.with_implied(self.login(None)), items }),
            Err(error) => {
                let mut total = self.unlooped(&error);
                total.censored = self.censors(&scope);
                total.ignored = self.ignored(&scope, &total);
                self.register(&mut total);
                Err(Box::new(total))
            }
        }
    }

    /// What the task's variables tell of its login; `away` is the host that it is delegated to.
    fn login(&self, away: Option<(String, Scope)>) -> Arc<LoginVariables> {
        Arc::new(LoginVariables {
            templar: Arc::clone(&self.play.run.templar),
            settings: Arc::clone(&self.play.run.settings),
            task: Arc::clone(&self.task),
            host: self.host.clone(),
            away,
        })
    }

    /// Whether `no_log`, or the setting of that name, hides the result; one that cannot be read
    /// does.
    pub(super) fn censors(&self, scope: &Scope) -> bool {
        let listed = &self.play.run.settings.secret_variables;
        if self.task.task.register.as_ref().is_some_and(|name| listed.contains(name.as_str())) {
            return true;
        }
        let reader = self.reader(scope);
        let said = reader.boolean("no_log", |level| level.no_log.as_ref()).ok().flatten();
        let hides = self.play.run.settings.behaviour.no_log;
        said.unwrap_or_else(|| reader.nearest(|level| level.no_log.as_ref()).is_some() || hides)
    }

    /// The task with the module that its template names.
    fn resolved(&self) -> Result<Arc<StepTask>, Box<TaskResult>> {
        let action = &self.task.task.action;
        let Some(template) = &action.template else { return Ok(Arc::clone(&self.task)) };
        let scope = self.play.step_scope(&self.host, &self.layers);
        let written = match self.play.run.templar.node(template, &scope) {
            Ok(name) => name.to_string(),
            Err(error) => return Err(Box::new(self.stopped(&KeywordError::from(error)))),
        };
        let module = qualify(&written);
        if self.play.run.settings.rejected_modules.contains(&module)
            || (super::action::find(&module).is_none()
                && canvass_modules::registry::find(&module).is_none())
        {
            let text = format!("couldn't resolve module/action '{written}'");
            return Err(Box::new(TaskResult::failed(text)));
        }
        let mut task = (*self.task.task).clone();
        (task.action.module, task.action.written) = (module, written);
        Ok(Arc::new(StepTask { task: Arc::new(task), ..(*self.task).clone() }))
    }

    fn reader<'a>(&'a self, scope: &'a Scope) -> KeywordReader<'a> {
        KeywordReader::of(&self.play.run.templar, scope, &self.task)
    }

    /// A keyword or template that cannot be used ends the task: failed, or unknown.
    fn stopped(&self, error: &KeywordError) -> TaskResult {
        match error {
            KeywordError::Template(TemplateError {
                kind: TemplateErrorKind::Unknown(reason),
                ..
            }) => TaskResult::unknown(reason.clone()),
            _ => {
                let task = self.task.task.span.place();
                let mut all = vec![ErrorCause::new("Task failed.", Some(task))];
                all.extend(causes::of_keyword(error));
                TaskResult::caused(format!("Task failed: {error}"), all)
            }
        }
    }

    /// The same for what a task loops over, which Ansible looks at before the task itself.
    fn unlooped(&self, error: &KeywordError) -> TaskResult {
        match error {
            KeywordError::Template(TemplateError {
                kind: TemplateErrorKind::Undefined { .. } | TemplateErrorKind::Unknown(_),
                ..
            }) => self.stopped(error),
            _ => {
                let mut total = TaskResult::caused(error, causes::of_keyword(error));
                total.result.shift_remove("changed");
                total
            }
        }
    }

    /// The scope in which conditions on the result are read.
    fn with_result(&self, scope: &Scope, result: &TaskResult) -> Scope {
        match &self.task.task.register {
            Some(name) => scope.over(Arc::new(Layer::from([(name.clone(), result.registered())]))),
            None => scope.clone(),
        }
    }

    fn register(&self, total: &mut TaskResult) {
        let run = &self.play.run;
        let learnt = total.learnt.set.keys().chain(total.learnt.included.keys());
        run.reserved.of(run, learnt.map(|name| (name.as_str(), Some(self.set_at(name, total)))));
        if let Some(name) = &self.task.task.register {
            let value = total.registered_alone();
            total.learnt.set.insert(name.clone(), value);
        }
    }

    /// Where a variable was set that the task set.
    fn set_at(&self, name: &str, total: &TaskResult) -> Place {
        let task = &self.task.task;
        let argument = task.action.arguments.iter().position(|(argument, _)| argument == name);
        let argument = argument.and_then(|index| task.action.argument_spans.get(index));
        let read = total.learnt.places.get(name).cloned();
        read.or_else(|| argument.map(Span::place)).unwrap_or_else(|| task.span.place())
    }

    fn ignored(&self, scope: &Scope, result: &TaskResult) -> bool {
        let reader = self.reader(scope);
        if result.held {
            return false;
        }
        let asked = match result.verdict {
            // as in Ansible, an include of what is not there is never ignored
            Verdict::Failed if is_include(&self.task.task.action.module) => return false,
            Verdict::Failed => {
                reader.boolean("ignore_errors", |level| level.ignore_errors.as_ref())
            }
            Verdict::Unreachable => {
                reader.boolean("ignore_unreachable", |level| level.ignore_unreachable.as_ref())
            }
            _ => return false,
        };
        matches!(asked, Ok(Some(true)))
    }
}

/// Runs what may block, a template with lookups or a file, away from the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A value as data for a layer.
pub(super) fn entry(name: &str, value: impl Into<Value>) -> (String, crate::vars::Var) {
    (name.to_owned(), data(value))
}
