//! `community.general.lvol`: logical volumes of LVM.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the size and whether it is
//! active.
//!
//! Differs: a volume that is active already is not activated again.
//!
//! ```yaml
//! - name: A volume for the data
//!   community.general.lvol:
//!     vg: data
//!     lv: mysql
//!     size: 20g
//! ```
//!
//! Returns `msg`, or `vg`, `lv` and `size` of a volume that was there.

mod observe;
mod size;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

pub use self::observe::Observed;
use self::observe::{Found, Volume};
use self::size::{Sign, Size, Whole};
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;
use crate::params::Rule;
use crate::{choices, params};

/// What keeps logical volumes, in settings; their names are the paths of their devices.
pub(super) const VOLUME: &str = "logical volume";

choices! {
    /// Whether there shall be a volume.
    pub enum State {
        /// There shall not.
        Absent = "absent",
        /// There shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `community.general.lvol`.
    pub struct Params {
        /// The group that it is of.
        vg: String,
        /// The volume.
        lv: Option<String>,
        /// Its size, in megabytes where no unit follows; a percentage (`50%VG`), or what it grows
        /// (`+5g`) or shrinks by (`-5g`).
        size: Option<String>,
        /// More options of `lvcreate`.
        opts: Option<String>,
        /// Whether there shall be a volume.
        state: State = State::Present,
        /// Whether a volume may shrink or go.
        force: bool = false,
        /// Whether a larger volume shrinks.
        shrink: bool = true,
        /// Whether it is active.
        active: bool = true,
        /// The snapshot of it that is meant.
        snapshot: Option<String>,
        /// The devices that it lies on.
        pvs: Option<Vec<String>>,
        /// Whether its file system takes its new size.
        resizefs: bool = false,
        /// The pool that it is in, or that is meant where no volume is.
        thinpool: Option<String>,
    }
    rules [Rule::RequiredOneOf(&["lv", "thinpool"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// LVM says no version.
    #[error("Failed to get LVM version number")]
    NoVersion,
    /// The group is not there.
    #[error("Volume group {0} does not exist.")]
    NoGroup(String),
    /// More than all.
    #[error("Size percentage cannot be larger than 100%")]
    TooMuch,
    /// A share of the origin of what is no snapshot.
    #[error("Percentage of ORIGIN supported only for snapshot volumes")]
    Origin,
    /// A share of nothing.
    #[error("Specify extents as a percentage of VG|PVS|FREE|ORIGIN")]
    Share,
    /// No size.
    #[error("Bad size specification of '{0}'")]
    BadSize(String),
    /// A change of size of what is not there.
    #[error("Bad size specification of '{0}' for creating LV")]
    NoNewSize(String),
    /// A new volume without a size.
    #[error("No size given.")]
    NoSize,
    /// A snapshot of a pool.
    #[error("Snapshots of thin pool LVs are not supported.")]
    PoolSnapshot,
    /// A snapshot of nothing.
    #[error("Snapshot origin LV {lv} does not exist in volume group {vg}.")]
    NoOrigin {
        /// The volume.
        lv: String,
        /// The group.
        vg: String,
    },
    /// The pool is not there.
    #[error("Thin pool LV {pool} does not exist in volume group {vg}.")]
    NoPool {
        /// The pool.
        pool: String,
        /// The group.
        vg: String,
    },
    /// A share of a pool.
    #[error("Thin volume sizing with percentage not supported.")]
    ThinShare,
    /// It stays.
    #[error("Sorry, no removal of logical volume {0} without force=true.")]
    NoRemoval(String),
    /// It stays large.
    #[error("Sorry, no shrinking of {name} without force=true{}", if *.stop { "." } else { "" })]
    NoShrinking {
        /// The volume.
        name: String,
        /// How the collection ends it.
        stop: bool,
    },
    /// It would be nothing.
    #[error("Sorry, no shrinking of {0} to 0 permitted.")]
    ToNothing(String),
    /// The group is full.
    #[error(
        "Logical Volume {name} could not be extended. Not enough free space left \
         ({needed:?}{unit} required / {free:?}{unit} available)"
    )]
    Full {
        /// The volume.
        name: String,
        /// What it would take.
        needed: f64,
        /// What there is.
        free: f64,
        /// The unit of both.
        unit: char,
    },
    /// It cannot be made.
    #[error("Creating logical volume '{0}' failed")]
    Create(String),
    /// It cannot be removed.
    #[error("Failed to remove logical volume {0}")]
    Remove(String),
    /// It keeps its size.
    #[error("Unable to resize {0} to {1}")]
    Resize(String, String),
    /// It is not activated.
    #[error("Failed to activate logical volume {0}")]
    Activate(String),
    /// It stays active.
    #[error("Failed to deactivate logical volume {0}")]
    Deactivate(String),
}

/// The module.
#[derive(Debug)]
pub struct Lvol;

impl Module for Lvol {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let found = match observed {
            Observed::NoGroup(said) => {
                plan.set("stdout", said.clone());
                return Ok(plan);
            }
            Observed::Group(found) => found,
        };
        match (&found.volume, params.state) {
            (None, State::Absent) => plan.set("msg", ""),
            (None, State::Present) => {
                found.plan_creation(params, &mut plan)?;
                plan.set("msg", "");
            }
            (Some(volume), State::Absent) => {
                if !params.force {
                    return Err(Stop::failed(Error::NoRemoval(volume.name.clone())));
                }
                let path = found.path(params, volume);
                let argv = [found.programs.required("lvremove")?, "--force", &path];
                let effect = found.setting(params, &volume.name, volume.told(found), None, &argv);
                plan.push(effect, "it is there");
            }
            (Some(volume), State::Present) => {
                let sized = found.plan_size(params, volume, &mut plan)?;
                found.plan_activation(params, volume, &sized, &mut plan)?;
                plan.set("vg", params.vg.clone());
                plan.set("lv", volume.name.clone());
                plan.set("size", volume.size);
            }
        }
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        for outcome in applied {
            if let (Applied::Ran(output), Observed::Group(found)) = (outcome, observed)
                && output.stdout_text().contains("Reached maximum COW size")
            {
                return Err(found
                    .resize_failed(params)
                    .with("rc", output.status)
                    .with("err", output.stderr_text())
                    .with("out", output.stdout_text()));
            }
        }
        Ok(Conclusion { changed: plan.changes(), returned: plan.returned.clone() })
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        let (
            HostError::CommandFailed { output, .. },
            Effect::Setting(change),
            Observed::Group(found),
        ) = (&error, &planned.effect, observed)
        else {
            return Stop::Host(error);
        };
        let command = change.commands.first();
        let program = command.and_then(|command| command.argv.first()).map(String::as_str);
        let name = program.unwrap_or_default().rsplit('/').next().unwrap_or_default();
        // what was not given, the collection calls by Python's word
        let lv = params.lv.clone().unwrap_or_else(|| "None".to_owned());
        let stop = match name {
            "lvcreate" => Stop::failed(Error::Create(lv)),
            "lvremove" => Stop::failed(Error::Remove(lv)),
            "lvchange" if params.active => Stop::failed(Error::Activate(lv)),
            "lvchange" => Stop::failed(Error::Deactivate(lv)),
            _ => found.resize_failed(params),
        };
        stop.with("rc", output.status).with("err", output.stderr_text())
    }
}

impl Volume {
    /// What a diff shows, and what a dry run reads again.
    fn told(&self, found: &Found) -> Option<Json> {
        let bytes = size::bytes(self.size, found.unit);
        let mut told = Map::new();
        told.insert("size".to_owned(), json!(bytes));
        told.insert("active".to_owned(), json!(self.active));
        told.insert("kind".to_owned(), json!(self.kind.to_string()));
        if self.made {
            told.insert("made".to_owned(), json!(true));
        }
        Some(Json::Object(told))
    }
}

impl Found {
    fn path(&self, params: &Params, volume: &Volume) -> String {
        format!("{}/{}", params.vg, volume.name)
    }

    fn setting(
        &self,
        params: &Params,
        name: &str,
        before: Option<Json>,
        after: Option<Json>,
        argv: &[&str],
    ) -> Effect {
        let mut command = program::command(argv.iter().copied());
        command.environment.insert("LC_CTYPE".to_owned(), "C".to_owned());
        let gone = after.is_none();
        Effect::Setting(SettingChange {
            kind: VOLUME.to_owned(),
            name: format!("/dev/{}/{name}", params.vg),
            before,
            after,
            commands: vec![command],
            fills: if gone { Vec::new() } else { vec![PathBuf::from("/dev").join(&params.vg)] },
            ..SettingChange::default()
        })
    }

    fn resize_failed(&self, params: &Params) -> Stop {
        let lv = params.lv.clone().unwrap_or_else(|| "None".to_owned());
        let size = self.size.as_ref().map(Size::unsigned).unwrap_or_default();
        Stop::failed(Error::Resize(lv, size))
    }

    fn plan_creation(&self, params: &Params, plan: &mut Plan) -> Result<(), Stop> {
        let vg = &params.vg;
        if let Some(size) = &self.size
            && (size.sign == Some(Sign::Less)
                || (size.sign == Some(Sign::More) && size.whole.is_none()))
        {
            return Err(Stop::failed(Error::NoNewSize(size.given())));
        }
        if self.size.is_none() && !self.thin_snapshot {
            return Err(Stop::failed(Error::NoSize));
        }
        let mut argv = vec![self.programs.required("lvcreate")?.to_owned()];
        argv.extend(self.yes.then(|| "--yes".to_owned()));
        let sized = |option: Option<&str>| -> Vec<String> {
            let words = self.size.as_ref().map(|size| {
                let option = option.unwrap_or_else(|| size.option());
                vec![option.to_owned(), size.unsigned()]
            });
            words.unwrap_or_default()
        };
        let lv = params.lv.clone().unwrap_or_default();
        let name = match (&params.snapshot, &params.thinpool) {
            (Some(snapshot), _) => {
                argv.extend(sized(None));
                argv.extend(["-s", "-n", snapshot].map(str::to_owned));
                argv.extend(self.options.iter().cloned());
                argv.push(format!("{vg}/{lv}"));
                snapshot.clone()
            }
            (None, Some(pool)) => {
                if params.lv.is_some() {
                    if self.size.as_ref().is_some_and(|size| size.whole.is_some()) {
                        return Err(Stop::failed(Error::ThinShare));
                    }
                    argv.extend(["-n".to_owned(), lv.clone()]);
                    argv.extend(sized(Some("-V")));
                } else {
                    argv.extend(sized(None));
                }
                argv.extend(self.options.iter().cloned());
                argv.extend(["-T".to_owned(), format!("{vg}/{pool}")]);
                params.lv.clone().unwrap_or_else(|| pool.clone())
            }
            (None, None) => {
                argv.extend(["-n".to_owned(), lv.clone()]);
                argv.extend(sized(None));
                argv.extend(self.options.iter().cloned());
                argv.push(vg.clone());
                argv.extend(params.pvs.iter().flatten().cloned());
                lv
            }
        };
        let kind = match (&params.snapshot, &params.thinpool, &params.lv) {
            (None, Some(_), None) => 't',
            (None, Some(_), Some(_)) => 'V',
            _ => '-',
        };
        let size = self.size.as_ref().filter(|size| size.whole.is_none());
        let size = size.map(|size| size::bytes(size.amount, size.unit));
        let after = json!({"size": size, "active": true, "kind": kind.to_string(), "made": true});
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        plan.push(self.setting(params, &name, None, Some(after), &argv), "it is not there");
        Ok(())
    }

    /// Plans the size, and gives the volume as it will be.
    fn plan_size(&self, params: &Params, volume: &Volume, plan: &mut Plan) -> Result<Volume, Stop> {
        let Some(size) = &self.size else { return Ok(volume.clone()) };
        let Some((program, wanted)) = self.tool(params, size, volume)? else {
            return Ok(volume.clone());
        };
        let mut argv = vec![self.programs.required(program)?];
        argv.extend(Some("--force").filter(|_| program == "lvreduce"));
        argv.extend(Some("--resizefs").filter(|_| params.resizefs));
        let (amount, path) = (size.signed(), self.path(params, volume));
        argv.extend([size.option(), &amount, &path]);
        argv.extend(params.pvs.iter().flatten().map(String::as_str));
        let sized = Volume { size: wanted, ..volume.clone() };
        let (before, after) = (volume.told(self), sized.told(self));
        let reason = if program == "lvextend" { "it is smaller" } else { "it is larger" };
        plan.push(self.setting(params, &volume.name, before, after, &argv), reason);
        Ok(sized)
    }

    /// The program that gives it its size, and that size.
    fn tool(
        &self,
        params: &Params,
        size: &Size,
        volume: &Volume,
    ) -> Result<Option<(&'static str, f64)>, Stop> {
        let name = || volume.name.clone();
        let Some(whole) = size.whole else {
            let relative = match size.sign {
                Some(Sign::More) => Some(volume.size + size.amount),
                Some(Sign::Less) => Some(volume.size - size.amount),
                None => None,
            };
            let wanted = self.extent.round_up(relative.unwrap_or(size.amount));
            if size.amount > volume.size || size.sign == Some(Sign::More) {
                return Ok(Some(("lvextend", wanted)).filter(|_| !same(wanted, volume.size)));
            }
            if (params.shrink && size.amount < volume.size) || size.sign == Some(Sign::Less) {
                if size.amount == 0.0 {
                    return Err(Stop::failed(Error::ToNothing(name())));
                }
                if !params.force {
                    return Err(Stop::failed(Error::NoShrinking { name: name(), stop: true }));
                }
                return Ok(Some(("lvreduce", wanted)).filter(|_| !same(wanted, volume.size)));
            }
            return Ok(None);
        };
        let all = match whole {
            Whole::Group | Whole::Devices => self.extent.group,
            Whole::Free | Whole::Origin => self.extent.free,
        };
        let mut wanted = size.amount * all / 100.0;
        match size.sign {
            Some(Sign::More) => wanted += volume.size,
            Some(Sign::Less) => wanted = volume.size - wanted,
            None => {}
        }
        wanted -= wanted.rem_euclid(self.extent.size);
        if volume.size < wanted {
            let needed = wanted - volume.size;
            let free = self.extent.free;
            if free <= 0.0 || free < needed {
                let full = Error::Full { name: name(), needed, free, unit: self.unit };
                return Err(Stop::failed(full));
            }
            return Ok(Some(("lvextend", wanted)));
        }
        if params.shrink && volume.size > wanted + self.extent.size {
            if wanted < 1.0 {
                return Err(Stop::failed(Error::ToNothing(name())));
            }
            if !params.force {
                return Err(Stop::failed(Error::NoShrinking { name: name(), stop: false }));
            }
            return Ok(Some(("lvreduce", wanted)));
        }
        Ok(None)
    }

    fn plan_activation(
        &self,
        params: &Params,
        volume: &Volume,
        sized: &Volume,
        plan: &mut Plan,
    ) -> Result<(), Stop> {
        if volume.active == params.active {
            return Ok(());
        }
        let after = Volume { active: params.active, ..sized.clone() };
        let path = self.path(params, volume);
        let flag = if params.active { "-ay" } else { "-an" };
        let argv = [self.programs.required("lvchange")?, flag, &path];
        let reason = if params.active { "it is not active" } else { "it is active" };
        let effect = self.setting(params, &volume.name, sized.told(self), after.told(self), &argv);
        plan.push(effect, reason);
        Ok(())
    }
}

/// Whether two sizes are one.
fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < f64::EPSILON * one.abs().max(1.0)
}
