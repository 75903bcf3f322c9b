//! One talk about one task on one host.

use std::sync::Arc;

use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::graph::StepTask;
use crate::source::{Kind, Node, Span};
use crate::template::{from_json, to_json};
use crate::vars::{Layer, Var};

use super::super::context::{PlayContext, StepLayers, data};
use super::super::outcome::TaskResult;
use super::super::prompts::{Ask, Question};
use super::command::{Command, Target};
use super::{shown, title};

const HELP: &str = "\
p EXPRESSION              show a value: task, task.args, task_vars, host, result
task.args['NAME'] = VALUE set an argument of the task
task_vars['NAME'] = VALUE set a variable
u                         make the task anew from its variables
r                         run it again
c                         go on
q                         end the run";

/// What comes after it.
pub(crate) enum Decision {
    /// The task as it is now runs again, with these layers.
    Redo(Arc<StepTask>, Arc<StepLayers>),
    /// The result counts.
    Continue,
    /// The run ends.
    Quit,
}

/// A task that is looked at.
pub(crate) struct Session {
    pub play: Arc<PlayContext>,
    pub host: String,
    pub task: Arc<StepTask>,
    pub layers: Arc<StepLayers>,
    pub result: Map<String, Json>,
    /// Variables that were set here.
    set: Layer,
}

impl Session {
    pub(crate) fn new(
        play: &Arc<PlayContext>,
        host: &str,
        task: &Arc<StepTask>,
        layers: &Arc<StepLayers>,
        result: &TaskResult,
    ) -> Self {
        Self {
            play: Arc::clone(play),
            host: host.to_owned(),
            task: Arc::clone(task),
            layers: Arc::clone(layers),
            result: result.result.clone(),
            set: Layer::new(),
        }
    }

    /// Takes commands until one decides; the end of input ends the run.
    pub(crate) fn talk(mut self, ask: &Ask) -> Decision {
        let mut text = format!("[{}] {} (debug)> ", self.host, title(&self.task));
        let prompt = text.clone();
        let mut last = String::new();
        loop {
            let Some(line) = ask(&Question { text, private: false }) else {
                return Decision::Quit;
            };
            // nothing typed repeats the last command
            let line = if line.trim().is_empty() { std::mem::take(&mut last) } else { line };
            let said = match Command::of(&line) {
                Command::Redo => {
                    let layers = Arc::new(self.layers.with_strongest(self.set));
                    return Decision::Redo(self.task, layers);
                }
                Command::Continue => return Decision::Continue,
                Command::Quit => return Decision::Quit,
                Command::Help => HELP.to_owned(),
                // a task that runs again is made anew anyway
                Command::Update => String::new(),
                Command::Print(expression) => self.print(&expression),
                Command::Set(target, value) => self.set(target, &value),
                Command::Delete(target) => self.delete(&target),
                Command::Other(line) if line.is_empty() => String::new(),
                Command::Other(line) => {
                    format!("***cannot run `{line}`: only what `help` lists is known here")
                }
            };
            last = line;
            let said = self.play.run.mask(&said);
            text = if said.is_empty() { prompt.clone() } else { format!("{said}\n{prompt}") };
        }
    }

    fn print(&self, expression: &str) -> String {
        match expression {
            "task" => return title(&self.task),
            "host" => return self.host.clone(),
            _ => {}
        }
        // `result._result` is what the result holds
        let expression = expression.replace("result._result", "result");
        match self.value(&expression) {
            Ok(value) => match to_json(&value) {
                Ok(value) => shown::pretty(&value),
                Err(error) => format!("***{error}"),
            },
            Err(error) => error,
        }
    }

    fn value(&self, expression: &str) -> Result<Value, String> {
        let scope = self.play.step_scope(&self.host, &self.layers);
        let scope = scope.over(Arc::new(self.set.clone()));
        let known = Layer::from([
            ("task_vars".to_owned(), data(scope.to_value())),
            ("task".to_owned(), data(self.described())),
            ("host".to_owned(), data(self.host.as_str())),
            ("result".to_owned(), data(from_json(&Json::Object(self.result.clone())))),
        ]);
        let scope = scope.over(Arc::new(known));
        let span = &self.task.task.span;
        let value = self.play.run.templar.expression(expression, Some(span), &scope);
        value.map_err(|error| format!("***{error}"))
    }

    /// The task as it is written.
    fn described(&self) -> Value {
        let task = &self.task.task;
        let arguments = task.action.arguments.iter();
        let arguments: Vec<(Value, Value)> =
            arguments.map(|(name, node)| (Value::from(name.as_str()), written(node))).collect();
        let name = task.name.as_ref().and_then(|name| name.as_str());
        Value::from_pairs([
            ("name", Value::from(name.unwrap_or_default())),
            ("action", Value::from(task.action.written.as_str())),
            ("args", Value::from_pairs(arguments)),
        ])
    }

    fn set(&mut self, target: Target, value: &str) -> String {
        let value = match self
            .value(value)
            .and_then(|value| to_json(&value).map_err(|error| format!("***{error}")))
        {
            Ok(value) => value,
            Err(error) => return error,
        };
        let span = self.task.task.span.clone();
        match (target, value) {
            (Target::Variable(name), value) => {
                self.set.insert(name, Var::from(&node(&value, &span)));
            }
            (Target::Argument(name), value) => self.change(|arguments| {
                let value = node(&value, &span);
                match arguments.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, slot)) => *slot = value,
                    None => arguments.push((name, value)),
                }
            }),
            (Target::Arguments, Json::Object(all)) => self.change(|arguments| {
                let all = all.iter().map(|(name, value)| (name.clone(), node(value, &span)));
                *arguments = all.collect();
            }),
            (Target::Arguments, _) => return "***task.args takes a mapping".to_owned(),
        }
        String::new()
    }

    fn delete(&mut self, target: &Target) -> String {
        match target {
            Target::Argument(name) => {
                self.change(|arguments| arguments.retain(|(known, _)| known != name));
            }
            Target::Arguments => self.change(Vec::clear),
            Target::Variable(name) => {
                self.set.shift_remove(name);
            }
        }
        String::new()
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<(String, Node)>)) {
        let mut task = (*self.task.task).clone();
        change(&mut task.action.arguments);
        task.action.argument_spans = vec![task.span.clone(); task.action.arguments.len()];
        self.task = Arc::new(StepTask { task: Arc::new(task), ..(*self.task).clone() });
    }
}

/// A value as it stands in a file, its templates not rendered.
fn written(node: &Node) -> Value {
    match &node.kind {
        Kind::Str(text) => Value::from(text.value.as_str()),
        Kind::Seq(elements) => elements.iter().map(written).collect(),
        Kind::Map(entries) => {
            Value::from_pairs(entries.iter().map(|(name, value)| (written(name), written(value))))
        }
        Kind::Unsafe(inner) => written(inner),
        Kind::Vault(_) => Value::from("(encrypted)"),
        _ => match Var::from(node) {
            Var::Data(value) => value,
            _ => Value::from(()),
        },
    }
}

/// A value as if it stood in the file.
fn node(value: &Json, span: &Span) -> Node {
    let kind = match value {
        Json::Null => Kind::Null,
        Json::Bool(value) => Kind::Bool(*value),
        Json::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => Kind::Int(whole),
            (None, float) => Kind::Float(float.unwrap_or_default()),
        },
        Json::String(text) => return Node::text(text.as_str(), span.clone()),
        Json::Array(elements) => {
            Kind::Seq(elements.iter().map(|element| node(element, span)).collect())
        }
        Json::Object(entries) => Kind::Map(
            entries
                .iter()
                .map(|(name, value)| (Node::text(name.as_str(), span.clone()), node(value, span)))
                .collect(),
        ),
    };
    Node { kind, span: span.clone() }
}
