//! Which steps the tags select.

use std::collections::BTreeSet;

/// `--tags` and `--skip-tags`.
#[derive(Debug, Clone, Default)]
pub struct TagFilter {
    /// Only these; empty means `all`.
    pub only: BTreeSet<String>,
    /// Not these.
    pub skip: BTreeSet<String>,
}

/// Something that carries tags.
pub type Tagged = BTreeSet<String>;

impl TagFilter {
    /// Whether nothing is left out by `--tags`.
    pub fn is_open(&self) -> bool {
        self.only.is_empty() || self.only.contains("all")
    }

    /// Whether what carries these tags runs, by Ansible's rules for `always`, `never`, `all`,
    /// `tagged` and `untagged`.
    pub fn selects(&self, tags: &Tagged) -> bool {
        let untagged = tags.is_empty() || tags.iter().all(|tag| tag == "untagged");
        self.wants(tags, untagged) && !self.skips(tags, untagged)
    }

    fn wants(&self, tags: &Tagged, untagged: bool) -> bool {
        let only = &self.only;
        if tags.contains("always") {
            return true;
        }
        if only.is_empty() || only.contains("all") {
            return !tags.contains("never") || only.iter().any(|tag| tags.contains(tag));
        }
        if only.iter().any(|tag| tags.contains(tag)) {
            return true;
        }
        (only.contains("tagged") && !untagged && !tags.contains("never"))
            || (only.contains("untagged") && untagged)
    }

    fn skips(&self, tags: &Tagged, untagged: bool) -> bool {
        let skip = &self.skip;
        if skip.contains("all") && !(tags.contains("always") && !skip.contains("always")) {
            return true;
        }
        skip.iter().any(|tag| tags.contains(tag))
            || (skip.contains("tagged") && !untagged)
            || (skip.contains("untagged") && untagged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &str) -> BTreeSet<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    /// Answers of ansible-core 2.19.14 for `--tags`, `--skip-tags` and a task's tags.
    #[test]
    fn selects_as_ansible_does() {
        let cases = [
            ("", "", "", true),
            ("", "", "a", true),
            ("", "", "never", false),
            ("", "", "never a", false),
            ("a", "", "never a", true),
            ("a", "", "b", false),
            ("a", "", "", false),
            ("a", "", "always", true),
            ("never", "", "never", true),
            ("tagged", "", "", false),
            ("tagged", "", "a", true),
            ("untagged", "", "", true),
            ("untagged", "", "a", false),
            ("all", "", "never", false),
            ("", "a", "a", false),
            ("", "a", "always a", false),
            ("", "always", "always", false),
            ("", "all", "always", true),
            ("", "all", "a", false),
            ("", "tagged", "a", false),
            ("", "untagged", "", false),
            ("a", "b", "a b", false),
        ];
        for (only, skip, tags, expected) in cases {
            let filter = TagFilter { only: set(only), skip: set(skip) };
            assert_eq!(
                filter.selects(&set(tags)),
                expected,
                "--tags {only:?} --skip-tags {skip:?} on {tags:?}"
            );
        }
    }
}
