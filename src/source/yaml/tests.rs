use std::path::Path;

use super::tables::{DOCUMENTS, SCALARS};
use super::*;
use crate::diagnostics::{Color, Diagnostic, render};
use crate::source::Kind;

fn load_text(text: &str) -> Result<Loaded, SourceError> {
    load(&SourceFile::new(Path::new("file.yml"), text.to_owned()))
}

fn root(text: &str) -> Node {
    load_text(text).unwrap().node.unwrap()
}

fn show(node: &Node) -> String {
    let list = |elements: &[Node]| elements.iter().map(show).collect::<Vec<_>>().join(", ");
    match &node.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => format!("bool {value}"),
        Kind::Int(value) => format!("int {value}"),
        Kind::Float(value) => format!("float {value:?}"),
        Kind::Str(text) => serde_json::to_string(&text.value).unwrap(),
        Kind::Binary(bytes) => format!("binary {}", String::from_utf8_lossy(bytes)),
        Kind::Timestamp(_) => "timestamp".to_owned(),
        Kind::Seq(elements) => format!("[{}]", list(elements)),
        Kind::Map(entries) => {
            let shown: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", show(key), show(value)))
                .collect();
            format!("{{{}}}", shown.join(", "))
        }
        Kind::Vault(text) => format!("vault {text:?}"),
        Kind::Unsafe(inner) => format!("unsafe {}", show(inner)),
    }
}

fn drawn(text: &str) -> String {
    render(&Diagnostic::error(&load_text(text).unwrap_err()), Color::Never)
}

#[test]
fn scalars_are_what_pyyaml_makes_of_them() {
    for (text, expected) in SCALARS {
        let document = format!("k: {text}\n");
        let found = match load_text(&document) {
            Err(_) => "error".to_owned(),
            Ok(loaded) => {
                let node = loaded.node.unwrap();
                let value = node.get("k").unwrap();
                match (&value.kind, expected.strip_prefix("float ")) {
                    (Kind::Str(_), _) => "str".to_owned(),
                    (Kind::Float(float), Some(expected)) => {
                        let expected: f64 = expected.parse().unwrap();
                        assert!(
                            float.to_bits() == expected.to_bits()
                                || (float.is_nan() && expected.is_nan()),
                            "{text}: {float} is not {expected}"
                        );
                        continue;
                    }
                    _ => show(value),
                }
            }
        };
        assert_eq!(&found, expected, "{text}");
    }
}

#[test]
fn documents_are_what_pyyaml_makes_of_them() {
    for (text, expected) in DOCUMENTS {
        let found = match load_text(text) {
            Err(_) => "error".to_owned(),
            Ok(loaded) => loaded.node.as_ref().map_or("null".to_owned(), show),
        };
        assert_eq!(&found, expected, "{text:?}");
    }
}

#[test]
fn ansibles_tags_are_known() {
    for (text, expected) in [
        ("a: !unsafe '{{ x }}'\n", r#"{"a": unsafe "{{ x }}"}"#),
        ("a: !unsafe '12'\n", r#"{"a": unsafe int 12}"#),
        ("a: !unsafe [1, x]\n", r#"{"a": unsafe [int 1, "x"]}"#),
        ("!unsafe x: 1\n", r#"{"x": int 1}"#),
        ("a: !!binary aGVs bG8=\n", r#"{"a": binary hello}"#),
        ("a: !!set {x, y}\n", r#"{"a": ["x", "y"]}"#),
        ("a: !!omap [x: 1, y: 2]\n", r#"{"a": [["x", int 1], ["y", int 2]]}"#),
        ("a: !!pairs [x: 1, x: 2]\n", r#"{"a": [["x", int 1], ["x", int 2]]}"#),
        (
            "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n",
            r#"{"a": vault "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}"#,
        ),
    ] {
        assert_eq!(show(&root(text)), expected, "{text}");
    }
    for text in ["a: !vault [1]\n", "a: !vault 12\n", "a: !!binary a\n", "a: !!omap [1]\n"] {
        assert!(load_text(text).is_err(), "{text}");
    }
}

#[test]
fn a_tag_before_a_comma_is_refused_in_flow_only() {
    for text in [
        "a: [!x,b]\n",
        "[!!str, a]\n",
        "a: {b: !unsafe, c: 1}\n",
        "a: [1,\n  !x, b]\n",
        "a: [ # c\n  !x, b]\n",
    ] {
        assert!(drawn(text).contains("before the comma"), "{text}");
    }
    for text in [
        "a: 'b, !x, c'\n",
        "a: |\n  [ !x, y\n",
        "# [ !x, y\na: 1\n",
        "a: hello !x, y\n",
        "a: [\"!x, y\"]\n",
        "a: [hello !x, y]\n",
    ] {
        assert!(load_text(text).is_ok(), "{text}");
    }
}

#[test]
fn plain_and_quoted_text_are_told_apart() {
    let node = root("a: x\nb: 'x'\nc: |\n  x\n");
    let plain = |key: &str| match &node.get(key).unwrap().kind {
        Kind::Str(text) => text.plain,
        _ => panic!("no text"),
    };
    assert_eq!((plain("a"), plain("b"), plain("c")), (true, false, false));
}

#[test]
fn nodes_know_their_place() {
    let node = root("- name: é foo\n  list:\n    - \"x y\"\n    - |\n      z\n    - {a: 1}\n");
    let at = |node: &Node| (node.span.line, node.span.column, node.span.length);
    let entry = &node.as_seq().unwrap()[0];
    assert_eq!(at(entry), (1, 3, 4));
    assert_eq!(at(entry.get("name").unwrap()), (1, 9, 5));
    let list = entry.get("list").unwrap().as_seq().unwrap();
    assert_eq!(at(&list[0]), (3, 7, 5));
    assert_eq!(at(&list[1]), (4, 7, 1));
    assert_eq!(at(&list[2]), (6, 7, 1));
}

#[test]
fn duplicate_keys_warn_and_merged_ones_do_not() {
    let loaded = load_text("a: 1\nb: &x {c: 1}\na: 2\nd: {<<: *x, c: 2}\n").unwrap();
    let drawn: Vec<_> = loaded.warnings.iter().map(|w| render(w, Color::Never)).collect();
    insta::assert_snapshot!(drawn.join("\n"), @r#"
        warning: Found duplicate mapping key 'a'.
         --> file.yml:3:1
          |
        3 | a: 2
          | ^
          |
          = help: the last of them counts
        "#);
    assert_eq!(
        show(&loaded.node.unwrap()),
        r#"{"a": int 2, "b": {"c": int 1}, "d": {"c": int 2}}"#
    );
}

#[test]
fn usual_mistakes_get_a_hint() {
    let texts = [
        "- hosts: all\n  vars:\n    a: {{ x }}/y\n",
        "a: {{ x }}\n",
        "- hosts: all\n\ttasks: []\n",
        "- name:x\n  ping:\n",
        "- name: say: hello\n",
        "a: \"x\nb: 1\n",
        "a: \"{{ x }}\" y\n",
        "a: @x\n",
        "a: [1, 2\nb: 3\n",
        "a: 1\n---\nb: 2\n",
        "a: !foo 1\n",
        "a: *nope\n",
        "a: \u{7}\n",
        "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
    ];
    let drawn: Vec<_> = texts.iter().map(|text| drawn(text)).collect();
    insta::assert_snapshot!(drawn.join("\n\n"), @r#"
        error: YAML parsing failed: A list or a mapping cannot be a key.
         --> file.yml:3:9
          |
        3 |     a: {{ x }}/y
          |         ^
          |
          = help: a value that begins with `{{` must be quoted: "{{ x }}/y"

        error: YAML parsing failed: A list or a mapping cannot be a key.
         --> file.yml:1:5
          |
        1 | a: {{ x }}
          |     ^
          |
          = help: a value that begins with `{{` must be quoted: "{{ x }}"

        error: YAML parsing failed: While scanning a plain scalar found a tab character that violates indentation.
         --> file.yml:2:1
          |
        2 |     tasks: []
          | ^^^^
          |
          = help: indent with spaces, not with tabs

        error: YAML parsing failed: Mapping values are not allowed in this context.
         --> file.yml:2:7
          |
        2 |   ping:
          |       ^
          |
          = help: put a space after the colon: `name: x`

        error: YAML parsing failed: Mapping values are not allowed in this context.
         --> file.yml:1:12
          |
        1 | - name: say: hello
          |            ^
          |
          = help: a value with `: ` in it must be quoted: "say: hello"

        error: YAML parsing failed: While scanning a quoted scalar found unexpected end of stream.
         --> file.yml:1:4
          |
        1 | a: "x
          |    ^
          |
          = help: the quote " is not closed

        error: YAML parsing failed: While parsing a block mapping did not find expected key.
         --> file.yml:1:14
          |
        1 | a: "{{ x }}" y
          |              ^
          |
          = help: text follows the closing quote; quote the whole value: '"{{ x }}" y'

        error: YAML parsing failed: While scanning for the next token found character that cannot start any token.
         --> file.yml:1:4
          |
        1 | a: @x
          |    ^
          |
          = help: put a value that begins with `@` in quotes

        error: YAML parsing failed: While parsing a flow sequence did not find expected ',' or ']'.
         --> file.yml:2:2
          |
        2 | b: 3
          |  ^

        error: YAML parsing failed: Expected a single document but found another document.
         --> file.yml:2:1
          |
        2 | ---
          | ^^^
          |
          = help: remove the `---` between the documents, or make two files

        error: YAML parsing failed: Could not determine a constructor for the tag `!foo`.
         --> file.yml:1:4
          |
        1 | a: !foo 1
          |    ^^^^^^
          |
          = help: put the value in quotes if it begins with `!`

        error: YAML parsing failed: Found undefined alias `*nope`.
         --> file.yml:1:4
          |
        1 | a: *nope
          |    ^^^^^

        error: YAML parsing failed: Character U+0007 is not allowed.
         --> file.yml:1:4
          |
        1 | a: ␇
          |    ^
          |
          = help: remove the character, or write it as an escape in double quotes

        error: Attempting to decrypt but no vault secrets found.
         --> file.yml:1:1
          |
        1 | $ANSIBLE_VAULT;1.1;AES256
          | ^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: give the password with `--vault-password-file FILE`, `--vault-id ID@SOURCE` or `--ask-vault-password`
        "#);
}

#[test]
fn deep_nesting_and_alias_bombs_are_refused() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(drawn(&deep).contains("ested more than"), "{}", drawn(&deep));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}", level - 1);
        let list = vec![previous; 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{list}]\n");
    }
    assert!(drawn(&bomb).contains("liases unfold"), "{}", drawn(&bomb));
    let mut chain = "a0: &a0 x\n".to_owned();
    for level in 1..300 {
        chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(drawn(&chain).contains("ested more than"), "{}", drawn(&chain));
    assert!(drawn("a: &a [*a]\n").contains("inside its anchor"));
}

#[test]
fn wrong_bytes_are_shown_at_their_place() {
    let error =
        SourceFile::from_bytes(Path::new("f.yml"), b"a: 1\nb: \xff\n".to_vec()).unwrap_err();
    let span = crate::diagnostics::Explain::span(&error).unwrap().clone();
    assert_eq!((span.line, span.column), (2, 4));
    let error = SourceFile::read(Path::new("/nonexistent/f.yml")).unwrap_err();
    assert!(Diagnostic::error(&error).message.starts_with("cannot read `/nonexistent/f.yml`: "));
}

#[test]
fn no_text_makes_it_panic() {
    let mut seed = 1_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let pieces: Vec<&[u8]> = vec![
        b"- ",
        b": ",
        b"\n",
        b"  ",
        b"\t",
        b"{{ x }}",
        b"\"",
        b"'",
        b"&a ",
        b"*a",
        b"<<: ",
        b"[",
        b"]",
        b"{",
        b"}",
        b"|\n",
        b">-\n ",
        b"!vault ",
        b"!unsafe ",
        b"!!int ",
        b"\xc3\xa9",
        b"\xff",
        b"\r",
        b"\xe2\x80\xa8",
        b"0x",
        b"1:30",
        b"---\n",
        b"...",
        b"%YAML 9.9\n",
        b"? ",
        b"#",
        b",",
        b"a",
        b"0",
        b"!a,",
        b"!!str,",
        b", ",
    ];
    for _ in 0..10_000 {
        let count = usize::try_from(next() % 14).unwrap();
        let mut bytes = Vec::new();
        for _ in 0..count {
            let index = usize::try_from(next()).unwrap() % pieces.len();
            bytes.extend_from_slice(pieces[index]);
        }
        let loaded = SourceFile::from_bytes(Path::new("f.yml"), bytes).and_then(|file| load(&file));
        if let Err(error) = loaded {
            let _ = render(&Diagnostic::error(&error), Color::Never);
        }
    }
}
