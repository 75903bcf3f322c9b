//! `ansible.posix.synchronize`: trees of files by rsync, the part that calls it.
//!
//! Follows the module of ansible.posix 2.1. The engine decides where rsync runs and what the other
//! end is called. Check mode: full, by rsync's own dry run. Diff: what rsync itemizes.
//!
//! Differs: rsync is asked for what it would do before it does it.
//!
//! ```yaml
//! - name: Publish the site
//!   ansible.posix.synchronize:
//!     src: public/
//!     dest: /var/www/site
//!     delete: true
//! ```
//!
//! Returns `cmd`, `rc`, `msg`, `stdout_lines`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, Command, Effect, Output, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;
use crate::{choices, params};

choices! {
    /// Which way files go.
    pub enum Mode {
        /// From the host.
        Pull = "pull",
        /// To the host.
        Push = "push",
    }
}

params! {
    /// Parameters of `ansible.posix.synchronize`.
    pub struct Params {
        /// What is copied; a directory that ends with `/` gives its content.
        src: String,
        /// Where to.
        dest: String,
        /// The port of the host.
        dest_port: Option<i64>,
        /// Whether files that the source has not go.
        delete: bool = false,
        /// The key to log in with.
        private_key: Option<PathBuf>,
        /// rsync on the host.
        rsync_path: Option<String>,
        /// rsync where it is called; set by the engine.
        _local_rsync_path: Option<PathBuf>,
        /// The password to log in with; set by the engine.
        @secret _local_rsync_password: Option<String>,
        /// Whether links, permissions, times, owners and devices are kept and directories entered.
        archive: bool = true,
        /// Whether files are compared by checksum.
        checksum: bool = false,
        /// Whether it is compressed on the way.
        compress: bool = true,
        /// Whether only files that are there are copied.
        existing_only: bool = false,
        /// Whether directories are copied and not entered.
        dirs: bool = false,
        /// Whether directories are entered.
        recursive: Option<bool>,
        /// Whether links are copied as links.
        links: Option<bool>,
        /// Whether what links lead to is copied.
        copy_links: bool = false,
        /// Whether permissions are kept.
        perms: Option<bool>,
        /// Whether times are kept.
        times: Option<bool>,
        /// Whether owners are kept.
        owner: Option<bool>,
        /// Whether groups are kept.
        group: Option<bool>,
        /// Whether the user of the connection is named to rsync.
        set_remote_user: bool = true,
        /// Seconds of silence after which rsync gives up; 0 for never.
        rsync_timeout: i64 = 0_i64,
        /// More options of rsync.
        rsync_opts: Option<Vec<String>>,
        /// Options of `ssh`; set by the engine.
        _ssh_args: Option<String>,
        /// Whether the options of the connection are given to `ssh`.
        use_ssh_args: bool = false,
        /// Whether a connection that is open may be used.
        ssh_connection_multiplexing: bool = false,
        /// Whether files that came in part are kept.
        partial: bool = false,
        /// Whether the key of the host is checked.
        verify_host: bool = false,
        /// Whether files are put in place at the end.
        delay_updates: bool = true,
        /// Which way files go.
        mode: Mode = Mode::Push,
        /// Directories whose equal files are linked.
        link_dest: Option<Vec<PathBuf>>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Synchronize;

/// What rsync would do.
#[derive(Debug)]
pub struct Observed {
    command: Command,
    /// The command as it is told.
    line: String,
    /// The dry run; `None` where it tells nothing.
    foreseen: Option<Output>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither end is here.
    #[error("either src or dest must be a localhost")]
    TwoServers,
    /// A link to itself.
    #[error(
        "Hardlinking into a subdirectory of the source would cause recursion. {place} and {dest}"
    )]
    Recursion {
        /// The directory above the destination.
        place: String,
        /// The destination.
        dest: String,
    },
    /// A password cannot be given.
    #[error("to use rsync connection with passwords, you must install the sshpass program")]
    NoSshpass,
    /// Options that cannot be split.
    #[error("No closing quotation")]
    Unbalanced,
    /// rsync failed.
    #[error("{0}")]
    Failed(String),
}

const MARK: &str = "<<CHANGED>>";

impl Module for Synchronize {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let (command, line) = command(params, host)?;
        let mut dry = command.clone();
        let at = dry.argv.len().saturating_sub(2);
        dry.argv.insert(at, "--dry-run".to_owned());
        let foreseen = match host.query(&dry) {
            Err(error @ HostError::Unknown(_)) => return Err(error.into()),
            // what it cannot foresee, it may still do
            answer => answer.ok().filter(Output::success),
        };
        Ok(Observed { command, line, foreseen })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let said = observed.foreseen.as_ref().map(Output::stdout_text).unwrap_or_default();
        tell(observed, 0, &said, &mut plan.returned);
        // a directory that it makes for what it then leaves out is named by the run alone
        let makes = said.starts_with("created directory ");
        if observed.foreseen.is_some() && !makes && !changes(params, &said) {
            return Ok(plan);
        }
        if observed.foreseen.is_none() {
            // an earlier task of a dry run may bring what it lacks
            plan.push(Effect::Run(observed.command.clone()), "only rsync knows");
            return Ok(plan);
        }
        let local = params.mode == Mode::Push && !is_remote(&params.dest);
        let change = SettingChange {
            kind: "synchronize".to_owned(),
            name: params.dest.clone(),
            before: Some(Json::from("")),
            after: Some(Json::from(said.replace(MARK, ""))),
            commands: vec![observed.command.clone()],
            fills: if local { vec![PathBuf::from(&params.dest)] } else { Vec::new() },
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), "the trees differ");
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let mut changed = plan.changes();
        if let Some(Applied::Ran(output)) = applied.first() {
            if !output.success() {
                return Err(observed.failure(output));
            }
            let said = output.stdout_text();
            tell(observed, output.status, &said, &mut returned);
            changed = changes(params, &said);
        }
        Ok(Conclusion { changed, returned })
    }

    fn explain(_: &Params, observed: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => observed.failure(&output),
            error => Stop::Host(error),
        }
    }
}

impl Observed {
    fn failure(&self, output: &Output) -> Stop {
        Stop::failed(Error::Failed(output.stderr_text()))
            .with("rc", output.status)
            .with("cmd", self.line.clone())
    }
}

fn tell(observed: &Observed, status: i32, said: &str, returned: &mut Returned) {
    let clean = said.replace(MARK, "");
    let lines: Vec<&str> = clean.split('\n').filter(|line| !line.is_empty()).collect();
    returned.insert("stdout_lines".to_owned(), Json::from(lines));
    returned.insert("msg".to_owned(), Json::from(clean));
    returned.insert("rc".to_owned(), Json::from(status));
    returned.insert("cmd".to_owned(), Json::from(observed.line.clone()));
}

/// Whether rsync told of a change; a period before it is none.
fn changes(params: &Params, said: &str) -> bool {
    match params.link_dest {
        Some(_) => !said.contains(&format!("{MARK}.")),
        None => said.contains(MARK),
    }
}

/// A word as Python's `shlex.quote` gives it.
fn quoted_if_needed(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "@%+=:,./-_".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

fn is_remote(path: &str) -> bool {
    path.split('/').next().is_some_and(|start| start.contains(':'))
}

/// The command and its line. Options of the user's are taken from the line as a shell would take
/// them: `--exclude='*.o'` and `--exclude *.o` are what they look like.
fn command(params: &Params, host: &mut dyn Host) -> Result<(Command, String), Stop> {
    let rsync = match &params._local_rsync_path {
        Some(path) if path.to_string_lossy().contains('/') => path.to_string_lossy().into_owned(),
        Some(name) => program::required(host, &name.to_string_lossy())?,
        None => program::required(host, "rsync")?,
    };
    if params.src.starts_with("rsync://") && params.dest.starts_with("rsync://") {
        return Err(Stop::failed(Error::TwoServers).with("rc", 1));
    }
    let mut line = Vec::new();
    if params._local_rsync_password.is_some() {
        let sshpass = host.find_program("sshpass")?;
        let sshpass = sshpass.ok_or_else(|| Stop::failed(Error::NoSshpass))?;
        line.extend([quoted_if_needed(&sshpass.to_string_lossy()), "-e".to_owned()]);
    }
    line.push(quoted_if_needed(&rsync));
    line.extend(flags(params));
    let more = params.rsync_opts.as_deref().unwrap_or_default();
    let over_ssh =
        |path: &str| is_remote(path) && !path.starts_with("rsync://") && !path.contains("::");
    if (over_ssh(&params.src) || over_ssh(&params.dest))
        && !more.iter().any(|option| option.contains("--rsh"))
    {
        line.push(format!("--rsh={}", quoted_if_needed(&remote_shell(params, host)?)));
    }
    if let Some(path) = params.rsync_path.as_deref().filter(|path| !path.is_empty()) {
        line.push(format!("--rsync-path={}", quoted_if_needed(path)));
    }
    line.extend(more.iter().cloned());
    if params.partial {
        line.push("--partial".to_owned());
    }
    if let Some(places) = &params.link_dest {
        line.extend(["-H".to_owned(), "-vv".to_owned()]);
        for place in places {
            let above = Path::new(&params.dest).parent().unwrap_or(Path::new("/"));
            if above.starts_with(place) {
                let place = above.display().to_string();
                return Err(Stop::failed(Error::Recursion { place, dest: params.dest.clone() }));
            }
            line.push(format!("--link-dest={}", quoted_if_needed(&place.display().to_string())));
        }
    }
    line.push(format!("--out-format={}", quoted_if_needed(&format!("{MARK}%i %n%L"))));
    line.extend([quoted_if_needed(&params.src), quoted_if_needed(&params.dest)]);
    let line = line.join(" ");
    let argv = shell_words::split(&line).map_err(|_| Stop::failed(Error::Unbalanced))?;
    let mut command = Command::new(argv);
    if let Some(password) = &params._local_rsync_password {
        command.environment.insert("SSHPASS".to_owned(), password.clone());
    }
    Ok((command, line))
}

/// The options that need no quotes.
fn flags(params: &Params) -> Vec<String> {
    let mut flags = Vec::new();
    let timeout = format!("--timeout={}", params.rsync_timeout);
    let mut add = |wanted: bool, flag: &str| {
        if wanted {
            flags.push(flag.to_owned());
        }
    };
    add(params.delay_updates, "--delay-updates");
    add(params.delay_updates, "-F");
    add(params.compress, "--compress");
    add(params.rsync_timeout != 0, &timeout);
    add(params.delete, "--delete-after");
    add(params.existing_only, "--existing");
    add(params.checksum, "--checksum");
    add(params.copy_links, "--copy-links");
    add(params.archive, "--archive");
    for (value, on, off) in [
        (params.recursive, "--recursive", "--no-recursive"),
        (params.links, "--links", "--no-links"),
        (params.perms, "--perms", "--no-perms"),
        (params.times, "--times", "--no-times"),
        (params.owner, "--owner", "--no-owner"),
        (params.group, "--group", "--no-group"),
    ] {
        add(params.archive && value == Some(false), off);
        add(!params.archive && value == Some(true), on);
    }
    add(params.dirs, "--dirs");
    flags
}

/// The line of the program that reaches the host.
fn remote_shell(params: &Params, host: &mut dyn Host) -> Result<String, Stop> {
    let mut words = vec![program::required(host, "ssh")?];
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if !params.ssh_connection_multiplexing {
        add(&["-S", "none"]);
    }
    if let Some(key) = &params.private_key {
        add(&["-i", &key.to_string_lossy()]);
    }
    if let Some(port) = params.dest_port {
        add(&["-o", &format!("Port={port}")]);
    }
    if !params.verify_host {
        add(&["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    }
    let mut line = words.iter().map(|word| quoted_if_needed(word)).collect::<Vec<_>>().join(" ");
    if let Some(more) = params._ssh_args.as_deref().filter(|more| !more.is_empty()) {
        line.push(' ');
        line.push_str(more);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Params, Synchronize, command};
    use crate::effect::Output;
    use crate::execute::Executed;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::params::Params as _;
    use crate::wire::Status;

    fn host() -> MemoryHost {
        MemoryHost::new().with_program("rsync").with_program("ssh")
    }

    #[test]
    fn the_command_is_that_of_the_collection() {
        let usual = "/usr/bin/rsync --delay-updates -F --compress --archive";
        let ssh = "--rsh='/usr/bin/ssh -S none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'";
        let format =
            "'--out-format=<<CHANGED>>%i %n%L'".replace("'--out-format=", "--out-format='");
        let table = [
            (json!({}), format!("{usual} {format} /a/ /b")),
            (
                json!({"dest": "u@h:/b", "delete": true}),
                format!(
                    "/usr/bin/rsync --delay-updates -F --compress --delete-after --archive {ssh} \
                     {format} /a/ u@h:/b"
                ),
            ),
            (
                json!({"archive": false, "recursive": true, "times": false, "compress": false,
                    "delay_updates": false, "rsync_opts": ["--no-motd", "--exclude='.git'"]}),
                format!("/usr/bin/rsync --recursive --no-motd --exclude='.git' {format} /a/ /b"),
            ),
            (
                json!({"owner": false, "rsync_path": "sudo rsync"}),
                format!("{usual} --no-owner --rsync-path='sudo rsync' {format} /a/ /b"),
            ),
        ];
        for (more, expected) in table {
            let arguments = crate::recorded::with(&json!({"src": "/a/", "dest": "/b"}), &more);
            let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
            assert_eq!(command(&params, &mut host()).unwrap().1, expected);
        }
    }

    #[test]
    fn options_are_taken_as_a_shell_takes_them() {
        let arguments =
            json!({"src": "/a", "dest": "/b c", "rsync_opts": ["--exclude='*.o'", "-f x"]});
        let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
        let (command, line) = command(&params, &mut host()).unwrap();
        let behind = command.argv.iter().skip_while(|word| *word != "--archive").skip(1);
        let expected =
            ["--exclude=*.o", "-f", "x", "--out-format=<<CHANGED>>%i %n%L", "/a", "/b c"];
        assert_eq!(behind.collect::<Vec<_>>(), expected);
        assert!(line.ends_with("--exclude='*.o' -f x --out-format='<<CHANGED>>%i %n%L' /a '/b c'"));
    }

    fn prepared(dry: Output, real: Output) -> (MemoryHost, Json) {
        let argv = ["/usr/bin/rsync", "--archive", "--out-format=<<CHANGED>>%i %n%L"];
        let with = |more: &[&'static str]| argv.iter().chain(more).copied().collect::<Vec<_>>();
        let host = host()
            .with_output(&with(&["--dry-run", "/a", "/b"]), dry)
            .with_output(&with(&["/a", "/b"]), real);
        let arguments: Json =
            json!({"src": "/a", "dest": "/b", "compress": false, "delay_updates": false});
        (host, arguments)
    }

    fn run(dry: Output, real: Output) -> Executed {
        let (host, arguments) = prepared(dry, real);
        let mut host = host.unforeseen();
        crate::recorded::run::<Synchronize>(&mut host, &arguments)
    }

    #[test]
    fn what_rsync_tells_counts() {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let copied = "<<CHANGED>>>f+++++++++ x\n";
        let ended = run(output(copied), output(copied));
        assert_eq!(ended.status, Status::Changed);
        assert_eq!(ended.returned["stdout_lines"], json!([">f+++++++++ x"]));
        assert_eq!(run(output(""), output("")).status, Status::Ok);
        let failed = Output { status: 23, stderr: b"rsync: no".to_vec(), ..Output::default() };
        let (host, arguments) = prepared(failed.clone(), failed.clone());
        let mut rehearsal = RehearsalHost::new(host);
        let foreseen = crate::recorded::run::<Synchronize>(&mut rehearsal, &arguments);
        // an earlier task may bring what is missing
        assert!(matches!(foreseen.status, Status::Unknown { .. }), "{foreseen:?}");
        let ended = run(failed.clone(), failed);
        assert_eq!(
            (&ended.returned["msg"], &ended.returned["rc"]),
            (&json!("rsync: no"), &json!(23))
        );
    }
}
