//! What LVM tells of a group and of its volumes.

use serde_json::Value as Json;

use super::size::{self, Size};
use super::{Error, Params, State, VOLUME};
use crate::collection::community_general::lvg::GROUP;
use crate::contract::Stop;
use crate::effect::Output;
use crate::host::{Host, HostError};
use crate::module::program::{self, Programs};
use crate::module::shell_words;

/// What is known.
#[derive(Debug)]
pub enum Observed {
    /// The group of a volume that shall not be is not there.
    NoGroup(String),
    /// The group is there.
    Group(Box<Found>),
}

/// A group, and the volume that is meant.
#[derive(Debug)]
pub struct Found {
    pub(super) programs: Programs,
    /// Whether LVM takes `--yes`.
    pub(super) yes: bool,
    pub(super) size: Option<Size>,
    /// The unit of all sizes.
    pub(super) unit: char,
    /// The words of `opts`.
    pub(super) options: Vec<String>,
    pub(super) extent: Extents,
    pub(super) volume: Option<Volume>,
    /// Whether a snapshot of a thin volume is meant, which needs no size.
    pub(super) thin_snapshot: bool,
}

/// The sizes of a group.
#[derive(Debug, Default)]
pub(super) struct Extents {
    pub(super) group: f64,
    pub(super) free: f64,
    /// Of one extent.
    pub(super) size: f64,
}

impl Extents {
    /// The size that a volume has that is asked for with this one.
    pub(super) fn round_up(&self, size: f64) -> f64 {
        if self.size > 0.0 { (size / self.size).ceil() * self.size } else { size }
    }
}

/// A volume that is there.
#[derive(Debug, Clone)]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) size: f64,
    pub(super) active: bool,
    /// The first letter of its attributes: `t` for a pool, `V` for a thin volume.
    pub(super) kind: char,
    /// Whether only a dry run made it.
    pub(super) made: bool,
}

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    let yes = takes_yes(host)?;
    let options = shell_words::split(params.opts.as_deref().unwrap_or_default());
    let options = options.map_err(Stop::failed)?;
    let given = params.size.as_deref().filter(|size| !size.is_empty());
    let size = given.map(|size| Size::read(size, params.snapshot.is_some())).transpose();
    let size = size.map_err(Stop::failed)?;
    let unit = size.as_ref().map_or('m', |size| size.unit);
    let vg = params.vg.as_str();
    let kept = host.rehearsed(GROUP, vg);
    if kept.as_ref().is_some_and(|kept| kept.value.is_none()) {
        return no_group(params, None);
    }
    let (extent, volumes) = if kept.is_some() && !is_real(vg, host)? {
        if size.as_ref().is_some_and(|size| size.sign.is_some()) {
            let reason = format!("the volume group `{vg}` would be made first");
            return Err(Stop::Host(HostError::Unknown(reason)));
        }
        (Extents::default(), Vec::new())
    } else {
        let unit = unit.to_ascii_lowercase().to_string();
        let fields = "vg_name,size,free,vg_extent_size";
        let said = report("vgs", &[], fields, &unit, vg, host)?;
        if !said.success() {
            return no_group(params, Some(&said));
        }
        let extent = extents(&said.stdout_text());
        let said = report("lvs", &["-a"], "lv_name,size,lv_attr", &unit, vg, host)?;
        if !said.success() {
            return no_group(params, Some(&said));
        }
        (extent, said.stdout_text().lines().filter_map(volume).collect())
    };
    let search = Search { params, unit, volumes: &volumes };
    let lv = params.lv.as_deref();
    let mut thin_snapshot = false;
    let meant = match (&params.snapshot, &params.thinpool) {
        (Some(snapshot), pool) => {
            let lv = lv.unwrap_or_default();
            let names = [Some(lv), pool.as_deref()];
            let mut origin = None;
            for name in names.into_iter().flatten() {
                origin = origin.or(search.find(name, host)?);
            }
            let Some(origin) = origin else {
                let (lv, vg) = (lv.to_owned(), vg.to_owned());
                return Err(Stop::failed(Error::NoOrigin { lv, vg }));
            };
            if origin.kind == 't' || pool.is_some() {
                return Err(Stop::failed(Error::PoolSnapshot));
            }
            thin_snapshot = origin.kind == 'V';
            snapshot.as_str()
        }
        (None, Some(pool)) => match lv {
            Some(lv) => {
                if search.find(pool, host)?.is_none() {
                    let (pool, vg) = (pool.clone(), vg.to_owned());
                    return Err(Stop::failed(Error::NoPool { pool, vg }));
                }
                lv
            }
            None => pool.as_str(),
        },
        (None, None) => lv.unwrap_or_default(),
    };
    let volume = search.find(meant, host)?;
    let programs =
        Programs::find(&["lvcreate", "lvremove", "lvextend", "lvreduce", "lvchange"], host)?;
    let found = Found { programs, yes, size, unit, options, extent, volume, thin_snapshot };
    Ok(Observed::Group(Box::new(found)))
}

fn no_group(params: &Params, said: Option<&Output>) -> Result<Observed, Stop> {
    let error = Error::NoGroup(params.vg.clone());
    if params.state == State::Absent {
        return Ok(Observed::NoGroup(error.to_string()));
    }
    let stop = Stop::failed(error);
    Err(match said {
        Some(said) => stop.with("rc", said.status).with("err", said.stderr_text()),
        None => stop,
    })
}

/// Whether LVM is new enough for `--yes`.
fn takes_yes(host: &mut dyn Host) -> Result<bool, Stop> {
    let program = program::required(host, "lvm")?;
    let output = program::query(host, [&*program, "version"])?;
    let text = output.stdout_text();
    let version = text.lines().find_map(|line| line.trim().strip_prefix("LVM version:"));
    let numbers = version.filter(|_| output.success()).and_then(|version| {
        let mut parts = version.trim().split(['.', '(', ' ']).map(str::parse::<u32>);
        Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
    });
    let numbers = numbers.ok_or_else(|| Stop::failed(Error::NoVersion))?;
    Ok(numbers >= (2, 2, 99))
}

fn report(
    name: &str,
    all: &[&str],
    fields: &str,
    unit: &str,
    vg: &str,
    host: &mut dyn Host,
) -> Result<Output, Stop> {
    let program = program::required(host, name)?;
    let mut command = program::command(
        [&*program]
            .into_iter()
            .chain(all.iter().copied())
            .chain(["--noheadings", "--nosuffix", "-o", fields, "--units", unit])
            .chain(["--separator", ";", vg]),
    );
    command.environment.insert("LC_CTYPE".to_owned(), "C".to_owned());
    Ok(host.query(&command)?)
}

/// Whether a group that a dry run touched was there before.
fn is_real(vg: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    let program = program::required(host, "vgs")?;
    let words = [&*program, "--noheadings", "-o", "vg_name", vg];
    Ok(program::query(host, words)?.success())
}

fn extents(text: &str) -> Extents {
    let line = text.lines().next().unwrap_or_default().trim();
    let mut sizes = line.split(';').skip(1).map(|size| size.parse().unwrap_or_default());
    let mut next = || sizes.next().unwrap_or_default();
    Extents { group: next(), free: next(), size: next() }
}

fn volume(line: &str) -> Option<Volume> {
    let mut fields = line.trim().split(';');
    let name = fields.next()?.replace(['[', ']'], "");
    let size = fields.next()?.parse().ok()?;
    let attributes = fields.next()?;
    Some(Volume {
        name,
        size,
        active: attributes.chars().nth(4) == Some('a'),
        kind: attributes.chars().next().unwrap_or('-'),
        made: false,
    })
}

struct Search<'a> {
    params: &'a Params,
    unit: char,
    volumes: &'a [Volume],
}

impl Search<'_> {
    /// A volume of the group, as it is or as a dry run would have left it.
    fn find(&self, name: &str, host: &mut dyn Host) -> Result<Option<Volume>, Stop> {
        let last = name.rsplit('/').next().unwrap_or_default();
        let Some(kept) = host.rehearsed(VOLUME, &format!("/dev/{}/{last}", self.params.vg)) else {
            let is_it = |volume: &&Volume| volume.name == name || volume.name == last;
            return Ok(self.volumes.iter().find(is_it).cloned());
        };
        let Some(told) = kept.value else { return Ok(None) };
        let asked = self.params.size.is_some() && self.params.state == State::Present;
        let size = match told.get("size").and_then(Json::as_f64) {
            Some(bytes) => bytes / size::bytes(1.0, self.unit),
            None if asked && self.params.snapshot.is_none() => {
                let reason = format!("the size of `{last}` would be decided when it is made");
                return Err(Stop::Host(HostError::Unknown(reason)));
            }
            None => 0.0,
        };
        let is = |field: &str| told.get(field) == Some(&Json::Bool(true));
        let kind = told.get("kind").and_then(Json::as_str);
        Ok(Some(Volume {
            name: last.to_owned(),
            size,
            active: is("active"),
            kind: kind.and_then(|kind| kind.chars().next()).unwrap_or('-'),
            made: is("made"),
        }))
    }
}
