//! `ansible.builtin.mount_facts`: mounted file systems, and those that files name, as facts.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: none, nothing changes.
//!
//! Differs: AIX's form of `/etc/filesystems` is not read.
//!
//! ```yaml
//! - name: Gather what is mounted on disks
//!   ansible.builtin.mount_facts:
//!     fstypes: [ext4, xfs]
//!     timeout: 5
//! ```
//!
//! Returns `ansible_facts.mount_points`, by place, and `ansible_facts.aggregate_mounts`.

mod lines;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use self::lines::Line;
use super::setup::mounts::size;
use super::{host_path, program, wildcard};
use crate::contract::{Module, Plan, Stop};
use crate::effect::Output;
use crate::host::{Follow, Host};
use crate::{choices, params};

choices! {
    /// What becomes of a mount that does not answer.
    pub enum OnTimeout {
        /// The task fails.
        Error = "error",
        /// A warning is given.
        Warn = "warn",
        /// Nothing.
        Ignore = "ignore",
    }
}

params! {
    /// Parameters of `ansible.builtin.mount_facts`.
    pub struct Params {
        /// Files, `mount` for the program, or `all`, `static` or `dynamic` for the usual ones.
        sources: Option<Vec<String>>,
        /// The program that lists mounts; null for none.
        mount_binary: Json = Json::from("mount"),
        /// Patterns of devices.
        devices: Option<Vec<String>>,
        /// Patterns of kinds.
        fstypes: Option<Vec<String>>,
        /// Seconds that a mount may take to answer.
        timeout: Option<f64>,
        /// What becomes of a mount that does not answer.
        on_timeout: OnTimeout = OnTimeout::Error,
        /// Whether all mounts are given, those at one place too.
        include_aggregate_mounts: Option<bool>,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No time.
    #[error("argument 'timeout' must be a positive number or null, not {0:?}")]
    Timeout(f64),
    /// No program.
    #[error("argument 'mount_binary' must be a string or null, not {0}")]
    Binary(String),
    /// No source.
    #[error("sources contains an empty string")]
    EmptySource,
    /// The program fails.
    #[error("Failed to execute {0}: it ended with {1}")]
    Failed(String, i32),
    /// A mount does not answer.
    #[error("Timed out getting mount size for mount {0} (type {1})")]
    Hangs(String, String),
    /// The program does not answer.
    #[error("Command '{0}' timed out after {1:?} seconds")]
    ProgramHangs(String, f64),
}

const DYNAMIC: [&str; 3] = ["/etc/mtab", "/proc/mounts", "/etc/mnttab"];
const STATIC: [&str; 3] = ["/etc/fstab", "/etc/vfstab", "/etc/filesystems"];

/// All mounts, and what is to be warned of.
#[derive(Debug, Default)]
pub struct Observed {
    mounts: Vec<Map<String, Json>>,
    warnings: Vec<String>,
}

/// The module.
#[derive(Debug)]
pub struct MountFacts;

impl Module for MountFacts {
    type Params = Params;
    type Observed = Observed;

    const RETURNS_FACTS: bool = true;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if let Some(seconds) = params.timeout.filter(|seconds| *seconds <= 0.0) {
            return Err(Stop::failed(Error::Timeout(seconds)));
        }
        let binary = match &params.mount_binary {
            Json::String(binary) => Some(binary.clone()),
            Json::Null => None,
            other => return Err(Stop::failed(Error::Binary(other.to_string()))),
        };
        let mut look = Look { params, host, binary, warnings: Vec::new() };
        let lines = look.lines()?;
        let uuids = look.uuids()?;
        let mut mounts = Vec::new();
        for (source, line) in lines {
            mounts.extend(look.mount(&source, line, &uuids)?);
        }
        Ok(Observed { mounts, warnings: look.warnings })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut points = Map::new();
        let mut by_source: Vec<(String, Vec<String>)> = Vec::new();
        for mount in &observed.mounts {
            let place = mount.get("mount").and_then(Json::as_str).unwrap_or_default().to_owned();
            let source =
                mount.get("ansible_context").and_then(|context| context["source"].as_str());
            let source = source.unwrap_or_default().to_owned();
            points.entry(place.clone()).or_insert_with(|| Json::Object(mount.clone()));
            match by_source.iter_mut().find(|(known, _)| *known == source) {
                Some((_, places)) => places.push(place),
                None => by_source.push((source, vec![place])),
            }
        }
        let mut warnings = observed.warnings.clone();
        if params.include_aggregate_mounts.is_none() {
            warnings.extend(repeated(&by_source));
        }
        let aggregate = match params.include_aggregate_mounts {
            Some(true) => observed.mounts.iter().cloned().map(Json::Object).collect(),
            _ => Vec::new(),
        };
        let mut plan = Plan::nothing();
        plan.set("ansible_facts", json!({"mount_points": points, "aggregate_mounts": aggregate}));
        if !warnings.is_empty() {
            plan.set("warnings", warnings);
        }
        Ok(plan)
    }
}

/// The warning about places that one source names more than once.
fn repeated(by_source: &[(String, Vec<String>)]) -> Option<String> {
    let shown: Vec<String> = by_source
        .iter()
        .filter(|(_, places)| {
            places
                .iter()
                .enumerate()
                .any(|(index, place)| places.iter().skip(index + 1).any(|other| other == place))
        })
        .map(|(source, places)| {
            let places: Vec<String> = places.iter().map(|place| format!("'{place}'")).collect();
            format!("{source} ([{}])", places.join(", "))
        })
        .collect();
    (!shown.is_empty()).then(|| {
        format!(
            "mount_facts: ignoring repeat mounts in the following sources: {}. You can disable this \
             warning by configuring the 'include_aggregate_mounts' option as True or False.",
            shown.join(", ")
        )
    })
}

/// A look at the host.
struct Look<'a> {
    params: &'a Params,
    host: &'a mut dyn Host,
    binary: Option<String>,
    warnings: Vec<String>,
}

impl Look<'_> {
    /// The sources that are asked for, and a warning where one is named twice.
    fn sources(&mut self) -> Result<Vec<String>, Stop> {
        let all = vec!["all".to_owned()];
        let given = self.params.sources.as_ref().filter(|sources| !sources.is_empty());
        let mut sources: Vec<String> = Vec::new();
        for source in given.unwrap_or(&all) {
            match source.as_str() {
                "" => return Err(Stop::failed(Error::EmptySource)),
                "dynamic" => sources.extend(DYNAMIC.map(str::to_owned)),
                "static" => sources.extend(STATIC.map(str::to_owned)),
                "all" => sources.extend(DYNAMIC.into_iter().chain(STATIC).map(str::to_owned)),
                other => sources.push(other.to_owned()),
            }
        }
        let twice = sources
            .iter()
            .enumerate()
            .any(|(index, source)| sources.iter().take(index).any(|before| before == source));
        if twice {
            let shown: Vec<String> = sources.iter().map(|source| format!("'{source}'")).collect();
            self.warnings.push(format!(
                "mount_facts option 'sources' contains duplicate entries, repeat sources will be \
                 ignored: [{}]",
                shown.join(", ")
            ));
        }
        Ok(sources)
    }

    /// The lines of all sources, each with its source.
    fn lines(&mut self) -> Result<Vec<(String, Line)>, Stop> {
        let sources = self.sources()?;
        let is_dynamic = |source: &String| DYNAMIC.contains(&source.as_str());
        let mut fallback = self.binary.is_some() && sources.iter().any(is_dynamic);
        let mut seen: Vec<String> = Vec::new();
        let mut all = Vec::new();
        for source in sources {
            if seen.contains(&source) {
                continue;
            }
            let found = if source == "mount" {
                seen.push(source.clone());
                self.program_lines()?
            } else {
                let real = real_path(self.host, Path::new(&source))?.to_string_lossy().into_owned();
                if seen.contains(&real) {
                    continue;
                }
                seen.push(real);
                lines::of_file(&self.text(Path::new(&source)))
            };
            if !found.is_empty() && (source == "mount" || is_dynamic(&source)) {
                fallback = false;
            }
            all.extend(found.into_iter().map(|line| (source.clone(), line)));
        }
        if fallback {
            all.extend(self.program_lines()?.into_iter().map(|line| ("mount".to_owned(), line)));
        }
        Ok(all)
    }

    fn text(&mut self, path: &Path) -> String {
        let text = self.host.read(path).unwrap_or_default();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    fn program_lines(&mut self) -> Result<Vec<Line>, Stop> {
        let Some(binary) = self.binary.clone() else { return Ok(Vec::new()) };
        let binary = program::required(self.host, &binary)?;
        let Some(output) = self.within_time(&[&binary])? else {
            let seconds = self.params.timeout.unwrap_or_default();
            self.hangs(Error::ProgramHangs(binary, seconds))?;
            return Ok(Vec::new());
        };
        if !output.success() {
            return Err(Stop::failed(Error::Failed(binary, output.status)));
        }
        Ok(lines::of_program(&output.stdout_text()))
    }

    /// What a command gives; nothing when it takes too long.
    fn within_time(&mut self, argv: &[&str]) -> Result<Option<Output>, Stop> {
        let seconds = self.params.timeout.map(|seconds| seconds.to_string());
        let mut words: Vec<&str> = Vec::new();
        if let Some(seconds) = &seconds
            && self.host.find_program("timeout")?.is_some()
        {
            words.extend(["timeout", seconds]);
        }
        words.extend(argv);
        let output = program::query(self.host, words)?;
        // busybox's `timeout` ends with 143
        Ok(Some(output).filter(|output| seconds.is_none() || !matches!(output.status, 124 | 143)))
    }

    fn hangs(&mut self, error: Error) -> Result<(), Stop> {
        match self.params.on_timeout {
            OnTimeout::Error => return Err(Stop::failed(error)),
            OnTimeout::Warn => self.warnings.push(error.to_string()),
            OnTimeout::Ignore => {}
        }
        Ok(())
    }

    /// The fields of a line, where it is asked for.
    fn mount(
        &mut self,
        source: &str,
        line: Line,
        uuids: &HashMap<String, String>,
    ) -> Result<Option<Map<String, Json>>, Stop> {
        let mut device = line.field("device").to_owned();
        let mut uuid = device.strip_prefix("UUID=").map(str::to_owned);
        if let Some(uuid) = &uuid
            && let Some(blkid) = self.host.find_program("blkid")?
        {
            let blkid = blkid.to_string_lossy().into_owned();
            let output = self.within_time(&[&blkid, "--uuid", uuid])?;
            let found = output.filter(Output::success).map(|output| output.stdout_text());
            if let Some(found) =
                found.map(|found| found.trim().to_owned()).filter(|found| !found.is_empty())
            {
                device = found;
            }
        }
        let fits = |patterns: &Option<Vec<String>>, text: &str| match patterns {
            Some(patterns) if !patterns.is_empty() => {
                patterns.iter().any(|pattern| wildcard::matches(pattern, text))
            }
            _ => true,
        };
        let kind = line.field("fstype").to_owned();
        if !fits(&self.params.devices, &device) || !fits(&self.params.fstypes, &kind) {
            return Ok(None);
        }
        let place = line.field("mount").to_owned();
        let mut fields = line.fields;
        let format = "%S %s %b %a %c %d %n";
        match self.within_time(&["stat", "-f", "-c", format, "--", &place])? {
            Some(output) if output.success() => {
                fields.extend(size(output.stdout_text().trim_end()).unwrap_or_default());
            }
            Some(_) => {}
            None => self.hangs(Error::Hangs(place, kind))?,
        }
        if uuid.is_none() {
            uuid = uuids.get(&device).cloned();
        }
        let context = json!({"source": source, "source_data": line.text});
        fields.insert("ansible_context".to_owned(), context);
        fields.insert("uuid".to_owned(), Json::from(uuid));
        Ok(Some(fields))
    }

    /// The UUIDs of devices, from the links that udev keeps, then from `lsblk`.
    fn uuids(&mut self) -> Result<HashMap<String, String>, Stop> {
        let mut found = HashMap::new();
        if let Some(lsblk) = self.host.find_program("lsblk")? {
            let lsblk = lsblk.to_string_lossy().into_owned();
            let words = [
                &*lsblk,
                "--list",
                "--noheadings",
                "--paths",
                "--output",
                "NAME,UUID",
                "--exclude",
                "2",
            ];
            let output = self.within_time(&words)?.map(|output| output.stdout_text());
            for line in output.unwrap_or_default().lines() {
                if let [device, uuid] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
                    found.entry((*device).to_owned()).or_insert_with(|| (*uuid).to_owned());
                }
            }
        }
        let links = Path::new("/dev/disk/by-uuid");
        for uuid in self.host.list(links).unwrap_or_default() {
            let device = real_path(self.host, &links.join(&uuid))?;
            found.insert(device.to_string_lossy().into_owned(), uuid);
        }
        Ok(found)
    }
}

/// A path with all links followed, those of its directories too.
fn real_path(host: &mut dyn Host, path: &Path) -> Result<PathBuf, Stop> {
    let mut at = PathBuf::from("/");
    for component in host_path::normal(path).components().skip(1) {
        at = host_path::follow_links(host, &at.join(component))?;
        // a link may lead to one
        if host.stat(&at, Follow::No)?.is_none() {
            continue;
        }
        let parent = host_path::parent(&at);
        if let Some(name) = at.file_name().map(ToOwned::to_owned)
            && parent != Path::new("/")
        {
            at = host_path::follow_links(host, &parent)?.join(name);
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::MountFacts;
    use crate::effect::Output;
    use crate::execute::Executed;
    use crate::host::memory::MemoryHost;

    const MOUNTS: &str = "/dev/vda / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\n\
        tmpfs /a\\040b tmpfs rw 0 0\ntmpfs /a\\040b tmpfs ro 0 0\n";

    fn run(arguments: &Json) -> Executed {
        let stat = |place: &'static str| ["stat", "-f", "-c", "%S %s %b %a %c %d %n", "--", place];
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let failed = Output { status: 1, ..Output::default() };
        let mut host = MemoryHost::new()
            .with_file("/proc/mounts", MOUNTS)
            .with_link("/etc/mtab", "../proc/mounts")
            .with_file("/etc/fstab", "# c\nUUID=12-34 / ext4 defaults 0 1\n/dev/vdb /srv xfs ro\n")
            .with_program("mount")
            .with_output(&["/usr/bin/mount"], output("proc on /proc type proc (rw,nosuid)\n"))
            .with_output(&stat("/"), output("4096 4096 100 40 10 5 /\n"))
            .with_output(&stat("/proc"), output("4096 4096 0 0 0 0 /proc\n"))
            .with_output(&stat("/a b"), failed.clone())
            .with_output(&stat("/srv"), failed);
        crate::recorded::run::<MountFacts>(&mut host, arguments)
    }

    fn shown(ended: &Executed) -> Vec<String> {
        let facts = ended.returned["ansible_facts"]["mount_points"].as_object().unwrap();
        let word = |mount: &Json, field: &str| mount[field].as_str().unwrap_or("-").to_owned();
        facts
            .iter()
            .map(|(place, mount)| {
                let source = mount["ansible_context"]["source"].as_str().unwrap();
                format!("{place} {} {} {source}", word(mount, "device"), word(mount, "uuid"))
            })
            .collect()
    }

    #[test]
    fn sources_are_read_once_and_the_first_place_counts() {
        let table: &[(Json, &[&str])] = &[
            (
                json!({}),
                &[
                    "/ /dev/vda - /etc/mtab",
                    "/proc proc - /etc/mtab",
                    "/a b tmpfs - /etc/mtab",
                    "/srv /dev/vdb - /etc/fstab",
                ],
            ),
            (
                json!({"sources": ["static"]}),
                &["/ UUID=12-34 12-34 /etc/fstab", "/srv /dev/vdb - /etc/fstab"],
            ),
            (json!({"sources": ["mount"]}), &["/proc proc - mount"]),
            (json!({"sources": ["/etc/mnttab"]}), &["/proc proc - mount"]),
            (json!({"sources": ["/etc/mnttab"], "mount_binary": null}), &[]),
            (json!({"fstypes": ["ext?"], "sources": ["dynamic"]}), &["/ /dev/vda - /etc/mtab"]),
            (json!({"devices": ["/dev/vdb"]}), &["/srv /dev/vdb - /etc/fstab"]),
        ];
        for (arguments, expected) in table {
            assert_eq!(shown(&run(arguments)), *expected, "{arguments}");
        }
    }

    #[test]
    fn fields_are_those_of_the_line_and_of_the_file_system() {
        let ended = run(&json!({"fstypes": ["ext4"], "sources": ["dynamic"]}));
        assert_eq!(
            ended.returned["ansible_facts"]["mount_points"]["/"],
            json!({
                "device": "/dev/vda", "mount": "/", "fstype": "ext4", "options": "rw,relatime",
                "dump": 0, "passno": 0, "size_total": 409_600, "size_available": 163_840,
                "block_size": 4096, "block_total": 100, "block_available": 40, "block_used": 60,
                "inode_total": 10, "inode_available": 5, "inode_used": 5, "uuid": null,
                "ansible_context": {
                    "source": "/etc/mtab", "source_data": "/dev/vda / ext4 rw,relatime 0 0",
                },
            })
        );
    }

    #[test]
    fn places_that_come_twice_are_warned_of() {
        let warning = "mount_facts: ignoring repeat mounts in the following sources: /etc/mtab \
            (['/', '/proc', '/a b', '/a b']). You can disable this warning by configuring the \
            'include_aggregate_mounts' option as True or False.";
        assert_eq!(run(&json!({})).returned["warnings"], json!([warning]));
        let all = run(&json!({"include_aggregate_mounts": true, "sources": ["dynamic"]}));
        let aggregate = all.returned["ansible_facts"]["aggregate_mounts"].as_array().unwrap();
        assert_eq!((aggregate.len(), all.returned.get("warnings")), (4, None));
    }

    #[test]
    fn refusals_are_worded_as_ansible_words_them() {
        for (arguments, message) in [
            (
                json!({"timeout": 0}),
                "argument 'timeout' must be a positive number or null, not 0.0",
            ),
            (
                json!({"mount_binary": ["mount"]}),
                "argument 'mount_binary' must be a string or null, not [\"mount\"]",
            ),
            (json!({"sources": [""]}), "sources contains an empty string"),
        ] {
            assert_eq!(run(&arguments).returned["msg"], message);
        }
    }
}
