//! The words of templates: which of them lead to other hosts, through whichever variables.

use std::collections::{HashMap, HashSet};
use std::ops::BitOrAssign;

use crate::source::{Kind, Node};
use crate::vars::{Layer, Var};

/// What the words of a text lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Variables of other hosts.
    pub other_hosts: bool,
    /// Which hosts are still in the play.
    pub hosts_left: bool,
    /// Lookups that write on this machine, or run what may.
    pub controller: bool,
}

impl Found {
    /// What cannot be read may hold anything.
    pub(super) const ANYTHING: Self =
        Self { other_hosts: true, hosts_left: true, controller: false };

    const OTHER_HOSTS: Self = Self { other_hosts: true, hosts_left: false, controller: false };
}

impl BitOrAssign for Found {
    fn bitor_assign(&mut self, other: Self) {
        self.other_hosts |= other.other_hosts;
        self.hosts_left |= other.hosts_left;
        self.controller |= other.controller;
    }
}

/// Variables and what the words in them lead to.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// What each variable says, of those whose templates name others: its own words.
    named: HashMap<String, HashSet<String>>,
    /// What variables lead to, as far as they lead somewhere.
    leading: HashMap<String, Found>,
    /// Lists of variables that are known already.
    known: HashSet<usize>,
}

impl Words {
    /// Notes the variables of a layer.
    pub(super) fn learn(&mut self, layer: &Layer) {
        for (name, var) in layer {
            each_text(var, &mut |text| self.note(name, text));
        }
    }

    /// Notes variables that stand in a file, once.
    pub(super) fn learn_once(&mut self, entries: &[(String, Node)]) {
        if entries.is_empty() || !self.known.insert(entries.as_ptr().addr()) {
            return;
        }
        for (name, node) in entries {
            each_string(node, &mut |text| self.note(name, text));
        }
    }

    fn note(&mut self, name: &str, text: &str) {
        if !text.contains('{') {
            return;
        }
        let found = seeds(text);
        if found != Found::default() {
            *self.leading.entry(name.to_owned()).or_default() |= found;
        }
        self.named.entry(name.to_owned()).or_default().extend(words(text).map(str::to_owned));
    }

    /// Follows variables through those that they name.
    pub(super) fn close(&mut self) {
        loop {
            let mut grown = false;
            for (name, words) in &self.named {
                let mut found = self.leading.get(name).copied().unwrap_or_default();
                let before = found;
                for word in words {
                    found |= self.leading.get(word).copied().unwrap_or_default();
                }
                if found != before {
                    self.leading.insert(name.clone(), found);
                    grown = true;
                }
            }
            if !grown {
                return;
            }
        }
    }

    /// How many variables lead somewhere.
    pub(super) fn leading(&self) -> usize {
        self.leading.len()
    }

    /// What every task reads without naming it: the variables that say how a host is reached.
    pub(super) fn implied(&self) -> Found {
        let mut all = Found::default();
        let connection = self.leading.iter().filter(|(name, _)| name.starts_with("ansible_"));
        connection.for_each(|(_, found)| all |= *found);
        all
    }

    /// What the words of a node lead to.
    pub(super) fn in_node(&self, node: &Node) -> Found {
        let mut found = Found::default();
        each_string(node, &mut |text| found |= self.in_text(text));
        found
    }

    /// What the words of a template file lead to; one that brings in others, or is encrypted, may
    /// hold anything.
    pub(super) fn in_template(&self, text: &str) -> Found {
        let brings = |word| matches!(word, "include" | "import" | "extends");
        if text.starts_with("$ANSIBLE_VAULT") || words(text).any(brings) {
            return Found::ANYTHING;
        }
        self.in_text(text)
    }

    fn in_text(&self, text: &str) -> Found {
        let mut found = seeds(text);
        for word in words(text) {
            found |= self.leading.get(word).copied().unwrap_or_default();
        }
        found
    }
}

/// What a text leads to by itself.
fn seeds(text: &str) -> Found {
    let mut found = Found::default();
    let mut looks_up = false;
    let mut writes = false;
    for word in words(text) {
        match word {
            "hostvars" | "varnames" => found |= Found::OTHER_HOSTS,
            "ansible_play_hosts" | "ansible_play_batch" | "play_hosts" => found.hosts_left = true,
            "vars" if is_computed(text, word) => found |= Found::ANYTHING,
            "lookup" | "query" | "q" => looks_up = true,
            "pipe" | "password" => writes = true,
            _ => {}
        }
    }
    found.controller = looks_up && writes;
    // a template that is looked up may hold anything
    if looks_up && words(text).any(|word| word == "template") {
        found |= Found::ANYTHING;
    }
    found
}

/// Whether `vars` stands there as the variable or the lookup, not in a path.
fn is_computed(text: &str, word: &str) -> bool {
    let end = (word.as_ptr().addr() - text.as_ptr().addr()) + word.len();
    let start = end - word.len();
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(end..).and_then(|after| after.trim_start().chars().next());
    match after {
        Some('[' | '|' | ')' | '\'' | '"') => before != Some('/'),
        Some('.') => !matches!(before, Some('/' | '.')),
        _ => false,
    }
}

/// The names in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with(|first: char| !first.is_ascii_digit()))
}

/// The strings of a node, keys among them.
fn each_string(node: &Node, see: &mut dyn FnMut(&str)) {
    match &node.kind {
        Kind::Str(text) => see(&text.value),
        Kind::Seq(elements) => elements.iter().for_each(|element| each_string(element, see)),
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
            each_string(key, see);
            each_string(value, see);
        }),
        // what stands there is no template
        Kind::Unsafe(_)
        | Kind::Vault(_)
        | Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::Timestamp(_)
        | Kind::Binary(_) => {}
    }
}

/// The templates of a variable.
fn each_text(var: &Var, see: &mut dyn FnMut(&str)) {
    match var {
        Var::Template(text, _) => see(text),
        Var::List(vars) => vars.iter().for_each(|var| each_text(var, see)),
        Var::Map(vars) => vars.values().for_each(|var| each_text(var, see)),
        Var::Data(_) | Var::Vault(..) | Var::Unknown(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_to_other_hosts_through_variables() {
        let mut names = Words::default();
        let text = |text: &str| Var::Template(text.into(), None);
        names.learn(&Layer::from([
            ("peer".to_owned(), text("{{ hostvars['b'].x }}")),
            ("address".to_owned(), text("{{ peer }}:80")),
            ("left".to_owned(), text("{{ play_hosts | length }}")),
            ("plain".to_owned(), text("{{ inventory_hostname }}")),
        ]));
        names.close();
        let other = Found::OTHER_HOSTS;
        let left = Found { hosts_left: true, ..Found::default() };
        let none = Found::default();
        for (text, expected) in [
            ("{{ hostvars[name] }}", other),
            ("{{ address }}", other),
            ("{{ left }}", left),
            ("{{ plain }} {{ groups.all }}", none),
            ("{{ vars['x'] }}", Found::ANYTHING),
            ("{{ lookup('vars', 'x') }}", Found::ANYTHING),
            ("vars/main.yml", none),
            ("{{ role_path }}/vars/{{ x }}.yml", none),
            ("{{ lookup('template', 'x.j2') }}", Found::ANYTHING),
            ("{{ lookup('pipe', 'date') }}", Found { controller: true, ..none }),
            ("{{ lookup('file', 'x') }}", none),
        ] {
            assert_eq!(names.in_text(text), expected, "{text}");
        }
        assert_eq!(names.in_template("{% include 'x.j2' %}"), Found::ANYTHING);
        assert_eq!(names.in_template("{{ plain }}"), none);
        assert_eq!(names.implied(), none);
    }
}
