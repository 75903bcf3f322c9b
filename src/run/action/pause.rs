//! `ansible.builtin.pause`: asks someone at the terminal, or lets time pass.

use std::io::IsTerminal as _;
use std::time::Duration;

use canvass_modules::effect::Timestamp;
use canvass_modules::host::Host as _;
use canvass_modules::host::live::{Interrupt, LiveHost};
use canvass_modules::module::local_time::LocalTime;
use canvass_modules::params;
use canvass_modules::params::{Expected, OptionKind, ParamValue, Rule};
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, Finished, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.pause`.
    pub struct PauseParams {
        /// Whether what is typed shows.
        echo: bool = true,
        /// Minutes to wait.
        minutes: Option<Whole>,
        /// Seconds to wait.
        seconds: Option<Whole>,
        /// What is asked.
        prompt: Option<String>,
    }
    rules [Rule::MutuallyExclusive(&["minutes", "seconds"])]
}

/// A number of which only the whole part counts, as Python's `int()` takes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(f64);

impl ParamValue for Whole {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let number = match value {
            Json::Number(number) => number.as_f64(),
            Json::Bool(flag) => Some(f64::from(u8::from(*flag))),
            Json::String(text) => text
                .trim()
                .parse::<i64>()
                .ok()
                .and_then(|number| i32::try_from(number).ok())
                .map(f64::from),
            _ => None,
        };
        number.map(|number| Self(number.trunc())).ok_or_else(|| {
            let reason =
                format!("invalid literal for int() with base 10: '{}'", params::plain(value));
            Expected::Type(OptionKind::Int, reason)
        })
    }
}

/// A pause that is to come.
#[derive(Debug)]
pub(crate) struct Pause {
    /// How long; `None` waits for someone.
    pub wait: Option<Duration>,
    in_minutes: bool,
    echo: bool,
    /// What is shown before.
    question: String,
    /// What is said of the wait.
    pub announced: String,
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: PauseParams = parse("ansible.builtin.pause", &arguments)?;
    let seconds = params.minutes.map(|minutes| minutes.0 * 60.0);
    let seconds = seconds.or(params.seconds.map(|seconds| seconds.0));
    // a wait of less than a second is one second, as in Ansible
    let wait = match seconds {
        Some(seconds) => Some(Duration::try_from_secs_f64(seconds.max(1.0)).map_err(|error| {
            ActionError::Include(format!("cannot pause for {seconds} s: {error}"))
        })?),
        None => None,
    };
    let task = &input.step.task;
    let name = task.name.as_ref().and_then(|name| input.templar.node(name, input.scope).ok());
    let name = name.map_or_else(|| task.action.written.clone(), |name| name.to_string());
    let hidden = if params.echo { "" } else { " (output is hidden)" };
    let prompt = params.prompt.filter(|prompt| !prompt.is_empty());
    let prompt =
        prompt.unwrap_or_else(|| "Press enter to continue, Ctrl+C to interrupt".to_owned());
    Ok(Prepared::Pause(Pause {
        wait,
        in_minutes: params.seconds.is_none(),
        echo: params.echo,
        announced: format!(
            "Pausing for {} seconds{hidden}",
            wait.map(|wait: Duration| wait.as_secs()).unwrap_or_default()
        ),
        question: format!("[{}]\n{prompt}{hidden}:", name.trim()),
    }))
}

impl Pause {
    /// Whether someone can be asked.
    pub(crate) fn is_question(&self) -> bool {
        self.wait.is_none()
    }

    /// Asks on the terminal; `None` where nobody can answer.
    pub(crate) fn ask(&self) -> Option<String> {
        let terminal = console::Term::stdout();
        if !std::io::stdin().is_terminal() || !terminal.is_term() {
            return None;
        }
        terminal.write_line(&self.question).ok()?;
        let line = if self.echo { terminal.read_line() } else { terminal.read_secure_line() };
        line.ok()
    }

    /// The result, for what was typed.
    pub(crate) fn finish(&self, started: Timestamp, input: &str) -> Finished {
        let (ended, clock) = now();
        let took = seconds(ended) - seconds(started);
        let (amount, unit) =
            if self.in_minutes { (took / 60.0, "minutes") } else { (took, "seconds") };
        let mut returned = Map::new();
        let mut set = |name: &str, value: Json| returned.insert(name.to_owned(), value);
        set("changed", Json::from(false));
        set("rc", Json::from(0));
        set("stderr", Json::from(""));
        let amount = format!("{:?}", (amount * 100.0).round() / 100.0);
        set("stdout", Json::from(format!("Paused for {amount} {unit}")));
        set("start", Json::from(clock.python_text(started)));
        set("stop", Json::from(clock.python_text(ended)));
        set("delta", Json::from(format!("{:.0}", took.trunc()).parse::<i64>().unwrap_or(0)));
        set("echo", Json::from(self.echo));
        set("user_input", Json::from(input));
        Finished::ok(returned)
    }
}

/// The time now, and what it is called here.
pub(crate) fn now() -> (Timestamp, LocalTime) {
    let mut host = LiveHost::new(std::sync::Arc::new(Interrupt::new()));
    (host.now(), LocalTime::of(&mut host))
}

fn seconds(moment: Timestamp) -> f64 {
    let whole = u32::try_from(moment.seconds).map_or(0.0, f64::from);
    whole + f64::from(moment.nanoseconds) / 1e9
}
