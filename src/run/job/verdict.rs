//! `changed_when` and `failed_when`.

use std::time::Instant;

use serde_json::Value as Json;

use crate::template::{TemplateError, TemplateErrorKind};
use crate::vars::Scope;

use super::{Job, blocking};
use crate::run::keyword::KeywordError;
use crate::run::outcome::{CHANGES_NOTHING, NO_TRACEBACK, TaskResult, Verdict};

impl Job {
    /// `changed_when` and `failed_when`.
    pub(super) async fn judge(&self, mut result: TaskResult, scope: Scope) -> TaskResult {
        let task = &self.task.task;
        let settled = !matches!(
            result.verdict,
            Verdict::Ok | Verdict::Changed | Verdict::Failed | Verdict::Unknown(_)
        );
        if settled || result.held || (task.changed_when.is_none() && task.failed_when.is_none()) {
            return result;
        }
        let job = self.clone();
        let began = Instant::now();
        let mut spent = result.spent;
        let judged = blocking(move || match job.judged(&mut result, &scope) {
            Ok(()) => result,
            Err(error) => TaskResult { censored: result.censored, ..job.stopped(&error) },
        })
        .await;
        spent.render += began.elapsed().as_secs_f64();
        TaskResult { spent, ..judged }
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
                result.set("unknown_reason", CHANGES_NOTHING);
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
            if !failed && result.verdict == Verdict::Failed && result.of_module {
                let exception = result.result.remove("exception");
                let exception = exception.unwrap_or_else(|| Json::from(NO_TRACEBACK));
                result.set("failed_when_suppressed_exception", exception);
            }
            result.decide(match (failed, changed) {
                (true, _) => Verdict::Failed,
                (false, true) => Verdict::Changed,
                (false, false) => Verdict::Ok,
            });
        }
        Ok(())
    }
}

/// A condition on the result that cannot be read fails the task; what came of it stays.
fn unjudged(result: &mut TaskResult, field: &str, error: KeywordError) -> Result<(), KeywordError> {
    if let KeywordError::Template(TemplateError { kind: TemplateErrorKind::Unknown(_), .. }) = error
    {
        return Err(error);
    }
    result.set(field, error.to_string());
    result.decide(Verdict::Failed);
    Ok(())
}
