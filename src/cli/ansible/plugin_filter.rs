//! Modules that the user has forbidden: `plugin_filters_cfg`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::playbook::qualify;
use crate::settings::Settings;
use crate::source::{Kind, Node, SourceFile, yaml};

use super::super::CommandError;
use super::talk;

/// Where it lies when no setting names it.
const DEFAULT: &str = "/etc/ansible/plugin_filters.yml";

/// The fully qualified names of the forbidden modules.
///
/// # Errors
///
/// `stat` is among them: too many tasks need it.
pub(super) fn read(settings: &Settings) -> Result<Arc<BTreeSet<String>>, CommandError> {
    let set = settings.path("PLUGIN_FILTERS_CFG");
    let path = set.clone().unwrap_or_else(|| PathBuf::from(DEFAULT));
    let shown = path.display();
    let skip = |why: &str| {
        talk::warning(&format!("The plugin filter file, {shown} {why}. Skipping."));
        Ok(Arc::default())
    };
    if !path.exists() {
        return match set {
            Some(_) => skip("does not exist"),
            None => Ok(Arc::default()),
        };
    }
    let loaded = SourceFile::read(&path).and_then(|file| yaml::load(&file));
    let Some(node) = loaded.ok().and_then(|loaded| loaded.node) else {
        return skip("was not parsable");
    };
    let field = |name: &str| node.get(name);
    let Some(version) = field("filter_version").and_then(version) else {
        return skip("was invalid");
    };
    if version.trim() != "1.0" {
        return skip("was a version not recognized by this version of Ansible");
    }
    let listed = field("module_rejectlist").and_then(Node::as_seq);
    let Some(listed) = listed else {
        talk::warning(&format!(
            "Unable to parse the plugin filter file {shown} as module_rejectlist is not a list. \
             Skipping."
        ));
        return Ok(Arc::default());
    };
    let names: BTreeSet<String> = listed.iter().filter_map(Node::as_str).map(qualify).collect();
    if names.contains("ansible.builtin.stat") {
        let text = format!(
            "The stat module was specified in the module reject list file, {shown}, but Ansible \
             will not function without the stat module.  Please remove stat from the reject list."
        );
        return Err(CommandError::other(text, None));
    }
    Ok(Arc::new(names))
}

fn version(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Float(number) => Some(format!("{number:?}")),
        _ => node.as_str().map(str::to_owned),
    }
}
