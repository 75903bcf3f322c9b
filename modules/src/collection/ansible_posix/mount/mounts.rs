//! What is mounted, by `/proc/self/mountinfo`.

use std::collections::BTreeMap;
use std::path::Path;

struct Mounted<'a> {
    parent: u64,
    root: &'a str,
    place: &'a str,
    source: &'a str,
}

/// What is mounted at a path: the device, or of a bind mount the directory.
pub(super) fn source_at(table: &str, path: &Path) -> Option<String> {
    let mut all: BTreeMap<u64, Mounted<'_>> = BTreeMap::new();
    let mut last = None;
    for line in table.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(id), Some(parent)) = (number(&fields, 0), number(&fields, 1)) else { continue };
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        let source = field(fields.len().saturating_sub(2));
        let mounted = Mounted { parent, root: field(3), place: field(4), source };
        if Path::new(&unescaped(mounted.place)) == path {
            last = Some(id);
        }
        all.insert(id, mounted);
    }
    let mounted = all.get(&last?)?;
    let parent = all.get(&mounted.parent).filter(|_| mounted.parent != 1);
    Some(match parent {
        Some(parent) => {
            let below = mounted
                .root
                .strip_prefix(parent.root)
                .filter(|rest| parent.root.len() > 1 && rest.starts_with('/'));
            let root = below.unwrap_or(mounted.root);
            let above = if parent.place == "/" { "" } else { parent.place };
            let bound = format!("{above}{root}");
            // a whole file system is its device
            if mounted.root == "/" { mounted.source.to_owned() } else { unescaped(&bound) }
        }
        None => unescaped(mounted.source),
    })
}

fn number(fields: &[&str], index: usize) -> Option<u64> {
    fields.get(index)?.parse().ok()
}

/// A field with its `\040`.
fn unescaped(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}
