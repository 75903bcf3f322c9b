//! `vars_prompt`: variables that a play asks for before it begins.

use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::playbook::{Play, Prompt};
use crate::report::event::Level;
use crate::source::Node;
use crate::vars::{Layer, Scope, Var};

use super::context::{RunContext, data, layer};
use super::job::blocking;

/// A question to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked, to the colon and blank before the answer.
    pub text: String,
    /// Whether the answer is not shown.
    pub private: bool,
}

/// Asks the user; `None` where nobody can answer.
pub type Ask = Arc<dyn Fn(&Question) -> Option<String> + Send + Sync>;

/// The answers that a play asks for; variables of the command line need none.
pub(super) async fn ask(run: &Arc<RunContext>, play: &Arc<Play>) -> Result<Layer, Vec<Diagnostic>> {
    if play.vars_prompt.is_empty() {
        return Ok(Layer::new());
    }
    run.caught_up().await;
    let (run, play) = (Arc::clone(run), Arc::clone(play));
    blocking(move || {
        let scope = Scope::new(vec![
            Arc::clone(&run.extra_vars),
            Arc::clone(&run.magic),
            layer(&play.keywords.vars),
        ]);
        let mut answers = Layer::new();
        for prompt in &play.vars_prompt {
            if !run.extra_vars.contains_key(&prompt.name) {
                let answer = answer(&run, prompt, &scope)?;
                answers.insert(prompt.name.clone(), answer);
            }
        }
        Ok(answers)
    })
    .await
}

fn answer(run: &RunContext, prompt: &Prompt, scope: &Scope) -> Result<Var, Vec<Diagnostic>> {
    let wrong = |error: crate::template::TemplateError| vec![Diagnostic::error(&error)];
    let text = |node: Option<&Node>| {
        node.map(|node| run.templar.node(node, scope).map(|value| value.to_string()))
            .transpose()
            .map_err(wrong)
    };
    let (question, default) = (text(prompt.question.as_ref())?, text(prompt.default.as_ref())?);
    let text = match (&question, &default) {
        (Some(question), Some(default)) => format!("{question} [{default}]: "),
        (Some(question), None) => format!("{question}: "),
        (None, _) => format!("input for {}: ", prompt.name),
    };
    let asked = run.ask.as_ref().and_then(|ask| {
        let question = Question { text, private: prompt.private };
        loop {
            let first = ask(&question)?;
            if !prompt.confirm {
                return Some(first);
            }
            let text = format!("confirm {}", question.text);
            if ask(&Question { text, private: prompt.private })? == first {
                return Some(first);
            }
            run.notice(Level::Info, "***** VALUES ENTERED DO NOT MATCH ****", None);
        }
    });
    if asked.is_none() {
        let place = Some(prompt.span.place());
        run.notice(Level::Warning, "Not prompting as we are not in interactive mode", place);
    }
    let nothing = if asked.is_none() { "None" } else { "" };
    let given = asked.filter(|text| !text.is_empty()).or(default);
    let Some(answer) = given else { return Ok(data(nothing)) };
    if prompt.private {
        run.keep_secret(&answer);
    }
    if let Some(algorithm) = &prompt.encrypt {
        let hashed = hashed(run, prompt, algorithm, &answer).map_err(wrong)?;
        return Ok(data(hashed));
    }
    Ok(match prompt.is_unsafe {
        true => data(answer),
        false => Var::from(&Node::text(answer, prompt.span.clone())),
    })
}

fn hashed(
    run: &RunContext,
    prompt: &Prompt,
    algorithm: &str,
    answer: &str,
) -> Result<String, crate::template::TemplateError> {
    let mut given = Layer::new();
    given.insert("answer".to_owned(), data(answer));
    given.insert("algorithm".to_owned(), data(algorithm));
    given.insert("salt".to_owned(), prompt.salt.clone().map_or_else(|| data(()), data));
    given.insert("size".to_owned(), prompt.salt_size.map_or_else(|| data(()), data));
    let expression = "{{ answer | password_hash(algorithm, salt, salt_size=size) }}";
    let node = Node::text(expression, prompt.span.clone());
    run.templar.node(&node, &Scope::new(vec![Arc::new(given)])).map(|value| value.to_string())
}
