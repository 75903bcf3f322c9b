//! What the templar does beside single templates: files, unknown results, places, checks.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canvass::diagnostics::Explain as _;
use canvass::source::{Node, SourceFile, yaml};
use canvass::template::{
    Directories, FileOptions, Templar, TemplateErrorKind, from_json, is_omit, to_json,
};
use canvass::vars::{Layer, Scope, Var};
use indexmap::IndexMap;
use minijinja::Value;
use serde_json::json;

fn document(text: &str) -> Node {
    let file = SourceFile::new(Path::new("play.yml"), text.to_owned());
    yaml::load(&file).unwrap().node.unwrap()
}

fn layer(text: &str) -> Layer {
    let node = document(text);
    let entries = node.as_map().unwrap();
    entries.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), value.into())).collect()
}

fn scope(text: &str) -> Scope {
    Scope::new(vec![Arc::new(layer(text))])
}

fn options() -> FileOptions {
    FileOptions::default()
}

#[test]
fn files_follow_the_rules_of_the_template_module() {
    let scope = scope("{n: 5, l: [1, 2], s: text}");
    let cases = [
        ("a {{ n }}\n", "a 5\n"),
        ("{{ n }}\n", "5"),
        ("{{ l }}", "[1, 2]"),
        ("a\r\nb {{ s }}\r\n", "a\nb text\n"),
        ("{% for i in l %}\n- {{ i }}\n{% endfor %}\n", "- 1\n- 2\n"),
        ("#jinja2: trim_blocks: False\n{% if n %}\nx\n{% endif %}\n", "\nx\n"),
        (
            "#jinja2: lstrip_blocks: True, trim_blocks: True\n  {% if n %}\n  x\n  {% endif %}\n",
            "  x\n",
        ),
        (
            "#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n[[ n ]] {{ n }}\n",
            "5 {{ n }}\n",
        ),
        ("{{ 'a\\tb' }}\n", "a\tb\n"),
        ("{{ '{{ n }}' }}\n", "{{ n }}\n"),
        ("", ""),
        ("\n\n", "\n\n"),
    ];
    for (source, expected) in cases {
        let rendered = Templar::new().file(Path::new("/t/x.j2"), source, &options(), &scope);
        assert_eq!(rendered.unwrap(), expected, "{source:?}");
    }
}

#[test]
fn files_include_import_and_extend_along_the_search_path() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    fs::create_dir(&templates).unwrap();
    fs::write(templates.join("part.j2"), "part {{ n }} {{ own }}\n").unwrap();
    fs::write(templates.join("macros.j2"), "{% macro hi(x) %}hi {{ x }}{% endmacro %}").unwrap();
    fs::write(templates.join("base.j2"), "<{% block body %}base{% endblock %}>\n").unwrap();
    let directories =
        Directories { playbook: folder.path().to_path_buf(), ..Directories::default() };
    let scope = scope("n: 5").with_directories(Arc::new(directories));
    let cases = [
        ("{% set own = 7 %}{% include 'part.j2' %}", "part 5 7"),
        ("{% include 'none.j2' ignore missing %}x", "x"),
        ("{% from 'macros.j2' import hi %}{{ hi(n) }}", "hi 5"),
        ("{% import 'macros.j2' as m %}{{ m.hi(1) }}", "hi 1"),
        ("{% extends 'base.j2' %}{% block body %}{{ super() }}-{{ n }}{% endblock %}", "<base-5>"),
    ];
    for (source, expected) in cases {
        let path = Path::new("/elsewhere/x.j2");
        let rendered = Templar::new().file(path, source, &options(), &scope);
        assert_eq!(rendered.unwrap(), expected, "{source:?}");
    }
    let missing =
        Templar::new().file(Path::new("x"), "{% include 'none.j2' %}", &options(), &scope);
    assert!(missing.unwrap_err().to_string().contains("'none.j2' not found"));
}

#[test]
fn an_unknown_result_makes_what_reads_it_unknown() {
    let known = IndexMap::from([("changed".to_owned(), Var::Data(Value::from(true)))]);
    let result = Var::Unknown(Arc::new(known), Arc::from("the command was not run"));
    let mut layer = layer("derived: '{{ r.rc }}'");
    layer.insert("r".to_owned(), result);
    let scope = Scope::new(vec![Arc::new(layer)]);
    let templar = Templar::new();
    for source in
        ["r is defined", "r is changed", "r.changed", "false and r.rc == 0", "true or r.rc"]
    {
        let value = templar.expression(source, None, &scope).unwrap();
        assert_eq!(value.is_true(), !source.starts_with("false"), "{source}");
    }
    for source in [
        "r.rc == 0",
        "r.rc | default(0)",
        "r.stdout is defined",
        "r is failed",
        "r",
        "r == {}",
        "r | to_json",
        "r | length",
        "derived",
        "derived | default(1)",
        "[r]",
        "r.items()",
        "r is skipped",
        "'x' ~ r",
        "r.keys() | list",
    ] {
        let error = templar.expression(source, None, &scope).unwrap_err();
        let reason = TemplateErrorKind::Unknown("the command was not run".to_owned());
        assert_eq!(error.kind, reason, "{source}");
    }
}

#[test]
fn data_is_never_a_template() {
    let mut layer = layer("{s: secret, u: !unsafe '{{ s }}', all: [\"{{ data }}\", \"{{ u }}\"]}");
    layer.insert("data".to_owned(), Var::Data(from_json(&json!({"x": "{{ s }}"}))));
    let scope = Scope::new(vec![Arc::new(layer)]);
    let value = scope.value("all").unwrap().unwrap();
    assert_eq!(to_json(&value).unwrap(), json!([{"x": "{{ s }}"}, "{{ s }}"]));
}

#[test]
fn omit_is_dropped_from_containers_and_told_at_the_top() {
    let templar = Templar::new();
    let node =
        document("{a: '{{ omit }}', b: ['{{ omit }}', 1], c: {d: '{{ nope | default(omit) }}'}}");
    let value = templar.node(&node, &Scope::default()).unwrap();
    assert_eq!(to_json(&value).unwrap(), json!({"b": [1], "c": {}}));
    let top = templar.node(&document("'{{ omit }}'"), &Scope::default()).unwrap();
    assert!(is_omit(&top));
}

#[test]
fn keys_may_be_templates_and_layers_cover_each_other() {
    let weak = Arc::new(layer("{name: weak, derived: \"{{ name }}!\"}"));
    let strong = Arc::new(layer("{name: strong}"));
    let scope = Scope::new(vec![weak]);
    assert_eq!(scope.value("derived").unwrap().unwrap().as_str(), Some("weak!"));
    let over = scope.over(strong);
    assert_eq!(over.value("derived").unwrap().unwrap().as_str(), Some("strong!"));
    let node = document("{'{{ name }}_key': 1}");
    let value = Templar::new().node(&node, &over).unwrap();
    assert_eq!(to_json(&value).unwrap(), json!({"strong_key": 1}));
    assert_eq!(over.names(), ["name", "derived"]);
}

#[test]
fn errors_have_the_place_of_the_part_at_fault() {
    let cases = [
        ("msg: \"say {{ nope.x }} now\"", 1, 14),
        ("msg: |\n  first\n  and {{ nope }}\n", 3, 10),
        ("msg: '{{ 1 | nofilter }}'", 1, 14),
    ];
    for (text, line, column) in cases {
        let error = Templar::new().node(&document(text), &Scope::default()).unwrap_err();
        let span = error.span.unwrap();
        assert_eq!((span.line, span.column), (line, column), "{text}");
    }
}

#[test]
fn a_variable_that_needs_itself_is_told() {
    let scope = scope("{a: '{{ b }}', b: '{{ a }}'}");
    let error = scope.value("a").unwrap_err().to_string();
    assert!(error.starts_with("Recursive loop detected in template: "), "{error}");
}

#[test]
fn checks_refuse_what_cannot_be_rendered_without_rendering() {
    let templar = Templar::new();
    for text in ["'{{ x | nofilter }}'", "[{a: '{{ x is notest }}'}]", "'{% if %}'", "'{{ x'"] {
        let error = templar.check(&document(text)).unwrap_err();
        assert!(matches!(error.kind, TemplateErrorKind::Syntax { .. }), "{text}");
    }
    let near = templar.check(&document("'{{ x | uper }}'")).unwrap_err();
    assert_eq!(near.hints(), ["did you mean `upper`?"]);
    assert!(templar.check(&document("'{{ undefined_thing | upper }}'")).is_ok());
    assert!(templar.check_condition(&document("a ==")).is_err());
    assert!(templar.check_condition(&document("[a is defined, b]")).is_ok());
}

#[test]
fn hostile_templates_end_in_errors() {
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    let nested = "{% if 1 %}".repeat(3000);
    let recursive = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned();
    let long = "{{ 'x' * 99999999999 }}".to_owned();
    let wide = "{{ '%999999999d' % 1 }}".to_owned();
    for source in [format!("{{{{ {deep} }}}}"), nested, recursive, long] {
        let node = Node::text(source, document("x").span);
        assert!(Templar::new().node(&node, &Scope::default()).is_err());
    }
    // Python has no smallest whole number
    let minimum =
        "{{ (-170141183460469231731687303715884105727 - 1) // -1 == 2 ** 127 }}".to_owned();
    for source in [wide, minimum] {
        let node = Node::text(source, document("x").span);
        let value = Templar::new().node(&node, &Scope::default()).unwrap();
        assert!(value.is_true());
    }
}

#[test]
fn lookups_search_the_role_and_keep_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let role = folder.path().join("role");
    fs::create_dir_all(role.join("files")).unwrap();
    fs::write(role.join("files/motd"), "hello\n\n").unwrap();
    fs::write(role.join("files/data.csv"), "a,1\n\"b c\",2\n").unwrap();
    fs::write(role.join("files/x.ini"), "[s]\nkey = value\n").unwrap();
    let directories = Directories {
        roles: vec![role.clone()],
        playbook: PathBuf::from(folder.path()),
        ..Directories::default()
    };
    let scope = Scope::default().with_directories(Arc::new(directories));
    let cases = [
        ("lookup('file', 'motd')", json!("hello")),
        ("lookup('csvfile', 'a file=data.csv delimiter=,')", json!("1")),
        ("lookup('ini', 'key section=s file=x.ini')", json!("value")),
        ("query('fileglob', '*.ini') | map('basename') | list", json!(["x.ini"])),
        (
            "lookup('first_found', ['motd', 'files/../files/motd']) | dirname | basename",
            json!("files"),
        ),
        ("query('first_found', 'motd', skip=true)", json!([])),
        ("lookup('password', 'pw length=12 chars=digits') | length", json!(12)),
        ("lookup('password', 'pw') is match('^[0-9]{12}$')", json!(true)),
    ];
    for (source, expected) in cases {
        let value = Templar::new().expression(source, None, &scope).unwrap();
        assert_eq!(to_json(&value).unwrap(), expected, "{source}");
    }
    let node = document("[1, [2, [3]]]");
    let items = Templar::new().lookup_loop("items", &node, &scope).unwrap();
    assert_eq!(to_json(&Value::from(items)).unwrap(), json!([1, 2, [3]]));
    for (action, file) in
        [("debug", "files/motd"), ("template", "templates/motd"), ("include_vars", "vars/motd")]
    {
        fs::create_dir_all(role.join(file).parent().unwrap()).unwrap();
        fs::write(role.join(file), "").unwrap();
        let directories =
            Directories { action: action.to_owned(), ..Directories::clone(scope.directories()) };
        let scope = Scope::default().with_directories(Arc::new(directories));
        let found = Templar::new().lookup_loop("first_found", &document("[none, motd]"), &scope);
        let expected = role.join(file).to_string_lossy().into_owned();
        assert_eq!(to_json(&Value::from(found.unwrap())).unwrap(), json!([expected]), "{action}");
    }
    let refused = Templar::new().lookup_loop("random_pet", &node, &scope).unwrap_err();
    assert!(refused.to_string().contains("random_pet"), "{refused}");
}

#[test]
fn a_rendering_has_bounds() {
    let scope = scope("{n: 5}");
    let stopped = "it was stopped";
    let deep = "maximum recursion depth exceeded";
    let cases = [
        ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", stopped),
        (
            "{% set s = namespace(x='a') %}{% for i in range(40) %}{% set s.x = s.x ~ s.x %}{% endfor %}",
            stopped,
        ),
        ("{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", deep),
        ("{% set l = [] %}{% set m = [l] %}{% set _ = l.insert(0, m) %}{{ l }}", deep),
        ("{% set d = {} %}{% set _ = d.update({'a': [d]}) %}{{ d }}", deep),
        ("{% set d = {} %}{% set _ = d.setdefault('a', d) %}{{ d }}", deep),
        ("{% set s = namespace() %}{% set s.x = s %}{{ s.x }}", deep),
        (
            "{% set s = namespace(x=1) %}{% for i in range(999) %}{% set s.x = (s.x, 1) %}{% endfor %}{{ s.x }}",
            deep,
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", deep),
    ];
    for (source, expected) in cases {
        let templar = Templar::bounded(200_000);
        let error = templar.file(Path::new("/t/x.j2"), source, &options(), &scope).unwrap_err();
        assert!(error.to_string().contains(expected), "{source}: {error}");
    }
    let source = "{{ '1.2}0-1rc1' is version('1.0', '<', version_type='pep440') }}";
    let error = Templar::new().file(Path::new("/t/x.j2"), source, &options(), &scope).unwrap_err();
    assert!(error.to_string().contains("Invalid version: '1.2}0-1rc1'"), "{error}");
    let source =
        "{% set l = [3, 1] %}{% set _ = l.insert(1, 7) %}{% set _ = l.insert(-1, 9) %}{{ l }}";
    let rendered = Templar::new().file(Path::new("/t/x.j2"), source, &options(), &scope);
    assert_eq!(rendered.unwrap(), "[3, 7, 9, 1]");
}
