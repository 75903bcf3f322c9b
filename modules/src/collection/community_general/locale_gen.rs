//! `community.general.locale_gen`: locales of Debian and its kin.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the file and the locales.
//!
//! Differs: hosts without `/etc/locale.gen` are refused.
//!
//! ```yaml
//! - name: Speak German
//!   community.general.locale_gen:
//!     name: de_DE.UTF-8
//! ```
//!
//! Returns `name`, `mechanism`, `ubuntu_mode`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Follow, Host, HostError};
use crate::module::file_attributes::FileAttributes;
use crate::module::program;
use crate::module::text_edit::{TextFile, Writing, lines};
use crate::{choices, params};

choices! {
    /// Whether the locales shall be there.
    pub enum State {
        /// They shall not.
        Absent = "absent",
        /// They shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `community.general.locale_gen`.
    pub struct Params {
        /// The locales with their encoding (`en_GB.UTF-8`).
        name: Vec<String>,
        /// Whether the locales shall be there.
        state: State = State::Present,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing that makes locales.
    #[error(
        "/var/lib/locales/supported.d and /etc/locale.gen are missing. Is the package \"locales\" \
         installed?"
    )]
    Missing,
    /// There are no such locales.
    #[error("The following locales you have entered are not available on your system: {0}")]
    Unavailable(String),
}

/// The module.
#[derive(Debug)]
pub struct LocaleGen;

/// What is known of the locales.
#[derive(Debug)]
pub struct Observed {
    file: TextFile,
    program: String,
    /// Those of the task that are not there.
    absent: Vec<String>,
}

const FILE: &str = "/etc/locale.gen";
const SUPPORTED: &str = "/usr/share/i18n/SUPPORTED";
const KIND: &str = "locale";

impl Module for LocaleGen {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = Path::new(FILE);
        if host.stat(path, Follow::Yes)?.is_none() {
            return Err(Stop::failed(Error::Missing));
        }
        let supported = host.read(Path::new(SUPPORTED))?;
        let supported = String::from_utf8_lossy(&supported).into_owned();
        let there = there(host)?;
        let absent: Vec<String> =
            params.name.iter().filter(|name| !has(&there, name, host)).cloned().collect();
        let unknown: Vec<&str> = absent
            .iter()
            .map(String::as_str)
            .filter(|name| !supported.lines().any(|line| entry(line) == Some(*name)))
            .collect();
        if !unknown.is_empty() {
            return Err(told(params, Stop::failed(Error::Unavailable(unknown.join(", ")))));
        }
        let program = program::required(host, "locale-gen")?;
        let file = TextFile::observe(path, &FileAttributes::default(), None, host)?;
        Ok(Observed { file, program, absent })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("mechanism", "glibc");
        plan.set("ubuntu_mode", false);
        let present = params.state == State::Present;
        // what is said of all: they are absent while one of them is
        if present == observed.absent.is_empty() {
            return Ok(plan);
        }
        let text = observed.file.text_or_empty().characters;
        let new = marked(&text, &params.name, present);
        if new == text && !present {
            // a name that is spelt otherwise in the file stays there
            return Ok(plan);
        }
        if new != text {
            let writing = Writing { backup: false, validate: None, unsafe_writes: false };
            observed.file.plan(Some(&new), "the locales differ", writing, &mut plan)?;
        }
        let word = |there: bool| there.then(|| Json::from("present"));
        let last = params.name.len().saturating_sub(1);
        for (index, name) in params.name.iter().enumerate() {
            let command = program::command([observed.program.as_str()]);
            let change = SettingChange {
                kind: KIND.to_owned(),
                name: normal(name),
                before: word(!observed.absent.contains(name)),
                after: word(present),
                commands: if index == last { vec![command] } else { Vec::new() },
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), "the locales differ");
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

/// A failure with what the collection tells beside it, again and again.
fn told(params: &Params, stop: Stop) -> Stop {
    let about = json!({"mechanism": "glibc", "name": params.name, "ubuntu_mode": false});
    let fields = about.as_object().cloned().unwrap_or_default();
    let stop = fields.into_iter().fold(stop, |stop, (name, value)| stop.with(&name, value));
    stop.with("output", about.clone()).with("vars", about)
}

/// The names that `locale` knows.
fn there(host: &mut dyn Host) -> Result<Vec<String>, Stop> {
    let program = program::required(host, "locale")?;
    let output = program::query(host, [program.as_str(), "-a"])?;
    if !output.success() {
        return Err(program::failure(&output));
    }
    Ok(output.stdout_text().lines().map(normal).collect())
}

fn has(there: &[String], name: &str, host: &mut dyn Host) -> bool {
    let name = normal(name);
    match host.rehearsed(KIND, &name) {
        Some(kept) => kept.value.is_some(),
        None => there.contains(&name),
    }
}

/// A name with its encoding spelt as files spell it.
fn normal(name: &str) -> String {
    const ENCODINGS: [(&str, &str); 10] = [
        (".utf8", ".UTF-8"),
        (".eucjp", ".EUC-JP"),
        (".iso885915", ".ISO-8859-15"),
        (".cp1251", ".CP1251"),
        (".koi8r", ".KOI8-R"),
        (".armscii8", ".ARMSCII-8"),
        (".euckr", ".EUC-KR"),
        (".gbk", ".GBK"),
        (".gb18030", ".GB18030"),
        (".euctw", ".EUC-TW"),
    ];
    ENCODINGS.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// The locale of a line of `SUPPORTED`, perhaps commented out.
fn entry(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix('#').unwrap_or(line).trim_start();
    let (name, charset) = line.trim_end().split_once(' ')?;
    (!charset.contains(char::is_whitespace)).then_some(name)
}

/// The lines of these locales, with or without a comment mark.
fn marked(text: &str, names: &[String], present: bool) -> String {
    let change = |line: String, name: &String| {
        let rest = line.strip_prefix('#').unwrap_or(&line).trim_start();
        match rest.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix(' ')) {
            Some(charset) if !charset.trim_end_matches('\n').is_empty() => {
                let mark = if present { "" } else { "# " };
                format!("{mark}{name} {charset}")
            }
            _ => line,
        }
    };
    lines(text).into_iter().map(|line| names.iter().fold(line, change)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::LocaleGen;
    use crate::effect::Output;
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    const GEN: &str = "# This file lists locales.\n#\n# de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n# fr_FR ISO-8859-1\n";

    fn host() -> MemoryHost {
        let output =
            Output { stdout: "C\nC.utf8\nen_GB.utf8\nPOSIX\n".into(), ..Output::default() };
        MemoryHost::new()
            .with_program("locale")
            .with_program("locale-gen")
            .with_output(&["/usr/bin/locale", "-a"], output)
            .with_file("/etc/locale.gen", GEN)
            .with_file("/usr/share/i18n/SUPPORTED", "de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n")
    }

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<LocaleGen>(host, arguments)
    }

    #[test]
    fn locales_come_and_go() {
        let de = GEN.replace("# de_DE", "de_DE");
        let no_en = GEN.replace("en_GB", "# en_GB");
        let table: &[(Json, &str, bool)] = &[
            (json!({"name": "en_GB.UTF-8"}), GEN, false),
            (json!({"name": "C.UTF-8"}), GEN, false),
            (json!({"name": "de_DE.UTF-8"}), &de, true),
            (json!({"name": ["en_GB.UTF-8", "de_DE.UTF-8"]}), &de, true),
            (json!({"name": "en_GB.UTF-8", "state": "absent"}), &no_en, true),
            (json!({"name": "de_DE.UTF-8", "state": "absent"}), GEN, false),
        ];
        for (arguments, text, changed) in table {
            let mut host = RehearsalHost::new(host());
            let ended = run(&mut host, arguments);
            let status = if *changed { Status::Changed } else { Status::Ok };
            assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
            let there = host.read("/etc/locale.gen".as_ref()).unwrap();
            assert_eq!(String::from_utf8(there).unwrap(), *text, "{arguments}");
            assert_eq!(run(&mut host, arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        let unknown = json!({"name": ["xx_XX.UTF-8", "de_DE.UTF-8"]});
        assert_eq!(
            run(&mut host(), &unknown).returned["msg"],
            "The following locales you have entered are not available on your system: xx_XX.UTF-8"
        );
        assert_eq!(
            run(&mut MemoryHost::new(), &unknown).returned["msg"],
            "/var/lib/locales/supported.d and /etc/locale.gen are missing. Is the package \
             \"locales\" installed?"
        );
    }
}
