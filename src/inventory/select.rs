//! The hosts that patterns pick.

use indexmap::{IndexMap, IndexSet};

use super::inventory::Inventory;
use super::members::{HostIndex, LOCALHOST};
use super::name::HostName;
use super::pattern::{Matcher, Part, Pattern, PatternError, Sign};
use crate::diagnostics::Diagnostic;

/// The hosts that a pattern picks.
#[derive(Debug, Default)]
pub struct Selection {
    /// In Ansible's order, each once.
    pub hosts: Vec<HostName>,
    /// Patterns that match nothing, in Ansible's words.
    pub warnings: Vec<Diagnostic>,
}

/// A host that a pattern met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Met<'a> {
    Listed(HostIndex),
    /// A name of this machine that no source lists.
    Implicit(&'a str),
}

impl Inventory {
    /// The hosts of a pattern, within those of a limit.
    ///
    /// `localhost`, `127.0.0.1` and `::1` are there even where no source lists them, unless one
    /// of the others is listed, which then stands for them.
    pub fn select(
        &self,
        pattern: &Pattern,
        limit: Option<&Pattern>,
    ) -> Result<Selection, PatternError> {
        let mut warnings = Vec::new();
        let mut met = self.evaluate(pattern, &mut warnings)?;
        if let Some(limit) = limit {
            let within = self.evaluate(limit, &mut warnings)?;
            met.retain(|host| within.contains(host));
        }
        let hosts = met
            .into_iter()
            .filter_map(|met| match met {
                Met::Listed(host) => {
                    self.members.hosts.get_index(host).map(|(name, _)| name.clone())
                }
                Met::Implicit(name) => Some(HostName::new(name)),
            })
            .collect();
        Ok(Selection { hosts, warnings })
    }

    fn evaluate<'a>(
        &'a self,
        pattern: &'a Pattern,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<IndexSet<Met<'a>>, PatternError> {
        let mut hosts = IndexSet::new();
        for part in &pattern.parts {
            let found = self.matched(part, warnings)?;
            match part.sign {
                Sign::Unite => hosts.extend(found),
                Sign::Intersect => {
                    let found: IndexSet<Met<'_>> = found.into_iter().collect();
                    hosts.retain(|host| found.contains(host));
                }
                Sign::Exclude => {
                    let found: IndexSet<Met<'_>> = found.into_iter().collect();
                    hosts.retain(|host| !found.contains(host));
                }
            }
        }
        Ok(hosts)
    }

    /// The hosts of one pattern: those of the groups it matches, then those it matches itself.
    fn matched<'a>(
        &'a self,
        part: &'a Part,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Vec<Met<'a>>, PatternError> {
        if part.sign == Sign::Unite
            && let Some(host) = self.members.hosts.get_index_of(part.text.as_str())
        {
            return Ok(vec![Met::Listed(host)]);
        }
        let groups = matching(part, &self.members.groups);
        let mut found: Vec<Met<'a>> = groups
            .iter()
            .flat_map(|group| self.members.hosts_of(*group))
            .map(Met::Listed)
            .collect();
        if groups.is_empty() || part.always_asks_hosts() {
            found.extend(matching(part, &self.members.hosts).into_iter().map(Met::Listed));
        }
        if found.is_empty() && LOCALHOST.contains(&part.expression.as_str()) {
            found.push(match self.members.localhost() {
                Some(listed) => {
                    let index = self.members.hosts.get_index_of(listed);
                    index.map_or(Met::Implicit(&part.expression), Met::Listed)
                }
                None => Met::Implicit(&part.expression),
            });
        }
        if found.is_empty() && groups.is_empty() && part.expression != "all" {
            let message =
                format!("Could not match supplied host pattern, ignoring: {}", part.expression);
            warnings.push(Diagnostic::warning(message, None));
        }
        part.pick(found)
    }
}

/// The hosts of patterns where nothing but groups and their hosts is known.
///
/// # Errors
///
/// A pattern that does not parse, or a subscript beyond the hosts.
pub fn hosts_of_pattern<'a>(
    groups: &[(String, Vec<String>)],
    patterns: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<String>, PatternError> {
    let inventory = Inventory::of_groups(groups);
    let pattern = Pattern::all_of(patterns)?;
    let met = inventory.select(&pattern, None)?;
    Ok(met.hosts.iter().map(|host| host.as_str().to_owned()).collect())
}

/// The places of the names that match.
fn matching<N: AsRef<str> + std::hash::Hash + Eq + std::borrow::Borrow<str>, T>(
    part: &Part,
    names: &IndexMap<N, T>,
) -> Vec<usize> {
    match part.matcher {
        Matcher::Exact => names.get_index_of(part.expression.as_str()).into_iter().collect(),
        Matcher::Glob(_) | Matcher::Regex(_) => names
            .keys()
            .enumerate()
            .filter(|(_, name)| part.matches(name.as_ref()))
            .map(|(index, _)| index)
            .collect(),
    }
}
