//! `ansible.posix.mount`: file systems in `/etc/fstab` and mounted.
//!
//! Follows the module of ansible.posix 2.1 on Linux. Check mode: full. Diff: the file and the mount.
//!
//! Differs: a file system is mounted with the options of the task before the file is written, so a
//! failure leaves the file as it was. With `opts_no_log` the options are kept out of diffs, too.
//!
//! ```yaml
//! - name: The disk with the data
//!   ansible.posix.mount:
//!     path: /srv
//!     src: UUID=8cff0a1c-5e0b-4a8b-9a9e-3b0a5b2f1f9d
//!     fstype: ext4
//!     opts: noatime
//!     state: mounted
//! ```
//!
//! Returns `name`, `src`, `fstype`, `opts`, `dump`, `passno`, `fstab`, `boot`, `backup_file`.

mod fstab;
mod mounts;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use self::fstab::Entry;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Attributes, Command, Content, Effect, SettingChange, WriteFile};
use crate::host::{Follow, Host, HostError};
use crate::module::copy::with_backup;
use crate::module::{expansion, host_path, program};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be.
    pub enum State {
        /// Neither in the file nor mounted, and no directory.
        Absent = "absent",
        /// Not in the file.
        AbsentFromFstab = "absent_from_fstab",
        /// In the file and mounted.
        Mounted = "mounted",
        /// In the file.
        Present = "present",
        /// Not mounted.
        Unmounted = "unmounted",
        /// Mounted anew.
        Remounted = "remounted",
        /// Mounted, whatever the file says.
        Ephemeral = "ephemeral",
    }
}

params! {
    /// Parameters of `ansible.posix.mount`.
    pub struct Params {
        /// The directory.
        path ("name"): PathBuf,
        /// What shall be.
        state: State,
        /// The device, or what stands for it.
        src: Option<PathBuf>,
        /// The kind of file system.
        fstype: Option<String>,
        /// Options.
        opts: Option<String>,
        /// Whether options are kept out of results.
        opts_no_log: bool = false,
        /// Whether `dump` saves it.
        dump: String = "0".to_owned(),
        /// When it is checked at the start.
        passno: String = "0".to_owned(),
        /// The file; by default `/etc/fstab`.
        fstab: Option<String>,
        /// Whether it is mounted at the start.
        boot: bool = true,
        /// Whether the old file is kept beside.
        backup: bool = false,
    }
    rules [
        Rule::RequiredIf("state", "mounted", &["src", "fstype"]),
        Rule::RequiredIf("state", "present", &["src", "fstype"]),
        Rule::RequiredIf("state", "ephemeral", &["src", "fstype"]),
    ]
}

/// The module.
#[derive(Debug)]
pub struct Mount;

/// What is known of the file and what is mounted.
#[derive(Debug)]
pub struct Observed {
    mount: String,
    umount: String,
    path: String,
    fstab: PathBuf,
    text: Option<String>,
    /// What is mounted there.
    source: Option<String>,
    exists: bool,
    /// Directories to make for the file and for the mount, outermost first.
    fstab_missing: Vec<PathBuf>,
    missing: Vec<PathBuf>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be mounted.
    #[error("Error mounting {0}: {1}")]
    Mounting(String, String),
    /// It cannot be mounted anew.
    #[error("Error remounting {0}: {1}")]
    Remounting(String, String),
    /// It cannot be unmounted.
    #[error("Error unmounting {0}: {1}")]
    Unmounting(String, String),
    /// The directory stays.
    #[error("Error rmdir {0}: {1}")]
    Rmdir(String, String),
    /// Options that cannot be set.
    #[error(
        "Options were specified with remounted, but the remount command failed. Failing in order \
         to prevent an unexpected mount result. Try replacing this command with a \"state: \
         unmounted\" followed by a \"state: mounted\" using the full desired mount options instead."
    )]
    RemountOptions,
    /// Something else is mounted there.
    #[error(
        "Ephemeral mount point is already mounted with a different source than the specified one. \
         Failing in order to prevent an unwanted unmount or override operation. Try replacing this \
         command with a \"state: unmounted\" followed by a \"state: ephemeral\", or use a different \
         destination path."
    )]
    OtherSource,
}

const KIND: &str = "mount";

/// Mounts anew; where that cannot be, unmounts and mounts.
const REMOUNT: &str = "mount -o remount \"$@\" \"$MOUNT_POINT\" \
    || { umount \"$MOUNT_POINT\" && mount \"$@\" \"$MOUNT_POINT\"; }";

impl Module for Mount {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let mount = program::required(host, "mount")?;
        let umount = program::required(host, "umount")?;
        let path = expansion::path(&params.path, host)?;
        let fstab = PathBuf::from(params.fstab.as_deref().unwrap_or("/etc/fstab"));
        let text = match host.stat(&fstab, Follow::Yes)? {
            Some(_) => Some(String::from_utf8_lossy(&host.read(&fstab)?).into_owned()),
            None => None,
        };
        let name = path.to_string_lossy().into_owned();
        let source = match host.rehearsed(KIND, &name) {
            Some(kept) => kept.value.as_ref().and_then(Json::as_str).map(str::to_owned),
            None => {
                let table = host.read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
                mounts::source_at(&String::from_utf8_lossy(&table), &path)
            }
        };
        let exists = host.stat(&path, Follow::Yes)?.is_some();
        let missing = with_itself(&path, exists, host)?;
        let (fstab_missing, _) = host_path::ancestors(host, &fstab)?;
        Ok(Observed {
            mount,
            umount,
            path: name,
            fstab,
            text,
            source,
            exists,
            fstab_missing,
            missing,
        })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let entry = entry(params, observed, &mut plan);
        let text = observed.text.as_deref().unwrap_or_default();
        if params.state != State::Ephemeral && observed.text.is_none() {
            observed.plan_fstab(String::new(), false, &mut plan);
        }
        match params.state {
            State::Present => {
                if let Some(new) = fstab::set(text, &entry) {
                    observed.plan_fstab(new, params.backup, &mut plan);
                }
            }
            State::AbsentFromFstab | State::Absent => {
                if let Some(new) = fstab::unset(text, &entry) {
                    observed.plan_fstab(new, params.backup, &mut plan);
                    if params.state == State::Absent {
                        observed.plan_unmount(&mut plan);
                        observed.plan_rmdir(&mut plan);
                    }
                }
            }
            State::Unmounted => observed.plan_unmount(&mut plan),
            State::Mounted => {
                let new = fstab::set(text, &entry);
                match (&observed.source, new) {
                    (None, new) => {
                        observed.plan_mount(&entry, &mut plan);
                        if let Some(new) = new {
                            observed.plan_fstab(new, params.backup, &mut plan);
                        }
                    }
                    (Some(_), Some(new)) => {
                        observed.plan_fstab(new, params.backup, &mut plan);
                        observed.plan_remount(&entry, observed.fstab_words(), &mut plan);
                    }
                    (Some(_), None) => {}
                }
            }
            State::Ephemeral => match &observed.source {
                None => observed.plan_mount(&entry, &mut plan),
                Some(source) if *source == entry.src => {
                    observed.plan_remount(&entry, entry.words(), &mut plan);
                }
                Some(_) => return Err(Stop::failed(Error::OtherSource)),
            },
            State::Remounted if entry.opts != "defaults" => {
                let options = format!("remount,{}", entry.opts);
                let mut argv = vec![observed.mount.clone(), "-o".to_owned(), options];
                argv.extend(observed.fstab_words());
                argv.push(observed.path.clone());
                let source = observed.source.clone();
                observed.remount(program::command(argv), source, "it is asked for", &mut plan);
            }
            State::Remounted => {
                observed.plan_remount(&entry, observed.fstab_words(), &mut plan);
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
        let conclusion = with_backup(plan, applied, "backup_file");
        // a file that is made empty is no change
        let made = plan.effects.iter().filter(|planned| {
            !matches!(&planned.effect, Effect::WriteFile(write)
                if observed.text.is_none() && write.content == Content::Bytes(Vec::new()))
        });
        let directories =
            |planned: &&Planned| !matches!(planned.effect, Effect::MakeDirectory { .. });
        let changed = made.filter(directories).count() > 0;
        Ok(Conclusion { changed, ..conclusion })
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        let HostError::CommandFailed { output, .. } = error else { return Stop::Host(error) };
        let said = params.told(&format!("{}{}", output.stdout_text(), output.stderr_text()));
        let path = observed.path.clone();
        let change = match &planned.effect {
            Effect::Setting(change) => change.clone(),
            _ => SettingChange::default(),
        };
        let program = change.commands.first().and_then(|command| command.argv.first());
        Stop::failed(match params.state {
            _ if program == Some(&observed.umount) => Error::Unmounting(path, said),
            _ if change.kind != KIND => Error::Rmdir(path, said),
            State::Remounted if program == Some(&observed.mount) => Error::RemountOptions,
            State::Remounted => Error::Remounting(path, said),
            _ => Error::Mounting(path, said),
        })
    }
}

impl Params {
    /// A text as results may hold it.
    fn told(&self, text: &str) -> String {
        match self.opts.as_deref().filter(|opts| self.opts_no_log && !opts.is_empty()) {
            // in the words of Ansible
            Some(opts) if opts == text => "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER".to_owned(),
            Some(opts) => text.replace(opts, "********"),
            None => text.to_owned(),
        }
    }
}

/// The path, where it is not there, and the directories above it that are not.
fn with_itself(path: &Path, exists: bool, host: &mut dyn Host) -> Result<Vec<PathBuf>, HostError> {
    if exists {
        return Ok(Vec::new());
    }
    let (mut missing, _) = host_path::ancestors(host, path)?;
    missing.push(path.to_owned());
    Ok(missing)
}

/// The entry of the task, and what is returned of it.
fn entry(params: &Params, observed: &Observed, plan: &mut Plan) -> Entry {
    let mut opts = params.opts.clone().unwrap_or_else(|| "defaults".to_owned());
    let mut warnings: Vec<&str> = Vec::new();
    let mut boot = "yes";
    if params.boot && opts.split(',').any(|option| option == "noauto") {
        warnings.push("Ignore the 'boot' due to 'opts' contains 'noauto'.");
    } else if !params.boot {
        boot = "no";
        opts.push_str(",noauto");
    }
    let src = params.src.as_ref().map(|src| src.to_string_lossy().into_owned());
    plan.set("name", observed.path.clone());
    plan.set("opts", params.told(&opts));
    plan.set("dump", params.dump.clone());
    plan.set("passno", params.passno.clone());
    plan.set("fstab", observed.fstab.to_string_lossy().into_owned());
    plan.set("boot", boot);
    plan.set("backup_file", "");
    if let Some(src) = &src {
        plan.set("src", src.clone());
    }
    if let Some(fstype) = &params.fstype {
        plan.set("fstype", fstype.clone());
    }
    if !warnings.is_empty() {
        plan.set("warnings", json!(warnings));
    }
    Entry {
        has_src: src.is_some(),
        src: src.unwrap_or_default(),
        name: observed.path.clone(),
        fstype: params.fstype.clone().unwrap_or_default(),
        opts,
        dump: params.dump.clone(),
        passno: params.passno.clone(),
    }
}

impl Observed {
    fn plan_fstab(&self, text: String, backup: bool, plan: &mut Plan) {
        if self.text.is_none() {
            for path in &self.fstab_missing {
                let effect = Effect::MakeDirectory { path: path.clone(), mode: None };
                if !plan.effects.iter().any(|planned| planned.effect == effect) {
                    plan.push(effect, "it is absent");
                }
            }
        }
        let write = WriteFile {
            path: self.fstab.clone(),
            content: Content::Bytes(text.into_bytes()),
            attributes: Attributes::default(),
            validate: None,
            backup,
            unsafe_writes: true,
        };
        plan.push(Effect::WriteFile(write), "the entry differs");
    }

    /// The words for another file than the usual one.
    fn fstab_words(&self) -> Vec<String> {
        if self.fstab == Path::new("/etc/fstab") {
            return Vec::new();
        }
        vec!["-T".to_owned(), self.fstab.to_string_lossy().into_owned()]
    }

    fn plan_mount(&self, entry: &Entry, plan: &mut Plan) {
        for path in &self.missing {
            plan.push(Effect::MakeDirectory { path: path.clone(), mode: None }, "it is absent");
        }
        let mut argv = vec![self.mount.clone()];
        argv.extend(entry.words());
        argv.push(self.path.clone());
        let source = Some(entry.src.clone());
        self.push(program::command(argv), source, "it is not mounted", plan);
    }

    fn plan_remount(&self, entry: &Entry, words: Vec<String>, plan: &mut Plan) {
        let argv = ["sh", "-c", REMOUNT, "sh"].map(str::to_owned).into_iter().chain(words);
        let mut command = program::command(argv);
        command.environment.insert("MOUNT_POINT".to_owned(), self.path.clone());
        let source = if entry.has_src { Some(entry.src.clone()) } else { self.source.clone() };
        self.remount(command, source, "it is mounted otherwise", plan);
    }

    fn plan_unmount(&self, plan: &mut Plan) {
        if self.source.is_some() {
            let argv = [self.umount.clone(), self.path.clone()];
            self.push(program::command(argv), None, "it is mounted", plan);
        }
    }

    fn plan_rmdir(&self, plan: &mut Plan) {
        if self.exists {
            let change = SettingChange {
                kind: "mount point".to_owned(),
                name: self.path.clone(),
                before: Some(Json::from("a directory")),
                commands: vec![program::command(["rmdir", "--", &self.path])],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), "nothing is mounted there");
        }
    }

    fn push(&self, command: Command, source: Option<String>, reason: &str, plan: &mut Plan) {
        plan.push(Effect::Setting(self.change(command, source)), reason);
    }

    fn remount(&self, command: Command, source: Option<String>, reason: &str, plan: &mut Plan) {
        let deed = Some("remounted".to_owned());
        let change = SettingChange { deed, ..self.change(command, source) };
        plan.push(Effect::Setting(change), reason);
    }

    fn change(&self, command: Command, source: Option<String>) -> SettingChange {
        SettingChange {
            kind: KIND.to_owned(),
            name: self.path.clone(),
            before: self.source.clone().map(Json::from),
            after: source.map(Json::from),
            commands: vec![command],
            ..SettingChange::default()
        }
    }
}
