//! `community.general.lvg`: volume groups of LVM.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the devices of the group, and
//! whether it is active.
//!
//! ```yaml
//! - name: Make a volume group of two disks
//!   community.general.lvg:
//!     vg: data
//!     pvs:
//!       - /dev/vdb
//!       - /dev/vdc
//! ```
//!
//! Returns nothing but `changed`.

mod observe;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json, json};

pub use self::observe::Observed;
use self::observe::{Activation, Device, Group};
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;
use crate::params::Rule;
use crate::{choices, params};

/// What keeps volume groups, in settings.
pub(super) const GROUP: &str = "volume group";

/// What keeps which group a device is in, in settings.
const DEVICE: &str = "physical volume";

choices! {
    /// What there shall be.
    pub enum State {
        /// No such group.
        Absent = "absent",
        /// The group.
        Present = "present",
        /// The group, with its volumes active.
        Active = "active",
        /// The group, with no volume active.
        Inactive = "inactive",
    }
}

params! {
    /// Parameters of `community.general.lvg`.
    pub struct Params {
        /// The group.
        vg: String,
        /// The devices that it has.
        pvs: Option<Vec<String>>,
        /// The size of an extent, in megabytes where no unit follows.
        pesize: String = "4".to_owned(),
        /// More options of `pvcreate`.
        pv_options: String = String::new(),
        /// Whether devices are used to their full size.
        pvresize: bool = false,
        /// More options of `vgcreate`.
        vg_options: String = String::new(),
        /// What there shall be.
        state: State = State::Present,
        /// Whether a group with volumes is removed.
        force: bool = false,
        /// Whether the group gets a new UUID, each time.
        reset_vg_uuid: bool = false,
        /// Whether the devices get new UUIDs, each time.
        reset_pv_uuid: bool = false,
        /// Whether devices that are not named leave the group.
        remove_extra_pvs: bool = true,
    }
    rules [Rule::RequiredIf("reset_pv_uuid", "True", &["pvs"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A new group has nothing to lie on.
    #[error("No physical volumes given.")]
    NoDevices,
    /// A device is not there.
    #[error("Device {0} not found.")]
    NoDevice(String),
    /// A device is in another group.
    #[error("Device {0} is already in {1} volume group.")]
    Used(String, String),
    /// The devices cannot be asked for.
    #[error("Failed executing pvs command.")]
    Ask,
    /// A device mapping cannot be asked for.
    #[error("Failed executing dmsetup command.")]
    Mapping,
    /// It has volumes.
    #[error("Refuse to remove non-empty volume group {0} without force=true")]
    NotEmpty(String),
    /// A device cannot be taken.
    #[error("Creating physical volume '{0}' failed")]
    CreateDevice(String),
    /// The group cannot be made.
    #[error("Creating volume group '{0}' failed")]
    Create(String),
    /// It cannot be removed.
    #[error("Failed to remove volume group {0}")]
    Remove(String),
    /// It does not grow.
    #[error("Unable to extend {0} by {1}.")]
    Extend(String, String),
    /// It does not shrink.
    #[error("Unable to reduce {0} by {1}.")]
    Reduce(String, String),
    /// A device does not grow.
    #[error("Failed executing pvresize command.")]
    Grow,
    /// A device keeps its UUID.
    #[error("PV ({0}) UUID change failed")]
    Uuid(String),
}

/// The module.
#[derive(Debug)]
pub struct Lvg;

impl Module for Lvg {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let Some(group) = &observed.group else {
            if params.state != State::Absent {
                observed.plan_creation(params, &mut plan)?;
            }
            return Ok(plan);
        };
        if params.state == State::Absent {
            if group.volumes != 0 && !params.force {
                return Err(Stop::failed(Error::NotEmpty(params.vg.clone())));
            }
            let argv = [observed.programs.required("vgremove")?, "--force", &params.vg];
            let effect = setting(GROUP, &params.vg, group.told(), None, argv);
            plan.push(effect, "it is there");
            return Ok(plan);
        }
        observed.plan_activation(params, group, &mut plan)?;
        if params.reset_vg_uuid {
            let argv = [observed.programs.required("vgchange")?, "-u", &params.vg];
            plan.push(uuid(GROUP, &params.vg, None, argv), "a new UUID is asked for");
        }
        if !observed.devices.is_empty() {
            observed.plan_devices(params, group, &mut plan)?;
        }
        Ok(plan)
    }

    fn explain(params: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        let (HostError::CommandFailed { output, .. }, Effect::Setting(change)) =
            (&error, &planned.effect)
        else {
            return Stop::Host(error);
        };
        let words = change.commands.first().map(|command| command.argv.as_slice());
        let words = words.unwrap_or_default();
        let program = words.first().map(String::as_str).unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        let vg = || params.vg.clone();
        let rest = |skip: usize| words.get(skip..).unwrap_or_default().join(" ");
        let told = match name {
            "pvcreate" => Error::CreateDevice(change.name.clone()),
            "vgcreate" => Error::Create(vg()),
            "vgremove" => Error::Remove(vg()),
            "vgextend" => Error::Extend(vg(), rest(2)),
            "vgreduce" => Error::Reduce(vg(), rest(3)),
            "pvresize" => Error::Grow,
            "pvchange" => Error::Uuid(change.name.clone()),
            _ => return program::explain(error),
        };
        let tells_output = matches!(told, Error::Grow | Error::Uuid(_));
        let stop = Stop::failed(told).with("rc", output.status).with("err", output.stderr_text());
        if tells_output { stop.with("out", output.stdout_text()) } else { stop }
    }
}

/// A change of LVM through one command.
fn setting<const N: usize>(
    kind: &str,
    name: &str,
    before: Option<Json>,
    after: Option<Json>,
    argv: [&str; N],
) -> Effect {
    change(kind, name, before, after, program::command(argv))
}

fn change(
    kind: &str,
    name: &str,
    before: Option<Json>,
    after: Option<Json>,
    command: Command,
) -> Effect {
    Effect::Setting(SettingChange {
        kind: kind.to_owned(),
        name: name.to_owned(),
        before,
        after,
        commands: vec![command],
        ..SettingChange::default()
    })
}

fn uuid<const N: usize>(kind: &str, name: &str, before: Option<&str>, argv: [&str; N]) -> Effect {
    let kind = format!("UUID of {kind}");
    setting(&kind, name, before.map(Json::from), Some(Json::from("a new one")), argv)
}

impl Group {
    /// What a diff shows, and what a dry run reads again.
    fn told(&self) -> Option<Json> {
        let mut told = Map::new();
        told.insert("devices".to_owned(), json!(self.devices));
        told.insert("volumes".to_owned(), json!(self.volumes));
        if let Some(Activation { automatic, active, .. }) = &self.activation {
            told.insert("active".to_owned(), json!(active));
            told.insert("autoactivation".to_owned(), json!(automatic));
        }
        Some(Json::Object(told))
    }
}

impl Observed {
    fn plan_creation(&self, params: &Params, plan: &mut Plan) -> Result<(), Stop> {
        for device in &self.devices {
            self.plan_device(params, &device.path, plan)?;
        }
        let mut argv = vec![self.programs.required("vgcreate")?.to_owned()];
        argv.extend(params.vg_options.split_whitespace().map(str::to_owned));
        let given = argv.iter().any(|word| word == observe::AUTOACTIVATION);
        let wanted = match params.state {
            State::Active => Some("y"),
            State::Inactive => Some("n"),
            State::Present | State::Absent => None,
        };
        if let Some(wanted) = wanted.filter(|_| self.autoactivation && !given) {
            argv.extend([observe::AUTOACTIVATION, wanted].map(str::to_owned));
        }
        argv.extend(["-s", &params.pesize, &params.vg].map(str::to_owned));
        let devices: Vec<String> = self.devices.iter().map(|device| device.path.clone()).collect();
        argv.extend(devices.iter().cloned());
        let automatic = self.autoactivation.then_some(params.state != State::Inactive);
        let activation = Some(Activation { automatic, ..Activation::default() });
        let group = Group { devices, volumes: 0, activation };
        let effect = change(GROUP, &params.vg, None, group.told(), program::command(argv));
        plan.push(effect, "it is not there");
        Ok(())
    }

    fn plan_device(&self, params: &Params, device: &str, plan: &mut Plan) -> Result<(), Stop> {
        let mut argv = vec![self.programs.required("pvcreate")?.to_owned()];
        argv.extend(params.pv_options.split_whitespace().map(str::to_owned));
        argv.extend(["-f", device].map(str::to_owned));
        let after = Some(Json::from(params.vg.clone()));
        let effect = change(DEVICE, device, None, after, program::command(argv));
        plan.push(effect, "the volume group is to lie on it");
        Ok(())
    }

    fn plan_activation(&self, params: &Params, group: &Group, plan: &mut Plan) -> Result<(), Stop> {
        let active = match params.state {
            State::Active => true,
            State::Inactive => false,
            State::Present | State::Absent => return Ok(()),
        };
        let Some(activation) = &group.activation else { return Ok(()) };
        let program = self.programs.required("vgchange")?;
        let flag = if active { "y" } else { "n" };
        let mut now = group.clone();
        let mut set = |after: Activation, option: &str, reason: &str| {
            let before = now.told();
            now.activation = Some(after);
            let argv = [program, option, flag, params.vg.as_str()];
            plan.push(setting(GROUP, &params.vg, before, now.told(), argv), reason);
        };
        let mut after = activation.clone();
        if activation.automatic.is_some_and(|automatic| automatic != active) {
            after.automatic = Some(active);
            let reason = if active { "it is not activated at boot" } else { "it is" };
            set(after.clone(), observe::AUTOACTIVATION, reason);
        }
        let differs = if active { activation.inactive } else { activation.active };
        if differs {
            (after.active, after.inactive) = (active, !active);
            let reason = if active { "not all is active" } else { "some of it is active" };
            set(after, "--activate", reason);
        }
        Ok(())
    }

    fn plan_devices(&self, params: &Params, group: &Group, plan: &mut Plan) -> Result<(), Stop> {
        for Device { path, size, uuid: before, .. } in &self.current {
            if let Some((from, to)) = size {
                let told = |bytes: &u64| Some(Json::from(format!("{bytes} bytes")));
                let argv = [self.programs.required("pvresize")?, path];
                let effect = setting("size of physical volume", path, told(from), told(to), argv);
                plan.push(effect, "the device is larger");
            }
            if params.reset_pv_uuid {
                let argv = [self.programs.required("pvchange")?, "-u", path];
                plan.push(uuid(DEVICE, path, before.as_deref(), argv), "a new UUID is asked for");
            }
        }
        let wanted: Vec<&str> = self.devices.iter().map(|device| device.path.as_str()).collect();
        let there = |device: &str| group.devices.iter().any(|other| other == device);
        let added: Vec<&str> = wanted.iter().copied().filter(|device| !there(device)).collect();
        for device in &added {
            self.plan_device(params, device, plan)?;
        }
        let mut now = group.clone();
        let mut move_devices = |argv: Vec<&str>, devices: Vec<String>, reason: &str| {
            let after = Group { devices, ..now.clone() };
            let command = program::command(argv);
            plan.push(change(GROUP, &params.vg, now.told(), after.told(), command), reason);
            now = after;
        };
        let mut devices = group.devices.clone();
        let vg = params.vg.as_str();
        if !added.is_empty() {
            devices.extend(added.iter().map(|device| (*device).to_owned()));
            let argv = [vec![self.programs.required("vgextend")?, vg], added].concat();
            move_devices(argv, devices.clone(), "a device is not in it");
        }
        let extra: Vec<&str> =
            group.devices.iter().map(String::as_str).filter(|it| !wanted.contains(it)).collect();
        if params.remove_extra_pvs && !extra.is_empty() {
            devices.retain(|device| !extra.contains(&device.as_str()));
            let argv = [vec![self.programs.required("vgreduce")?, "--force", vg], extra].concat();
            move_devices(argv, devices, "a device in it is not named");
        }
        Ok(())
    }
}
