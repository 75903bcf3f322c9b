//! Options and settings become those of a run: options win over the environment, the environment
//! over `ansible.cfg`.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use canvass_modules::wire::{Fetching, Streaming};

use crate::connection::{BecomeMethod, HostKeys, Secret};
use crate::graph::TagFilter;
use crate::playbook::{SearchPaths, Strategy};
use crate::report::default::{DefaultOptions, Details, ResultFormat, Shown};
use crate::report::event::RunMode;
use crate::report::human::Verbosity;
use crate::run::{
    BecomeProgram, Behaviour, CheckMode, ConnectionDefaults, Debugging, DiffMode, FactNames,
    Gathering, HiddenFacts, Overlap, PatternMismatch, PrivilegeDefaults, Profiling, RunSettings,
    Stepping,
};
use crate::settings::{Origin, Settings, SettingsError, Table};
use crate::vars::HashBehaviour;

use super::super::{CommandError, extra_vars, prompt};
use super::options::{Common, ModulePath, Subset};
use super::{facts, plugin_filter, secrets, talk, unsupported};

/// The option groups of programs that run tasks.
pub(super) struct Groups<'a> {
    pub common: &'a Common,
    pub limit: Option<&'a str>,
    pub subset: Option<&'a Subset>,
    pub task_timeout: Option<u64>,
    pub force_handlers: bool,
}

impl Groups<'_> {
    /// The settings of the run; passwords are asked for here.
    pub(super) fn settings(&self, settings: &Settings) -> Result<RunSettings, CommandError> {
        self.refuse()?;
        secrets::unlock(&self.common.vault, settings)?;
        if let Some(refusal) = unsupported::refusal(settings) {
            return Err(CommandError::options(refusal, None));
        }
        if settings.variable("_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR") == Some("warning") {
            crate::template::tell_of_untrusted(|name| {
                let place = name.map(|name| format!(" in '{name}'")).unwrap_or_default();
                talk::warning(&format!(
                    "Encountered untrusted template or expression{place}: it is data and stays as \
                     it is."
                ));
            });
        }
        crate::template::listen(talk::told);
        let connection = self.connection(settings)?;
        let privilege = self.privilege(settings, connection.password.as_ref())?;
        let seconds = settings.integer("TASK_TIMEOUT").and_then(|set| u64::try_from(set).ok());
        let seconds = self.task_timeout.or(seconds).filter(|seconds| *seconds > 0);
        Ok(RunSettings {
            mode: if self.common.check.check { RunMode::Rehearsal } else { RunMode::Apply },
            check: CheckMode::Alone,
            diff: match self.common.check.diff || settings.boolean("DIFF_ALWAYS") {
                true => DiffMode::On,
                false => DiffMode::Off,
            },
            forks: self.forks(settings)?,
            tags: self.tags(settings),
            limit: self.limit.map(str::to_owned),
            extra_vars: extra_vars::parse(
                &self.common.extra_vars.extra_vars,
                hash_behaviour(settings),
            )?,
            gathering: match settings.text("DEFAULT_GATHERING").as_deref() {
                Some("explicit") => Gathering::Explicit,
                Some("smart") => Gathering::Smart,
                _ => Gathering::Implicit,
            },
            strategy: strategy(settings)?,
            connection,
            privilege,
            verbosity: self.verbosity(settings),
            tells_invocation: self.verbosity(settings) > 2 || tells_all(settings),
            task_timeout: seconds.map(Duration::from_secs),
            shard: None,
            start_at: None,
            stepping: Stepping::Straight,
            streaming: Streaming::Off,
            fetching: Fetching::On,
            profiling: Profiling::Off,
            overlap: overlap(settings)?,
            behaviour: Behaviour {
                hidden_facts: HiddenFacts::Shown,
                debugging: Debugging {
                    enabled: settings.boolean("ENABLE_TASK_DEBUGGER")
                        || strategy_word(settings) == "debug",
                    ignores_ignored: settings.boolean("TASK_DEBUGGER_IGNORE_ERRORS"),
                },
                any_errors_fatal: settings.boolean("ANY_ERRORS_FATAL"),
                force_handlers: self.force_handlers || settings.boolean("DEFAULT_FORCE_HANDLERS"),
                pattern_mismatch: pattern_mismatch(settings),
                no_log: settings.boolean("DEFAULT_NO_LOG"),
                hash: hash_behaviour(settings),
                facts: match settings.boolean("INJECT_FACTS_AS_VARS") {
                    true => FactNames::Injected,
                    false => FactNames::Apart,
                },
            },
            fact_cache: facts::cache(settings),
            rejected_modules: plugin_filter::read(settings)?,
            secret_variables: Arc::new(secret_variables(settings)),
        })
    }

    /// What these options ask for and is not there.
    fn refuse(&self) -> Result<(), CommandError> {
        for (name, value) in [
            ("--sftp-extra-args", &self.common.connect.sftp_extra_args),
            ("--scp-extra-args", &self.common.connect.scp_extra_args),
        ] {
            if value.as_ref().is_some_and(|value| !value.is_empty()) {
                talk::warning(&format!("`{name}` has no effect: no file is sent by sftp or scp"));
            }
        }
        Ok(())
    }

    /// How often `-v` was said, or what the settings say.
    pub(super) fn verbosity(&self, settings: &Settings) -> u8 {
        let set = settings.integer("DEFAULT_VERBOSITY").and_then(|set| u8::try_from(set).ok());
        self.common.base.verbosity.saturating_add(set.unwrap_or_default())
    }

    /// How output in Ansible's form looks.
    pub(super) fn look(&self, settings: &Settings) -> Result<DefaultOptions, CommandError> {
        let callback = |name| settings.plugin("callback", "default", name).map_err(wrong_setting);
        let is = |name| callback(name).map(|value| value == Some(Json::Bool(true)));
        let mut shown = Shown::NOTHING;
        for (name, detail) in [
            ("display_ok_hosts", Details::OK),
            ("display_skipped_hosts", Details::SKIPPED),
            ("check_mode_markers", Details::CHECK_MARKERS),
            ("show_task_path_on_failure", Details::TASK_PATH_ON_FAILURE),
            ("show_custom_stats", Details::CUSTOM_STATS),
            ("show_per_host_start", Details::HOST_START),
        ] {
            if is(name)? {
                shown = shown.with(detail);
            }
        }
        for (name, detail) in [
            ("DEPRECATION_WARNINGS", Details::DEPRECATIONS),
            ("DISPLAY_ARGS_TO_STDOUT", Details::ARGUMENTS),
        ] {
            if settings.boolean(name) {
                shown = shown.with(detail);
            }
        }
        let context = settings.integer("DIFF_CONTEXT").and_then(|set| usize::try_from(set).ok());
        Ok(DefaultOptions {
            verbosity: Verbosity::from(self.verbosity(settings)),
            color: talk::color(settings),
            columns: console::Term::stdout().size_checked().map(|(_, columns)| columns),
            shown,
            failed_to_stderr: is("display_failed_stderr")?,
            format: match callback("result_format")? {
                Some(Json::String(word)) if word == "yaml" => ResultFormat::Yaml,
                _ => ResultFormat::Json,
            },
            pretty: callback("pretty_results")?.and_then(|value| value.as_bool()),
            diff_context: context.unwrap_or(3),
        })
    }

    fn forks(&self, settings: &Settings) -> Result<NonZeroUsize, CommandError> {
        let set = || usize::try_from(settings.integer("DEFAULT_FORKS")?).ok();
        self.common.fork.forks.or_else(|| NonZeroUsize::new(set()?)).ok_or_else(|| {
            CommandError::options("The number of processes (--forks) must be >= 1", None)
        })
    }

    fn tags(&self, settings: &Settings) -> TagFilter {
        let given = |given: Option<&Vec<String>>, name| match given {
            Some(words) if !words.is_empty() => words.clone(),
            _ => settings.list(name),
        };
        let split = |words: Vec<String>| {
            let words = words.iter().flat_map(|word| word.split(','));
            words.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        TagFilter {
            only: split(given(self.subset.map(|subset| &subset.tags), "TAGS_RUN")),
            skip: split(given(self.subset.map(|subset| &subset.skip_tags), "TAGS_SKIP")),
        }
    }

    fn connection(&self, settings: &Settings) -> Result<ConnectionDefaults, CommandError> {
        let connect = &self.common.connect;
        let word = connect.connection.clone().or_else(|| settings.text("DEFAULT_TRANSPORT"));
        let ssh = |name| ssh_setting(settings, name);
        let mut ssh_arguments = Vec::new();
        let texts = [
            ssh("ssh_args")?,
            connect.ssh_common_args.clone().or(ssh("ssh_common_args")?),
            connect.ssh_extra_args.clone().or(ssh("ssh_extra_args")?),
        ];
        for text in texts.iter().flatten() {
            ssh_arguments.extend(shell_words::split(text).map_err(|error| {
                CommandError::options(format!("cannot split `{text}`: {error}"), None)
            })?);
        }
        let seconds = settings.integer("DEFAULT_TIMEOUT").and_then(|set| u64::try_from(set).ok());
        let password = prompt::secret(
            connect.ask_pass || settings.boolean("DEFAULT_ASK_PASS"),
            file(connect.connection_password_file.as_ref(), settings, "CONNECTION_PASSWORD_FILE")
                .as_deref(),
            &format!(
                "{} password: ",
                if word.as_deref() == Some("ssh") || word.is_none() { "SSH" } else { "CONNECTION" }
            ),
            "--connection-password-file FILE",
        )?;
        Ok(ConnectionDefaults {
            transport: crate::run::transport(word.as_deref().unwrap_or("ssh")).map_err(wrong)?,
            user: connect.user.clone().or_else(|| settings.text("DEFAULT_REMOTE_USER")),
            port: settings.integer("DEFAULT_REMOTE_PORT").and_then(|set| u16::try_from(set).ok()),
            private_key: connect
                .private_key
                .clone()
                .or_else(|| settings.path("DEFAULT_PRIVATE_KEY_FILE")),
            password,
            ssh_arguments,
            timeout: Duration::from_secs(connect.timeout.or(seconds).unwrap_or(10).max(1)),
            host_keys: host_keys(settings)?,
        })
    }

    fn privilege(
        &self,
        settings: &Settings,
        login: Option<&Secret>,
    ) -> Result<PrivilegeDefaults, CommandError> {
        let run_as = &self.common.run_as;
        let method =
            run_as.become_method.clone().or_else(|| settings.text("DEFAULT_BECOME_METHOD"));
        let user = run_as.become_user.clone().or_else(|| settings.text("DEFAULT_BECOME_USER"));
        let method = method.unwrap_or_else(|| "sudo".to_owned());
        let question = match login {
            Some(_) => "BECOME password[defaults to SSH password]: ",
            None => "BECOME password: ",
        };
        let given = prompt::secret(
            run_as.password.ask_become_pass || settings.boolean("DEFAULT_BECOME_ASK_PASS"),
            file(run_as.password.become_password_file.as_ref(), settings, "BECOME_PASSWORD_FILE")
                .as_deref(),
            question,
            "--become-password-file FILE",
        )?;
        // an empty answer stands for the login password
        let password = match (given, login) {
            (Some(given), Some(login)) if given.expose().is_empty() => {
                Some(Secret::new(login.expose()))
            }
            (given, _) => given,
        };
        Ok(PrivilegeDefaults {
            r#become: run_as.r#become || settings.boolean("DEFAULT_BECOME"),
            user: user.unwrap_or_else(|| "root".to_owned()),
            method: crate::run::become_method(&method).map_err(wrong)?,
            password,
            allow_same_user: settings.boolean("BECOME_ALLOW_SAME_USER"),
            programs: become_programs(settings)?,
        })
    }
}

/// Whether plays may overlap, by the environment or the section `[canvass]`.
fn overlap(settings: &Settings) -> Result<Overlap, CommandError> {
    let said = settings.variable("CANVASS_OVERLAP_PLAYS");
    let said = said.or_else(|| settings.entry("canvass", "overlap_plays")).unwrap_or_default();
    match said.to_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Ok(Overlap::Apart),
        "" | "no" | "off" | "false" | "0" => Ok(Overlap::Never),
        other => {
            let text = format!("whether plays overlap is `yes` or `no`, not `{other}`");
            Err(CommandError::options(text, Some("see `CANVASS_OVERLAP_PLAYS`")))
        }
    }
}

/// The variables that are listed as secret, in the environment or the section `[canvass]`.
fn secret_variables(settings: &Settings) -> BTreeSet<String> {
    let listed = settings.variable("CANVASS_SECRET_VARS");
    let listed = listed.or_else(|| settings.entry("canvass", "secret_vars")).unwrap_or_default();
    let names = listed.split(',').map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// What is said of the programs that let one become another user.
fn become_programs(
    settings: &Settings,
) -> Result<BTreeMap<BecomeMethod, BecomeProgram>, CommandError> {
    let said = |method: BecomeMethod, name: &str, of_all: Option<&str>| {
        let table = Table::get();
        let own = table.plugin("become", method.name(), name);
        let row = own.or_else(|| table.base(of_all?));
        let Some(row) = row else { return Ok::<_, CommandError>(None) };
        let found = settings.resolve(row).map_err(wrong_setting)?;
        Ok(Some(found.value).filter(|_| found.origin != Origin::Default))
    };
    let text = |method, name, of_all| {
        let value = said(method, name, of_all)?;
        Ok::<_, CommandError>(value.and_then(|value| value.as_str().map(str::to_owned)))
    };
    let mut programs = BTreeMap::new();
    for method in [BecomeMethod::Sudo, BecomeMethod::Su, BecomeMethod::Doas] {
        let prompts = said(method, "prompt_l10n", None)?;
        let prompts = prompts.as_ref().and_then(Json::as_array).into_iter().flatten();
        let program = BecomeProgram {
            executable: text(method, "become_exe", Some("DEFAULT_BECOME_EXE"))?,
            flags: text(method, "become_flags", Some("DEFAULT_BECOME_FLAGS"))?,
            directory: text(method, "sudo_chdir", None)?,
            password: text(method, "become_pass", None)?.map(Secret::new),
            prompts: prompts.filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        };
        programs.insert(method, program);
    }
    Ok(programs)
}

/// Whether the output holds whole results.
fn tells_all(settings: &Settings) -> bool {
    let word = settings.text("DEFAULT_STDOUT_CALLBACK").unwrap_or_default();
    matches!(word.as_str(), "json" | "ansible.posix.json")
}

/// What a pattern does that matches no host.
pub(super) fn pattern_mismatch(settings: &Settings) -> PatternMismatch {
    match settings.text("HOST_PATTERN_MISMATCH").as_deref() {
        Some("error") => PatternMismatch::Error,
        Some("ignore") => PatternMismatch::Ignore,
        _ => PatternMismatch::Warning,
    }
}

/// What a mapping means that several layers of variables have.
pub(super) fn hash_behaviour(settings: &Settings) -> HashBehaviour {
    match settings.text("DEFAULT_HASH_BEHAVIOUR").as_deref() {
        Some("merge") => HashBehaviour::Merge,
        _ => HashBehaviour::Replace,
    }
}

/// Where roles and collections are looked for.
pub(super) fn search_paths(settings: &Settings, given: &ModulePath) -> SearchPaths {
    let roles = settings.list("DEFAULT_ROLES_PATH").into_iter().map(PathBuf::from).collect();
    let collections = settings.list("COLLECTIONS_PATHS").into_iter().map(PathBuf::from).collect();
    let modules = settings.list("DEFAULT_MODULE_PATH").into_iter().map(PathBuf::from).collect();
    let folders = given.module_path.iter().flat_map(|given| given.split(':'));
    let first_modules = folders.filter(|folder| !folder.is_empty()).map(PathBuf::from).collect();
    SearchPaths { roles, collections, modules, first_modules }
}

fn wrong(error: crate::template::TemplateError) -> CommandError {
    CommandError::options(error.to_string(), None)
}

/// A setting that cannot be understood.
pub(super) fn wrong_setting(error: SettingsError) -> CommandError {
    CommandError::options(error.to_string(), None)
}

fn file(given: Option<&PathBuf>, settings: &Settings, name: &str) -> Option<PathBuf> {
    given.cloned().or_else(|| settings.path(name))
}

/// A setting of the ssh connection; the default is what this program does anyway.
fn ssh_setting(settings: &Settings, name: &str) -> Result<Option<String>, CommandError> {
    let row = crate::settings::Table::get().plugin("connection", "ssh", name);
    let Some(row) = row else { return Ok(None) };
    let found = settings.resolve(row).map_err(wrong_setting)?;
    let said = found.origin != crate::settings::Origin::Default;
    Ok(found.value.as_str().filter(|text| said && !text.is_empty()).map(str::to_owned))
}

fn host_keys(settings: &Settings) -> Result<HostKeys, CommandError> {
    let value = settings.plugin("connection", "ssh", "host_key_checking").map_err(wrong_setting)?;
    Ok(match value {
        Some(serde_json::Value::Bool(false)) => HostKeys::Off,
        _ => HostKeys::Strict,
    })
}

/// The name of the strategy of plays that name none.
fn strategy_word(settings: &Settings) -> String {
    let word = settings.text("DEFAULT_STRATEGY").unwrap_or_default();
    word.strip_prefix("ansible.builtin.").map(str::to_owned).unwrap_or(word)
}

fn strategy(settings: &Settings) -> Result<Strategy, CommandError> {
    match strategy_word(settings).as_str() {
        "linear" | "debug" | "" => Ok(Strategy::Linear),
        "free" => Ok(Strategy::Free),
        "host_pinned" => Ok(Strategy::HostPinned),
        "dag" => Ok(Strategy::Dag),
        other => Err(CommandError::options(
            format!("Invalid play strategy specified: {other}"),
            Some("`linear`, `free`, `host_pinned` and `dag` are there"),
        )),
    }
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}
