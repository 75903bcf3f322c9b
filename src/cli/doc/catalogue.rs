//! All that there is a page of, from the tables of the code.

use canvass_modules::params::OptionSpec;

use super::phrases;
use crate::playbook::keywords::Keyword;
use crate::playbook::{Modules as _, Options, further_names, qualify};
use crate::run::{ModuleTable, module_names};
use crate::template::{Kind, catalogue};

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// A kind of things that have pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Topic {
    /// What a task names.
    Module,
    /// `value | name`
    Filter,
    /// `value is name`
    Test,
    /// `lookup('name')`
    Lookup,
    /// A keyword of playbooks.
    Keyword,
}

impl Topic {
    /// Those that are plugins, with the key of their list.
    pub(in crate::cli) const PLUGINS: [(Self, &'static str); 4] = [
        (Self::Module, "modules"),
        (Self::Filter, "filters"),
        (Self::Test, "tests"),
        (Self::Lookup, "lookups"),
    ];

    /// The topic of a word, as `-t` takes it.
    pub(in crate::cli) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "module" => Self::Module,
            "filter" => Self::Filter,
            "test" => Self::Test,
            "lookup" => Self::Lookup,
            "keyword" => Self::Keyword,
            _ => return None,
        })
    }

    /// The word for it.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Lookup => "lookup",
            Self::Keyword => "keyword",
        }
    }
}

/// A thing with a page.
#[derive(Debug)]
pub(in crate::cli) struct Entry {
    pub topic: Topic,
    /// Fully qualified.
    pub name: String,
    /// What it is, in a line; empty where nothing is said.
    pub short: String,
    /// The page, in Markdown.
    pub page: &'static str,
    pub content: Content,
}

/// What is known of it beside its page.
#[derive(Debug)]
pub(in crate::cli) enum Content {
    /// Options of a module.
    Options(Vec<OptionSpec>),
    /// A module that takes any option.
    AnyOption,
    /// Parameters of a filter or test; the first is what it is applied to.
    Parameters(&'static [&'static str]),
    /// Where a keyword may stand.
    Levels(Vec<&'static str>),
}

/// All names of a topic, sorted.
pub(in crate::cli) fn names(topic: Topic) -> Vec<String> {
    let mut names: Vec<String> = match topic {
        Topic::Module => {
            module_names().into_iter().map(str::to_owned).chain(further_names()).collect()
        }
        Topic::Filter => callable(Kind::Filter),
        Topic::Test => callable(Kind::Test),
        Topic::Lookup => callable(Kind::Lookup),
        Topic::Keyword => Keyword::ALL.iter().map(|keyword| keyword.name().to_owned()).collect(),
    };
    names.sort_unstable();
    names.dedup();
    names
}

fn callable(kind: Kind) -> Vec<String> {
    catalogue(kind).into_iter().map(|callable| callable.name).collect()
}

/// The thing of a name, short or fully qualified.
pub(in crate::cli) fn find(topic: Topic, written: &str) -> Option<Entry> {
    let name = match topic {
        Topic::Module => qualify(written),
        Topic::Keyword => written.to_owned(),
        _ => known(topic, written)?,
    };
    let content = match topic {
        Topic::Module => module(&name)?,
        Topic::Filter => parameters(Kind::Filter, &name)?,
        Topic::Test => parameters(Kind::Test, &name)?,
        Topic::Lookup => parameters(Kind::Lookup, &name)?,
        Topic::Keyword => {
            let levels = Keyword::from_name(&name)?.levels();
            Content::Levels(levels.iter().map(|level| level.name()).collect())
        }
    };
    let page = match topic {
        Topic::Module => page(&name),
        _ => "",
    };
    let short = phrases::of(topic, &name).map_or_else(|| short(page), str::to_owned);
    Some(Entry { topic, name, short, page, content })
}

/// The fully qualified name that is meant.
fn known(topic: Topic, written: &str) -> Option<String> {
    let names = names(topic);
    let plain = written.strip_prefix("ansible.legacy.").unwrap_or(written);
    let tries = [
        plain.to_owned(),
        format!("ansible.builtin.{plain}"),
        format!("ansible.utils.{plain}"),
        format!("community.general.{plain}"),
    ];
    tries.into_iter().find(|name| names.contains(name))
}

fn module(name: &str) -> Option<Content> {
    // what is done when a playbook is read takes what its like takes while a play runs
    let like = match name {
        "ansible.builtin.import_role" => "ansible.builtin.include_role",
        "ansible.builtin.import_tasks" => "ansible.builtin.include_tasks",
        _ => name,
    };
    match ModuleTable::Early.find(like) {
        Some(face) => Some(match face.options {
            Options::Known(mut options, _) if like != name => {
                options.retain(|option| option.name != "apply");
                Content::Options(options)
            }
            Options::Known(options, _) => Content::Options(options),
            Options::Any => Content::AnyOption,
        }),
        None => further_names().any(|further| further == name).then_some(Content::AnyOption),
    }
}

fn parameters(kind: Kind, name: &str) -> Option<Content> {
    let found = catalogue(kind).into_iter().find(|callable| callable.name == name)?;
    Some(Content::Parameters(found.parameters))
}

fn page(name: &str) -> &'static str {
    PAGES.iter().find(|(known, _)| *known == name).map_or("", |(_, page)| page)
}

/// The first sentence of a page without the name before it.
fn short(page: &str) -> String {
    let head = page.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let text = head.split_once(": ").map_or(head.as_str(), |(_, text)| text);
    let text = text.trim_end_matches('.').trim_end_matches(", the part on the host");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_tables_has_a_page() {
        for name in module_names() {
            let entry = find(Topic::Module, name).unwrap();
            assert!(!entry.page.is_empty(), "{name}");
            assert!(!entry.short.is_empty(), "{name}");
        }
    }

    #[test]
    fn names_are_found_short_and_long() {
        for (topic, written, name) in [
            (Topic::Module, "ping", "ansible.builtin.ping"),
            (Topic::Module, "yum", "ansible.builtin.dnf"),
            (Topic::Module, "import_tasks", "ansible.builtin.import_tasks"),
            (Topic::Filter, "b64encode", "ansible.builtin.b64encode"),
            (Topic::Test, "ansible.builtin.defined", "ansible.builtin.defined"),
            (Topic::Lookup, "community.general.flattened", "community.general.flattened"),
            (Topic::Keyword, "when", "when"),
        ] {
            assert_eq!(find(topic, written).unwrap().name, name);
        }
        assert!(find(Topic::Module, "nope").is_none());
        assert!(find(Topic::Filter, "nope").is_none());
    }
}
