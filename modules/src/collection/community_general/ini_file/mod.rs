//! `community.general.ini_file`: options of a file with sections.
//!
//! Follows the module of community.general 12. Check mode: full. Diff: the file.
//!
//! ```yaml
//! - name: Listen on the inside only
//!   community.general.ini_file:
//!     path: /etc/app.ini
//!     section: server
//!     option: listen
//!     value: 127.0.0.1
//! ```
//!
//! Returns `msg`, `path`, `backup_file`.

mod edit;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Returned, Stop};
use crate::effect::Applied;
use crate::host::{FileKind, Follow, Host};
use crate::module::copy::with_backup;
use crate::module::file_attributes::{self, FileAttributes};
use crate::module::host_path;
use crate::module::text_edit::{TextFile, Writing};
use crate::module::text_lines::undecodable;
use crate::params::{Expected, OptionKind, ParamValue, Rule, plain};
use crate::{choices, params};

choices! {
    /// Whether the option shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `community.general.ini_file`.
    pub struct Params {
        /// The file.
        path ("dest"): PathBuf,
        /// The section; without, the lines before the first one.
        section: Option<String>,
        /// What a section must have to be the one that is meant.
        section_has_values: Option<Vec<Condition>>,
        /// The option; without, the whole section.
        option: Option<String>,
        /// Its value.
        value: Option<String>,
        /// Its values, a line each.
        values: Option<Vec<String>>,
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Whether the option shall be there.
        state: State = State::Present,
        /// Whether other lines of the option go.
        exclusive: bool = true,
        /// Whether `=` stands without spaces.
        no_extra_spaces: bool = false,
        /// Whether a line that differs in spaces only stays.
        ignore_spaces: bool = false,
        /// Whether the option may stand without a value.
        allow_no_value: bool = false,
        /// Whether a line that is commented out is taken for the option.
        modify_inactive_option: bool = true,
        /// Whether a missing file is made.
        create: bool = true,
        /// Whether a link is followed, not replaced.
        follow: bool = false,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
    }
    rules [Rule::MutuallyExclusive(&["value", "values"])]
}

/// What a section must have: an option, with one of the values where there are some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The option.
    pub option: String,
    /// Its values.
    pub values: Vec<String>,
}

impl ParamValue for Condition {
    const KIND: OptionKind = OptionKind::Dict;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let form = |text: &str| Expected::Form(text.to_owned());
        let fields = value.as_object().ok_or_else(|| form("a dictionary is needed"))?;
        for name in fields.keys() {
            if !["option", "value", "values"].contains(&name.as_str()) {
                return Err(Expected::Form(format!("there is no `{name}` here")));
            }
        }
        let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let option = given("option").map(plain);
        let nested = |message| Expected::Refused(message, String::new());
        let option = option.ok_or_else(|| {
            nested("missing required arguments: option found in section_has_values")
        })?;
        let values = match (given("value"), given("values")) {
            (Some(_), Some(_)) => {
                return Err(nested(
                    "parameters are mutually exclusive: value|values found in section_has_values",
                ));
            }
            (Some(value), None) => vec![plain(value)],
            (None, Some(values)) => Vec::from_json(values)?,
            (None, None) => Vec::new(),
        };
        Ok(Self { option, values })
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing.
    #[error("Destination {0} does not exist!")]
    Missing(String),
    /// It is no file.
    #[error("[Errno 21] Is a directory: '{0}'")]
    Directory(String),
    /// There is nothing to put in.
    #[error("Parameter 'value(s)' must be defined if state=present and allow_no_value=False.")]
    NoValue,
}

/// The module.
#[derive(Debug)]
pub struct IniFile;

/// Whether there is nothing to put in where something shall be.
fn lacks_value(params: &Params) -> bool {
    let none = params.values.as_ref().is_none_or(Vec::is_empty);
    params.state == State::Present && !params.allow_no_value && params.value.is_none() && none
}

impl Module for IniFile {
    type Params = Params;
    type Observed = TextFile;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<TextFile, Stop> {
        let follow = if params.follow { Follow::Yes } else { Follow::No };
        if !lacks_value(params)
            && host
                .stat(&params.path, Follow::Yes)?
                .is_some_and(|stat| stat.kind == FileKind::Directory)
        {
            let error = Error::Directory(params.path.display().to_string());
            return Err(Stop::failed(error));
        }
        TextFile::observe_as(&params.path, follow, &params.attributes, None, host)
    }

    fn plan(params: &Params, file: &TextFile) -> Result<Plan, Stop> {
        if lacks_value(params) {
            return Err(Stop::failed(Error::NoValue));
        }
        if let Some(text) = &file.text
            && let Some(error) = undecodable(&text.bytes(&text.characters))
        {
            return Err(Stop::failed(error));
        }
        if file.text.is_none() && !params.create {
            let error = Error::Missing(file.path.display().to_string());
            return Err(Stop::failed(error).with("rc", 257));
        }
        let text = file.text_or_empty();
        let edited = edit::edit(params, &text);
        let writing = Writing {
            backup: params.backup,
            validate: None,
            unsafe_writes: params.attributes.unsafe_writes,
        };
        let mut plan = Plan::nothing();
        let changed = edited.text.as_deref();
        let reason = if changed.is_some() { edited.message } else { "" };
        file.plan(changed, reason, writing, &mut plan)?;
        plan.set("msg", edited.message);
        plan.set("path", params.path.to_string_lossy().into_owned());
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _file: &TextFile,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Ok(with_backup(plan, applied, "backup_file"))
    }

    fn revisit(
        params: &Params,
        _file: &TextFile,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        let path = host_path::expand(host, &params.path)?;
        Ok(file_attributes::describe(host, &path, returned)?)
    }
}
