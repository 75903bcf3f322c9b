//! `until`: a task that is tried again.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::report::event::Event;
use crate::report::spent::Spent;
use crate::template::to_json;
use crate::vars::Scope;

use super::item::Stage;
use super::{Job, blocking};
use crate::run::items::LoopItems;
use crate::run::keyword::KeywordError;
use crate::run::outcome::{TaskResult, Verdict};
use crate::run::reported;
use crate::run::retry::Retry;

impl Job {
    pub(super) async fn retried(
        &self,
        scope: &Scope,
        item: Option<(&LoopItems, usize)>,
    ) -> TaskResult {
        let retry = match Retry::of(self.reader(scope), &self.task.task) {
            Ok(retry) => retry,
            Err(error) => return self.stopped(&error),
        };
        let mut attempt = 1;
        let mut spent = Spent::default();
        loop {
            let (stage, render) = self.prepared(scope).await;
            let result = match stage {
                Stage::Over(result) => return *result,
                Stage::Meta(..) => return TaskResult::failed("`meta` cannot be retried"),
                Stage::Ready(setting, prepared) => {
                    let mut result = self.perform(&setting, *prepared).await;
                    // conditions may ask for it
                    result.set("attempts", attempt);
                    result
                }
            };
            let mut result = self.judge(result, scope.clone()).await;
            spent += result.spent;
            spent.render += render;
            result.spent = spent;
            if result.held || matches!(result.verdict, Verdict::Unknown(_) | Verdict::Unreachable) {
                return result;
            }
            let holds = match self.until(scope, &result).await {
                Ok(holds) => holds,
                Err(error) => return self.stopped(&error),
            };
            if holds {
                return result;
            }
            if attempt > retry.retries {
                result.set("attempts", retry.retries);
                if result.result.get("failed_when_result") == Some(&Json::from(false)) {
                    // a condition that says it went well is believed; what is registered is not
                    result.set("failed", true);
                } else {
                    result.decide(Verdict::Failed);
                }
                return result;
            }
            let label = item.and_then(|(items, index)| to_json(items.values.get(index)?).ok());
            self.play.run.tell(Event::Retrying {
                task: self.id,
                host: self.host.clone(),
                left: retry.retries + 1 - attempt,
                outcome: Box::new(reported::outcome(&self.play.run, &result, label)),
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
}
