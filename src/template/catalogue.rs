//! What a template can call, by name: the lists that documentation is made of.

use super::{filters, lookups, tests as conditions};

/// What something that a template can call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `value | name`
    Filter,
    /// `value is name`
    Test,
    /// `lookup('name', …)`
    Lookup,
}

/// Something that a template can call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    /// Fully qualified name.
    pub name: String,
    /// Its parameters; the first is what it is applied to. None are known of lookups.
    pub parameters: &'static [&'static str],
}

/// All of a kind, sorted by name.
pub fn catalogue(kind: Kind) -> Vec<Callable> {
    let all: Vec<(&'static str, &'static [&'static str])> = match kind {
        Kind::Filter => filters::all().collect(),
        Kind::Test => conditions::all().collect(),
        Kind::Lookup => lookups::names().map(|name| (name, [].as_slice())).collect(),
    };
    let mut all: Vec<Callable> = all
        .into_iter()
        .map(|(name, parameters)| Callable { name: qualified(name), parameters })
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all.dedup_by(|one, other| one.name == other.name);
    all
}

fn qualified(name: &str) -> String {
    match name {
        // a collection's own names hold their collection
        _ if name.split('.').count() > 2 => name.to_owned(),
        _ => format!("ansible.builtin.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fully_qualified() {
        for (kind, name) in [
            (Kind::Filter, "ansible.builtin.b64encode"),
            (Kind::Test, "ansible.builtin.defined"),
            (Kind::Lookup, "ansible.builtin.file"),
            (Kind::Lookup, "community.general.cartesian"),
        ] {
            let all = catalogue(kind);
            assert!(all.iter().any(|callable| callable.name == name), "{name}");
            assert!(all.is_sorted_by(|one, other| one.name < other.name));
        }
    }
}
