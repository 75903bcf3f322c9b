//! Inventories compared with what ansible-core made of them (`tests/inventory`), and refusals.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::diagnostics::{Diagnostic, Explain};
use crate::vars::{Layer, Var};

fn cases() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory");
    let mut cases: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn sources(case: &Path) -> Vec<String> {
    let names = match fs::read_to_string(case.join("args")) {
        Ok(args) => args.lines().map(str::to_owned).collect(),
        Err(_) => ["hosts", "hosts.ini", "hosts.yml", "hosts.json"]
            .map(str::to_owned)
            .into_iter()
            .filter(|name| case.join(name).exists())
            .collect::<Vec<_>>(),
    };
    let placed = |name: String| {
        if name.contains(',') { name } else { case.join(name).to_string_lossy().into_owned() }
    };
    names.into_iter().map(placed).collect()
}

fn load(case: &Path) -> Inventory {
    Inventory::load(&sources(case), &[case.join("playbook")], &InventorySettings::default())
        .unwrap_or_else(|errors| {
            panic!("{}: {errors:#?}", case.display());
        })
}

fn plain(var: &Var) -> Json {
    match var {
        Var::Data(value) => data(value),
        Var::Template(text, ..) => json!(&**text),
        Var::List(elements) => elements.iter().map(plain).collect(),
        Var::Map(entries) => entries
            .iter()
            .map(|(name, var)| (name.clone(), plain(var)))
            .collect::<Map<_, _>>()
            .into(),
        other => panic!("{other:?}"),
    }
}

fn data(value: &Value) -> Json {
    match value.kind() {
        ValueKind::None => Json::Null,
        ValueKind::Bool => value.is_true().into(),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(number) if value.is_integer() => number.into(),
            _ => f64::try_from(value.clone()).unwrap().into(),
        },
        ValueKind::String => value.as_str().into(),
        ValueKind::Map => value
            .try_iter()
            .unwrap()
            .map(|key| (key.to_string(), data(&value.get_item(&key).unwrap())))
            .collect::<Map<_, _>>()
            .into(),
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().unwrap().map(|element| data(&element)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn variables(inventory: &Inventory, host: &str, playbook: &Path) -> Json {
    let mut found = Map::new();
    for layer in inventory.layers(host, playbook).unwrap().iter().rev() {
        found.extend(layer.iter().map(|(name, var)| (name.clone(), plain(var))));
    }
    found.extend(inventory.magic(host).iter().map(|(name, var)| (name.clone(), plain(var))));
    for internal in ["inventory_file", "inventory_dir", "groups"] {
        assert!(found.remove(internal).is_some(), "{host} {internal}");
    }
    found.into()
}

#[test]
fn inventories_are_read_as_ansible_reads_them() {
    let cases = cases();
    assert!(cases.len() >= 10);
    for case in cases {
        let inventory = load(&case);
        let groups: Map<_, _> = inventory
            .groups()
            .keys()
            .map(|group| {
                let own = inventory.own_hosts(group.as_str());
                let children = inventory.children(group.as_str());
                let body = json!({
                    "own": own.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
                    "children": children.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
                });
                (group.to_string(), body)
            })
            .collect();
        let everyone: Vec<_> = inventory.hosts().iter().map(HostName::as_str).collect();
        let by_host: Map<_, _> = everyone
            .iter()
            .map(|host| ((*host).to_owned(), variables(&inventory, host, &case.join("playbook"))))
            .collect();
        let groups_variable = everyone.first().map(|host| plain(&inventory.magic(host)["groups"]));
        let found = json!({
            "hosts": everyone,
            "groups": groups,
            "groups_variable": groups_variable,
            "variables": by_host,
        });
        let expected = fs::read_to_string(case.join("expected.json")).unwrap();
        let expected: Json = serde_json::from_str(&expected).unwrap();
        for (part, found) in found.as_object().unwrap() {
            let (found, expected) = (pretty(found), pretty(&expected[part]));
            assert_eq!(found, expected, "{} {part}", case.display());
        }
    }
}

/// The files were written by `ansible-inventory -i SOURCE` with `--list`, `--list --export`,
/// `--list --yaml` and `--graph --vars`.
#[test]
fn listings_are_those_of_ansible_inventory() {
    let mut compared = 0;
    for case in cases().into_iter().filter(|case| case.join("listing.json").exists()) {
        let inventory = load(&case);
        let listing = |share| Listing {
            inventory: &inventory,
            share,
            playbook_dir: None,
            extra_vars: Layer::new(),
            hosts: inventory.hosts().iter().map(|host| host.as_str().to_owned()).collect(),
        };
        let all = listing(Share::All);
        for (file, found) in [
            ("listing.json", all.all(Format::Json).unwrap()),
            ("listing.export.json", listing(Share::Own).all(Format::Json).unwrap()),
            ("listing.yml", all.all(Format::Yaml).unwrap()),
            ("listing.graph", all.graph("all", GraphVars::Shown).unwrap().unwrap()),
        ] {
            let expected = fs::read_to_string(case.join(file)).unwrap();
            assert_eq!(found.trim_end(), expected.trim_end(), "{} {file}", case.display());
            compared += 1;
        }
    }
    assert!(compared >= 8);
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(&sorted(value)).unwrap()
}

/// The keys of variables in order; Ansible's answers are recorded so.
fn sorted(value: &Json) -> Json {
    let mut value = value.clone();
    value.sort_all_objects();
    value
}

#[test]
fn patterns_pick_as_ansible_picks() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory/patterns_pick_hosts");
    let inventory = load(&case);
    let expected = fs::read_to_string(case.join("expected.json")).unwrap();
    let expected: Json = serde_json::from_str(&expected).unwrap();
    let rows = expected["patterns"].as_array().unwrap();
    assert!(rows.len() > 40);
    for row in rows {
        let text = row["pattern"].as_str().unwrap();
        let limit = row["limit"].as_str().map(|limit| {
            let limit = limit.replace('@', &format!("@{}/", case.display()));
            Pattern::limit(&limit).unwrap()
        });
        match inventory.select(&Pattern::parse(text).unwrap(), limit.as_ref()) {
            Ok(selection) => {
                let hosts: Vec<_> = selection.hosts.iter().map(HostName::as_str).collect();
                assert_eq!(json!(hosts), row["hosts"], "{row}");
                let warnings: Vec<_> =
                    selection.warnings.iter().map(|warning| &warning.message).collect();
                let expected: Vec<_> = row["warnings"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|warning| !warning.as_str().unwrap().starts_with("Use [x:y]"))
                    .cloned()
                    .collect();
                assert_eq!(json!(warnings), json!(expected), "{row}");
            }
            Err(error) => {
                let expected = row["error"].as_str().unwrap_or_else(|| panic!("{row}: {error}"));
                let found = error.to_string().replace('`', "'");
                assert!(expected.eq_ignore_ascii_case(&found), "{row}: {error}");
            }
        }
    }
}

#[test]
fn bad_patterns_are_refused() {
    for text in ["~web(", "a,~*"] {
        let error = Pattern::parse(text).unwrap_err();
        assert!(matches!(error, PatternError::Regex { .. }), "{text}");
    }
    let error = Pattern::limit("@nowhere/limit").unwrap_err();
    assert!(error.to_string().contains("`nowhere/limit`"), "{error}");
}

/// Loads one file of this name and text.
fn load_text(name: &str, text: &[u8]) -> Result<Inventory, Vec<InventoryError>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    Inventory::load(&[path.to_string_lossy().into_owned()], &[], &InventorySettings::default())
}

fn shown(errors: &[InventoryError]) -> Vec<String> {
    errors
        .iter()
        .map(|error| {
            let place = error.span().map_or("-".to_owned(), |span| {
                format!("{}:{}+{}", span.line, span.column, span.length)
            });
            assert!(!Diagnostic::error(error).message.is_empty());
            format!("{place} {error}")
        })
        .collect()
}

#[test]
fn bad_lines_are_told_with_their_place() {
    let table: &[(&str, &str, &[&str])] = &[
        ("hosts.ini", "web1 a\n", &["1:6+1 expected `key=value`, got `a`"]),
        ("hosts.ini", "[web]\n  web1 a='x\n", &["2:10+1 this quote is never closed"]),
        ("hosts.ini", "w a=\\\n", &["1:5+1 nothing follows this backslash"]),
        ("hosts.ini", "web1:\n", &["1:1+5 a port is missing behind the colon of `web1:`"]),
        (
            "hosts.ini",
            "w[1:x]\nw[2]\n",
            &[
                "1:1+6 cannot expand the range in `w[1:x]`",
                "2:1+4 cannot expand the range in `w[2]`",
            ],
        ),
        (
            "hosts.ini",
            "[web:host]\nx\n[a b]\ny z\n",
            &[
                "1:6+4 section `[web:host]` has the unknown kind `host`",
                "3:1+5 invalid section `[a b]`",
            ],
        ),
        (
            "hosts.ini",
            "[a:vars]\nx=1\n",
            &["1:2+1 section `[a:vars]` is not valid for the undefined group `a`"],
        ),
        (
            "hosts.ini",
            "[a:children]\nb # c\n",
            &["2:1+1 section `[a:children]` includes the undefined group `b`"],
        ),
        ("hosts.ini", "[a]\n[a:vars]\nx\n", &["3:1+1 expected `key=value`, got `x`"]),
        (
            "hosts.ini",
            "[a:children]\nb c=1\n",
            &["2:1+5 expected the name of a group, got `b c=1`"],
        ),
        (
            "hosts.ini",
            "[a:children]\nb\n[b:children]\na\n",
            &["4:1+1 adding group `a` as a child of `b` creates a recursive dependency loop"],
        ),
        (
            "hosts.ini",
            "[a]\n[a:children]\na\n",
            &["3:1+1 adding group `a` as a child of `a` creates a recursive dependency loop"],
        ),
        (
            "hosts.ini",
            "[a:children]\nall\n",
            &["- adding group `a` as a child of `all` creates a recursive dependency loop"],
        ),
        (
            "hosts.ini",
            "[a]\n[a:vars]\nansible_group_priority=x\n",
            &["3:24+1 `ansible_group_priority` of group `a` must be a whole number, found `x`"],
        ),
        ("hosts.ini", "---\n", &["1:1+3 `---` is no host: this looks like a YAML file"]),
        ("hosts.ini", "'' a=1\n", &["1:1+2 the name of a host is empty"]),
        (
            "hosts.yml",
            "all:\n  hosts: [a]\n",
            &["2:10+1 `hosts` of group `all` must be a mapping, found a list"],
        ),
        (
            "hosts.yml",
            "all:\n  hosts:\n    a: x\n    1: {}\n",
            &[
                "3:8+1 the variables of host `a` must be a mapping, found text",
                "4:5+1 Host pattern 1 must be a string. Enclose integers/floats in quotation marks.",
            ],
        ),
        ("hosts.yml", "plugin: amazon.aws.aws_ec2\n", &["1:9+18 inventory config '"]),
        (
            "hosts.yml",
            "a:\n  children:\n    b:\n      children:\n        a:\n",
            &["3:5+1 adding group `b` as a child of `a` creates a recursive dependency loop"],
        ),
        ("hosts.yml", "- a\n", &["1:1+1 a YAML inventory is a mapping of groups, found a list"]),
        ("hosts.toml", "[a\n", &["1:3+1 TOML file is invalid: "]),
        (
            "hosts.toml",
            "[a.hosts]\nx = 3\n",
            &["2:1+1 the variables of host `x` must be a mapping, found integer"],
        ),
        (
            "hosts",
            "$ANSIBLE_VAULT;1.1;AES256\n00\n",
            &["1:1+25 Attempting to decrypt but no vault secrets found."],
        ),
    ];
    for (name, text, expected) in table {
        let errors = shown(&load_text(name, text.as_bytes()).unwrap_err());
        assert_eq!(errors.len(), expected.len(), "{text}: {errors:?}");
        for (error, expected) in errors.iter().zip(*expected) {
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_may_stand_in_comments_only() {
    assert!(load_text("hosts", b"# caf\xe9\nweb1\n").is_ok());
    let errors = load_text("hosts", b"web1\nb a=caf\xe9\n").unwrap_err();
    assert_eq!(shown(&errors), ["2:8+1 this line of the inventory is not UTF-8"]);
}

#[test]
fn programs_answer_and_executable_lists_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("inventory");
    let load = |text: &str| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Inventory::load(&[path.to_string_lossy().into_owned()], &[], &InventorySettings::default())
    };
    let errors = load("#!/bin/sh\necho oops >&2; exit 3\n").unwrap_err();
    assert_eq!(shown(&errors), ["- Inventory script returned non-zero exit code 3."]);
    assert_eq!(errors[0].hints(), ["Standard error from inventory script:\noops\n"]);
    assert_eq!(load("web1\n").unwrap().hosts().len(), 1);
    let answer = r#"#!/bin/sh
if [ "$1" = --host ]; then echo "{\"of\": \"$2\"}"; exit; fi
echo '{"web": {"hosts": ["a"], "vars": {"v": "{{ x }}"}, "children": ["sub"]}, "sub": ["b"]}'
"#;
    let inventory = load(answer).unwrap();
    assert_eq!(inventory.groups()["web"].len(), 2);
    assert!(inventory.warnings().iter().any(|warning| warning.message.contains("--host")));
    let vars = variables(&inventory, "b", dir.path());
    assert_eq!((&vars["of"], &vars["v"]), (&json!("b"), &json!("{{ x }}")));
}

#[test]
fn a_missing_source_is_an_error_with_a_hint() {
    let errors =
        Inventory::load(&["nowhere/web1".into()], &[], &InventorySettings::default()).unwrap_err();
    assert_eq!(shown(&errors), ["- cannot find the inventory `nowhere/web1`"]);
    assert_eq!(errors[0].hints(), ["a list of hosts has a comma in it: `-i web1,`"]);
}

#[test]
fn an_implicit_localhost_is_local() {
    let inventory = Inventory::load(&["a,b".into()], &[], &InventorySettings::default()).unwrap();
    let all = inventory.select(&Pattern::parse("all").unwrap(), None).unwrap();
    assert_eq!(all.hosts.len(), 2);
    let here = inventory.select(&Pattern::parse("localhost").unwrap(), None).unwrap();
    assert_eq!(here.hosts, [HostName::new("localhost")]);
    assert!(here.warnings.is_empty());
    let layers = inventory.layers("localhost", Path::new(".")).unwrap();
    assert_eq!(plain(&layers[0]["ansible_connection"]), json!("local"));
    assert!(inventory.group_names("localhost").is_empty());
    assert!(!inventory.is_listed("localhost"));
}

#[test]
fn a_broken_variables_file_stops_only_the_hosts_that_need_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("hosts"), "[web]\nw\n[db]\nd\n").unwrap();
    fs::create_dir(at("group_vars")).unwrap();
    fs::write(at("group_vars/web.yml"), "a: [\n").unwrap();
    fs::write(at("group_vars/db.yml"), "- a\n").unwrap();
    fs::write(at("group_vars/all.yml"), "ok: 1\n").unwrap();
    let inventory = Inventory::load(
        &[at("hosts").to_string_lossy().into_owned()],
        &[],
        &InventorySettings::default(),
    )
    .unwrap();
    let error = inventory.layers("w", dir.path()).unwrap_err();
    assert!(matches!(error.problem, Problem::Yaml(_)) && error.span().is_some());
    let error = inventory.layers("d", dir.path()).unwrap_err();
    assert_eq!(error.to_string(), "a file of variables is a mapping, found a list");
    assert_eq!(inventory.layers("localhost", dir.path()).unwrap().len(), 2);
}

#[test]
fn ten_thousand_hosts_share_their_groups() {
    let text = "[web]\nw[0:9999]\n[web:vars]\na=1\n[site:children]\nweb\n[site:vars]\nb=1\n";
    let inventory = load_text("hosts", text.as_bytes()).unwrap();
    let first = inventory.layers("w0", Path::new(".")).unwrap();
    let last = inventory.layers("w9999", Path::new(".")).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first[1], &last[1]));
    let picked = inventory.select(&Pattern::parse("w*:!~w.*7$").unwrap(), None).unwrap();
    assert_eq!(picked.hosts.len(), 9000);
}

#[test]
fn an_implicit_localhost_is_in_its_groups_and_not_in_all() {
    let mut inventory =
        Inventory::load(&["a,".into()], &[], &InventorySettings::default()).unwrap();
    assert!(inventory.group_host("localhost", "here", &[]).unwrap());
    assert_eq!(inventory.groups()["here"], [HostName::new("localhost")]);
    assert_eq!(inventory.groups()["all"], [HostName::new("a")]);
}
