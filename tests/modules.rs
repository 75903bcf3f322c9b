//! Plays the cases of `tests/modules`: what Ansible's own modules did in them, canvass does.
//!
//! `tests/oracle/trees.py` tells the form of a case and records it. Each file is one play, which is
//! played three times: dry, which foretells and changes nothing, for real, and again.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "harness/command.rs"]
#[expect(dead_code, reason = "some of it is for other tests")]
mod command;
#[path = "modules/server.rs"]
mod server;
#[path = "modules/tree.rs"]
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Map, Value as Json, json};

use command::Watch;
use server::Server;
use tree::Look;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let trials = match std::fs::read_dir(&folder) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(trial)
            .collect(),
        Err(error) => panic!("{}: {error}", folder.display()),
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(path: PathBuf) -> Trial {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let module = name.clone();
    let missing = programs(&module).iter().find(|program| !is_there(program));
    let denied = OF_ROOT.contains(&module.as_str()) && !is_root();
    let name = match missing {
        Some(program) => format!("{name} (skipped: there is no `{program}`)"),
        None if denied => format!("{name} (skipped: only root may do this)"),
        None => name,
    };
    Trial::test(name, move || {
        played(&module, &path).map_err(|error| Failed::from(format!("{error:#}")))
    })
    .with_ignored_flag(missing.is_some() || denied)
}

/// Modules whose cases are for root alone.
const OF_ROOT: [&str; 2] = ["community.general.capabilities", "community.general.dpkg_divert"];

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What the cases of a module need, where that is not on every machine.
fn programs(module: &str) -> &'static [&'static str] {
    match module {
        "ansible.builtin.unarchive" => &["unzip", "zstd", "xz", "bzip2"],
        "ansible.builtin.debconf" => &["debconf-show", "debconf-set-selections"],
        "ansible.builtin.git" => &["git"],
        "ansible.builtin.subversion" => &["svn", "svnadmin"],
        "ansible.posix.acl" => &["setfacl"],
        "ansible.posix.patch" => &["patch"],
        "ansible.posix.synchronize" => &["rsync"],
        "community.general.capabilities" => &["setcap"],
        "community.general.dpkg_divert" => &["dpkg-divert"],
        "community.general.filesystem" => &["mkfs.ext4", "mkswap", "blkid", "resize2fs"],
        "community.general.git_config" => &["git"],
        _ => &[],
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(program).exists())
}

/// What a dry run says of a command.
const NOT_RUN: &str = "Command would have run if not in check mode";

/// A case with the folder in which it is played.
struct Played<'a> {
    case: &'a Json,
    /// Words of the case, and what they stand for.
    words: [(&'static str, String); 2],
    folder: PathBuf,
    before: Json,
}

impl Played<'_> {
    fn fill(&self, value: &Json) -> Json {
        map_texts(value, &|text| {
            self.words
                .iter()
                .fold(text.to_owned(), |text, (word, filling)| text.replace(word, filling))
        })
    }

    /// A value without what differs from run to run.
    fn clean(&self, value: &Json) -> Json {
        map_texts(value, &|text| {
            let text = self
                .words
                .iter()
                .fold(text.to_owned(), |text, (word, filling)| text.replace(filling, word));
            without_times(&text)
        })
    }

    fn tree(&self) -> Result<Json> {
        let list = |field: &str| self.case[field].as_array().cloned().unwrap_or_default();
        let (opaque, unseen) = (list("opaque"), list("unseen"));
        let found = tree::seen(&self.folder, &|name| {
            let name = Json::from(without_times(name));
            if unseen.contains(&name) {
                Look::Past
            } else if opaque.contains(&name) {
                Look::Opaque
            } else {
                Look::In
            }
        })?;
        Ok(self.clean(&Json::Object(found)))
    }

    /// What a shell line of the case says, if it has one.
    fn shell(&self, field: &str) -> Result<Option<String>> {
        let Some(line) = self.case[field].as_str() else { return Ok(None) };
        let line = self.fill(&Json::from(format!("umask 022; {line}")));
        let mut command = Command::new("sh");
        command.arg("-c").arg(line.as_str().unwrap_or_default());
        command.current_dir(&self.folder).env("HOME", &self.folder);
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        // git says the same wherever the folder is mounted
        command.env("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            let words =
                [("NAME", "ann"), ("EMAIL", "ann@example.com"), ("DATE", "1700000000 +0000")];
            command.envs(words.map(|(word, value)| (format!("GIT_{who}_{word}"), value)));
        }
        let output = command.output()?;
        let told = [output.stdout, output.stderr].concat();
        Ok(Some(String::from_utf8_lossy(&told).into_owned()))
    }

    /// A value without the order that says nothing.
    fn ordered(&self, field: &str, value: &Json) -> Json {
        let unordered = self.case["unordered"].as_array();
        match value {
            Json::Array(values)
                if unordered.is_some_and(|known| known.contains(&Json::from(field))) =>
            {
                let mut values = values.clone();
                values.sort_by_key(|value| value.get("path").unwrap_or(value).to_string());
                Json::Array(values)
            }
            other => map_texts(other, &sorted_booleans),
        }
    }

    /// Whether a field is not compared.
    fn differs(&self, field: &str) -> bool {
        let fields = self.case["fields"].as_array();
        fields.is_some_and(|fields| fields.iter().any(|known| known == field))
    }

    fn compare(
        &self,
        run: &str,
        field: &str,
        ours: &Json,
        recorded: &Json,
        found: &mut Vec<String>,
    ) {
        let (ours, recorded) = (&self.ordered(field, ours), &self.ordered(field, recorded));
        if ours != recorded && !self.differs(field) {
            let arguments = &self.case["arguments"];
            found.push(format!(
                "{arguments} {run}\n  {field}\n    ours     {ours}\n    recorded {recorded}"
            ));
        }
    }
}

fn played(module: &str, path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut cases: Vec<Json> = serde_json::from_str(&text)?;
    let home = tempfile::tempdir()?;
    let probe = tempfile::tempdir()?;
    let flags = tree::has_flags(probe.path());
    cases.retain(|case| flags || case["needs"] != "flags");
    cases.retain(|case| is_root() || case["needs"] != "root");
    let server = Server::start(&cases)?;
    let mut all = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let folder = home.path().join(number.to_string());
        let words = [
            ("{dir}", folder.to_string_lossy().into_owned()),
            ("{server}", format!("{}/{number}", server.address)),
        ];
        let mut played = Played { case, words, folder, before: Json::Null };
        tree::lay_out(&played.folder, &played.fill(&case["tree"]))?;
        played.shell("before")?;
        played.before = played.tree()?;
        all.push(played);
    }
    let play = home.path().join("play.json");
    std::fs::write(&play, playbook(module, &all).to_string())?;
    let mut found = Vec::new();
    for (run, options) in [("dry", &["--check"][..]), ("for real", &[]), ("again", &[])] {
        let results = results(home.path(), &play, options)?;
        ensure!(results.len() == all.len(), "{} results of {}", results.len(), all.len());
        for (played, result) in all.iter().zip(&results) {
            compare(played, run, result, &mut found)?;
        }
    }
    if !found.is_empty() {
        bail!("{}", found.join("\n"));
    }
    Ok(())
}

fn playbook(module: &str, all: &[Played<'_>]) -> Json {
    let arguments: Vec<Json> =
        all.iter().map(|played| played.fill(&played.case["arguments"])).collect();
    let tasks: Vec<Json> = all
        .iter()
        .enumerate()
        .map(|(number, played)| {
            let keywords = played.fill(&played.case["keywords"]);
            let mut task = keywords.as_object().cloned().unwrap_or_default();
            if is(played.case, "written") {
                task.insert(module.to_owned(), played.fill(&played.case["arguments"]));
            } else {
                task.insert(module.to_owned(), Json::Null);
                task.insert("args".to_owned(), format!("{{{{ cases[{number}] }}}}").into());
            }
            task.insert("ignore_errors".to_owned(), true.into());
            Json::Object(task)
        })
        .collect();
    json!([{"hosts": "all", "gather_facts": false, "vars": {"cases": arguments}, "tasks": tasks}])
}

fn results(home: &Path, play: &Path, options: &[&str]) -> Result<Vec<Json>> {
    let link = home.join("ansible-playbook");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_canvass"), &link)?;
    }
    let mut command = Command::new("sh");
    command::quiet(&mut command, home);
    command.env("ANSIBLE_STDOUT_CALLBACK", "ansible.posix.json").env("CANVASS_RECORD", "no");
    command.args(["-c", "umask 022; exec \"$@\"", "sh"]);
    command.arg(&link).args(["-i", "localhost,", "-c", "local"]).args(options).arg(play);
    let watch = Watch { within: Duration::from_mins(2), interrupt_when: None, stdin: "" };
    let ended = command::run(command, &watch)?;
    let begin = ended.stdout.find('{').with_context(|| ended.stdout.clone() + &ended.stderr)?;
    let told: Json = serde_json::from_str(&ended.stdout[begin..])?;
    let tasks = told["plays"][0]["tasks"].as_array().cloned().unwrap_or_default();
    Ok(tasks.iter().map(|task| task["hosts"]["localhost"].clone()).collect())
}

fn compare(played: &Played<'_>, run: &str, result: &Json, found: &mut Vec<String>) -> Result<()> {
    let case = played.case;
    let (changed, failed) = (is(result, "changed"), is(result, "failed"));
    let told = if failed {
        "failed"
    } else if changed {
        "changed"
    } else {
        "ok"
    };
    let real = if is(case, "failed") {
        "failed"
    } else if is(case, "changed") {
        "changed"
    } else {
        "ok"
    };
    match run {
        "dry" => {
            // what is unknown is not wrong
            let unknown =
                is(result, "unknown") || is(result, "skipped") || result["msg"] == NOT_RUN;
            if !unknown && !played.differs("dry") {
                played.compare(run, "status", &told.into(), &real.into(), found);
            }
            played.compare(run, "tree", &played.tree()?, &played.before, found);
        }
        "for real" => {
            played.compare(run, "status", &told.into(), &real.into(), found);
            let message = played.clean(result.get("msg").unwrap_or(&Json::Null));
            let message = map_texts(&message, &|text| without_prefixes(text).to_owned());
            played.compare(run, "msg", &message, &case["msg"], found);
            for (name, value) in case["returned"].as_object().unwrap_or(&Map::new()) {
                let ours = played.clean(result.get(name).unwrap_or(&Json::Null));
                let (ours, value) = (played.ordered(name, &ours), played.ordered(name, value));
                played.compare(run, name, &like(&ours, &value), &value, found);
            }
            let after = case.get("after").unwrap_or(&played.before);
            played.compare(run, "after", &played.tree()?, after, found);
            if let Some(told) = played.shell("tell")? {
                played.compare(run, "told", &played.clean(&told.into()), &case["told"], found);
            }
        }
        _ => played.compare(run, "again", &told.into(), &case["again"], found),
    }
    Ok(())
}

fn is(result: &Json, name: &str) -> bool {
    result[name].as_bool().unwrap_or_default()
}

/// A value with those fields alone that were recorded: others differ from run to run.
fn like(ours: &Json, recorded: &Json) -> Json {
    match (ours, recorded) {
        (Json::Object(ours), Json::Object(recorded)) => {
            let kept = ours.iter().filter(|(name, _)| recorded.contains_key(*name));
            kept.map(|(name, value)| (name.clone(), like(value, &recorded[name]))).collect()
        }
        (Json::Array(ours), Json::Array(recorded)) if ours.len() == recorded.len() => {
            ours.iter().zip(recorded).map(|(ours, recorded)| like(ours, recorded)).collect()
        }
        _ => ours.clone(),
    }
}

fn map_texts(value: &Json, change: &dyn Fn(&str) -> String) -> Json {
    match value {
        Json::String(text) => change(text).into(),
        Json::Array(values) => values.iter().map(|value| map_texts(value, change)).collect(),
        Json::Object(fields) => {
            fields.iter().map(|(name, value)| (change(name), map_texts(value, change))).collect()
        }
        _ => value.clone(),
    }
}

/// Ansible's list of words for booleans has another order in each run.
fn sorted_booleans(text: &str) -> String {
    let Some((head, words)) = text.split_once("Valid booleans include: ") else {
        return text.to_owned();
    };
    let mut words: Vec<&str> = words.split(", ").collect();
    words.sort_unstable();
    format!("{head}Valid booleans include: {}", words.join(", "))
}

/// The words before a message that cases do not keep.
fn without_prefixes(text: &str) -> &str {
    ["Task failed: ", "Module failed: ", "Action failed: "]
        .iter()
        .fold(text, |text, prefix| text.strip_prefix(prefix).unwrap_or(text))
}

/// Names of backups hold the process and the time.
fn without_times(text: &str) -> String {
    let Some(at) = text.find('@').filter(|_| text.contains('~')) else { return text.to_owned() };
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let head: Vec<&str> = text[..at].rsplitn(3, '.').collect();
    let [date, process, name] = head.as_slice() else { return text.to_owned() };
    let Some((_, rest)) = text[at..].split_once('~') else { return text.to_owned() };
    if !digits(process) || !date.split('-').all(digits) {
        return text.to_owned();
    }
    format!("{name}.BACKUP~{}", without_times(rest))
}
