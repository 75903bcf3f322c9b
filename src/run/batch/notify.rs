//! Notifications of handlers.

use std::collections::HashMap;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, StepKind};
use crate::report::event::Level;

use super::super::handlers::Notified;
use super::super::job::JobResult;
use super::super::keyword::KeywordReader;
use super::super::outcome::Verdict;
use super::Batch;

impl Batch<'_> {
    /// Notes the handlers that the task notifies; while handlers run, they are told at once.
    pub(super) fn notify(&mut self, host: usize, at: At, result: &JobResult) {
        let reason = match &result.total.verdict {
            Verdict::Changed => Notified::Changed,
            Verdict::Unknown(reason) => Notified::Unknown(reason.clone()),
            _ => return,
        };
        let Some(found) = self.parts.step(at) else { return };
        let notify = found.task.notify();
        if notify.is_empty() {
            return;
        }
        let in_handlers = matches!(found.kind, StepKind::Handler | StepKind::InHandler);
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        let mut topics = result.total.notifies.clone();
        if topics.is_empty() && reason != Notified::Changed {
            // it did not come as far as that its keywords were settled
            let scope = self.parts.scope(&self.play, name, at);
            let templar = &self.play.run.templar;
            let reader = KeywordReader { templar, scope: &scope, levels: &[] };
            topics = reader.topics(notify).unwrap_or_default();
        }
        if !topics.is_empty() {
            for text in self.handlers.take_unusable() {
                self.play.run.notice(Level::Warning, text, None);
            }
        }
        let place = notify.first().map(|node| node.span.place());
        let mut unknown = None;
        for topic in topics {
            let reached = self.handlers.reached(&topic);
            if reached.is_empty() {
                let text = format!(
                    "The requested handler '{topic}' was not found in either the main \
                     handlers list nor in the listening handlers list"
                );
                if crate::settings::current().boolean("ERROR_ON_MISSING_HANDLER") {
                    unknown.get_or_insert_with(|| Diagnostic::failure(text));
                    continue;
                }
                self.play.run.notice(Level::Warning, text, place.clone());
            } else if in_handlers {
                for number in reached {
                    mark(&mut run.notified, number, &reason);
                }
            } else {
                run.notifications.push((topic, reason.clone()));
            }
        }
        if let Some(unknown) = unknown {
            self.stop(unknown);
        }
    }
}

pub(super) fn mark(notified: &mut HashMap<usize, Notified>, number: usize, reason: &Notified) {
    let slot = notified.entry(number).or_insert_with(|| reason.clone());
    if *reason == Notified::Changed {
        *slot = Notified::Changed;
    }
}
