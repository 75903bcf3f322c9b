//! `ansible.builtin.debconf`: answers the questions that packages ask when they are set up.
//!
//! Follows the module of ansible-core 2.19, through `debconf-show`, `debconf-set-selections` and,
//! for passwords, `debconf-get-selections`. Check mode: full. Diff: the answer, unless it is a
//! password.
//!
//! ```yaml
//! - name: Answer before the package asks
//!   ansible.builtin.debconf:
//!     name: locales
//!     question: locales/default_environment_locale
//!     value: C.UTF-8
//!     vtype: select
//! ```
//!
//! Returns `current` (all answers of the package, or the one that was given), `previous` and `msg`.

use serde_json::{Map, Value as Json};

use super::program;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::params::{Rule, plain};
use crate::{choices, params};

choices! {
    /// What kind of answer a question takes.
    pub enum Kind {
        /// `true` or `false`.
        Boolean = "boolean",
        /// An error that is shown.
        Error = "error",
        /// Several of a list.
        Multiselect = "multiselect",
        /// A note that is shown.
        Note = "note",
        /// A secret.
        Password = "password",
        /// Whether it was seen.
        Seen = "seen",
        /// One of a list.
        Select = "select",
        /// Text of one line.
        String = "string",
        /// Text that is shown.
        Text = "text",
        /// A title that is shown.
        Title = "title",
    }
}

params! {
    /// Parameters of `ansible.builtin.debconf`.
    pub struct Params {
        /// The package.
        name ("pkg"): String,
        /// The question.
        question ("selection", "setting"): Option<String>,
        /// What kind of answer it takes.
        vtype: Option<Kind>,
        /// The answer.
        value ("answer"): Option<Json>,
        /// Whether the question stays marked as not seen.
        unseen: bool = false,
    }
    rules [Rule::RequiredTogether(&["question", "vtype", "value"])]
}

/// The module.
#[derive(Debug)]
pub struct Debconf;

/// What is known of the package's answers.
#[derive(Debug)]
pub struct Observed {
    answers: Map<String, Json>,
    /// The answer of a password question.
    password: Option<String>,
    setter: String,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An element of the answer is no text.
    #[error("Invalid value provided for 'multiselect': {0} is not a string")]
    Multiselect(Json),
    /// Passwords cannot be read.
    #[error("Failed to get the value '{question}' from '{package}': {reason}")]
    Password {
        /// The question.
        question: String,
        /// The package.
        package: String,
        /// Why not.
        reason: String,
    },
}

impl Module for Debconf {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let show = program::required(host, "debconf-show")?;
        let output = program::query(host, [show, params.name.clone()])?;
        if !output.success() {
            return Err(Stop::failed(output.stderr_text()));
        }
        let mut answers: Map<String, Json> = output
            .stdout_text()
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, answer)| {
                let name = name.trim_matches('*').trim();
                (name.to_owned(), Json::from(answer.trim()))
            })
            .collect();
        let mut password = None;
        if let Some(question) = &params.question {
            if params.vtype == Some(Kind::Password) && answers.contains_key(question) {
                password = read_password(&params.name, question, host)?;
            }
            let kept = host.rehearsed("debconf", &setting_name(&params.name, question));
            if let Some(value) = kept.and_then(|kept| kept.value) {
                let answer = plain(value.get(question).unwrap_or_default());
                password = Some(answer.clone());
                answers.insert(question.clone(), Json::from(answer));
            }
        }
        let setter = program::required(host, "debconf-set-selections")?;
        Ok(Observed { answers, password, setter })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("msg", "");
        let (Some(question), Some(kind), Some(value)) =
            (&params.question, params.vtype, &params.value)
        else {
            plan.set("current", observed.answers.clone());
            return Ok(plan);
        };
        let wanted = answer(kind, value)?;
        let previous = observed.answers.get(question).map(plain);
        if previous.as_ref().is_some_and(|have| is_same(kind, have, value, &wanted, observed)) {
            plan.set("current", observed.answers.clone());
            return Ok(plan);
        }
        let mut argv = vec![observed.setter.clone()];
        argv.extend(params.unseen.then(|| "-u".to_owned()));
        let mut command = program::command(argv);
        command.stdin = Some(format!("{} {question} {} {wanted}", params.name, kind.word()));
        let only = |value: String| Map::from_iter([(question.clone(), Json::from(value))]);
        let current = only(wanted);
        let mut before = Map::new();
        match &previous {
            Some(have) => before.extend(only(have.clone())),
            None => {
                before.clone_from(&observed.answers);
                before.insert(question.clone(), Json::from(""));
            }
        }
        plan.set("current", current.clone());
        plan.set("previous", before);
        let change = SettingChange {
            kind: "debconf".to_owned(),
            name: setting_name(&params.name, question),
            before: previous.as_ref().map(|have| Json::Object(only(have.clone()))),
            after: Some(Json::Object(current)),
            secret: kind == Kind::Password,
            commands: vec![command],
            ..SettingChange::default()
        };
        let reason = if previous.is_some() { "the answer differs" } else { "it is not answered" };
        plan.push(Effect::Setting(change), reason);
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        if let Some(Applied::Ran(output)) = applied.first() {
            returned.insert("msg".to_owned(), Json::from(output.stdout_text()));
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => Stop::failed(output.stderr_text()),
            error => Stop::Host(error),
        }
    }
}

fn setting_name(package: &str, question: &str) -> String {
    format!("{package} {question}")
}

/// The answer as debconf takes it.
fn answer(kind: Kind, value: &Json) -> Result<String, Stop> {
    match (kind, value) {
        (Kind::Multiselect, Json::Array(elements)) => {
            let mut words = Vec::new();
            for element in elements {
                let word = element.as_str();
                words.push(word.ok_or_else(|| Stop::failed(Error::Multiselect(element.clone())))?);
            }
            words.sort_unstable();
            Ok(words.join(", "))
        }
        (Kind::Boolean, value) => Ok(plain(value).to_lowercase()),
        (_, value) => Ok(plain(value)),
    }
}

fn is_same(kind: Kind, have: &str, value: &Json, wanted: &str, observed: &Observed) -> bool {
    match (kind, value) {
        (Kind::Boolean, _) => have.to_lowercase() == wanted,
        (Kind::Password, _) => observed.password.as_deref() == Some(wanted),
        (Kind::Multiselect, Json::Array(_)) => {
            let mut words: Vec<&str> = have.split(',').map(str::trim).collect();
            words.sort_unstable();
            words.join(", ") == wanted
        }
        _ => have == wanted,
    }
}

/// The answer to a password question, which `debconf-show` keeps to itself.
fn read_password(
    package: &str,
    question: &str,
    host: &mut dyn Host,
) -> Result<Option<String>, Stop> {
    let program = program::required(host, "debconf-get-selections")?;
    let output = program::query(host, [program])?;
    if !output.success() {
        return Err(Stop::failed(Error::Password {
            question: question.to_owned(),
            package: package.to_owned(),
            reason: output.stderr_text(),
        }));
    }
    for line in output.stdout_text().lines().filter(|line| line.starts_with(package)) {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            [_, name, kind, answer, ..] if *name == question && *kind == "password" => {
                return Ok(Some((*answer).to_owned()));
            }
            [_, _, _, _, ..] => {}
            _ => return Ok(Some(String::new())),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Debconf, Params};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(arguments: &Json) -> Result<Plan, Stop> {
        let answers =
            "* p/list: b, a\n  p/flag: true\n  p/secret: (password omitted)\n  p/empty:\n";
        let passwords = "p\tp/secret\tpassword\thunter2\n";
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let mut host = MemoryHost::new()
            .with_program("debconf-show")
            .with_program("debconf-set-selections")
            .with_program("debconf-get-selections")
            .with_output(&["/usr/bin/debconf-show", "p"], output(answers))
            .with_output(&["/usr/bin/debconf-get-selections"], output(passwords));
        let params = Params::parse("debconf", arguments.as_object().unwrap()).unwrap();
        let observed = Debconf::observe(&params, &mut host)?;
        Debconf::plan(&params, &observed)
    }

    #[test]
    fn an_answer_is_set_when_it_differs() {
        let table = [
            ("p/flag", "boolean", json!(true), None),
            ("p/flag", "boolean", json!("FALSE"), Some("p p/flag boolean false")),
            ("p/list", "multiselect", json!(["a", "b"]), None),
            ("p/list", "multiselect", json!("a, b"), Some("p p/list multiselect a, b")),
            ("p/secret", "password", json!("hunter2"), None),
            ("p/secret", "password", json!("other"), Some("p p/secret password other")),
            ("p/empty", "string", json!(""), None),
            ("p/new", "string", json!(""), Some("p p/new string ")),
            ("p/new", "string", json!(80), Some("p p/new string 80")),
        ];
        for (question, vtype, value, expected) in table {
            let given = json!({"name": "p", "question": question, "vtype": vtype, "value": value});
            let plan = plan(&given).unwrap();
            let stdin = plan.effects.first().and_then(|planned| match &planned.effect {
                Effect::Setting(change) => change.commands[0].stdin.clone(),
                other => panic!("{other:?}"),
            });
            assert_eq!(stdin.as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn lists_of_other_things_are_refused() {
        let given =
            json!({"name": "p", "question": "p/list", "vtype": "multiselect", "value": ["a", 1]});
        let stop = plan(&given).unwrap_err().to_string();
        assert!(stop.starts_with("Invalid value provided for 'multiselect'"), "{stop}");
    }

    #[test]
    fn without_a_question_the_answers_are_told() {
        let plan = plan(&json!({"name": "p"})).unwrap();
        assert_eq!(plan.returned["current"]["p/list"], json!("b, a"));
        assert!(!plan.changes());
    }
}
