//! `community.general.alternatives`: which program a name stands for.
//!
//! Follows the module of community.general 12, through `update-alternatives`. Check mode: full. Diff:
//! what is chosen.
//!
//! ```yaml
//! - name: Edit with vim
//!   community.general.alternatives:
//!     name: editor
//!     path: /usr/bin/vim.basic
//! ```
//!
//! Returns `msg`.

mod display;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

pub use self::display::Subcommand;
use self::display::{Alternative, Known};
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Follow, Host, HostError};
use crate::module::{expansion, program};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be of the path.
    pub enum State {
        /// It is one of the alternatives.
        Present = "present",
        /// It is chosen.
        Selected = "selected",
        /// It is none.
        Absent = "absent",
        /// It is one, and the best is chosen.
        Auto = "auto",
    }
}

params! {
    /// Parameters of `community.general.alternatives`.
    pub struct Params {
        /// The name.
        name: String,
        /// The program.
        path: Option<PathBuf>,
        /// The family that shall be chosen.
        family: Option<String>,
        /// Where the name lies.
        link: Option<PathBuf>,
        /// How good the alternative is; 50 for a new one.
        priority: Option<i64>,
        /// What shall be of the path.
        state: State = State::Selected,
        /// Names that go along.
        subcommands ("slaves"): Option<Vec<Subcommand>>,
    }
    rules [Rule::RequiredOneOf(&["path", "family"])]
}

/// The module.
#[derive(Debug)]
pub struct Alternatives;

/// What is known of the name.
#[derive(Debug)]
pub struct Observed {
    program: String,
    path: Option<String>,
    link: Option<String>,
    /// Whether the program is there.
    exists: bool,
    known: Known,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program.
    #[error("Specified path {0} does not exist")]
    NoPath(String),
    /// Nobody knows where the name lies.
    #[error("Needed to install the alternative, but unable to do so as we are missing the link")]
    NoLink,
}

const KIND: &str = "alternatives";

impl Module for Alternatives {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let program = program::required(host, "update-alternatives")?;
        let mut text = |path: &Option<PathBuf>| match path {
            Some(path) => {
                let path = expansion::path(path, host)?;
                Ok::<_, HostError>(Some(path.to_string_lossy().into_owned()))
            }
            None => Ok(None),
        };
        let (path, link) = (text(&params.path)?, text(&params.link)?);
        let known = match host.rehearsed(KIND, &params.name) {
            Some(kept) => Known::of_json(kept.value.as_ref()),
            None => {
                let output = program::query(host, [program.as_str(), "--display", &params.name])?;
                if output.success() {
                    let links = params.subcommands.as_deref().unwrap_or_default();
                    Known::read(&output.stdout_text(), links)
                } else {
                    Known::default()
                }
            }
        };
        let exists = match &path {
            Some(path) => host.stat(Path::new(path), Follow::Yes)?.is_some(),
            None => false,
        };
        Ok(Observed { program, path, link, exists, known })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut deed = Deed {
            params,
            observed,
            commands: Vec::new(),
            messages: Vec::new(),
            after: observed.known.clone(),
        };
        if params.state == State::Absent {
            deed.remove();
        } else {
            deed.keep()?;
        }
        let mut plan = Plan::nothing();
        plan.set("msg", deed.messages.join(" "));
        if !deed.commands.is_empty() {
            let value =
                |known: &Known| Some(known.to_json()).filter(|_| !known.alternatives.is_empty());
            let change = SettingChange {
                kind: KIND.to_owned(),
                name: params.name.clone(),
                before: value(&observed.known),
                after: value(&deed.after),
                commands: deed.commands.into_iter().map(program::command).collect(),
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), deed.messages.join(" "));
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

/// What is to be done, in order.
struct Deed<'a> {
    params: &'a Params,
    observed: &'a Observed,
    commands: Vec<Vec<String>>,
    messages: Vec<String>,
    after: Known,
}

impl Deed<'_> {
    fn run(&mut self, words: &[&str], message: String) {
        let program = std::iter::once(self.observed.program.as_str());
        self.commands.push(program.chain(words.iter().copied()).map(str::to_owned).collect());
        self.messages.push(message);
    }

    fn keep(&mut self) -> Result<(), Stop> {
        let params = self.params;
        let known = &self.observed.known;
        if let Some(path) = &self.observed.path {
            let differs = match known.find(path) {
                None => true,
                Some(there) => {
                    params.priority.is_some_and(|priority| priority != there.priority)
                        || params.subcommands.as_ref().is_some_and(|subcommands| {
                            !subcommands.iter().all(|it| there.subcommands.contains(it))
                                || !there.subcommands.iter().all(|it| subcommands.contains(it))
                        })
                }
            };
            if differs {
                self.install(path)?;
            }
        }
        let current = known.current.as_deref();
        let same_path = current.is_some() && current == self.observed.path.as_deref();
        let family = current.and_then(|current| known.find(current)).map(|it| it.family.as_str());
        let same_family = family.is_some() && family == params.family.as_deref();
        if params.state == State::Selected && !(same_path || same_family) {
            let chosen = self.observed.path.clone().or_else(|| params.family.clone());
            let chosen = chosen.unwrap_or_default();
            let message = format!("Set alternative '{chosen}' for '{}'.", params.name);
            self.run(&["--set", &params.name, &chosen], message);
            self.after.mode = Some("manual".to_owned());
            let of_family = self
                .after
                .alternatives
                .iter()
                .find(|it| it.family == chosen)
                .map(|it| it.path.clone());
            self.after.current = Some(of_family.unwrap_or(chosen));
        }
        if params.state == State::Auto && known.mode.as_deref() == Some("manual") {
            let message = format!("Set alternative to auto for '{}'.", params.name);
            self.run(&["--auto", &params.name], message);
            self.after.mode = Some("auto".to_owned());
            self.after.choose_best();
        }
        Ok(())
    }

    fn install(&mut self, path: &str) -> Result<(), Stop> {
        let params = self.params;
        let known = &self.observed.known;
        if !self.observed.exists {
            return Err(Stop::failed(Error::NoPath(path.to_owned())));
        }
        let link = self.observed.link.clone().or_else(|| known.link.clone());
        let Some(link) = link else { return Err(Stop::failed(Error::NoLink)) };
        let there = known.find(path);
        let priority = params.priority.or(there.map(|it| it.priority)).unwrap_or(50);
        let subcommands = params.subcommands.clone();
        let number = priority.to_string();
        let mut words = vec!["--install", &link, &params.name, path, &number];
        if let Some(family) = &params.family {
            words.extend(["--family", family]);
        }
        for subcommand in subcommands.iter().flatten() {
            words.extend(["--slave", &subcommand.link, &subcommand.name, &subcommand.path]);
        }
        let message = format!("Install alternative '{path}' for '{}'.", params.name);
        self.run(&words, message);
        let kept = there.map(|it| it.subcommands.clone()).unwrap_or_default();
        let new = Alternative {
            path: path.to_owned(),
            priority,
            family: params.family.clone().unwrap_or_default(),
            subcommands: subcommands.unwrap_or(kept),
        };
        self.after.link = Some(link.clone());
        self.after.alternatives.retain(|it| it.path != path);
        self.after.alternatives.push(new);
        if self.after.mode.as_deref() != Some("manual") {
            self.after.mode = Some("auto".to_owned());
            self.after.choose_best();
        }
        Ok(())
    }

    fn remove(&mut self) {
        let Some(path) = self.observed.path.as_deref() else { return };
        if self.observed.known.find(path).is_none() {
            return;
        }
        let name = &self.params.name;
        let message = format!("Remove alternative '{path}' from '{name}'.");
        self.run(&["--remove", name, path], message);
        self.after.alternatives.retain(|it| it.path != path);
        if self.after.current.as_deref() == Some(path) {
            self.after.mode = Some("auto".to_owned());
            self.after.choose_best();
        }
    }
}

impl Known {
    fn to_json(&self) -> Json {
        let alternatives: Vec<Json> = self
            .alternatives
            .iter()
            .map(|it| {
                let subcommands = it.subcommands.iter().map(|subcommand| {
                    json!({"name": subcommand.name, "path": subcommand.path, "link": subcommand.link})
                });
                json!({
                    "path": it.path, "priority": it.priority, "family": it.family,
                    "subcommands": subcommands.collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "mode": self.mode, "current": self.current, "link": self.link,
            "alternatives": alternatives,
        })
    }
}
