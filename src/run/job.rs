//! One task on one host: delegation, loop, condition, arguments, action, retries, verdict.
//!
//! The order of evaluation is Ansible's: `delegate_to` first, then the loop, then for each item
//! `when`, then the arguments, then the action, `until`, `changed_when` and `failed_when`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use canvass_modules::wire::{Detach, Mode, TaskRequest};
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::connection::{ConnectionError, Privilege, Target, TaskSource};
use crate::diagnostics::Explain as _;
use crate::graph::StepTask;
use crate::playbook::{is_include, qualify};
use crate::report::event::{ErrorCause, Event, RunMode};
use crate::source::{Place, Span};
use crate::template::{TemplateError, TemplateErrorKind, to_json};
use crate::vars::{Layer, Scope};

use super::action::{ActionInput, Finished, Meta, Prepared, RemoteCall};
use super::arguments;
use super::asynchronous::{self, Asynchronous};
use super::check_mode;
use super::context::{PlayContext, StepLayers, data};
use super::host_vars::{Facts, GATHERED};
use super::included;
use super::items::{self, Items};
use super::keyword::{KeywordError, KeywordReader};
use super::outcome::{TaskResult, Verdict, combine};
use super::registered_diff;
use super::retry::Retry;
use super::settings::{CheckMode, DiffMode};
use super::target;

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
}

/// What came of a job.
pub(crate) struct JobResult {
    pub total: TaskResult,
    pub delegated_to: Option<String>,
    /// The address of that host.
    pub delegated_address: Option<String>,
    pub censored: bool,
    pub ignored: bool,
    /// The host that facts are learnt of, when it is not the task's own (`delegate_facts`).
    pub facts_of: Option<String>,
    pub meta: Option<Meta>,
}

/// What is settled before the items.
pub(super) struct Setting {
    pub scope: Scope,
    pub delegated_to: Option<String>,
    pub facts_of: Option<String>,
    pub target: Target,
    pub privilege: Privilege,
    pub environment: BTreeMap<String, String>,
    pub mode: Mode,
    pub diff: bool,
    /// Whether the registered result holds the diff, as with Ansible's `--diff`.
    pub registers_diff: DiffMode,
    pub timeout: Option<Duration>,
    pub items: Items,
    pub censored: bool,
    /// Set for a task that is to be a job of its own.
    pub asynchronous: Option<Asynchronous>,
}

impl Setting {
    /// The address of the host that the task is delegated to.
    fn delegated_address(&self) -> Option<String> {
        self.delegated_to.as_ref().map(|_| self.target.address.clone())
    }
}

/// How far an item has come.
pub(super) enum Stage {
    Over(Box<TaskResult>),
    Ready(Box<Prepared>),
    Meta(Meta),
}

impl JobResult {
    /// Of a task that did not come to its items.
    fn early(total: TaskResult) -> Self {
        Self {
            total,
            delegated_to: None,
            delegated_address: None,
            facts_of: None,
            censored: false,
            ignored: false,
            meta: None,
        }
    }
}

impl Job {
    /// Does the task.
    pub(crate) async fn run(mut self) -> JobResult {
        let started = Instant::now();
        if self.task.task.action.template.is_some() {
            let job = self.clone();
            match blocking(move || job.resolved()).await {
                Ok(task) => self.task = task,
                Err(early) => return *early,
            }
        }
        let job = self.clone();
        let setting = match blocking(move || job.settle()).await {
            Ok(setting) => Arc::new(setting),
            Err(early) => return *early,
        };
        let (mut total, meta) = match &setting.items {
            Items::None => self.single(&setting).await,
            Items::Loop(items) => (self.looped(&setting, items).await, None),
        };
        total.took = started.elapsed();
        if self.task.task.action.module == "ansible.builtin.gather_facts"
            && total.verdict == Verdict::Ok
            && let Some(Facts::Gathered(facts)) = &mut total.learnt.facts
        {
            facts.insert(GATHERED.to_owned(), Value::from(true));
        }
        let ignored = self.ignored(&setting, &total);
        self.register(&mut total);
        JobResult {
            delegated_to: setting.delegated_to.clone(),
            delegated_address: setting.delegated_address(),
            facts_of: setting.facts_of.clone(),
            censored: setting.censored || total.censored,
            ignored,
            total,
            meta,
        }
    }

    /// The task with the module that its template names.
    fn resolved(&self) -> Result<Arc<StepTask>, Box<JobResult>> {
        let action = &self.task.task.action;
        let Some(template) = &action.template else { return Ok(Arc::clone(&self.task)) };
        let scope = self.play.step_scope(&self.host, &self.layers);
        let written = match self.play.run.templar.node(template, &scope) {
            Ok(name) => name.to_string(),
            Err(error) => {
                return Err(Box::new(JobResult::early(self.stopped(&KeywordError::from(error)))));
            }
        };
        let module = qualify(&written);
        if self.play.run.settings.rejected_modules.contains(&module)
            || (super::action::find(&module).is_none()
                && canvass_modules::registry::find(&module).is_none())
        {
            let text = format!("couldn't resolve module/action '{written}'");
            return Err(Box::new(JobResult::early(TaskResult::failed(text))));
        }
        let mut task = (*self.task.task).clone();
        (task.action.module, task.action.written) = (module, written);
        Ok(Arc::new(StepTask { task: Arc::new(task), ..(*self.task).clone() }))
    }

    fn reader<'a>(&'a self, scope: &'a Scope) -> KeywordReader<'a> {
        KeywordReader::of(&self.play.run.templar, scope, &self.task)
    }

    /// Settles what is the same for all items.
    fn settle(&self) -> Result<Setting, Box<JobResult>> {
        let scope = self.play.step_scope(&self.host, &self.layers);
        let censored = self
            .reader(&scope)
            .boolean("no_log", |level| level.no_log.as_ref())
            .ok()
            .flatten()
            .unwrap_or_else(|| {
                self.reader(&scope).nearest(|level| level.no_log.as_ref()).is_some()
            });
        self.settle_in(scope.clone(), censored).map_err(|error| {
            let reader = self.reader(&scope);
            // who acts is settled before `when`, all else matters only where it says yes
            let names_host = reader.text(|level| level.delegate_to.as_ref()).is_ok();
            let mut total = match self.condition(&scope) {
                Ok(Some(skipped)) if names_host => skipped,
                _ => self.stopped(&error),
            };
            let ignored = total.verdict == Verdict::Failed
                && matches!(
                    reader.boolean("ignore_errors", |level| level.ignore_errors.as_ref()),
                    Ok(Some(true))
                );
            self.register(&mut total);
            Box::new(JobResult {
                total,
                delegated_to: None,
                delegated_address: None,
                facts_of: None,
                censored,
                ignored,
                meta: None,
            })
        })
    }

    fn settle_in(&self, scope: Scope, censored: bool) -> Result<Setting, KeywordError> {
        let run = &self.play.run;
        let reader = self.reader(&scope);
        let delegated_to = reader.text(|level| level.delegate_to.as_ref())?;
        let items = items::of(self, &scope)?;
        let away = delegated_to.as_ref().map(|host| self.play.host_scope(host));
        let seen = away.as_ref().unwrap_or(&scope);
        let host = delegated_to.as_ref().unwrap_or(&self.host);
        let target = target::target(host, seen, Some(reader), &run.settings)?;
        let privilege = target::privilege(seen, reader, &run.settings, &target)?;
        if let Some(password) = &target.password {
            run.keep_secret(password.expose());
        }
        if let Privilege::Become { password: Some(password), .. } = &privilege {
            run.keep_secret(password.expose());
        }
        let privilege = target::without_same_user(privilege, &target, &run.settings);
        let check = reader.boolean("check_mode", |level| level.check_mode.as_ref())?;
        let mode = match (run.settings.mode, check) {
            (_, Some(false)) | (RunMode::Apply, None) => Mode::Apply,
            (RunMode::Apply, Some(true)) => Mode::Check,
            (RunMode::Rehearsal, _) => match run.settings.check {
                CheckMode::Rehearsal => Mode::Rehearse,
                CheckMode::Alone => Mode::Check,
            },
        };
        let facts_of = match &delegated_to {
            Some(host)
                if reader.boolean("delegate_facts", |level| level.delegate_facts.as_ref())?
                    == Some(true) =>
            {
                Some(host.clone())
            }
            _ => None,
        };
        let diff = reader.boolean("diff", |level| level.diff.as_ref())?;
        let timeout = match reader.nearest(|level| level.timeout.as_ref()) {
            Some(node) => match reader.number("timeout", node)? {
                seconds if seconds > 0.0 => Some(Duration::from_secs_f64(seconds)),
                _ => None,
            },
            None => run.settings.task_timeout,
        };
        Ok(Setting {
            asynchronous: Asynchronous::of(reader, &self.task.task)?,
            environment: self.environment(reader)?,
            delegated_to,
            facts_of,
            target,
            privilege,
            mode,
            diff: diff.unwrap_or(true),
            registers_diff: match diff {
                Some(true) => DiffMode::On,
                Some(false) => DiffMode::Off,
                None => run.settings.diff,
            },
            timeout,
            items,
            censored,
            scope,
        })
    }

    /// The environment; facts are gathered without what only facts would tell.
    fn environment(
        &self,
        reader: KeywordReader<'_>,
    ) -> Result<BTreeMap<String, String>, KeywordError> {
        let module = self.task.task.action.module.as_str();
        let gathers = matches!(module, "ansible.builtin.setup" | "ansible.builtin.gather_facts");
        if gathers { reader.environment_of_facts() } else { reader.environment() }
    }

    /// A keyword or template that cannot be used ends the task: failed, or unknown.
    fn stopped(&self, error: &KeywordError) -> TaskResult {
        self.stopped_at("", error)
    }

    /// The same, with what was being done before the error.
    fn stopped_at(&self, context: &str, error: &KeywordError) -> TaskResult {
        match error {
            KeywordError::Template(TemplateError {
                kind: TemplateErrorKind::Unknown(reason),
                ..
            }) => TaskResult::unknown(reason.clone()),
            _ => {
                let message = format!("{context}{error}");
                let cause = ErrorCause {
                    message: message.clone(),
                    place: error.span().map(crate::source::Span::place),
                };
                let task = self.task.task.span.place();
                let failed = ErrorCause { message: "Task failed.".to_owned(), place: Some(task) };
                TaskResult::caused(format!("Task failed: {message}"), vec![failed, cause])
            }
        }
    }

    async fn single(&self, setting: &Arc<Setting>) -> (TaskResult, Option<Meta>) {
        if self.task.task.until.is_some() || self.task.task.retries.is_some() {
            let scope = setting.scope.clone();
            return (self.retried(setting, &scope, None).await, None);
        }
        match self.prepare(setting, setting.scope.clone()).await {
            Stage::Over(result) => (*result, None),
            Stage::Meta(meta) => {
                if meta == Meta::ResetConnection {
                    self.play.run.pool.reset(&setting.target).await;
                }
                (TaskResult::new(Verdict::Ok, Map::new()), Some(meta))
            }
            Stage::Ready(prepared) => {
                let result = self.perform(setting, *prepared).await;
                (self.judge(result, setting.scope.clone()).await, None)
            }
        }
    }

    async fn looped(&self, setting: &Arc<Setting>, items: &items::LoopItems) -> TaskResult {
        if items.values.is_empty() {
            let mut result = TaskResult::skipped("No items in the list", None);
            result.result.insert("skipped_reason".to_owned(), "No items in the list".into());
            result.result.insert("results".to_owned(), Json::Array(Vec::new()));
            return result;
        }
        let results = if items.in_order || self.task.task.until.is_some() {
            self.one_by_one(setting, items).await
        } else {
            self.together(setting, items).await
        };
        combine(results)
    }

    /// Each item begins when the one before is over, and sees what it set.
    async fn one_by_one(
        &self,
        setting: &Arc<Setting>,
        items: &items::LoopItems,
    ) -> Vec<TaskResult> {
        let mut results = Vec::with_capacity(items.values.len());
        let mut set = Layer::new();
        for index in 0..items.values.len() {
            if index > 0 && !items.pause.is_zero() {
                tokio::time::sleep(items.pause).await;
            }
            let base = match set.is_empty() {
                true => setting.scope.clone(),
                false => setting.scope.over(Arc::new(set.clone())),
            };
            let scope = base.over(Arc::new(items.layer(index)));
            let mut result = if self.task.task.until.is_some() {
                self.retried(setting, &scope, Some((items, index))).await
            } else {
                match self.prepare(setting, scope.clone()).await {
                    Stage::Over(result) => *result,
                    Stage::Meta(_) => TaskResult::failed("`meta` cannot be used in a loop"),
                    Stage::Ready(prepared) => {
                        let result = self.perform(setting, *prepared).await;
                        self.judge(result, scope.clone()).await
                    }
                }
            };
            set.extend(result.learnt.set.clone());
            self.item_over(setting, items, index, &mut result);
            let stop = result.verdict == Verdict::Unreachable;
            let ends = self.breaks(&scope, &result);
            results.push(result);
            match ends {
                Ok(false) if !stop => {}
                Ok(_) => break,
                Err(error) => {
                    results.push(self.stopped(&error));
                    break;
                }
            }
        }
        results
    }

    /// All items are rendered first and go to the host in one message.
    async fn together(&self, setting: &Arc<Setting>, items: &items::LoopItems) -> Vec<TaskResult> {
        let job = self.clone();
        let scopes: Vec<Scope> = (0..items.values.len())
            .map(|index| setting.scope.over(Arc::new(items.layer(index))))
            .collect();
        let for_stages = scopes.clone();
        let mode = setting.mode;
        let stages = blocking(move || {
            for_stages.into_iter().map(|scope| job.stage(mode, &scope)).collect::<Vec<_>>()
        })
        .await;
        let mut results: Vec<Option<TaskResult>> = Vec::with_capacity(stages.len());
        let mut calls = Vec::new();
        for (index, stage) in stages.into_iter().enumerate() {
            results.push(None);
            let over = match stage {
                Stage::Over(result) => *result,
                Stage::Meta(_) => TaskResult::failed("`meta` cannot be used in a loop"),
                Stage::Ready(prepared) => match *prepared {
                    Prepared::Remote(call) => {
                        calls.push((index, call));
                        continue;
                    }
                    other => self.perform(setting, other).await,
                },
            };
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(over);
            }
        }
        let (indexes, calls): (Vec<usize>, Vec<RemoteCall>) = calls.into_iter().unzip();
        let replies = self.remote(setting, calls).await;
        for (index, reply) in indexes.into_iter().zip(replies) {
            let scope = scopes.get(index).cloned().unwrap_or_default();
            let judged = self.judge(reply, scope).await;
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(judged);
            }
        }
        let mut done = Vec::with_capacity(results.len());
        for (index, result) in results.into_iter().enumerate() {
            let mut result = result
                .unwrap_or_else(|| TaskResult::failed("the host gave no answer for this item"));
            self.item_over(setting, items, index, &mut result);
            done.push(result);
        }
        done
    }

    fn item_over(
        &self,
        setting: &Setting,
        items: &items::LoopItems,
        index: usize,
        result: &mut TaskResult,
    ) {
        let value = items.values.get(index).cloned().unwrap_or_default();
        result.set("ansible_loop_var", items.variable.as_str());
        result.set(&items.variable, to_json(&value).unwrap_or_default());
        let scope = setting.scope.over(Arc::new(items.layer(index)));
        let label = match &self.task.task.loop_control.label {
            Some(label) => self.play.run.templar.node(label, &scope).unwrap_or(value),
            None => value,
        };
        let label = to_json(&label).unwrap_or_default();
        for included in &mut result.includes {
            included.item = Arc::new(items.layer(index));
            included.label = Some(label.clone());
        }
        // what is included is told when its tasks come
        if !result.includes.is_empty() {
            return;
        }
        let ignored = self.ignored(setting, result);
        let facts = super::reported::Circumstances {
            delegated_to: setting.delegated_to.clone(),
            delegated_address: setting.delegated_address(),
            censored: setting.censored || result.censored,
            ignored,
            item: Some(label),
        };
        self.play.run.tell(Event::ItemFinished {
            task: self.id,
            host: self.host.clone(),
            outcome: Box::new(super::reported::outcome(&self.play.run, result, facts)),
        });
    }

    fn breaks(&self, scope: &Scope, result: &TaskResult) -> Result<bool, KeywordError> {
        let Some(conditions) = &self.task.task.loop_control.break_when else { return Ok(false) };
        let scope = self.with_result(scope, result);
        for condition in conditions {
            if !self.play.run.templar.condition(condition, &scope)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn retried(
        &self,
        setting: &Arc<Setting>,
        scope: &Scope,
        item: Option<(&items::LoopItems, usize)>,
    ) -> TaskResult {
        let retry = match Retry::of(self.reader(scope), &self.task.task) {
            Ok(retry) => retry,
            Err(error) => return self.stopped(&error),
        };
        let mut attempt = 1;
        loop {
            let result = match self.prepare(setting, scope.clone()).await {
                Stage::Over(result) => return *result,
                Stage::Meta(_) => return TaskResult::failed("`meta` cannot be retried"),
                Stage::Ready(prepared) => self.perform(setting, *prepared).await,
            };
            let mut result = self.judge(result, scope.clone()).await;
            if matches!(result.verdict, Verdict::Unknown(_) | Verdict::Unreachable) {
                return result;
            }
            result.set("attempts", attempt);
            let holds = match self.until(scope, &result).await {
                Ok(holds) => holds,
                Err(error) => return self.stopped(&error),
            };
            if holds {
                return result;
            }
            if attempt > retry.retries {
                result.set("attempts", retry.retries);
                result.decide(Verdict::Failed);
                return result;
            }
            let facts = super::reported::Circumstances {
                delegated_to: setting.delegated_to.clone(),
                delegated_address: setting.delegated_address(),
                censored: setting.censored,
                ignored: false,
                item: item.and_then(|(items, index)| to_json(items.values.get(index)?).ok()),
            };
            self.play.run.tell(Event::Retrying {
                task: self.id,
                host: self.host.clone(),
                left: retry.retries + 1 - attempt,
                outcome: Box::new(super::reported::outcome(&self.play.run, &result, facts)),
            });
            tokio::time::sleep(retry.delay).await;
            attempt += 1;
        }
    }

    async fn until(&self, scope: &Scope, result: &TaskResult) -> Result<bool, KeywordError> {
        let Some(conditions) = self.task.task.until.clone() else {
            return Ok(result.verdict != Verdict::Failed);
        };
        let scope = self.with_result(scope, result);
        let templar = Arc::clone(&self.play.run.templar);
        blocking(move || {
            for condition in &conditions {
                if !templar.condition(condition, &scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }

    async fn prepare(&self, setting: &Setting, scope: Scope) -> Stage {
        let job = self.clone();
        let mode = setting.mode;
        blocking(move || job.stage(mode, &scope)).await
    }

    /// Brings an item as far as it goes on the controller: condition, arguments, action.
    fn stage(&self, mode: Mode, scope: &Scope) -> Stage {
        let run = &self.play.run;
        match self.condition(scope) {
            Ok(None) => {}
            Ok(Some(skipped)) => return Stage::Over(Box::new(skipped)),
            Err(error) => {
                let context = "Error while evaluating conditional: ";
                return Stage::Over(Box::new(self.stopped_at(context, &error)));
            }
        }
        let rendered = match arguments::render(&run.templar, scope, &self.task) {
            Ok(rendered) => rendered,
            Err(error) => {
                return Stage::Over(Box::new(match &error.unknown() {
                    Some(reason) => TaskResult::unknown(reason.clone()),
                    None => {
                        let causes = error.causes(self.task.task.span.place());
                        TaskResult::caused(error, causes)
                    }
                }));
            }
        };
        for secret in rendered.secrets {
            run.keep_secret(&secret);
        }
        let input = ActionInput {
            templar: &run.templar,
            scope,
            step: &self.task,
            directories: &self.layers.directories,
            host: &self.host,
            verbosity: run.settings.verbosity,
            mode,
            inventory: &run.inventory,
            values: &rendered.values,
        };
        let module = &self.task.task.action.module;
        match Asynchronous::of(self.reader(scope), &self.task.task) {
            Ok(Some(_)) if !asynchronous::supports(module) => {
                let written = &self.task.task.action.written;
                let text = format!("This action ({written}) does not support async.");
                return Stage::Over(Box::new(TaskResult::failed(text)));
            }
            Ok(_) => {}
            Err(error) => return Stage::Over(Box::new(self.stopped(&error))),
        }
        match arguments::prepare(&input, rendered.arguments) {
            Ok(Prepared::Meta(meta)) => Stage::Meta(meta),
            Ok(Prepared::Include(call)) => {
                let read = included::read(&self.play, &self.task, self.is_handler, call);
                Stage::Over(Box::new(read))
            }
            Ok(prepared) => Stage::Ready(Box::new(prepared)),
            Err(super::action::ActionError::Template(error)) => {
                Stage::Over(Box::new(self.stopped(&KeywordError::Template(error))))
            }
            Err(error) => Stage::Over(Box::new(TaskResult::failed(error))),
        }
    }

    /// `when` of all levels; a result when it says no.
    pub(super) fn condition(&self, scope: &Scope) -> Result<Option<TaskResult>, KeywordError> {
        for condition in self.task.keywords.iter().rev().flat_map(|level| &level.when) {
            if !self.play.run.templar.condition(condition, scope)? {
                let written = match &condition.kind {
                    crate::source::Kind::Str(text) => Json::from(text.value.clone()),
                    _ => Json::from(false),
                };
                return Ok(Some(TaskResult::skipped(
                    "Conditional result was False",
                    Some(written),
                )));
            }
        }
        Ok(None)
    }

    /// Does what was prepared, within the time that it may take.
    async fn perform(&self, setting: &Arc<Setting>, prepared: Prepared) -> TaskResult {
        match (setting.timeout, &prepared) {
            // others are bounded where they run
            (Some(limit), Prepared::Reconnect(_) | Prepared::Pause(_) | Prepared::Reboot(_)) => {
                let performed = tokio::time::timeout(limit, self.act(setting, prepared)).await;
                performed.unwrap_or_else(|_| timed_out(limit))
            }
            _ => self.act(setting, prepared).await,
        }
    }

    async fn act(&self, setting: &Arc<Setting>, prepared: Prepared) -> TaskResult {
        match prepared {
            Prepared::Done(finished) => TaskResult::from_finished(finished),
            Prepared::Remote(call) => {
                let results = self.remote(setting, vec![call]).await;
                results
                    .into_iter()
                    .next()
                    .unwrap_or_else(|| TaskResult::failed("the host gave no answer"))
            }
            Prepared::Several(calls, returned) => self.several(setting, calls, returned).await,
            Prepared::Raw(script) => self.raw(setting, &script).await,
            Prepared::Reconnect(how) => self.reconnected(setting, how).await,
            Prepared::Reboot(how) => self.rebooted(setting, &how).await,
            Prepared::Pause(pause) => self.paused(setting, pause).await,
            Prepared::Meta(_) | Prepared::Include(_) => {
                TaskResult::failed("this action cannot be used here")
            }
        }
    }

    async fn several(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
        returned: Map<String, Json>,
    ) -> TaskResult {
        let mut total = TaskResult::from_finished(Finished::ok(returned));
        for call in calls {
            for result in self.remote(setting, vec![call]).await {
                match &result.verdict {
                    Verdict::Ok | Verdict::Skipped => {}
                    Verdict::Changed => total.decide(Verdict::Changed),
                    Verdict::Failed | Verdict::Unreachable | Verdict::Unknown(_) => return result,
                }
                if let Some(Json::Object(more)) = result.result.get("ansible_facts") {
                    let slot = total.result.entry("ansible_facts").or_insert(Json::Null);
                    let mut facts = slot.as_object().cloned().unwrap_or_default();
                    facts.extend(more.clone());
                    *slot = Json::Object(facts);
                }
                total.learnt.merge(result.learnt);
                total.diffs.extend(result.diffs);
                total.effects.extend(result.effects);
            }
        }
        total
    }

    async fn raw(&self, setting: &Setting, script: &str) -> TaskResult {
        match setting.mode {
            Mode::Apply => {}
            Mode::Check => return TaskResult::new(Verdict::Skipped, Map::new()),
            Mode::Rehearse => {
                return TaskResult::unknown("a raw command is not run in a dry run");
            }
        }
        let pool = &self.play.run.pool;
        let answer = pool.raw(&setting.target, &setting.privilege, script, setting.timeout).await;
        let output = match answer {
            Ok(output) => output,
            Err(error) => return lost(&error),
        };
        let mut returned = Map::new();
        let [stdout, stderr] = [&output.stdout, &output.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        for (name, text) in [("stdout", &stdout), ("stderr", &stderr)] {
            returned.insert(name.to_owned(), Json::from(text.as_str()));
            let lines = text.lines().map(Json::from).collect();
            returned.insert(format!("{name}_lines"), Json::Array(lines));
        }
        returned.insert("rc".to_owned(), Json::from(output.status));
        returned.insert("changed".to_owned(), Json::from(true));
        if output.status == 0 {
            TaskResult::new(Verdict::Changed, returned)
        } else {
            returned.insert("msg".to_owned(), Json::from("non-zero return code"));
            TaskResult::new(Verdict::Failed, returned)
        }
    }

    /// Sends calls of one module to the host in one message; a result for each.
    async fn remote(&self, setting: &Arc<Setting>, calls: Vec<RemoteCall>) -> Vec<TaskResult> {
        match &setting.asynchronous {
            Some(asynchronous) if setting.mode == Mode::Apply => {
                self.detached(setting, asynchronous, calls).await
            }
            _ => self.send(setting, calls, None).await,
        }
    }

    /// Sends calls as they are, or as jobs.
    pub(super) async fn send(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
        detach: Option<Detach>,
    ) -> Vec<TaskResult> {
        let Some(first) = calls.first() else { return Vec::new() };
        let count = calls.len();
        let mut request = TaskRequest {
            id: 0,
            module: first.module.clone(),
            mode: setting.mode,
            diff: setting.diff,
            environment: setting.environment.clone(),
            items: Vec::with_capacity(count),
            rehearsed: Vec::new(),
            timeout: setting.timeout.map(|timeout| timeout.as_secs().max(1)),
            sources: Vec::new(),
            detach,
        };
        let mut sources = Vec::new();
        let mut after = Vec::new();
        for (index, call) in calls.into_iter().enumerate() {
            let mut arguments = call.arguments;
            if let Some(source) = call.source {
                let source = numbered(source, index as u64 + 1);
                let (TaskSource::Bytes { source: described, .. }
                | TaskSource::File { source: described, .. }) = &source;
                let described = serde_json::to_value(described).unwrap_or_default();
                arguments.insert(canvass_modules::wire::SOURCE_ARGUMENT.to_owned(), described);
                sources.push(source);
            }
            after.push(call.after);
            request.items.push(arguments);
        }
        let pool = &self.play.run.pool;
        // only Ansible's check mode reads the arguments again
        let checked = (setting.mode == Mode::Check).then(|| request.items.clone());
        let module = request.module.clone();
        let asked = self.task.task.action.module.clone();
        match pool.task(&setting.target, &setting.privilege, request, sources).await {
            Err(error) => (0..count).map(|_| lost(&error)).collect(),
            Ok(replies) => {
                let registers_diff = setting.registers_diff;
                blocking(move || {
                    replies
                        .into_iter()
                        .zip(after)
                        .map(|(mut reply, after)| {
                            after.work(&mut reply);
                            let item = reply.item;
                            let mut result = TaskResult::from_reply(reply);
                            if let Some(arguments) =
                                checked.as_ref().and_then(|items| items.get(item))
                            {
                                check_mode::word(&module, arguments, &mut result);
                            }
                            registered_diff::register(&asked, registers_diff, &mut result);
                            result
                        })
                        .collect()
                })
                .await
            }
        }
    }

    /// `changed_when` and `failed_when`.
    async fn judge(&self, mut result: TaskResult, scope: Scope) -> TaskResult {
        let task = &self.task.task;
        let settled = !matches!(
            result.verdict,
            Verdict::Ok | Verdict::Changed | Verdict::Failed | Verdict::Unknown(_)
        );
        if settled || (task.changed_when.is_none() && task.failed_when.is_none()) {
            return result;
        }
        let job = self.clone();
        blocking(move || match job.judged(&mut result, &scope) {
            Ok(()) => result,
            Err(error) => job.stopped(&error),
        })
        .await
    }

    fn judged(&self, result: &mut TaskResult, scope: &Scope) -> Result<(), KeywordError> {
        let task = &self.task.task;
        let templar = &self.play.run.templar;
        let all = |conditions: &[crate::source::Node], scope: &Scope| {
            for condition in conditions {
                if !templar.condition(condition, scope)? {
                    return Ok::<bool, KeywordError>(false);
                }
            }
            Ok(true)
        };
        if let Verdict::Unknown(_) = result.verdict {
            // what does not depend on the unknown can still decide: `changed_when: false`
            let seen = self.with_result(scope, result);
            let changed = task.changed_when.as_ref().map(|conditions| all(conditions, &seen));
            let failed = task.failed_when.as_ref().map(|conditions| all(conditions, &seen));
            if let (Some(Ok(false)), None | Some(Ok(false))) = (&changed, &failed) {
                let reason = "the command was not run; it changes nothing".to_owned();
                result.set("unknown_reason", reason);
            }
            return Ok(());
        }
        if let Some(conditions) = &task.changed_when {
            let changed = match all(conditions, &self.with_result(scope, result)) {
                Ok(changed) => changed,
                Err(error) => return unjudged(result, "changed_when_result", error),
            };
            if result.verdict == Verdict::Failed {
                result.set("changed", changed);
            } else {
                result.decide(if changed { Verdict::Changed } else { Verdict::Ok });
            }
        }
        if let Some(conditions) = &task.failed_when {
            let failed = match all(conditions, &self.with_result(scope, result)) {
                Ok(failed) => failed,
                Err(error) => return unjudged(result, "failed_when_result", error),
            };
            let changed = result.result.get("changed").and_then(Json::as_bool) == Some(true);
            result.set("failed_when_result", failed);
            result.decide(match (failed, changed) {
                (true, _) => Verdict::Failed,
                (false, true) => Verdict::Changed,
                (false, false) => Verdict::Ok,
            });
        }
        Ok(())
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
            let value = total.registered();
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

    fn ignored(&self, setting: &Setting, result: &TaskResult) -> bool {
        let reader = self.reader(&setting.scope);
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

/// A condition on the result that cannot be read fails the task; what came of it stays.
fn unjudged(result: &mut TaskResult, field: &str, error: KeywordError) -> Result<(), KeywordError> {
    if let KeywordError::Template(TemplateError { kind: TemplateErrorKind::Unknown(_), .. }) = error
    {
        return Err(error);
    }
    result.set(field, arguments::worded(&error));
    result.decide(Verdict::Failed);
    Ok(())
}

/// The result of a task that took longer than it may.
fn timed_out(limit: Duration) -> TaskResult {
    let seconds = limit.as_secs().max(1);
    let text = format!("Task failed: Timed out after {seconds} second(s).");
    let mut result = TaskResult::failed(text);
    result.set("timedout", serde_json::json!({"period": seconds}));
    result
}

/// The result when the connection gave none.
fn lost(error: &ConnectionError) -> TaskResult {
    if error.is_unreachable() { TaskResult::unreachable(error) } else { TaskResult::failed(error) }
}

fn numbered(source: TaskSource, id: u64) -> TaskSource {
    match source {
        TaskSource::Bytes { mut source, bytes } => {
            source.id = id;
            TaskSource::Bytes { source, bytes }
        }
        TaskSource::File { mut source, path } => {
            source.id = id;
            TaskSource::File { source, path }
        }
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
