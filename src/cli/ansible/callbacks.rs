//! What reads a run's events, by `stdout_callback` and `callbacks_enabled`.

use std::io::{Stderr, Stdout, stderr, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use crate::record::{RecordError, Tell};
use crate::report::Consumer;
use crate::report::callback::{
    JsonOptions, JsonOutput, JunitOptions, JunitReport, ProfileOptions, ProfileTasks, SortOrder,
    Timer, Tree,
};
use crate::report::default::{DefaultOptions, DefaultOutput, Details};
use crate::report::human::Verbosity;
use crate::report::log::{Logged, LoggedDetails};
use crate::report::minimal::{Minimal, OneLine};
use crate::report::outlet::Gathered;
use crate::report::retry::RetryFile;
use crate::settings::Settings;

use super::super::CommandError;
use super::super::record::{self, RecordWords};
use super::talk;

type Out = Logged<Stdout>;
type Talk = Logged<Stderr>;

/// Standard output, as far as it is logged.
fn out() -> Out {
    Logged::new(stdout(), talk::log())
}

fn talk_to() -> Talk {
    Logged::new(stderr(), talk::log())
}

/// The output of a program.
pub(super) fn output(
    word: &str,
    look: &DefaultOptions,
    settings: &Settings,
) -> Result<Box<dyn Consumer>, CommandError> {
    let look = look.clone();
    Ok(match short(word) {
        "default" | "" => Box::new(DefaultOutput::new(out(), talk_to(), look)),
        "minimal" => Box::new(Minimal::new(out(), talk_to(), look)),
        "oneline" => Box::new(OneLine::new(out(), talk_to(), look)),
        "json" => {
            let indent = variable(settings, "ANSIBLE_JSON_INDENT").unwrap_or("4".to_owned());
            let options = JsonOptions {
                indent: indent.parse().ok().filter(|columns| *columns > 0),
                custom_stats: look.shown.contains(Details::CUSTOM_STATS),
                color: look.color,
            };
            Box::new(JsonOutput::new(out(), talk_to(), options))
        }
        _ => {
            return Err(CommandError::other(
                format!("Invalid callback for stdout specified: {word}"),
                Some("`default`, `minimal`, `oneline` and `json` are there"),
            ));
        }
    })
}

/// What the settings ask for beside the output.
pub(super) fn enabled(
    look: &DefaultOptions,
    settings: &Settings,
) -> Result<Vec<Box<dyn Consumer>>, CommandError> {
    let mut consumers: Vec<Box<dyn Consumer>> = Vec::new();
    for word in settings.list("CALLBACKS_ENABLED") {
        match short(&word) {
            // outputs, of which there is one anyway
            "default" | "minimal" | "oneline" | "json" | "" => {}
            "junit" => consumers.push(Box::new(junit(settings)?)),
            "tree" => consumers.push(Box::new(tree(settings, None))),
            "timer" => consumers.push(Box::new(Timer::new(out(), look.columns))),
            "profile_tasks" => {
                consumers.push(Box::new(ProfileTasks::new(out(), profile(look, settings))));
            }
            _ => talk::warning(&format!("Skipping callback plugin '{word}', unable to load")),
        }
    }
    let logged = settings.integer("LOG_VERBOSITY").and_then(|count| u8::try_from(count).ok());
    if let (Some(log), Some(count)) = (talk::log(), logged) {
        let logged = Verbosity::from(count);
        consumers.push(Box::new(LoggedDetails::new(log, look.verbosity, logged)));
    }
    Ok(consumers)
}

/// What `--tree` asks for.
pub(super) fn tree(settings: &Settings, folder: Option<&PathBuf>) -> Tree {
    let set = || match settings.plugin("callback", "tree", "directory") {
        Ok(Some(serde_json::Value::String(text))) => Some(PathBuf::from(text)),
        _ => None,
    };
    Tree::new(folder.cloned().or_else(set).unwrap_or_default())
}

/// The file for `--limit @FILE`, where it is asked for.
pub(super) fn retry(settings: &Settings) -> Option<Box<dyn Consumer>> {
    let asked = settings.boolean("RETRY_FILES_ENABLED");
    let folder = settings.path("RETRY_FILES_SAVE_PATH");
    asked.then(|| Box::new(RetryFile::new(out(), folder)) as Box<dyn Consumer>)
}

/// The record of the run, unless it is switched off.
pub(super) fn record(
    program: &str,
    look: &DefaultOptions,
    settings: &Settings,
) -> Result<Option<Box<dyn Consumer>>, CommandError> {
    let words = RecordWords {
        record: settings.entry("canvass", "record"),
        size: settings.entry("canvass", "record_size"),
    };
    let verbosity = look.verbosity;
    let tell: Tell = Arc::new(move |error: &RecordError| {
        // a home that cannot be written is nothing new to Ansible's users
        let usual = matches!(error, RecordError::NoFolder | RecordError::Make { .. });
        if !usual || verbosity > Verbosity::Normal {
            talk::warning(&record::warning(error));
        }
    });
    let outlet = record::recorder(program, &words, tell)?;
    Ok(outlet.map(|outlet| Box::new(Gathered::new(vec![outlet])) as Box<dyn Consumer>))
}

fn short(word: &str) -> &str {
    ["ansible.builtin.", "ansible.legacy.", "ansible.posix."]
        .iter()
        .find_map(|collection| word.strip_prefix(collection))
        .unwrap_or(word)
}

fn variable(settings: &Settings, name: &str) -> Option<String> {
    settings.variable(name).map(str::to_owned)
}

fn junit(settings: &Settings) -> Result<JunitReport, CommandError> {
    let text = |name| variable(settings, name);
    let is = |name, default: &str| text(name).unwrap_or(default.to_owned()).to_lowercase();
    let home = || settings.home().map(|home| home.join(".ansible.log")).unwrap_or_default();
    let options = JunitOptions {
        output_dir: text("JUNIT_OUTPUT_DIR").map_or_else(home, PathBuf::from),
        task_class: is("JUNIT_TASK_CLASS", "false") == "true",
        relative_to: text("JUNIT_TASK_RELATIVE_PATH").unwrap_or_default(),
        replace_out_of_tree: text("JUNIT_REPLACE_OUT_OF_TREE_PATH"),
        fail_on_change: is("JUNIT_FAIL_ON_CHANGE", "false") == "true",
        fail_on_ignore: is("JUNIT_FAIL_ON_IGNORE", "false") == "true",
        include_setup: is("JUNIT_INCLUDE_SETUP_TASKS_IN_REPORT", "true") != "false",
        hide_arguments: is("JUNIT_HIDE_TASK_ARGUMENTS", "false") != "false",
        prefix: text("JUNIT_TEST_CASE_PREFIX").unwrap_or_default(),
    };
    JunitReport::new(options).map_err(|error| {
        CommandError::other(format!("cannot make JUNIT_OUTPUT_DIR: {error}"), None)
    })
}

fn profile(look: &DefaultOptions, settings: &Settings) -> ProfileOptions {
    let text = |variable_name: &str, key: &str| {
        variable(settings, variable_name)
            .or_else(|| settings.entry("callback_profile_tasks", key).map(str::to_owned))
    };
    let limit = text("PROFILE_TASKS_TASK_OUTPUT_LIMIT", "task_output_limit");
    let limit = limit.unwrap_or("20".to_owned());
    let summary = text("PROFILE_TASKS_SUMMARY_ONLY", "summary_only").unwrap_or_default();
    ProfileOptions {
        sort: match text("PROFILE_TASKS_SORT_ORDER", "sort_order").as_deref() {
            Some("ascending") => SortOrder::Ascending,
            Some("none") => SortOrder::None,
            _ => SortOrder::Descending,
        },
        limit: if limit == "all" { None } else { Some(limit.parse().unwrap_or(20)) },
        summary_only: matches!(summary.to_lowercase().as_str(), "1" | "yes" | "true" | "on"),
        columns: look.columns,
        verbosity: look.verbosity,
    }
}
