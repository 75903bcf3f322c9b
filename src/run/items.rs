//! What a task repeats over, and what each round sees.

use std::time::Duration;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::playbook::Task;
use crate::template::TemplateError;
use crate::template::TemplateErrorKind;
use crate::template::to_json;
use crate::vars::{Layer, Scope, Var};

use super::job::{Job, entry};
use super::keyword::{KeywordError, KeywordReader, truth};

/// The rounds of a task.
pub(super) enum Items {
    /// The task has no loop.
    None,
    /// It has one.
    Loop(LoopItems),
}

/// The rounds of a loop.
pub(super) struct LoopItems {
    pub values: Vec<Value>,
    /// `loop_var`
    pub variable: String,
    /// `index_var`
    index: Option<String>,
    /// `extended`
    extended: Extended,
    /// `pause`
    pub pause: Duration,
    /// Whether a round must see what the one before did.
    pub in_order: bool,
}

/// Whether `ansible_loop` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extended {
    No,
    WithoutItems,
    Yes,
}

/// Evaluates the loop; a loop that cannot be evaluated is empty when `when` says no anyway.
pub(super) fn of(job: &Job, scope: &Scope) -> Result<Items, KeywordError> {
    let task = &job.task.task;
    let Some(over) = &task.r#loop else { return Ok(Items::None) };
    let templar = &job.play.run.templar;
    let values = match &over.lookup {
        Some(lookup) => templar.lookup_loop(lookup, &over.value, scope).map_err(KeywordError::from),
        None => templar
            .node(&over.value, scope)
            .map_err(KeywordError::from)
            .and_then(|value| elements(&value, over)),
    };
    let values = match values {
        Ok(values) => values,
        Err(error) => match job.condition(scope) {
            Ok(Some(_)) => return Ok(Items::None),
            _ => return Err(error),
        },
    };
    let reader = KeywordReader::of(templar, scope, &job.task);
    let control = &task.loop_control;
    let given = |keyword, node: &Option<crate::source::Node>| {
        node.as_ref().map(|node| reader.rendered(keyword, node)).transpose()
    };
    let name =
        |keyword, node| Ok::<_, KeywordError>(given(keyword, node)?.map(|it| it.to_string()));
    let flag = |keyword, node| {
        Ok::<_, KeywordError>(given(keyword, node)?.map(|it| truth(&it) == Some(true)))
    };
    let extended = (
        flag("extended", &control.extended)?,
        flag("extended_allitems", &control.extended_allitems)?,
    );
    let extended = match extended {
        (Some(true), Some(false)) => Extended::WithoutItems,
        (Some(true), _) => Extended::Yes,
        _ => Extended::No,
    };
    let pause = match &control.pause {
        Some(node) => {
            Duration::try_from_secs_f64(reader.number("pause", node)?).unwrap_or_default()
        }
        None => Duration::ZERO,
    };
    Ok(Items::Loop(LoopItems {
        values,
        variable: name("loop_var", &control.loop_var)?.unwrap_or_else(|| "item".to_owned()),
        index: name("index_var", &control.index_var)?,
        extended,
        in_order: !pause.is_zero() || control.break_when.is_some() || runs_here(task),
        pause,
    }))
}

/// Whether the task is done on the controller, where a round may set what the next one reads.
fn runs_here(task: &Task) -> bool {
    let module = task.action.module.as_str();
    super::action::find(module).is_some()
        && !matches!(
            module,
            "ansible.builtin.copy" | "ansible.builtin.template" | "ansible.builtin.fetch"
        )
}

fn elements(
    value: &Value,
    over: &crate::playbook::model::Loop,
) -> Result<Vec<Value>, KeywordError> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().map(Iterator::collect).map_err(|error| wrong(&error.to_string(), over))
        }
        _ => Err(KeywordError::Loop {
            got: crate::template::type_name(value),
            span: over.value.span.clone(),
        }),
    }
}

fn wrong(message: &str, over: &crate::playbook::model::Loop) -> KeywordError {
    let kind = TemplateErrorKind::Failed(message.to_owned());
    let span = Some(over.value.span.clone());
    KeywordError::Template(TemplateError { span, ..TemplateError::new(kind) })
}

impl LoopItems {
    /// Notes in a result which round it is of.
    pub(super) fn note(&self, index: usize, result: &mut super::outcome::TaskResult) {
        if let Some(name) = &self.index {
            result.set("ansible_index_var", name.as_str());
            result.set(name, index);
        }
        if self.extended != Extended::No
            && let Some(Var::Data(fields)) = self.layer(index).get("ansible_loop")
        {
            result.set("ansible_loop", to_json(fields).unwrap_or_default());
        }
    }

    /// The variables of a round.
    pub(super) fn layer(&self, index: usize) -> Layer {
        let mut layer = Layer::new();
        let value = |index: usize| self.values.get(index).cloned().unwrap_or_default();
        let mut set = |name: &str, value: Value| {
            let (name, value) = entry(name, value);
            layer.insert(name, value);
        };
        set(&self.variable, value(index));
        set("ansible_loop_var", Value::from(self.variable.as_str()));
        if let Some(name) = &self.index {
            set(name, Value::from(index));
            set("ansible_index_var", Value::from(name.as_str()));
        }
        if self.extended != Extended::No {
            let length = self.values.len();
            let mut fields = vec![
                ("index", Value::from(index + 1)),
                ("index0", Value::from(index)),
                ("first", Value::from(index == 0)),
                ("last", Value::from(index + 1 == length)),
                ("length", Value::from(length)),
                ("revindex", Value::from(length - index)),
                ("revindex0", Value::from(length - index - 1)),
            ];
            if self.extended == Extended::Yes {
                fields.push(("allitems", Value::from(self.values.clone())));
            }
            if index > 0 {
                fields.push(("previtem", value(index - 1)));
            }
            if index + 1 < length {
                fields.push(("nextitem", value(index + 1)));
            }
            set("ansible_loop", Value::from_pairs(fields));
        }
        layer
    }
}
