//! The pages say what is there.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::Path;

use canvass::playbook::keywords::Keyword;

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The names in backticks.
fn names(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The part of the compatibility page on what is missing.
fn missing(page: &str) -> &str {
    page.split_once("## Not there yet").unwrap().1
}

#[test]
fn keywords_that_are_not_there_are_listed() {
    let page = page("COMPATIBILITY.md");
    let line = missing(&page).lines().find(|line| line.starts_with("- **Keywords:**"));
    let listed = line.map(names).unwrap_or_default();
    for keyword in Keyword::ALL.iter().filter(|keyword| keyword.levels().is_empty()) {
        assert!(listed.contains(&keyword.name()), "`{}` is not listed", keyword.name());
    }
}

#[test]
fn modules_are_listed_where_they_belong() {
    let (compatibility, changelog) = (page("COMPATIBILITY.md"), page("CHANGELOG.md"));
    let line = missing(&compatibility).lines().find(|line| line.contains("**Modules of")).unwrap();
    let absent = names(line);
    let lines = changelog.lines().filter(|line| line.starts_with("- Modules"));
    let present: Vec<&str> = lines.flat_map(names).collect();
    for name in canvass::run::module_names() {
        let name = name.trim_start_matches("ansible.builtin.");
        assert!(!absent.contains(&name), "`{name}` is there now");
        // `systemd` is the old name of `systemd_service`
        assert!(present.contains(&name) || name == "systemd", "`{name}` is not in the changelog");
    }
}

#[test]
fn links_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).chain(docs);
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut links = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path == "docs/report.svg" {
                continue;
            }
            links += 1;
            assert!(page.parent().unwrap().join(path).exists(), "{}: {target}", page.display());
        }
    }
    assert!(links > 10, "only {links} links were found");
}
