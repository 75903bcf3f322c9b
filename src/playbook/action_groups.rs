//! Action groups: names for many modules in `module_defaults`, as `meta/runtime.yml` of a
//! collection lists them.

use super::error::PlaybookErrorKind;
use super::modules::qualify;
use super::parser::Parser;
use crate::source::{Kind, Node, SourceFile, Span, yaml};

/// What a key of `module_defaults` that names a group begins with.
pub(crate) const PREFIX: &str = "group/";

/// The groups of ansible-core 2.19 and those of collections that they stand for.
const BUILTIN: &[(&str, &[&str])] = &[
    ("acme", &["community.crypto.acme"]),
    ("aws", &["amazon.aws.aws", "community.aws.aws"]),
    ("azure", &["azure.azcollection.azure"]),
    ("cpm", &["wti.remote.cpm"]),
    ("docker", &["community.general.docker", "community.docker.docker"]),
    ("gcp", &["google.cloud.gcp"]),
    (
        "k8s",
        &[
            "community.kubernetes.k8s",
            "community.general.k8s",
            "community.kubevirt.k8s",
            "community.okd.k8s",
            "kubernetes.core.k8s",
        ],
    ),
    ("os", &["openstack.cloud.os"]),
    ("ovirt", &["ovirt.ovirt.ovirt", "community.general.ovirt"]),
    ("vmware", &["community.vmware.vmware"]),
];

/// A group by its fully qualified name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionGroup {
    /// With its collection: `amazon.aws.aws`.
    pub name: String,
    /// Fully qualified names of its modules.
    pub modules: Vec<String>,
}

impl Parser<'_> {
    /// The group that a key of `module_defaults` names; notes an error where there is none.
    pub(super) fn action_group(&mut self, written: &str, span: &Span) -> Option<ActionGroup> {
        let name = full_name(written);
        let mut modules = Vec::new();
        let mut seen = Vec::new();
        if self.add_group(&name, &mut modules, &mut seen) {
            return Some(ActionGroup { name, modules });
        }
        self.error(span, PlaybookErrorKind::ActionGroup(name));
        None
    }

    /// Adds the modules of a group and of those that it extends; whether there is such a group.
    fn add_group(&self, name: &str, modules: &mut Vec<String>, seen: &mut Vec<String>) -> bool {
        if seen.iter().any(|known| known == name) {
            return true;
        }
        seen.push(name.to_owned());
        let mut parts = name.splitn(3, '.');
        let (Some(namespace), Some(collection), Some(short)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let collection = format!("{namespace}.{collection}");
        if collection == "ansible.builtin" {
            let Some((_, extends)) = BUILTIN.iter().find(|(name, _)| *name == short) else {
                return false;
            };
            for extended in *extends {
                self.add_group(extended, modules, seen);
            }
            return true;
        }
        let Some(group) = self.listed_group(&collection, name, short) else { return false };
        let within = |name: &str| match name.matches('.').count() {
            0 | 1 => format!("{collection}.{name}"),
            _ => name.to_owned(),
        };
        let mut extended = Vec::new();
        for entry in group.as_seq().unwrap_or_default() {
            if let Some(module) = entry.as_str() {
                let module = qualify(&within(module));
                if !modules.contains(&module) {
                    modules.push(module);
                }
            } else if let Some(groups) =
                entry.get("metadata").and_then(|metadata| metadata.get("extend_group"))
            {
                let groups = groups.as_seq().unwrap_or(std::slice::from_ref(groups));
                extended.extend(groups.iter().filter_map(Node::as_str).map(within));
            }
        }
        for name in extended {
            self.add_group(&name, modules, seen);
        }
        true
    }

    /// The list of a group in `meta/runtime.yml` of its collection.
    fn listed_group(&self, collection: &str, name: &str, short: &str) -> Option<Node> {
        let folder = self.known_collection(collection)?;
        let file = SourceFile::read(&folder.join("meta/runtime.yml")).ok()?;
        let read = yaml::load(&file).ok()?.node?;
        let groups = read.get("action_groups")?;
        let group = groups.get(name).or_else(|| groups.get(short))?;
        matches!(group.kind, Kind::Seq(_)).then(|| group.clone())
    }
}

/// Names without a collection are those of ansible-core.
pub(crate) fn full_name(written: &str) -> String {
    match written.matches('.').count() {
        0 | 1 => format!("ansible.builtin.{written}"),
        _ => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::playbook::{NoNames, RunnerModules, SearchPaths, load};

    const RUNTIME: &str = "\
action_groups:
  all:
    - one
    - metadata: {extend_group: [more, x.y.theirs]}
  more: [c.d.two, one]
  a.b.full: [three]
";

    #[test]
    fn groups_bring_their_modules_and_those_of_groups_that_they_extend() {
        let folder = tempfile::tempdir().unwrap();
        let meta = folder.path().join("ansible_collections/a/b/meta");
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(meta.join("runtime.yml"), RUNTIME).unwrap();
        let search =
            SearchPaths { collections: vec![folder.path().to_owned()], ..SearchPaths::default() };
        let path = folder.path().join("play.yml");
        for (written, modules) in [
            ("a.b.all", Some(vec!["a.b.one", "c.d.two"])),
            ("a.b.full", Some(vec!["a.b.three"])),
            ("aws", Some(Vec::new())),
            ("a.b.none", None),
            ("nowhere", None),
        ] {
            let play = format!("- hosts: all\n  module_defaults: {{group/{written}: {{}}}}\n");
            std::fs::write(&path, play).unwrap();
            let read = load(&path, &RunnerModules, &search, &NoNames).ok();
            let found = read.map(|read| {
                let keywords = &read.playbook.plays.first().unwrap().keywords;
                keywords.action_groups.first().unwrap().modules.clone()
            });
            let expected =
                modules.map(|modules| modules.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(found, expected, "{written}");
        }
    }
}
