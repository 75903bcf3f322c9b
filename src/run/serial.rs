//! `serial` and `order`: in which order and in which batches a play's hosts come.

use minijinja::value::ValueKind;

use crate::diagnostics::Diagnostic;
use crate::playbook::Play;
use crate::vars::Scope;

use super::context::RunContext;
use super::keyword::KeywordError;

/// The batches of a play.
pub(super) fn batches(
    run: &RunContext,
    play: &Play,
    hosts: &[String],
) -> Result<Vec<Vec<String>>, Vec<Diagnostic>> {
    let scope =
        Scope::new(vec![std::sync::Arc::clone(&run.extra_vars), std::sync::Arc::clone(&run.magic)]);
    let template = |error: crate::template::TemplateError| vec![Diagnostic::error(&error)];
    let mut hosts = hosts.to_vec();
    if let Some(node) = &play.order {
        let order = run.templar.node(node, &scope).map_err(template)?.to_string();
        match order.as_str() {
            "inventory" => {}
            "reverse_inventory" => hosts.reverse(),
            "shuffle" => shuffle(&mut hosts),
            "sorted" => hosts.sort(),
            "reverse_sorted" => {
                hosts.sort();
                hosts.reverse();
            }
            _ => {
                return Err(wrong(
                    node,
                    "order",
                    "`inventory`, `reverse_inventory`, `sorted`, `reverse_sorted` or `shuffle`",
                    order,
                ));
            }
        }
    }
    let Some(node) = &play.serial else { return Ok(vec![hosts]) };
    let value = run.templar.node(node, &scope).map_err(template)?;
    if crate::template::is_omit(&value) {
        return Ok(vec![hosts]);
    }
    let words: Vec<String> = match value.kind() {
        ValueKind::Seq => value
            .try_iter()
            .map(|parts| parts.map(|part| part.to_string()).collect())
            .unwrap_or_default(),
        _ => vec![value.to_string()],
    };
    let mut sizes = Vec::new();
    for word in &words {
        match size(word, hosts.len()) {
            Some(size) => sizes.push(size),
            None => {
                return Err(wrong(node, "serial", "numbers or percentages", word.clone()));
            }
        }
    }
    Ok(cut(&hosts, &sizes))
}

/// Another order each time: by a hash with a random key.
fn shuffle(hosts: &mut [String]) {
    use std::hash::BuildHasher as _;
    let key = std::hash::RandomState::new();
    hosts.sort_by_cached_key(|host| key.hash_one(host));
}

fn wrong(
    node: &crate::source::Node,
    keyword: &'static str,
    wanted: &'static str,
    got: String,
) -> Vec<Diagnostic> {
    vec![Diagnostic::error(&KeywordError::Kind { keyword, wanted, got, span: node.span.clone() })]
}

/// A number of hosts: at least one for a percentage; all for 0 or less.
fn size(word: &str, hosts: usize) -> Option<usize> {
    match word.trim().strip_suffix('%') {
        Some(percent) => {
            let percent: usize = percent.trim().parse().ok()?;
            Some((hosts * percent / 100).max(1))
        }
        None => {
            let number: i64 = word.trim().parse().ok()?;
            Some(usize::try_from(number).ok().filter(|number| *number > 0).unwrap_or(hosts))
        }
    }
}

/// Cuts the hosts; the last size serves for all that is left.
fn cut(hosts: &[String], sizes: &[usize]) -> Vec<Vec<String>> {
    let mut rest = hosts;
    let mut batches = Vec::new();
    let mut sizes = sizes.iter().copied();
    let mut size = hosts.len();
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size).clamp(1, rest.len().max(1));
        let (batch, later) = rest.split_at(size.min(rest.len()));
        batches.push(batch.to_vec());
        rest = later;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_as_ansible_does() {
        let hosts: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let lengths = |words: &[&str]| -> Vec<usize> {
            let sizes: Vec<usize> = words.iter().filter_map(|word| size(word, 10)).collect();
            cut(&hosts, &sizes).iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(&["3"]), [3, 3, 3, 1]);
        assert_eq!(lengths(&["1", "5"]), [1, 5, 4]);
        assert_eq!(lengths(&["30%"]), [3, 3, 3, 1]);
        assert_eq!(lengths(&["1%"]), [1; 10]);
        assert_eq!(lengths(&["0"]), [10]);
        assert_eq!(lengths(&["-1"]), [10]);
        assert_eq!(lengths(&["20"]), [10]);
        assert_eq!(size("half", 10), None);
    }
}
