//! Ansible's programs: the same binary under their names takes their arguments.
//!
//! A program is a file here and a line in [`PROGRAMS`]. Options that several programs share stand
//! in [`options`], once.

mod adhoc;
mod callbacks;
mod config;
mod console;
mod doc;
mod facts;
mod galaxy;
mod inventory;
mod listing;
mod options;
mod playbook;
mod plugin_filter;
mod pull;
mod run;
mod secrets;
pub(super) mod show_inventory;
mod talk;
mod unsupported;
mod vault;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::settings::Settings;
use crate::source::yaml::DuplicateKeys;

pub(super) use options::Vault;
pub(super) use secrets::unlock;

use super::CommandError;

/// A program.
pub(super) struct Program {
    name: &'static str,
    /// What it does.
    main: fn(Invocation) -> Result<ExitCode, CommandError>,
}

/// All programs, by name.
const PROGRAMS: [Program; 9] = [
    Program { name: "ansible", main: adhoc::main },
    Program { name: "ansible-config", main: config::main },
    Program { name: "ansible-console", main: console::main },
    Program { name: "ansible-doc", main: doc::main },
    Program { name: "ansible-galaxy", main: galaxy::main },
    Program { name: "ansible-inventory", main: show_inventory::main },
    Program { name: "ansible-playbook", main: playbook::main },
    Program { name: "ansible-pull", main: pull::main },
    Program { name: "ansible-vault", main: vault::main },
];

/// How a program was called.
pub(super) struct Invocation {
    /// Its name and its arguments.
    pub arguments: Vec<OsString>,
    /// `ansible.cfg` and `ANSIBLE_*`.
    pub settings: Settings,
}

impl Invocation {
    /// The arguments as a program understands them; otherwise the exit code with which it ends,
    /// after help, the version or what is wrong was told.
    pub(super) fn parse<T: Parser>(&self, program: &str) -> Result<T, ExitCode> {
        if let Some(code) = talk::version(program, self) {
            return Err(code);
        }
        T::try_parse_from(&self.arguments).map_err(|error| {
            // help goes to standard output and is no error
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            ExitCode::from(code)
        })
    }
}

/// The names of the programs.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|program| program.name)
}

/// The program of this name.
pub(super) fn find(called: &OsString) -> Option<&'static Program> {
    let name = Path::new(called).file_name()?.to_str()?;
    PROGRAMS.iter().find(|program| program.name == name)
}

/// Runs the program of this name with these arguments.
pub(super) fn run(name: &str, arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from(name);
    let Some(program) = find(&name) else { return ExitCode::FAILURE };
    program.run(std::iter::once(name).chain(arguments).collect())
}

impl Program {
    /// Runs the program to its end.
    pub(super) fn run(&self, arguments: Vec<OsString>) -> ExitCode {
        let settings = match Settings::of_process() {
            Ok(settings) => settings,
            Err(error) => {
                super::say(&format!("ERROR: {error}"));
                return ExitCode::from(5);
            }
        };
        talk::begin(&settings);
        crate::settings::settle(&settings);
        match settings.text("DUPLICATE_YAML_DICT_KEY").as_deref() {
            Some("error") => DuplicateKeys::Error.settle(),
            Some("ignore") => DuplicateKeys::Ignore.settle(),
            _ => DuplicateKeys::Warn.settle(),
        }
        match (self.main)(Invocation { arguments, settings }) {
            Ok(code) => code,
            Err(error) => {
                error.diagnostics().iter().for_each(talk::diagnostic);
                ExitCode::from(error.exit_code())
            }
        }
    }
}
