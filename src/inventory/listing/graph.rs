//! The groups as a drawing: `--graph`.

use super::encode;
use super::{GraphVars, Listing, Shown};
use crate::inventory::HostName;
use crate::inventory::given::Written;
use crate::template::python_text;

impl Listing<'_> {
    /// A group and all below it; `None` where there is no such group.
    ///
    /// # Errors
    ///
    /// A broken file in `group_vars/` or `host_vars/`.
    pub fn graph(&self, group: &str, vars: GraphVars) -> Shown<Option<String>> {
        if !self.inventory.members.groups.contains_key(group) {
            return Ok(None);
        }
        let mut lines = Vec::new();
        self.draw(group, 0, vars, &mut lines)?;
        Ok(Some(lines.join("\n")))
    }

    fn draw(
        &self,
        group: &str,
        depth: usize,
        vars: GraphVars,
        lines: &mut Vec<String>,
    ) -> Shown<()> {
        lines.push(line(&format!("@{group}:"), depth));
        for child in self.children(group) {
            self.draw(child, depth + 1, vars, lines)?;
        }
        if group != "all" {
            for host in self.inventory.own_hosts(group).into_iter().map(HostName::as_str) {
                lines.push(line(host, depth + 1));
                if vars == GraphVars::Shown {
                    variables(&self.host_vars(host)?, depth + 2, lines);
                }
            }
        }
        if vars == GraphVars::Shown {
            variables(&self.group_vars(group)?, depth + 1, lines);
        }
        Ok(())
    }
}

fn line(name: &str, depth: usize) -> String {
    match depth {
        0 => name.to_owned(),
        _ => format!("{}--{name}", "  |".repeat(depth)),
    }
}

fn variables(vars: &Written, depth: usize, lines: &mut Vec<String>) {
    let mut sorted: Vec<_> = vars.iter().collect();
    sorted.sort_by(|one, other| one.0.cmp(other.0));
    for (name, node) in sorted {
        let text = python_text(&encode::data(node)).unwrap_or_else(|error| error.to_string());
        lines.push(line(&format!("{{{name} = {text}}}"), depth));
    }
}
