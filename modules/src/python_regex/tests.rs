//! Outcomes are those of CPython's `re`.

use super::*;

fn found(pattern: &str, flags: Flags, text: &str) -> Option<String> {
    let regex = compile(pattern, flags).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    regex.search(text).unwrap().map(|captures| captures[0].to_owned())
}

const NONE: Flags =
    Flags { ignore_case: false, multi_line: false, dot_all: false, verbose: false, ascii: false };

#[test]
fn patterns_find_what_python_finds() {
    let lines = Flags { multi_line: true, ..NONE };
    let cases = [
        (r"^a$", NONE, "a\n", Some("a")),
        (r"^a$", NONE, "a\r\n", None),
        (r"a\Z", NONE, "a\n", None),
        (r"a\Z", NONE, "a", Some("a")),
        (r"a$", NONE, "a\nb", None),
        (r"a$", lines, "a\nb", Some("a")),
        (r"^b", lines, "a\nb", Some("b")),
        (r"a.b", NONE, "a\nb", None),
        (r"a.b", Flags { dot_all: true, ..NONE }, "a\nb", Some("a\nb")),
        (r"(?i)AB", NONE, "xab", Some("ab")),
        (r"(?im)^AB$", NONE, "x\nab\ny", Some("ab")),
        (r"(?i:A)b", NONE, "ab", Some("ab")),
        (r"(?P<q>['x])(.*?)(?P=q)", NONE, "a 'b' c", Some("'b'")),
        (r"(a)(b)\2\1", NONE, "abba", Some("abba")),
        (r"(a)\1{1}0", NONE, "aa0", Some("aa0")),
        (r"(?<=x)y", NONE, "xy", Some("y")),
        (r"(?<!x)y(?!z)", NONE, "xyzy", Some("y")),
        (r"(x)?(?(1)a|b)", NONE, "b", Some("b")),
        (r"[[]", NONE, "[", Some("[")),
        (r"[]a]+", NONE, "a]", Some("a]")),
        (r"[^]]+", NONE, "]ab]", Some("ab")),
        (r"[a&&b]+", NONE, "b&a", Some("b&a")),
        (r"[\w.-]+", NONE, " a.b-c ", Some("a.b-c")),
        (r"[+--]+", NONE, "+,-", Some("+,-")),
        (r"[\]\\]+", NONE, r"x\]", Some(r"\]")),
        (r"[\x41-\x43]+", NONE, "xABCD", Some("ABC")),
        (r"a{2}", NONE, "aaa", Some("aa")),
        (r"a{,2}", NONE, "aaa", Some("aa")),
        (r"{{ x }}", NONE, "a {{ x }} b", Some("{{ x }}")),
        (r"a{x}", NONE, "a{x}", Some("a{x}")),
        (r"\<b\>", NONE, "<b>", Some("<b>")),
        (r"\/\-\_\@\#\ ", NONE, "/-_@# ", Some("/-_@# ")),
        ("a\\\tb", NONE, "a\tb", Some("a\tb")),
        (r"\u00f6\xe4", NONE, "öä", Some("öä")),
        (r"\101\060", NONE, "A0", Some("A0")),
        (r"\d+", NONE, "x٣4", Some("٣4")),
        (r"\d+", Flags { ascii: true, ..NONE }, "x٣4", Some("4")),
        (r"\bö", NONE, " ö", Some("ö")),
        (r"\bö", Flags { ascii: true, ..NONE }, " ö", None),
        ("a b # c\n c", Flags { verbose: true, ..NONE }, "abc", Some("abc")),
        (r"[ ]\ b", Flags { verbose: true, ..NONE }, "  b", Some("  b")),
        (r"a(?#comment)b", NONE, "ab", Some("ab")),
        (r"(?>a+)b", NONE, "aab", Some("aab")),
        (r"a++b", NONE, "aab", Some("aab")),
        (r"(|a)b", NONE, "ab", Some("ab")),
        (
            r"^\s*#?\s*PermitRootLogin\b.*$",
            NONE,
            "#PermitRootLogin yes\n",
            Some("#PermitRootLogin yes"),
        ),
        (r"", NONE, "x", Some("")),
    ];
    for (pattern, flags, text, expected) in cases {
        assert_eq!(found(pattern, flags, text).as_deref(), expected, "{pattern} on {text:?}");
    }
}

#[test]
fn wrong_patterns_are_refused_with_pythons_words() {
    let cases = [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a)", "unbalanced parenthesis at position 1"),
        ("a[b", "unterminated character set at position 1"),
        ("*a", "nothing to repeat at position 0"),
        ("a**", "multiple repeat at position 2"),
        ("(+)", "nothing to repeat at position 1"),
        (r"a\q", r"bad escape \q at position 1"),
        (r"a\", r"bad escape (end of pattern) at position 1"),
        ("(?<a>b)", "unknown extension ?<a at position 1"),
        ("(?P<1>b)", "bad character in group name '1' at position 4"),
    ];
    for (pattern, message) in cases {
        assert_eq!(compile(pattern, NONE).unwrap_err().to_string(), message, "{pattern}");
    }
    for pattern in [r"\N{DASH}", "(?L)a", "a(?i)b", "[z-a]"] {
        assert!(compile(pattern, NONE).is_err(), "{pattern}");
    }
}

#[test]
fn replacements_give_what_python_gives() {
    let cases = [
        ("b", "x\\ty", "abc", "ax\tyc", 1),
        ("b", r"x\\y", "abc", r"ax\yc", 1),
        ("(b)(z)?", r"[\1\2]", "abc", "a[b]c", 1),
        ("(?P<n>b)", r"\g<n>\g<1>\g<0>", "abc", "abbbc", 1),
        ("(b)", r"\g<1>0", "abc", "ab0c", 1),
        ("b", r"\060", "abc", "a0c", 1),
        ("b", r"\.", "abc", r"a\.c", 1),
        ("x*", "-", "abc\n", "-a-b-c-\n-", 5),
        ("x*", "-", "axb", "-a--b-", 4),
        ("(?m)^", "> ", "a\nb\n", "> a\n> b\n> ", 3),
        ("a|", "-", "ba", "-b--", 3),
        ("$", "!", "a\n", "a!\n!", 2),
    ];
    for (pattern, template, text, expected, count) in cases {
        let replaced = compile(pattern, NONE).unwrap().replace(text, template, 0).unwrap();
        assert_eq!(replaced, (expected.to_owned(), count), "{pattern} on {text:?}");
    }
    let once = compile("a", NONE).unwrap().replace("aaa", "b", 2).unwrap();
    assert_eq!(once, ("bba".to_owned(), 2));
}

#[test]
fn wrong_replacements_are_refused_with_pythons_words() {
    let cases = [
        (r"x\qy", r"bad escape \q at position 1"),
        (r"\3=2", "invalid group reference 3 at position 1"),
        (r"\g<no>", "unknown group name 'no'"),
        (r"\g", "missing < at position 2"),
        (r"a\", "bad escape (end of pattern) at position 1"),
    ];
    let regex = compile("(k)", NONE).unwrap();
    for (template, message) in cases {
        assert_eq!(regex.replace("k", template, 0).unwrap_err().to_string(), message);
    }
}

#[test]
fn escaped_text_matches_itself() {
    let text = "a.b*c[d] {e} (f) # g\t-&~";
    assert_eq!(found(&escape(text), NONE, text).as_deref(), Some(text));
    assert_eq!(found(&escape(text), Flags { verbose: true, ..NONE }, text).as_deref(), Some(text));
}
