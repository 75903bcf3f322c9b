//! One item: from its condition to its result.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use canvass_modules::effect::Effect;
use canvass_modules::wire::{EffectRecord, Mode};
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::playbook::is_include;
use crate::report::spent::Spent;
use crate::source::Node;
use crate::template::trusted;
use crate::vars::{Layer, Scope, Var};

use super::send::lost;
use super::{Job, Setting, blocking};
use crate::run::action::{self, ActionError, ActionInput, Finished, Meta, Prepared, RemoteCall};
use crate::run::arguments;
use crate::run::asynchronous;
use crate::run::included;
use crate::run::invocation;
use crate::run::keyword::KeywordError;
use crate::run::outcome::{TaskResult, Verdict};
use crate::run::settings::FactNames;

/// So many parts of a task go to the host in one message.
const MOST_PARTS: usize = 64;

/// So many bytes go along with them: small files are in memory then, for each host.
const MOST_HELD: u64 = 256 * 1024;

/// How far an item has come.
pub(super) enum Stage {
    Over(Box<TaskResult>),
    Ready(Arc<Setting>, Box<Prepared>),
    Meta(Meta, Arc<Setting>),
}

impl Job {
    /// A task without a loop.
    pub(super) async fn single(&self, scope: &Scope) -> (TaskResult, Option<Meta>) {
        if self.task.task.until.is_some() || self.task.task.retries.is_some() {
            return (self.retried(scope, None).await, None);
        }
        let (stage, render) = self.prepared(scope).await;
        match stage {
            Stage::Over(mut result) => {
                result.spent.render += render;
                (*result, None)
            }
            Stage::Meta(meta, setting) => {
                if meta == Meta::ResetConnection {
                    self.play.run.pool.reset(&setting.target).await;
                }
                (TaskResult::new(Verdict::Ok, Map::new()), Some(meta))
            }
            Stage::Ready(setting, prepared) => {
                let mut result = self.perform(&setting, *prepared).await;
                result.spent.render += render;
                (self.judge(result, scope.clone()).await, None)
            }
        }
    }

    /// The same as [`Self::prepare`], with the seconds that it took.
    pub(super) async fn prepared(&self, scope: &Scope) -> (Stage, f64) {
        let began = Instant::now();
        let stage = self.prepare(scope.clone()).await;
        (stage, began.elapsed().as_secs_f64())
    }

    pub(super) async fn prepare(&self, scope: Scope) -> Stage {
        let job = self.clone();
        blocking(move || job.stage(&scope)).await
    }

    /// Brings an item as far as it goes on the controller: delegation, condition, keywords,
    /// arguments, action.
    pub(super) fn stage(&self, scope: &Scope) -> Stage {
        self.staged(scope).unwrap_or_else(|mut over| {
            over.censored |= self.censors(scope);
            Stage::Over(over)
        })
    }

    /// What a task sees that another host does: that host's variables under a name of their own, and
    /// how one logs in there where nothing is set for its own host.
    fn delegated_scope(&self, scope: &Scope, host: &str) -> Scope {
        let away = self.play.host_scope(host);
        let own = ("inventory_hostname".to_owned(), Var::Data(Value::from(self.host.as_str())));
        let seen = away.over(Arc::new(Layer::from([own]))).to_value();
        let all = Value::from_pairs([(Value::from(host), seen)]);
        let layer = Layer::from([("ansible_delegated_vars".to_owned(), Var::Data(all))]);
        let login = self.login(Some((host.to_owned(), away)));
        scope.over(Arc::new(layer)).with_implied(login)
    }

    fn staged(&self, scope: &Scope) -> Result<Stage, Box<TaskResult>> {
        let run = &self.play.run;
        crate::run::secret_values::of_scope(run, scope);
        let stopped = |error: KeywordError| Box::new(self.stopped(&error));
        let reader = self.reader(scope);
        let host =
            reader.text("delegate_to", |level| level.delegate_to.as_ref()).map_err(stopped)?;
        let away = host.as_ref().map(|host| self.delegated_scope(scope, host));
        let scope = away.as_ref().unwrap_or(scope);
        let reader = self.reader(scope);
        match self.condition(scope) {
            Ok(None) => {}
            Ok(Some(skipped)) => return Err(Box::new(skipped)),
            Err(error) => {
                let mut over = stopped(error);
                if let Verdict::Unknown(reason) = &over.verdict {
                    over.learnt.set = self.unknown_facts(reason, |_| None);
                    over.learnt.included = self.unknown_included(reason, scope);
                }
                return Err(over);
            }
        }
        let module = &self.task.task.action.module;
        // what is included has keywords of its own, and needs no connection
        let setting = match is_include(module) {
            true => None,
            false => Some(Arc::new(self.settle(scope, host).map_err(stopped)?)),
        };
        let rendered = arguments::render(&run.templar, scope, &self.task).map_err(|error| {
            Box::new(match &error.unknown() {
                Some(reason) => {
                    let mut over = TaskResult::unknown(reason.clone());
                    let known = |node: &Node| run.templar.node(node, scope).ok();
                    over.learnt.set = self.unknown_facts(reason, known);
                    over
                }
                None => {
                    let causes = error.causes(self.task.task.span.place());
                    TaskResult::caused(error, causes)
                }
            })
        })?;
        if let Some(whole) = &self.task.task.action.variable_arguments
            && run.settings.behaviour.facts == FactNames::Injected
        {
            run.reserved.of_arguments(run, whole);
        }
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
            mode: match &setting {
                Some(setting) => setting.mode,
                None => self.mode(reader).map_err(stopped)?,
            },
            files: &run.files,
            inventory: &run.inventory,
            values: &rendered.values,
        };
        if setting.as_ref().is_some_and(|setting| setting.asynchronous.is_some())
            && !asynchronous::supports(module)
        {
            let written = &self.task.task.action.written;
            let text = format!("This action ({written}) does not support async.");
            return Err(Box::new(TaskResult::failed(text)));
        }
        let given = rendered.arguments.clone();
        let prepared = match arguments::prepare(&input, rendered.arguments) {
            Ok(prepared) => prepared,
            Err(ActionError::Template(error)) => {
                return Err(stopped(KeywordError::Template(error)));
            }
            Err(ActionError::NotFound { name, searched })
                if input.mode == Mode::Rehearse && run.pool.may_make_here(&searched) =>
            {
                let reason = format!("an earlier task would make `{name}` on this machine");
                return Err(Box::new(TaskResult::unknown(reason)));
            }
            Err(ActionError::VariableName(name)) => {
                let causes = arguments::invalid_name(&name, self.task.task.span.place());
                let error = ActionError::VariableName(name);
                return Err(Box::new(TaskResult::caused(error, causes)));
            }
            Err(error) => {
                let of_module = matches!(error, ActionError::Parameters(_))
                    && canvass_modules::registry::find(module).is_some();
                // `copy` looks at its own arguments, and gives a result that says so
                let returns = module == "ansible.builtin.copy"
                    && !matches!(error, ActionError::NotFound { .. });
                if !of_module && !returns {
                    let place = self.task.task.span.place();
                    let mut refused = TaskResult::refused(&error, place);
                    if action::raises(module) {
                        refused.set("msg", format!("Task failed: {error}"));
                    }
                    return Err(Box::new(refused));
                }
                let details = match &error {
                    ActionError::Parameters(errors) => canvass_modules::params::details(errors),
                    _ => None,
                };
                let details = details.map(str::to_owned);
                let mut failed = TaskResult::failed(error);
                if let Some(details) = details {
                    failed.set("details", details);
                }
                if action::find(module).is_none() {
                    invocation::note(module, &given, &mut failed);
                }
                return Err(Box::new(failed));
            }
        };
        Ok(match (prepared, setting) {
            (Prepared::Include(call), _) => {
                let read = included::read(&self.play, &self.task, self.is_handler, call);
                Stage::Over(Box::new(read))
            }
            (Prepared::Meta(meta), Some(setting)) => Stage::Meta(meta, setting),
            // the program is told that it is only to look
            (prepared, Some(setting))
                if self.task.task.action.own.is_some() && setting.mode == Mode::Check =>
            {
                let setting = Setting { mode: Mode::Apply, ..(*setting).clone() };
                Stage::Ready(Arc::new(setting), Box::new(prepared))
            }
            (prepared, Some(setting)) => Stage::Ready(setting, Box::new(prepared)),
            (_, None) => {
                return Err(Box::new(TaskResult::failed("this action cannot be used here")));
            }
        })
    }

    /// What a `set_fact` sets that nobody knows whether it runs, or with which values: variables
    /// that are unknown themselves, but for those that are `known`.
    fn unknown_facts(&self, reason: &str, known: impl Fn(&Node) -> Option<Value>) -> Layer {
        let action = &self.task.task.action;
        if action.module != "ansible.builtin.set_fact" {
            return Layer::new();
        }
        let names = action.arguments.iter().filter(|(name, _)| name != "cacheable");
        names
            .map(|(name, node)| {
                let value = match known(node) {
                    Some(value) => Var::Data(crate::template::kept(&value)),
                    None => Var::Unknown(Arc::default(), reason.into()),
                };
                (name.clone(), value)
            })
            .collect()
    }

    /// What an `include_vars` reads that nobody knows whether it runs: variables that are unknown.
    fn unknown_included(&self, reason: &str, scope: &Scope) -> Layer {
        let run = &self.play.run;
        if self.task.task.action.module != "ansible.builtin.include_vars" {
            return Layer::new();
        }
        let Ok(rendered) = arguments::render(&run.templar, scope, &self.task) else {
            return Layer::new();
        };
        let input = ActionInput {
            templar: &run.templar,
            scope,
            step: &self.task,
            directories: &self.layers.directories,
            host: &self.host,
            verbosity: run.settings.verbosity,
            mode: Mode::Rehearse,
            files: &run.files,
            inventory: &run.inventory,
            values: &rendered.values,
        };
        let Ok(Prepared::Done(finished)) = arguments::prepare(&input, rendered.arguments) else {
            return Layer::new();
        };
        let unknown = |name| (name, Var::Unknown(Arc::default(), reason.into()));
        finished.learnt.included.into_iter().map(|(name, _)| unknown(name)).collect()
    }

    /// `when` of all levels; a result when it says no.
    pub(in crate::run) fn condition(
        &self,
        scope: &Scope,
    ) -> Result<Option<TaskResult>, KeywordError> {
        let Some(condition) = self.refused_by(scope)? else { return Ok(None) };
        if self.is_left_out_of_check_mode_alone(scope)? {
            return Ok(None);
        }
        let text = match &condition.kind {
            crate::source::Kind::Str(text) => Some(text.value.as_str()),
            _ => None,
        };
        let written = text.map_or(Json::from(false), Json::from);
        let mut skipped = TaskResult::skipped("Conditional result was False", Some(written));
        let known = text.map(|text| ("false_condition".to_owned(), trusted(text)));
        skipped.values.extend(known);
        Ok(Some(skipped))
    }

    /// The first condition that does not hold.
    fn refused_by(&self, scope: &Scope) -> Result<Option<&Node>, KeywordError> {
        for condition in self.conditions() {
            if !self.play.run.templar.condition(condition, scope)? {
                return Ok(Some(condition));
            }
        }
        Ok(None)
    }

    fn conditions(&self) -> impl Iterator<Item = &Node> {
        self.task.keywords.iter().rev().flat_map(|level| &level.when)
    }

    /// Whether a task waits for the real run only because Ansible's check mode could not foresee it
    /// (`when: not ansible_check_mode`): a rehearsal can, and what follows depends on it.
    fn is_left_out_of_check_mode_alone(&self, scope: &Scope) -> Result<bool, KeywordError> {
        let names_it = |node: &Node| match &node.kind {
            crate::source::Kind::Str(text) => text.value.contains("ansible_check_mode"),
            _ => false,
        };
        if self.mode(self.reader(scope))? != Mode::Rehearse || !self.conditions().any(names_it) {
            return Ok(false);
        }
        let real = Layer::from([super::entry("ansible_check_mode", false)]);
        Ok(self.refused_by(&scope.over(Arc::new(real)))?.is_none())
    }

    /// Does what was prepared, within the time that it may take.
    pub(super) async fn perform(&self, setting: &Arc<Setting>, prepared: Prepared) -> TaskResult {
        let mut result = match (setting.timeout, &prepared) {
            // others are bounded where they run
            (Some(limit), Prepared::Reconnect(_) | Prepared::Pause(_) | Prepared::Reboot(_)) => {
                let performed =
                    tokio::time::timeout(limit, Box::pin(self.act(setting, prepared))).await;
                performed.unwrap_or_else(|_| timed_out(limit))
            }
            _ => Box::pin(self.act(setting, prepared)).await,
        };
        setting.mark(&mut result);
        result.censored |= self.censors(&setting.scope);
        result
    }

    async fn act(&self, setting: &Arc<Setting>, prepared: Prepared) -> TaskResult {
        match prepared {
            Prepared::Done(finished) => TaskResult::from_finished(finished),
            Prepared::Remote(call) => {
                let results = self.remote(setting, vec![call]).await;
                let result = results
                    .into_iter()
                    .next()
                    .unwrap_or_else(|| TaskResult::failed("the host gave no answer"));
                self.of_fact_module(result)
            }
            Prepared::Facts(calls) => self.gathered(setting, *calls).await,
            Prepared::Several { calls, returned, told } => {
                self.several(setting, calls, returned, told).await
            }
            Prepared::Raw(script) => self.raw(setting, &script).await,
            Prepared::Reconnect(how) => self.reconnected(setting, how).await,
            Prepared::Synchronize(trees) => self.synchronized(setting, *trees).await,
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
        told: Option<usize>,
    ) -> TaskResult {
        let mut done = 0;
        let mut total = TaskResult::from_finished(Finished::ok(returned));
        let mut left = VecDeque::from(calls);
        while let Some(first) = left.front() {
            let mut held = 0;
            let together = left.iter().take(MOST_PARTS).take_while(|call| {
                held += call.source.as_ref().map_or(0, |source| source.source().size);
                call.module == first.module && held <= MOST_HELD
            });
            let count = together.count().max(1);
            let calls = left.drain(..count).collect();
            let before = match setting.mode {
                Mode::Check => directories(&total.effects),
                Mode::Apply | Mode::Rehearse => Vec::new(),
            };
            for result in self.remote_parts(setting, calls, before).await {
                match &result.verdict {
                    Verdict::Ok | Verdict::Skipped => {}
                    Verdict::Changed => total.decide(Verdict::Changed),
                    Verdict::Failed | Verdict::Unreachable | Verdict::Unknown(_) => return result,
                }
                // what was kept as it is does not say in what state
                let kept = !result.result.contains_key("state");
                if told == Some(done) && !(kept && matches!(result.verdict, Verdict::Ok)) {
                    if let Some(path) = result.result.get("path") {
                        total.result.insert("dest".to_owned(), path.clone());
                    }
                    total.result.extend(result.result.clone());
                }
                done += 1;
                if let Some(Json::Object(more)) = result.result.get("ansible_facts") {
                    let slot = total.result.entry("ansible_facts").or_insert(Json::Null);
                    let mut facts = slot.as_object().cloned().unwrap_or_default();
                    facts.extend(more.clone());
                    *slot = Json::Object(facts);
                }
                total.learnt.merge(result.learnt);
                total.diffs.extend(result.diffs);
                total.effects.extend(result.effects);
                total.spent += result.spent;
            }
        }
        total
    }

    async fn raw(&self, setting: &Setting, script: &str) -> TaskResult {
        match setting.mode {
            Mode::Apply => {}
            Mode::Check => return TaskResult::new(Verdict::Skipped, Map::new()),
            Mode::Rehearse => {
                let reason = "a raw command is not run in a dry run";
                self.script_rehearsed(setting, script, reason);
                return TaskResult::unknown(reason);
            }
        }
        if let Err(held) = self.script_agrees(setting, script).await {
            return *held;
        }
        let pool = &self.play.run.pool;
        let began = Instant::now();
        let answer = pool.raw(&setting.target, &setting.privilege, script, setting.timeout).await;
        // there is no runner that could tell the way from the work
        let spent = Spent { apply: began.elapsed().as_secs_f64(), ..Spent::default() };
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
        let verdict = match output.status {
            0 => Verdict::Changed,
            _ => {
                returned.insert("msg".to_owned(), Json::from("non-zero return code"));
                Verdict::Failed
            }
        };
        TaskResult { spent, ..TaskResult::new(verdict, returned) }
    }
}

/// The directories among effects.
fn directories(effects: &[EffectRecord]) -> Vec<Effect> {
    let made = effects.iter().map(|record| &record.effect);
    made.filter(|effect| matches!(effect, Effect::MakeDirectory { .. })).cloned().collect()
}

/// The result of a task that took longer than it may.
fn timed_out(limit: Duration) -> TaskResult {
    let seconds = limit.as_secs().max(1);
    let text = format!("Task failed: Timed out after {seconds} second(s).");
    let mut result = TaskResult::failed(text);
    result.set("timedout", serde_json::json!({"period": seconds}));
    result
}
