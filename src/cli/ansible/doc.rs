//! `ansible-doc`: pages of what this program has itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Map, Value as Json};

use super::super::CommandError;
use super::super::doc::catalogue::{self, Topic};
use super::super::doc::{list, page};
use super::options::{Base, BaseFolder, ModulePath};
use super::{Invocation, talk};

/// Shows what modules and plugins take.
#[derive(Debug, Parser)]
#[command(
    name = "ansible-doc",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
struct Arguments {
    #[command(flatten)]
    base: Base,
    #[command(flatten)]
    module_path: ModulePath,
    #[command(flatten)]
    base_folder: BaseFolder,
    /// Which kind of plugin
    #[arg(short = 't', long = "type", value_parser = TYPES, default_value = "module")]
    kind: String,
    /// Write JSON
    #[arg(short, long)]
    json: bool,
    /// Folders of roles
    #[arg(short, long)]
    roles_path: Vec<PathBuf>,
    /// Which entry point of roles
    #[arg(short, long, conflicts_with_all = ["snippet", "list_files", "list", "metadata_dump"])]
    entry_point: Option<String>,
    /// Show a task to be filled in
    #[arg(short, long, conflicts_with_all = ["list_files", "list", "metadata_dump"])]
    snippet: bool,
    /// Name all with the files that they are in
    #[arg(short = 'F', long = "list_files", conflicts_with_all = ["list", "metadata_dump"])]
    list_files: bool,
    /// Name all
    #[arg(short, long, conflicts_with = "metadata_dump")]
    list: bool,
    /// All pages as JSON
    #[arg(long)]
    metadata_dump: bool,
    /// Put errors into what `--metadata-dump` writes
    #[arg(long)]
    no_fail_on_errors: bool,
    /// Names
    #[arg(value_name = "plugin")]
    names: Vec<String>,
}

const TYPES: [&str; 17] = [
    "become",
    "cache",
    "callback",
    "cliconf",
    "connection",
    "httpapi",
    "inventory",
    "lookup",
    "netconf",
    "shell",
    "vars",
    "module",
    "strategy",
    "test",
    "filter",
    "role",
    "keyword",
];

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let arguments: Arguments = match invocation.parse("ansible-doc") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    talk::header("ansible-doc", &invocation.settings, arguments.base.verbosity);
    let refused = [
        ("--metadata-dump", arguments.metadata_dump || arguments.no_fail_on_errors),
        ("--module-path", !arguments.module_path.module_path.is_empty()),
        ("--entry-point", arguments.entry_point.is_some()),
        ("--roles-path", !arguments.roles_path.is_empty()),
    ];
    if let Some((name, _)) = refused.iter().find(|(_, given)| *given) {
        return Err(CommandError::options(format!("`{name}` is not supported yet"), None));
    }
    let Some(topic) = Topic::parse(&arguments.kind) else {
        let message = format!("`--type {}` is not supported yet", arguments.kind);
        let hint = "`module`, `filter`, `test`, `lookup` and `keyword` are there";
        return Err(CommandError::options(message, Some(hint)));
    };
    if arguments.list || arguments.list_files {
        super::super::print(&listed(&arguments, topic));
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.names.is_empty() {
        return Err(CommandError::options("Incorrect options passed", None));
    }
    if arguments.snippet && !matches!(topic, Topic::Module | Topic::Lookup) {
        return Err(CommandError::options(
            "Snippets are only available for the following plugin types: inventory, lookup, module",
            None,
        ));
    }
    let mut pages = Map::new();
    for name in &arguments.names {
        let Some(entry) = catalogue::find(topic, name) else {
            talk::warning(&format!("{name} was not found"));
            continue;
        };
        if arguments.snippet {
            super::super::print(&page::snippet(&entry).unwrap_or_default());
        } else if arguments.json {
            pages.insert(name.clone(), page::json(&entry));
        } else {
            super::super::print(&page::text(&entry));
        }
    }
    if arguments.json && !arguments.snippet {
        super::super::print(&list::pretty(&Json::Object(pages)));
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(arguments: &Arguments, topic: Topic) -> String {
    // all of them are in this program
    let program = std::env::current_exe().unwrap_or_default().display().to_string();
    let told = |name: &String| match arguments.list_files {
        true => program.clone(),
        false => catalogue::find(topic, name).map(|entry| entry.short).unwrap_or_default(),
    };
    let names = list::filtered(topic, &arguments.names);
    if arguments.json {
        let all = names.iter().map(|name| (name.clone(), Json::from(told(name))));
        return list::pretty(&Json::Object(all.collect()));
    }
    if !arguments.list_files {
        return format!("{}\n", list::lines(topic, &arguments.names));
    }
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let line = |name: &String| format!("{name:width$} {}", told(name));
    format!("{}\n", names.iter().map(line).collect::<Vec<_>>().join("\n"))
}
