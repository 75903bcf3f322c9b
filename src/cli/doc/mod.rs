//! `canvass doc`: what there is, and what it takes.

pub(super) mod catalogue;
mod examples;
mod further;
pub(super) mod list;
pub(super) mod page;
mod phrases;

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json};

use super::CommandError;
use catalogue::Topic;

/// Arguments of `canvass doc`.
#[derive(Debug, Args)]
pub(crate) struct DocArguments {
    /// Name all that there is
    #[arg(short, long)]
    list: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A name; before it `module` (the default), `filter`, `test`, `lookup` or `keyword`
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// How documentation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Runs the command.
pub(crate) fn doc(arguments: &DocArguments) -> Result<ExitCode, CommandError> {
    let (topic, names) = match arguments.names.split_first() {
        Some((word, names)) if !names.is_empty() || arguments.list => match Topic::parse(word) {
            Some(topic) => (Some(topic), names),
            None => (None, arguments.names.as_slice()),
        },
        _ => (None, arguments.names.as_slice()),
    };
    if arguments.list {
        super::print(&list(topic, names, arguments.format));
        return Ok(ExitCode::SUCCESS);
    }
    if names.is_empty() {
        let hint = "`canvass doc --list` names all that there is";
        return Err(CommandError::options("nothing is asked for", Some(hint)));
    }
    let topic = topic.unwrap_or(Topic::Module);
    let mut pages = Map::new();
    for name in names {
        let Some(entry) = catalogue::find(topic, name) else {
            return Err(unknown(topic, name));
        };
        match arguments.format {
            Format::Text => super::print(&page::text(&entry)),
            Format::Json => {
                pages.insert(entry.name.clone(), page::json(&entry));
            }
        }
    }
    if arguments.format == Format::Json {
        super::print(&list::pretty(&Json::Object(pages)));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(topic: Option<Topic>, filters: &[String], format: Format) -> String {
    let topics: Vec<(Topic, &str)> = match topic {
        Some(Topic::Keyword) => vec![(Topic::Keyword, "keywords")],
        Some(topic) => Topic::PLUGINS.into_iter().filter(|(known, _)| *known == topic).collect(),
        None => Topic::PLUGINS.to_vec(),
    };
    match format {
        Format::Json => {
            let lists = topics
                .into_iter()
                .map(|(topic, key)| (key.to_owned(), Json::from(list::filtered(topic, filters))));
            list::pretty(&Json::Object(lists.collect()))
        }
        Format::Text => topics
            .into_iter()
            .map(|(topic, key)| format!("{key}:\n{}\n", list::lines(topic, filters)))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn unknown(topic: Topic, name: &str) -> CommandError {
    let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let near = catalogue::names(topic)
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&short(name), &short(&known)), known))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let hint = near.map(|(_, known)| format!("did you mean `{known}`?"));
    let message = format!("no {} is called `{name}`", topic.word());
    CommandError::options(message, hint.as_deref())
}
