//! `community.general.filesystem`: file systems on devices.
//!
//! Follows the module of community.general 11 on Linux. Check mode: full. Diff: the kind, the size or
//! the UUID.
//!
//! Differs: `ufs` is not known.
//!
//! ```yaml
//! - name: Make a file system for the data
//!   community.general.filesystem:
//!     fstype: ext4
//!     dev: /dev/vdb1
//!     opts: -L data
//! ```
//!
//! Returns `msg`.

mod kinds;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use self::kinds::Grows;
pub use self::kinds::Kind;
use crate::collection::community_general::lvol;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Effect, SettingChange};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::module::{expansion, program};
use crate::params::{Rule, plain};
use crate::{choices, params};

choices! {
    /// Whether there shall be a file system.
    pub enum State {
        /// There shall.
        Present = "present",
        /// There shall not.
        Absent = "absent",
    }
}

params! {
    /// Parameters of `community.general.filesystem`.
    pub struct Params {
        /// Whether there shall be a file system.
        state: State = State::Present,
        /// Its kind.
        fstype ("type"): Option<Kind>,
        /// The device, or a file.
        dev ("device"): PathBuf,
        /// Options of the program that makes it.
        opts: Option<String>,
        /// Whether another one is overwritten.
        force: bool = false,
        /// Whether it grows to the size of the device.
        resizefs: bool = false,
        /// Its UUID, or `random`, `time` or `clear` where its program knows them.
        uuid: Option<String>,
    }
    rules [
        Rule::RequiredIf("state", "present", &["fstype"]),
        Rule::MutuallyExclusive(&["resizefs", "uuid"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no device.
    #[error("Device {0} not found.")]
    NoDevice(String),
    /// It is neither device nor file.
    #[error("Target device not supported: {0}")]
    NoTarget(String),
    /// Something is there.
    #[error("'{0}' is already used as {1}, use force=true to overwrite")]
    Used(String, String),
    /// It has no UUID.
    #[error("module does not support UUID option for this filesystem ({0}) yet.")]
    NoUuid(Kind),
    /// It does not grow.
    #[error("module does not support resizing {0} filesystem yet.")]
    NoGrowing(Kind),
    /// It grows only where it is mounted.
    #[error("{0} needs to be mounted for {1} operations")]
    NotMounted(String, &'static str),
    /// The size is not told.
    #[error("unable to process {0} output for {1}")]
    NoSize(&'static str, String),
}

/// What is known of the device.
#[derive(Debug)]
pub struct Observed {
    device: String,
    /// The kind that is on it, as `blkid` names it; empty for none.
    there: String,
    /// What is to be done.
    work: Work,
}

#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// Nothing, and what is said of it.
    Nothing(Option<String>),
    Make(Vec<Vec<String>>),
    Grow {
        argv: Vec<String>,
        from: u64,
        to: u64,
    },
    ChangeUuid(Vec<String>),
    Wipe(Vec<String>),
}

/// The module.
#[derive(Debug)]
pub struct Filesystem;

const KIND: &str = "file system";

impl Module for Filesystem {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = expansion::path(&params.dev, host)?;
        let device = path.to_string_lossy().into_owned();
        let mut observed =
            Observed { device: device.clone(), there: String::new(), work: Work::Nothing(None) };
        let planned = would_be_made(&device, host);
        if !planned && host.stat(&path, Follow::Yes)?.is_none() {
            let error = Error::NoDevice(device);
            match params.state {
                State::Present => return Err(Stop::failed(error)),
                State::Absent => observed.work = Work::Nothing(Some(error.to_string())),
            }
            return Ok(observed);
        }
        observed.there = there(&device, planned, host)?;
        observed.work = match (params.state, params.fstype) {
            (State::Present, Some(kind)) => observed.present(params, kind, host)?,
            _ if observed.there.is_empty() => Work::Nothing(None),
            _ => Work::Wipe(vec![program::required(host, "wipefs")?, "--all".to_owned(), device]),
        };
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let before = Some(observed.there.as_str()).filter(|there| !there.is_empty());
        let kind = params.fstype.map(|kind| kind.table().blkid);
        let change = |before: Option<Json>, after: Option<Json>, commands: &[Vec<String>]| {
            Effect::Setting(SettingChange {
                kind: KIND.to_owned(),
                name: observed.device.clone(),
                before,
                after,
                commands: commands
                    .iter()
                    .map(|argv| program::command(argv.iter().cloned()))
                    .collect(),
                ..SettingChange::default()
            })
        };
        match &observed.work {
            Work::Nothing(message) => {
                if let Some(message) = message {
                    plan.set("msg", message.clone());
                }
            }
            Work::Make(commands) => {
                let effect = change(before.map(Json::from), kind.map(Json::from), commands);
                plan.push(effect, "there is none of this kind");
            }
            Work::Wipe(argv) => {
                let effect = change(before.map(Json::from), None, std::slice::from_ref(argv));
                plan.push(effect, "there is one");
            }
            Work::Grow { argv, from, to } => {
                let size =
                    |bytes: &u64| before.map(|kind| Json::from(format!("{kind} of {bytes} bytes")));
                let effect = change(size(from), size(to), std::slice::from_ref(argv));
                plan.push(effect, "the device is larger");
            }
            Work::ChangeUuid(argv) => {
                let uuid = params.uuid.clone().unwrap_or_default();
                let after = before.map(|kind| Json::from(format!("{kind} with UUID {uuid}")));
                let effect = change(before.map(Json::from), after, std::slice::from_ref(argv));
                plan.push(effect, "a UUID is asked for");
            }
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let tells = matches!(observed.work, Work::Grow { .. } | Work::ChangeUuid(_));
        if let (true, Some(Applied::Ran(output))) = (tells, applied.first()) {
            returned.insert("msg".to_owned(), output.stdout_text().into());
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

/// Whether it is a logical volume that a dry run would have made.
fn would_be_made(device: &str, host: &mut dyn Host) -> bool {
    let path = match device.strip_prefix("/dev/mapper/") {
        // the group, a hyphen, the volume; hyphens of their own are doubled
        Some(name) => {
            let parts = name.replace("--", "\0").replacen('-', "/", 1).replace('\0', "-");
            format!("/dev/{parts}")
        }
        None => device.to_owned(),
    };
    host.rehearsed(lvol::VOLUME, &path)
        .and_then(|kept| kept.value)
        .is_some_and(|volume| volume.get("made") == Some(&Json::Bool(true)))
}

/// The kind that is on a device, or that a dry run would have put there.
fn there(device: &str, planned: bool, host: &mut dyn Host) -> Result<String, Stop> {
    if let Some(kept) = host.rehearsed(KIND, device) {
        let kept = kept.value.as_ref().map(plain).unwrap_or_default();
        return Ok(kept.split(' ').next().unwrap_or_default().to_owned());
    }
    let blkid = program::required(host, "blkid")?;
    if planned {
        return Ok(String::new());
    }
    let words = [&*blkid, "-c", "/dev/null", "-o", "value", "-s", "TYPE", device];
    Ok(program::query(host, words)?.stdout_text().trim().to_owned())
}

impl Observed {
    fn present(&self, params: &Params, kind: Kind, host: &mut dyn Host) -> Result<Work, Stop> {
        let table = kind.table();
        let uuid = params.uuid.as_deref().filter(|uuid| !uuid.is_empty());
        if uuid.is_some() && table.uuid_option.is_none() && table.change_uuid.is_none() {
            return Err(Stop::failed(Error::NoUuid(kind)));
        }
        if self.there == table.blkid {
            if params.resizefs {
                return self.grow(kind, host);
            }
            if let (Some(uuid), Some((name, option))) = (uuid, table.change_uuid) {
                let mut argv = vec![program::required(host, name)?, option.to_owned()];
                argv.extend(Some(uuid.to_owned()).filter(|_| kind != Kind::Lvm));
                argv.push(self.device.clone());
                return Ok(Work::ChangeUuid(argv));
            }
            if !params.force {
                return Ok(Work::Nothing(None));
            }
        } else if !self.there.is_empty() && !params.force {
            let error = Error::Used(self.device.clone(), self.there.clone());
            return Err(Stop::failed(error).with("rc", 0).with("err", ""));
        }
        let mut argv = vec![program::required(host, table.make)?];
        argv.extend(table.force.iter().map(|word| (*word).to_owned()));
        let options = params.opts.as_deref().unwrap_or_default();
        argv.extend(options.split_whitespace().map(str::to_owned));
        let given = |option: &str| options.split_whitespace().any(|word| word == option);
        if let (Some(uuid), Some(option)) = (uuid, table.uuid_option)
            && !given(option)
        {
            argv.extend([option.to_owned(), uuid.to_owned()]);
            argv.extend(Some("--norestorefile".to_owned()).filter(|_| kind == Kind::Lvm));
        }
        argv.push(self.device.clone());
        let mut commands = vec![argv];
        if let (Some(uuid), None, Some((name, option))) =
            (uuid, table.uuid_option, table.change_uuid)
        {
            let name = program::required(host, name)?;
            commands.push(vec![name, option.to_owned(), uuid.to_owned(), self.device.clone()]);
        }
        Ok(Work::Make(commands))
    }

    fn grow(&self, kind: Kind, host: &mut dyn Host) -> Result<Work, Stop> {
        let Some(grows) = kind.table().grows else {
            return Err(Stop::failed(Error::NoGrowing(kind)));
        };
        let to = self.size(host)?;
        let not_mounted =
            || Stop::failed(Error::NotMounted(self.device.clone(), kind.table().class));
        let asked = grows.question();
        let target = match grows {
            Grows::Xfs => self.mount_point(host)?.unwrap_or_else(|| self.device.clone()),
            Grows::Btrfs => self.mount_point(host)?.ok_or_else(not_mounted)?,
            _ => self.device.clone(),
        };
        let argv = called(asked, target, host)?;
        let output = program::query(host, argv)?;
        if !output.success() {
            return Err(program::failure(&output));
        }
        let from = grows.size(&output.stdout_text());
        let from = from
            .ok_or_else(|| Stop::failed(Error::NoSize(program_of(asked), self.device.clone())))?;
        if from + grows.slack() >= to {
            let message = format!(
                "{} filesystem is using the whole device {}",
                kind.table().class,
                self.device
            );
            return Ok(Work::Nothing(Some(message)));
        }
        let target = match grows {
            Grows::Xfs | Grows::Btrfs => self.mount_point(host)?.ok_or_else(not_mounted)?,
            _ => self.device.clone(),
        };
        Ok(Work::Grow { argv: called(grows.command(), target, host)?, from, to })
    }

    fn size(&self, host: &mut dyn Host) -> Result<u64, Stop> {
        let stat = host.stat(Path::new(&self.device), Follow::Yes)?;
        let unread = || Stop::failed(Error::NoTarget(self.device.clone()));
        match stat.as_ref().map(|stat| stat.kind) {
            Some(FileKind::BlockDevice) => {
                let program = program::required(host, "blockdev")?;
                let output = program::query(host, [&*program, "--getsize64", &self.device])?;
                output.stdout_text().trim().parse().map_err(|_| unread())
            }
            Some(FileKind::File) => Ok(stat.map(|stat| stat.size).unwrap_or_default()),
            _ => Err(unread()),
        }
    }

    fn mount_point(&self, host: &mut dyn Host) -> Result<Option<String>, Stop> {
        let program = program::required(host, "findmnt")?;
        let words =
            [&*program, "--mtab", "--noheadings", "--output", "TARGET", "--source", &self.device];
        let output = program::query(host, words)?;
        let first = output.stdout_text().lines().next().map(|line| line.trim().to_owned());
        Ok(first.filter(|_| output.success()))
    }
}

fn program_of(words: &[&'static str]) -> &'static str {
    words.first().copied().unwrap_or_default()
}

/// The words of a call, with the program's path and what it is for at the end.
fn called(
    words: &[&'static str],
    target: String,
    host: &mut dyn Host,
) -> Result<Vec<String>, Stop> {
    let mut argv = vec![program::required(host, program_of(words))?];
    argv.extend(words.iter().skip(1).map(|word| (*word).to_owned()));
    argv.push(target);
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Filesystem;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::host::{FileKind, Host};
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Filesystem>(host, arguments)
    }

    fn host(there: &str) -> MemoryHost {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let mut host = MemoryHost::new()
            .with_file("/dev/vdb", "")
            .with_stat("/dev/vdb", |stat| stat.kind = FileKind::BlockDevice);
        for program in [
            "blkid",
            "mkfs.ext4",
            "mkfs.xfs",
            "mkswap",
            "pvcreate",
            "wipefs",
            "tune2fs",
            "resize2fs",
            "blockdev",
        ] {
            host = host.with_program(program);
        }
        let kind = ["/usr/bin/blkid", "-c", "/dev/null", "-o", "value", "-s", "TYPE", "/dev/vdb"];
        let sizes = "Block count:              1024\nBlock size:               4096\n";
        host.with_output(&kind, output(there))
            .with_output(&["/usr/bin/tune2fs", "-l", "/dev/vdb"], output(sizes))
            .with_output(&["/usr/bin/blockdev", "--getsize64", "/dev/vdb"], output("8388608\n"))
    }

    #[test]
    fn file_systems_come_grow_and_go() {
        let table: &[(&str, Json, &str)] = &[
            ("", json!({"fstype": "ext4"}), "mkfs.ext4 -F /dev/vdb"),
            ("ext4\n", json!({"fstype": "ext4"}), ""),
            (
                "",
                json!({"fstype": "ext4", "opts": "-L data", "uuid": "1-2"}),
                "mkfs.ext4 -F -L data -U 1-2 /dev/vdb",
            ),
            ("ext4\n", json!({"fstype": "xfs", "force": true}), "mkfs.xfs -f /dev/vdb"),
            ("ext4\n", json!({"fstype": "ext4", "resizefs": true}), "resize2fs /dev/vdb"),
            ("ext4\n", json!({"fstype": "ext4", "uuid": "random"}), "tune2fs -U random /dev/vdb"),
            ("", json!({"fstype": "swap"}), "mkswap -f /dev/vdb"),
            (
                "",
                json!({"fstype": "lvm", "uuid": "a"}),
                "pvcreate -f -u a --norestorefile /dev/vdb",
            ),
            ("ext4\n", json!({"state": "absent"}), "wipefs --all /dev/vdb"),
            ("", json!({"state": "absent"}), ""),
        ];
        for (there, more, command) in table {
            let arguments = crate::recorded::with(&json!({"dev": "/dev/vdb"}), more);
            let mut live = host(there);
            let ended = run(&mut live, &arguments);
            let ran = live.applied().iter().find_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands.first()?.argv.join(" ")),
                _ => None,
            });
            let ran = ran.unwrap_or_default();
            assert_eq!(
                ran.trim_start_matches("/usr/bin/"),
                *command,
                "{arguments}: {:?}",
                ended.returned
            );
            let mut rehearsal = RehearsalHost::new(host(there));
            let changed = run(&mut rehearsal, &arguments).status == Status::Changed;
            assert_eq!(changed, !command.is_empty(), "{arguments}");
        }
    }

    #[test]
    fn a_dry_run_knows_what_would_be_there() {
        let mut rehearsal = RehearsalHost::new(host(""));
        let arguments = json!({"dev": "/dev/vdb", "fstype": "ext4"});
        assert_eq!(run(&mut rehearsal, &arguments).status, Status::Changed);
        assert_eq!(run(&mut rehearsal, &arguments).status, Status::Ok);
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (there, arguments, message) in [
            ("", json!({"dev": "/dev/no", "fstype": "ext4"}), "Device /dev/no not found."),
            (
                "ext4\n",
                json!({"dev": "/dev/vdb", "fstype": "xfs"}),
                "'/dev/vdb' is already used as ext4, use force=true to overwrite",
            ),
            (
                "",
                json!({"dev": "/dev/vdb", "fstype": "swap", "uuid": "x"}),
                "module does not support UUID option for this filesystem (swap) yet.",
            ),
            (
                "swap\n",
                json!({"dev": "/dev/vdb", "fstype": "swap", "resizefs": true}),
                "module does not support resizing swap filesystem yet.",
            ),
        ] {
            assert_eq!(run(&mut host(there), &arguments).returned["msg"], message);
        }
    }
}
