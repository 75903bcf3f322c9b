//! The rounds of a loop.

use std::sync::Arc;
use std::time::Instant;

use minijinja::Value;
use serde_json::Value as Json;

use crate::report::event::Event;
use crate::source::Node;
use crate::template::{TemplateError, kept, to_json};
use crate::vars::{Layer, Scope};

use super::item::Stage;
use super::{Job, Setting, blocking};
use crate::report::default::NO_LABEL;
use crate::run::action::{Prepared, RemoteCall};
use crate::run::items::LoopItems;
use crate::run::keyword::KeywordError;
use crate::run::outcome::{TaskResult, Verdict, combine};
use crate::run::reported;

/// Calls that go to a host in one message, with the indexes of their items.
#[derive(Default)]
struct Message {
    setting: Option<Arc<Setting>>,
    indexes: Vec<usize>,
    calls: Vec<RemoteCall>,
}

impl Job {
    pub(super) async fn looped(&self, base: &Scope, items: &LoopItems) -> TaskResult {
        if items.values.is_empty() {
            let mut result = TaskResult::skipped("No items in the list", None);
            result.result.insert("skipped_reason".to_owned(), "No items in the list".into());
            result.result.insert("results".to_owned(), Json::Array(Vec::new()));
            return result;
        }
        let results = if items.in_order || self.task.task.until.is_some() {
            Box::pin(self.one_by_one(base, items)).await
        } else {
            self.together(base, items).await
        };
        combine(results, self.task.task.register.is_some())
    }

    /// Each item begins when the one before is over, and sees what it set.
    async fn one_by_one(&self, base: &Scope, items: &LoopItems) -> Vec<TaskResult> {
        let mut results = Vec::with_capacity(items.values.len());
        let mut set = Layer::new();
        for index in 0..items.values.len() {
            if index > 0 && !items.pause.is_zero() {
                tokio::time::sleep(items.pause).await;
            }
            let base = match set.is_empty() {
                true => base.clone(),
                false => base.over(Arc::new(set.clone())),
            };
            let scope = base.over(Arc::new(items.layer(index)));
            let job = self.of_item(index);
            let mut result = if self.task.task.until.is_some() {
                job.retried(&scope, Some((items, index))).await
            } else {
                let (stage, render) = job.prepared(&scope).await;
                let mut result = match stage {
                    Stage::Over(result) => *result,
                    Stage::Meta(..) => TaskResult::failed("`meta` cannot be used in a loop"),
                    Stage::Ready(setting, prepared) => {
                        let result = job.perform(&setting, *prepared).await;
                        job.judge(result, scope.clone()).await
                    }
                };
                result.spent.render += render;
                result
            };
            set.extend(result.learnt.set.clone());
            self.item_over(&scope, items, index, &mut result);
            let stop = result.held || result.verdict == Verdict::Unreachable;
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

    /// All items are rendered first; those that are done in the same place go there in one
    /// message.
    async fn together(&self, base: &Scope, items: &LoopItems) -> Vec<TaskResult> {
        let job = self.clone();
        let scopes: Vec<Scope> =
            (0..items.values.len()).map(|index| base.over(Arc::new(items.layer(index)))).collect();
        let for_stages = scopes.clone();
        let began = Instant::now();
        let stages = blocking(move || {
            for_stages.into_iter().map(|scope| job.stage(&scope)).collect::<Vec<_>>()
        })
        .await;
        let render = began.elapsed().as_secs_f64();
        let mut results: Vec<Option<TaskResult>> = stages.iter().map(|_| None).collect();
        let mut message = Message::default();
        for (index, stage) in stages.into_iter().enumerate() {
            let over = match stage {
                Stage::Over(result) => *result,
                Stage::Meta(..) => TaskResult::failed("`meta` cannot be used in a loop"),
                Stage::Ready(setting, prepared) => match *prepared {
                    Prepared::Remote(call) => {
                        if message.setting.as_ref().is_some_and(|other| !other.is_same(&setting)) {
                            self.deliver(std::mem::take(&mut message), &scopes, &mut results).await;
                        }
                        message.indexes.push(index);
                        message.calls.push(call);
                        message.setting = Some(setting);
                        continue;
                    }
                    other => self.of_item(index).perform(&setting, other).await,
                },
            };
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(over);
            }
        }
        self.deliver(message, &scopes, &mut results).await;
        if let Some(Some(first)) = results.first_mut() {
            first.spent.render += render;
        }
        self.items_over(&scopes, items, results)
    }

    /// Tells of all items, which are done.
    pub(super) fn items_over(
        &self,
        scopes: &[Scope],
        items: &LoopItems,
        results: Vec<Option<TaskResult>>,
    ) -> Vec<TaskResult> {
        let mut done = Vec::with_capacity(results.len());
        for (index, (result, scope)) in results.into_iter().zip(scopes).enumerate() {
            let mut result = result
                .unwrap_or_else(|| TaskResult::failed("the host gave no answer for this item"));
            self.item_over(scope, items, index, &mut result);
            done.push(result);
        }
        done
    }

    /// Sends what goes in one message, and judges the answers.
    async fn deliver(
        &self,
        message: Message,
        scopes: &[Scope],
        results: &mut [Option<TaskResult>],
    ) {
        let Some(setting) = message.setting else { return };
        let items = message.indexes.iter().copied().map(Some);
        let calls = items.zip(message.calls).collect();
        let replies = Box::pin(self.remote_items(&setting, calls)).await;
        for (index, reply) in message.indexes.into_iter().zip(replies) {
            let scope = scopes.get(index).cloned().unwrap_or_default();
            let judged = self.marked(&setting, reply, scope).await;
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(judged);
            }
        }
    }

    /// The result of a call, marked with where it comes from and judged.
    pub(super) async fn marked(
        &self,
        setting: &Setting,
        mut result: TaskResult,
        scope: Scope,
    ) -> TaskResult {
        setting.mark(&mut result);
        result.censored |= self.censors(&scope);
        self.judge(result, scope).await
    }

    fn item_over(&self, scope: &Scope, items: &LoopItems, index: usize, result: &mut TaskResult) {
        let value = items.values.get(index).cloned().unwrap_or_default();
        result.set("ansible_loop_var", items.variable.as_str());
        result.set(&items.variable, to_json(&value).unwrap_or_default());
        result.values.insert(items.variable.clone(), kept(&value));
        items.note(index, result);
        let written = self.task.task.loop_control.label.as_ref();
        // an empty one counts as none
        let label = match written.filter(|label| label.as_str() != Some("")) {
            Some(label) => match self.labelled(label, scope, result) {
                Ok(label) => label,
                Err(error) => {
                    mislabelled(&KeywordError::from(error), result);
                    Value::from(())
                }
            },
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
        result.ignored = self.ignored(scope, result);
        self.note_unknown(Some(index), result);
        self.play.run.tell(Event::ItemFinished {
            task: self.id,
            host: self.host.clone(),
            outcome: Box::new(reported::outcome(&self.play.run, result, Some(label))),
        });
    }

    /// The label of a round, which sees the round's result.
    fn labelled(
        &self,
        label: &Node,
        scope: &Scope,
        result: &TaskResult,
    ) -> Result<Value, TemplateError> {
        self.play.run.templar.node(label, &self.with_result(scope, result))
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
}

/// A label that cannot be rendered fails its item; what came of it stays.
fn mislabelled(error: &KeywordError, result: &mut TaskResult) {
    result.set("msg", format!("{NO_LABEL}: {error}"));
    result.set("skipped", false);
    result.decide(Verdict::Failed);
}
