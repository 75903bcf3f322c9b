//! `community.general.pam_limits`: limits of users and groups in `limits.conf`.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the file.
//!
//! Differs: the old file is kept only where a new one takes its place; a last line without an end
//! is not run together with the new one.
//!
//! ```yaml
//! - name: The database may open many files
//!   community.general.pam_limits:
//!     domain: postgres
//!     limit_type: "-"
//!     limit_item: nofile
//!     value: "65536"
//! ```
//!
//! Returns `msg`, the line, and `backup_file`.

use std::path::Path;

use crate::contract::{Conclusion, Module, Plan, Stop};
use crate::effect::Applied;
use crate::host::Host;
use crate::module::copy::with_backup;
use crate::module::file_attributes::FileAttributes;
use crate::module::text_edit::{TextFile, Writing, lines};
use crate::{choices, params};

choices! {
    /// Which limit is meant.
    pub enum Type {
        /// The one that cannot be passed.
        Hard = "hard",
        /// The one that holds at first.
        Soft = "soft",
        /// Both.
        Both = "-",
    }
}

choices! {
    /// What is limited.
    pub enum Item {
        /// Size of core files.
        Core = "core",
        /// Size of data.
        Data = "data",
        /// Size of files.
        Fsize = "fsize",
        /// Locked memory.
        Memlock = "memlock",
        /// Open files.
        Nofile = "nofile",
        /// Resident memory.
        Rss = "rss",
        /// Size of the stack.
        Stack = "stack",
        /// CPU time.
        Cpu = "cpu",
        /// Processes.
        Nproc = "nproc",
        /// Address space.
        As = "as",
        /// Logins.
        Maxlogins = "maxlogins",
        /// Logins on the host.
        Maxsyslogins = "maxsyslogins",
        /// Priority of processes.
        Priority = "priority",
        /// Locks on files.
        Locks = "locks",
        /// Pending signals.
        Sigpending = "sigpending",
        /// Memory of message queues.
        Msgqueue = "msgqueue",
        /// The highest nice value.
        Nice = "nice",
        /// Realtime priority.
        Rtprio = "rtprio",
        /// The directory to change root to.
        Chroot = "chroot",
    }
}

params! {
    /// Parameters of `community.general.pam_limits`.
    pub struct Params {
        /// A user, `@group`, a wildcard or a range of numbers.
        domain: String,
        /// Which limit is meant.
        limit_type: Type,
        /// What is limited.
        limit_item: Item,
        /// The limit: a number, or `unlimited`, `infinity` or `-1`.
        value: String,
        /// Whether a higher limit in the file stays.
        use_max: bool = false,
        /// Whether a lower limit in the file stays.
        use_min: bool = false,
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// The file.
        dest: String = "/etc/security/limits.conf".to_owned(),
        /// A comment behind the limit.
        comment: String = String::new(),
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither file nor directory.
    #[error("directory {0} is not writable (check presence, access rights, use sudo)")]
    Directory(String),
    /// Higher and lower at once.
    #[error("Cannot use use_min and use_max at the same time.")]
    Both,
    /// No nice value.
    #[error(
        "{0} Value of '{1}' for item '{2}' is invalid. Value must be a number in the range -20 to \
         19 inclusive. Refer to the limits.conf(5) manual pages for more details."
    )]
    Nice(String, String, String),
    /// No limit.
    #[error(
        "{0} Value of '{1}' for item '{2}' is invalid. Value must either be 'unlimited', \
         'infinity' or -1, all of which indicate no limit, or a limit of 0 or larger. Refer to \
         the limits.conf(5) manual pages for more details."
    )]
    Limit(String, String, String),
}

/// The module.
#[derive(Debug)]
pub struct PamLimits;

impl Module for PamLimits {
    type Params = Params;
    type Observed = TextFile;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<TextFile, Stop> {
        let file =
            TextFile::observe(Path::new(&params.dest), &FileAttributes::default(), None, host)?;
        if file.text.is_none()
            && let Some(parent) = file.path.parent()
            && host.stat(parent, crate::host::Follow::Yes)?.is_none()
        {
            return Err(Stop::failed(Error::Directory(parent.display().to_string())));
        }
        Ok(file)
    }

    fn plan(params: &Params, file: &TextFile) -> Result<Plan, Stop> {
        if params.use_max && params.use_min {
            return Err(Stop::failed(Error::Both));
        }
        check(params.limit_item.word(), &params.value, String::new())?;
        let text = file.text_or_empty();
        let (new, message) = edit(params, &text.characters)?;
        let changed = file.text.is_none() || new != text.characters;
        let writing = Writing { backup: params.backup, validate: None, unsafe_writes: false };
        let mut plan = Plan::nothing();
        let reason = if changed { "the limit differs" } else { "" };
        file.plan(changed.then_some(new.as_str()), reason, writing, &mut plan)?;
        plan.set("msg", message);
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _file: &TextFile,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Ok(with_backup(plan, applied, "backup_file"))
    }
}

/// Whether a limit is one.
fn check(item: &str, value: &str, place: String) -> Result<(), Stop> {
    let (value, item) = (value.to_owned(), item.to_owned());
    if matches!(item.as_str(), "nice" | "priority") {
        let number = value.trim().parse::<i64>();
        return match number {
            Ok(-20..=19) => Ok(()),
            _ => Err(Stop::failed(Error::Nice(place, value, item))),
        };
    }
    let digits = !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit());
    if unlimited(&value) || digits {
        return Ok(());
    }
    Err(Stop::failed(Error::Limit(place, value, item)))
}

fn unlimited(value: &str) -> bool {
    matches!(value, "unlimited" | "infinity" | "-1")
}

/// The limit that shall stand where there is one already.
fn chosen(params: &Params, there: &str) -> String {
    let value = params.value.as_str();
    let number = |text: &str| text.trim().parse::<i128>().unwrap_or_default();
    let pick = match (params.use_max, params.use_min, unlimited(there), unlimited(value)) {
        (true, _, true, _) => there,
        (true, _, _, true) => value,
        (true, ..) if number(there) > number(value) => there,
        (_, true, true, _) => {
            if unlimited(value) {
                there
            } else {
                value
            }
        }
        (_, true, _, true) => there,
        (_, true, ..) if number(there) < number(value) => there,
        _ => value,
    };
    pick.to_owned()
}

/// The text with the limit, and its line.
fn edit(params: &Params, text: &str) -> Result<(String, String), Stop> {
    let mut comment = params.comment.clone();
    let mut message = None;
    let mut new = String::new();
    for line in lines(text) {
        let (before, behind) = line.split_once('#').unwrap_or((&line, ""));
        let words: Vec<&str> = before.split_whitespace().collect();
        if words.is_empty() && (line.starts_with('#') || behind.is_empty()) {
            new.push_str(&line);
            continue;
        }
        // the comment of whatever line comes first is taken, as in the original
        if comment.is_empty() {
            behind.clone_into(&mut comment);
        }
        let [domain, kind, item, there] = words.as_slice() else {
            new.push_str(&line);
            continue;
        };
        let place = format!("Invalid configuration found in '{}'.", params.dest);
        check(item, there, place)?;
        let is_it = *domain == params.domain
            && *kind == params.limit_type.word()
            && *item == params.limit_item.word();
        if !is_it {
            new.push_str(&line);
            continue;
        }
        let value = chosen(params, there);
        let line = if value == *there { line } else { limit(params, &value, &comment) };
        new.push_str(&line);
        message = Some(line);
    }
    let message = match message {
        Some(message) => message,
        None => {
            let line = limit(params, &params.value, &comment);
            if !new.is_empty() && !new.ends_with('\n') {
                new.push('\n');
            }
            new.push_str(&line);
            line
        }
    };
    Ok((new, message))
}

fn limit(params: &Params, value: &str, comment: &str) -> String {
    let comment = if comment.is_empty() { String::new() } else { format!("\t#{comment}") };
    let Params { domain, limit_type, limit_item, .. } = params;
    format!("{domain}\t{limit_type}\t{limit_item}\t{value}{comment}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PamLimits;
    use crate::host::Host as _;
    use crate::host::memory::MemoryHost;
    use crate::recorded::{files_become_as_recorded, run};

    #[test]
    fn outcomes_are_those_of_the_collection() {
        let cases = include_str!("pam_limits_cases.json");
        files_become_as_recorded::<PamLimits>("dest", "/etc/security/limits.conf", cases);
    }

    #[test]
    fn a_last_line_without_an_end_stays_a_line() {
        let mut host = MemoryHost::new().with_file("/etc/security/limits.conf", "x soft core 0");
        let arguments =
            json!({"domain": "y", "limit_type": "soft", "limit_item": "core", "value": 1});
        run::<PamLimits>(&mut host, &arguments);
        let after = host.read("/etc/security/limits.conf".as_ref()).unwrap();
        assert_eq!(after, b"x soft core 0\ny\tsoft\tcore\t1\n");
    }
}
