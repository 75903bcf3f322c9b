//! What LVM tells of a group and of the devices that it shall have.

use std::path::Path;

use serde_json::Value as Json;

use super::{DEVICE, Error, GROUP, Params, State};
use crate::contract::Stop;
use crate::host::{Follow, Host};
use crate::module::host_path;
use crate::module::program::{self, Programs};
use crate::params::plain;

/// The option of `vgcreate` and `vgchange` for what is activated at boot.
pub(super) const AUTOACTIVATION: &str = "--setautoactivation";

/// What is known of the group.
#[derive(Debug)]
pub struct Observed {
    pub(super) programs: Programs,
    pub(super) group: Option<Group>,
    /// The devices that it shall have.
    pub(super) devices: Vec<Device>,
    /// The devices that it has.
    pub(super) current: Vec<Device>,
    /// Whether `vgcreate` knows [`AUTOACTIVATION`].
    pub(super) autoactivation: bool,
}

/// A group that is there.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) devices: Vec<String>,
    /// How many volumes it has.
    pub(super) volumes: u64,
    /// Asked for only where the task is about it.
    pub(super) activation: Option<Activation>,
}

/// Whether the volumes of a group are active.
#[derive(Debug, Clone, Default)]
pub(super) struct Activation {
    /// Whether they will be at boot, where LVM knows it.
    pub(super) automatic: Option<bool>,
    /// Whether some are.
    pub(super) active: bool,
    /// Whether some are not.
    pub(super) inactive: bool,
}

/// A device.
#[derive(Debug, Clone, Default)]
pub(super) struct Device {
    pub(super) path: String,
    /// The bytes that LVM uses and those that it could, where it could use more.
    pub(super) size: Option<(u64, u64)>,
    pub(super) uuid: Option<String>,
}

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    let mut group = find(&params.vg, host)?;
    let present = params.state != State::Absent;
    let given = params.pvs.as_deref().unwrap_or_default();
    if given.is_empty() && present && group.is_none() {
        return Err(Stop::failed(Error::NoDevices));
    }
    let mut devices = Vec::new();
    for device in given {
        let path = host_path::follow_links(host, Path::new(device))?.display().to_string();
        devices.push(Device { path, ..Device::default() });
    }
    if present {
        for Device { path, .. } in &devices {
            if host.stat(Path::new(path), Follow::Yes)?.is_none() {
                return Err(Stop::failed(Error::NoDevice(path.clone())));
            }
        }
        let there = memberships(params, &devices, given, host)?;
        let used = there.iter().find(|(device, vg)| {
            let named = devices.iter().any(|wanted| wanted.path == *device);
            named && !vg.is_empty() && *vg != params.vg
        });
        if let Some((device, vg)) = used {
            return Err(Stop::failed(Error::Used(device.clone(), vg.clone())));
        }
        if let Some(group) = group.as_mut().filter(|group| group.devices.is_empty()) {
            let own = there.iter().filter(|(_, vg)| *vg == params.vg);
            for (device, _) in own {
                let path = host_path::follow_links(host, Path::new(device))?;
                group.devices.push(path.display().to_string());
            }
        }
    }
    let autoactivation = match (&group, params.state) {
        (None, State::Present | State::Active | State::Inactive) => {
            knows_autoactivation("vgcreate", host)?
        }
        _ => false,
    };
    let asks = matches!(params.state, State::Active | State::Inactive);
    let mut current = Vec::new();
    if let Some(group) = &mut group {
        if asks && group.activation.is_none() {
            group.activation = Some(activation(&params.vg, host)?);
        }
        if present && !devices.is_empty() {
            for path in &group.devices {
                current.push(look_at(params, path, host)?);
            }
        }
    }
    let programs = Programs::find(
        &[
            "pvcreate", "vgcreate", "vgremove", "vgextend", "vgreduce", "vgchange", "pvresize",
            "pvchange",
        ],
        host,
    )?;
    Ok(Observed { programs, group, devices, current, autoactivation })
}

/// The group, as LVM knows it or a dry run would have left it.
fn find(vg: &str, host: &mut dyn Host) -> Result<Option<Group>, Stop> {
    if let Some(kept) = host.rehearsed(GROUP, vg) {
        return Ok(kept.value.map(|told| {
            let listed =
                told.get("devices").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            let is = |field: &str| told.get(field).and_then(Json::as_bool);
            let activation = Activation {
                automatic: is("autoactivation"),
                active: is("active") == Some(true),
                // a group that only a dry run made has no volumes
                inactive: false,
            };
            Group {
                devices: listed.iter().map(plain).collect(),
                volumes: told.get("volumes").and_then(Json::as_u64).unwrap_or_default(),
                activation: Some(activation),
            }
        }));
    }
    let program = program::required(host, "vgs")?;
    let words = [&*program, "--noheadings", "-o", "vg_name,pv_count,lv_count", "--separator", ";"];
    let output = program::query(host, words)?;
    if !output.success() {
        return Err(program::failure(&output));
    }
    Ok(output.stdout_text().lines().find_map(|line| {
        let mut fields = line.trim().split(';');
        let is_it = fields.next() == Some(vg);
        let volumes = fields.nth(1).and_then(|count| count.parse().ok()).unwrap_or_default();
        is_it.then_some(Group { devices: Vec::new(), volumes, activation: None })
    }))
}

/// The devices that LVM knows, with the group that each is in.
fn memberships(
    params: &Params,
    devices: &[Device],
    given: &[String],
    host: &mut dyn Host,
) -> Result<Vec<(String, String)>, Stop> {
    let program = program::required(host, "pvs")?;
    let words = [&*program, "--noheadings", "-o", "pv_name,vg_name", "--separator", ";"];
    let mut argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if !devices.is_empty() {
        let names = devices.iter().map(|device| &device.path).chain(given);
        let mut terms: Vec<String> = names.map(|name| format!("pv_name = {name}")).collect();
        terms.push(format!("vg_name = {}", params.vg));
        argv.extend(["--select".to_owned(), terms.join(" || ")]);
    }
    let output = program::query(host, argv)?;
    if !output.success() {
        let stop = Stop::failed(Error::Ask);
        return Err(stop.with("rc", output.status).with("err", output.stderr_text()));
    }
    let mut there = Vec::new();
    for line in output.stdout_text().lines() {
        let (device, vg) = line.trim().split_once(';').unwrap_or((line.trim(), ""));
        let device = match device.starts_with("/dev/dm-") {
            true => mapping(device, host)?,
            false => device.to_owned(),
        };
        // what a dry run removed before holds no device any more
        let gone = host.rehearsed(GROUP, vg).is_some_and(|kept| kept.value.is_none());
        there.push((device, if gone { String::new() } else { vg.to_owned() }));
    }
    for Device { path, .. } in devices {
        if let Some(kept) = host.rehearsed(DEVICE, path) {
            there.retain(|(device, _)| device != path);
            let vg = kept.value.as_ref().map(plain).unwrap_or_default();
            there.push((path.clone(), vg));
        }
    }
    Ok(there)
}

fn mapping(device: &str, host: &mut dyn Host) -> Result<String, Stop> {
    let program = program::required(host, "dmsetup")?;
    let words = [&*program, "info", "-C", "--noheadings", "-o", "name", device];
    let output = program::query(host, words)?;
    if !output.success() {
        let stop = Stop::failed(Error::Mapping);
        return Err(stop.with("rc", output.status).with("err", output.stderr_text()));
    }
    Ok(format!("/dev/mapper/{}", output.stdout_text().trim_end()))
}

fn knows_autoactivation(name: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    let program = program::required(host, name)?;
    let output = program::query(host, [&*program, "--help"])?;
    if !output.success() {
        return Err(program::failure(&output));
    }
    Ok(output.stdout_text().contains(AUTOACTIVATION))
}

fn activation(vg: &str, host: &mut dyn Host) -> Result<Activation, Stop> {
    let knows = knows_autoactivation("vgchange", host)?;
    let fields = if knows { "lv_attr,autoactivation" } else { "lv_attr" };
    let program = program::required(host, "vgs")?;
    let words = [&*program, "--noheadings", "-o", fields, "--separator", ";", vg];
    let output = program::query(host, words)?;
    if !output.success() {
        return Err(program::failure(&output));
    }
    let mut found = Activation { automatic: knows.then_some(false), ..Activation::default() };
    for line in output.stdout_text().lines() {
        let (attributes, automatic) = line.trim().split_once(';').unwrap_or((line.trim(), ""));
        let active = attributes.chars().nth(4) == Some('a');
        found.active |= active;
        found.inactive |= !active;
        if knows && automatic == "enabled" {
            found.automatic = Some(true);
        }
    }
    Ok(found)
}

/// What the task wants to know of a device of the group.
fn look_at(params: &Params, path: &str, host: &mut dyn Host) -> Result<Device, Stop> {
    let mut device = Device { path: path.to_owned(), ..Device::default() };
    if params.pvresize {
        let program = program::required(host, "pvdisplay")?;
        let fields = "dev_size,pv_size,pe_start,vg_extent_size";
        let words = [&*program, path, "--units", "b", "--columns", "--noheadings", "--nosuffix"];
        let words = words.into_iter().chain(["--separator", ";", "-o", fields]);
        let output = program::query(host, words)?;
        if !output.success() {
            return Err(program::failure(&output));
        }
        let text = output.stdout_text();
        let sizes: Vec<u64> = text.trim().split(';').filter_map(|size| size.parse().ok()).collect();
        if let [all, used, start, extent] = sizes.as_slice() {
            device.size = Some((*used, all.saturating_sub(*start)))
                .filter(|(used, usable)| usable.saturating_sub(*used) > *extent);
        }
    }
    if params.reset_pv_uuid {
        let program = program::required(host, "pvs")?;
        let output = program::query(host, [&*program, "--noheadings", "-o", "uuid", path])?;
        if !output.success() {
            return Err(program::failure(&output));
        }
        device.uuid = Some(output.stdout_text().trim().to_owned());
    }
    Ok(device)
}
