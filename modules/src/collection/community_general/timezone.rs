//! `community.general.timezone`: the time zone, and what the hardware clock keeps.
//!
//! Follows the module of community.general 11 on Linux. Check mode: full. Diff: both values.
//!
//! Differs: without `timedatectl` the time zone is set on Debian alone, and the hardware clock is
//! left to it.
//!
//! ```yaml
//! - name: Times are those of the office
//!   community.general.timezone:
//!     name: Europe/Berlin
//! ```
//!
//! Returns `msg`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::module::file_attributes::FileAttributes;
use crate::module::program;
use crate::module::text_edit::{TextFile, Writing};
use crate::params::{Rule, plain};
use crate::{choices, params};

choices! {
    /// What the hardware clock keeps.
    pub enum Clock {
        /// The time of the time zone.
        Local = "local",
        /// Universal time.
        Utc = "UTC",
    }
}

params! {
    /// Parameters of `community.general.timezone`.
    pub struct Params {
        /// What the hardware clock keeps.
        hwclock ("rtc"): Option<Clock>,
        /// The time zone.
        name: Option<String>,
    }
    rules [Rule::RequiredOneOf(&["hwclock", "name"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such zone.
    #[error("Error message:\ngiven timezone \"{0}\" is not available")]
    NoSuchZone(String),
    /// `timedatectl` says something else than it did.
    #[error("Error message:\n`timedatectl` does not tell the time zone")]
    Unread,
    /// Neither systemd nor Debian.
    #[error("Error message:\nwithout `timedatectl` this is not supported here")]
    NotSupported,
}

/// The module.
#[derive(Debug)]
pub struct Timezone;

/// What is known of the host.
#[derive(Debug)]
pub struct Observed {
    means: Means,
    before: Map<String, Json>,
}

#[derive(Debug)]
enum Means {
    /// `timedatectl`.
    Systemd(String),
    /// The file `/etc/timezone`, and what the link needs.
    Debian { file: Box<TextFile>, link: String, configure: String },
}

const KIND: &str = "timezone";
const LOCALTIME: &str = "/etc/localtime";
const ZONES: &str = "/usr/share/zoneinfo";

impl Module for Timezone {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let timedatectl = usable(host)?;
        if let Some(name) = &params.name {
            let zone = PathBuf::from(format!("{ZONES}/{name}"));
            let stat = host.stat(&zone, Follow::Yes)?;
            if !stat.is_some_and(|stat| stat.kind == FileKind::File) {
                return Err(Stop::failed(Error::NoSuchZone(name.clone())));
            }
        }
        match timedatectl {
            Some(program) => {
                let before = told(params, &program, host)?;
                Ok(Observed { means: Means::Systemd(program), before })
            }
            None => debian(params, host),
        }
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let wanted = wanted(params);
        if wanted == observed.before {
            return Ok(plan);
        }
        let mut said = Vec::new();
        let mut commands = Vec::new();
        match &observed.means {
            Means::Systemd(program) => {
                for (key, value) in &wanted {
                    if observed.before.get(key) == Some(value) {
                        continue;
                    }
                    let (action, word) = match (key.as_str(), plain(value).as_str()) {
                        ("hwclock", "local") => ("set-local-rtc", "yes".to_owned()),
                        ("hwclock", _) => ("set-local-rtc", "no".to_owned()),
                        (_, name) => ("set-timezone", name.to_owned()),
                    };
                    let command = program::command([program.as_str(), action, &word]);
                    said.push(format!("executed `{}`", command.argv.join(" ")));
                    commands.push(command);
                }
            }
            Means::Debian { file, link, configure } => {
                let name = params.name.clone().unwrap_or_default();
                let (text, gone) = set_line(&file.text_or_empty().characters, &name);
                let writing = Writing { backup: false, validate: None, unsafe_writes: false };
                file.plan(Some(&text), "the time zone differs", writing, &mut plan)?;
                said.push(format!(
                    "Added 1 line and deleted {gone} line(s) on {}",
                    file.path.display()
                ));
                let zone = format!("{ZONES}/{name}");
                commands.push(program::command([link.as_str(), "-sf", &zone, LOCALTIME]));
                let words = [configure.as_str(), "--frontend", "noninteractive", "tzdata"];
                commands.push(program::command(words));
            }
        }
        plan.push(observed.setting(wanted, commands), "the time zone differs");
        plan.set("msg", said.join("\n"));
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

impl Observed {
    fn setting(&self, wanted: Map<String, Json>, commands: Vec<Command>) -> Effect {
        Effect::Setting(SettingChange {
            kind: KIND.to_owned(),
            name: KIND.to_owned(),
            before: Some(Json::Object(self.before.clone())),
            after: Some(Json::Object(wanted)),
            commands,
            ..SettingChange::default()
        })
    }
}

fn wanted(params: &Params) -> Map<String, Json> {
    let mut wanted = Map::new();
    if let Some(clock) = params.hwclock {
        wanted.insert("hwclock".to_owned(), clock.word().into());
    }
    if let Some(name) = &params.name {
        wanted.insert("name".to_owned(), name.clone().into());
    }
    wanted
}

/// `timedatectl`, where it answers.
fn usable(host: &mut dyn Host) -> Result<Option<String>, Stop> {
    let Some(program) = host.find_program("timedatectl")? else { return Ok(None) };
    let program = program.to_string_lossy().into_owned();
    Ok(program::query(host, [program.as_str()])?.success().then_some(program))
}

/// The values as `timedatectl` tells them, or as a dry run left them.
fn told(params: &Params, program: &str, host: &mut dyn Host) -> Result<Map<String, Json>, Stop> {
    let output = program::query(host, [program, "status"])?;
    if !output.success() {
        return Err(program::failure(&output));
    }
    let text = output.stdout_text();
    let kept = match host.rehearsed(KIND, KIND).and_then(|kept| kept.value) {
        Some(Json::Object(kept)) => kept,
        _ => Map::new(),
    };
    let mut before = Map::new();
    for key in wanted(params).keys() {
        let value = match (kept.get(key), key.as_str()) {
            (Some(value), _) => Some(value.clone()),
            (None, "hwclock") => field(&text, &["RTC in local TZ"])
                .map(|word| Json::from(if word == "yes" { "local" } else { "UTC" })),
            (None, _) => field(&text, &["Time zone", "Timezone"]).map(Json::from),
        };
        before.insert(key.clone(), value.ok_or_else(|| Stop::failed(Error::Unread))?);
    }
    Ok(before)
}

/// The first word behind a label.
fn field(text: &str, labels: &[&str]) -> Option<String> {
    text.lines().find_map(|line| {
        let (label, value) = line.split_once(':')?;
        let fits = labels.contains(&label.trim());
        fits.then(|| value.split_whitespace().next().map(str::to_owned)).flatten()
    })
}

fn debian(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    let configure = host.find_program("dpkg-reconfigure")?;
    let (Some(configure), Some(name), None) = (configure, &params.name, params.hwclock) else {
        return Err(Stop::failed(Error::NotSupported));
    };
    let link = program::required(host, "ln")?;
    let path = Path::new("/etc/timezone");
    let file = TextFile::observe(path, &FileAttributes::default(), None, host)?;
    let text = file.text_or_empty().characters;
    let line = text.lines().find_map(|line| line.split_whitespace().next().filter(|_| named(line)));
    let mut now = line.unwrap_or("n/a").to_owned();
    if now == *name {
        now = linked(name, host)?;
    }
    let mut before = Map::new();
    before.insert("name".to_owned(), now.into());
    let configure = configure.to_string_lossy().into_owned();
    Ok(Observed { means: Means::Debian { file: Box::new(file), link, configure }, before })
}

/// Whether a line of `/etc/timezone` names a zone.
fn named(line: &str) -> bool {
    line.chars().next().is_some_and(|first| !first.is_whitespace())
}

/// The zone that `/etc/localtime` is, where the file names the one that is wanted.
fn linked(name: &str, host: &mut dyn Host) -> Result<String, Stop> {
    let none = "n/a".to_owned();
    let localtime = Path::new(LOCALTIME);
    if host.stat(localtime, Follow::Yes)?.is_none() {
        return Ok(none);
    }
    let target = host.stat(localtime, Follow::No)?.and_then(|stat| stat.link_target);
    if let Some(target) = target {
        let target = target.to_string_lossy().into_owned();
        let zone = target.split_once("/zoneinfo/").map(|(_, zone)| zone.to_owned());
        return Ok(zone.unwrap_or(none));
    }
    let same = host.read(localtime)? == host.read(Path::new(&format!("{ZONES}/{name}")))?;
    Ok(if same { name.to_owned() } else { none })
}

/// The file with one line for the zone, and how many lines it took the place of.
fn set_line(text: &str, name: &str) -> (String, usize) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines.iter().position(|line| named(line)).unwrap_or_default();
    let before = lines.len();
    lines.retain(|line| !named(line));
    let gone = before - lines.len();
    let line = format!("{name}\n");
    lines.insert(at.min(lines.len()), &line);
    (lines.concat(), gone)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Timezone;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    const STATUS: &str = "               Local time: Thu 2026-11-26 18:20:03 UTC\n           \
        Universal time: Thu 2026-11-26 18:20:03 UTC\n                 RTC time: n/a\n                \
        Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: no\n              NTP service: \
        n/a\n          RTC in local TZ: no\n";

    fn zones() -> MemoryHost {
        MemoryHost::new()
            .with_file("/usr/share/zoneinfo/Etc/UTC", "utc")
            .with_file("/usr/share/zoneinfo/Europe/Berlin", "berlin")
    }

    fn systemd() -> MemoryHost {
        let output = Output { stdout: STATUS.into(), ..Output::default() };
        zones()
            .with_program("timedatectl")
            .with_output(&["/usr/bin/timedatectl"], output.clone())
            .with_output(&["/usr/bin/timedatectl", "status"], output)
    }

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Timezone>(host, arguments)
    }

    #[test]
    fn zones_are_set_by_timedatectl() {
        let table: &[(Json, &[&str])] = &[
            (json!({"name": "Etc/UTC"}), &[]),
            (json!({"name": "Etc/UTC", "hwclock": "UTC"}), &[]),
            (json!({"name": "Europe/Berlin"}), &["set-timezone Europe/Berlin"]),
            (
                json!({"name": "Europe/Berlin", "hwclock": "local"}),
                &["set-local-rtc yes", "set-timezone Europe/Berlin"],
            ),
        ];
        for (arguments, commands) in table {
            let mut host = systemd();
            let ended = run(&mut host, arguments);
            let ran: Vec<String> = host
                .applied()
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Setting(change) => Some(&change.commands),
                    _ => None,
                })
                .flatten()
                .map(|command| command.argv.get(1..).unwrap_or_default().join(" "))
                .collect();
            assert_eq!(ran, *commands, "{arguments}: {:?}", ended.returned);
            let mut rehearsal = RehearsalHost::new(systemd());
            let changes = run(&mut rehearsal, arguments).status == Status::Changed;
            assert_eq!(changes, !commands.is_empty(), "{arguments}");
            assert_eq!(run(&mut rehearsal, arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn the_diff_has_both_values() {
        let ended = run(&mut systemd(), &json!({"name": "Europe/Berlin", "hwclock": "UTC"}));
        let diff = ended.diffs.first().unwrap();
        assert_eq!(diff.before, json!({"hwclock": "UTC", "name": "Etc/UTC"}));
        assert_eq!(diff.after, json!({"hwclock": "UTC", "name": "Europe/Berlin"}));
        assert_eq!(
            ended.returned["msg"],
            "executed `/usr/bin/timedatectl set-timezone Europe/Berlin`"
        );
    }

    #[test]
    fn debian_without_systemd_has_a_file_and_a_link() {
        let host = || {
            zones()
                .with_program("dpkg-reconfigure")
                .with_program("ln")
                .with_file("/etc/timezone", "Etc/UTC\n")
        };
        let arguments = json!({"name": "Europe/Berlin"});
        let mut changed = host();
        let ended = run(&mut changed, &arguments);
        assert_eq!(ended.returned["msg"], "Added 1 line and deleted 1 line(s) on /etc/timezone");
        assert_eq!(changed.read("/etc/timezone".as_ref()).unwrap(), b"Europe/Berlin\n");
        let mut same = zones()
            .with_program("dpkg-reconfigure")
            .with_program("ln")
            .with_file("/etc/timezone", "Europe/Berlin\n")
            .with_link("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
        assert_eq!(run(&mut same, &arguments).status, Status::Ok);
    }

    #[test]
    fn unknown_zones_are_refused() {
        let ended = run(&mut systemd(), &json!({"name": "Mars/Phobos"}));
        let message = "Error message:\ngiven timezone \"Mars/Phobos\" is not available";
        assert_eq!(ended.returned["msg"], message);
    }
}
