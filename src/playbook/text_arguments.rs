//! `key=value` text as arguments: `copy: src=a dest="b c"`, `command: ls creates=/x`.

/// Splits text at blanks that stand in no quotes and no template; the blanks and line ends
/// between the words of one piece are kept.
///
/// `None` when a quote or a template is not closed.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut splitter = Splitter::default();
    let lines: Vec<&str> = text.split('\n').collect();
    let last = lines.len() - 1;
    if text.is_empty() {
        return Some(Vec::new());
    }
    for (number, line) in lines.iter().enumerate() {
        let mut continued = false;
        for (index, word) in line.split(' ').enumerate() {
            if word.is_empty() && index != 0 {
                splitter.join(" ");
            } else if word == "\\" && splitter.quote.is_none() {
                continued = true;
            } else {
                splitter.word(word, index);
            }
        }
        if number != last && !continued {
            splitter.join("\n");
        }
    }
    splitter.is_closed().then_some(splitter.pieces)
}

#[derive(Debug, Default)]
struct Splitter {
    pieces: Vec<String>,
    quote: Option<char>,
    /// Open `{{`, `{%` and `{#`.
    depth: [usize; 3],
}

impl Splitter {
    fn is_closed(&self) -> bool {
        self.quote.is_none() && !self.in_template()
    }

    fn in_template(&self) -> bool {
        self.depth.iter().any(|depth| *depth > 0)
    }

    /// Adds text to the last piece.
    fn join(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(piece) => piece.push_str(text),
            None => self.pieces.push(text.to_owned()),
        }
    }

    fn word(&mut self, word: &str, index: usize) {
        let was_quoted = self.quote.is_some();
        self.quote = quote_after(word, self.quote);
        let quoted = self.quote.is_some();
        let mut placed = false;
        if quoted && !was_quoted && !self.in_template() {
            self.pieces.push(word.to_owned());
            placed = true;
        } else if self.in_template() || quoted || was_quoted {
            if index > 0 {
                self.join(" ");
            }
            self.join(word);
            placed = true;
        }
        for (depth, (open, close)) in
            self.depth.iter_mut().zip([("{{", "}}"), ("{%", "%}"), ("{#", "#}")])
        {
            let (opened, closed) = (word.matches(open).count(), word.matches(close).count());
            let before = *depth;
            *depth = (before + opened).saturating_sub(closed);
            if *depth != before && !placed {
                self.pieces.push(word.to_owned());
                placed = true;
            }
        }
        if self.is_closed() && !placed && !word.is_empty() {
            self.pieces.push(word.to_owned());
        }
    }
}

fn quote_after(word: &str, mut quote: Option<char>) -> Option<char> {
    let mut before = None;
    for character in word.chars() {
        if matches!(character, '"' | '\'') && before != Some('\\') {
            quote = match quote {
                None => Some(character),
                Some(open) if open == character => None,
                open => open,
            };
        }
        before = Some(character);
    }
    quote
}

/// Text split into options and the rest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TextArguments {
    /// `key=value` in order of writing, with the piece each was read from.
    pub(crate) options: Vec<(String, String, String)>,
    /// What is no option, as free-form text.
    pub(crate) free_form: Option<String>,
}

/// What text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Every `key=value` is an option.
    Options,
    /// A command: only its own options are split off.
    Command,
}

/// The options that are split off a command.
const COMMAND_OPTIONS: &[&str] = &[
    "creates",
    "removes",
    "chdir",
    "executable",
    "warn",
    "stdin",
    "stdin_add_newline",
    "strip_empty_ends",
];

/// Reads `key=value` text; `None` when a quote or a template is not closed.
pub(crate) fn parse(text: &str, form: Form) -> Option<TextArguments> {
    let mut found = TextArguments::default();
    let mut rest: Vec<String> = Vec::new();
    for piece in split(text)? {
        let decoded = decode_escapes(&piece);
        if !decoded.contains('=') {
            rest.push(piece);
            continue;
        }
        let Some((key, value)) = split_at_equals(&decoded) else {
            rest.push(decoded.replace("\\=", "="));
            continue;
        };
        if form == Form::Command && !COMMAND_OPTIONS.contains(&key) {
            rest.push(piece);
            continue;
        }
        let (key, value) = (key.trim().to_owned(), unquote(value.trim()).to_owned());
        found.options.push((key, value, piece));
    }
    if !rest.is_empty() {
        found.free_form = Some(join(&rest));
    }
    Some(found)
}

/// The first word, which names the module, and the rest.
pub(super) fn split_module(text: &str) -> Option<(String, String)> {
    let pieces = split(text)?;
    let (name, rest) = pieces.split_first()?;
    Some((name.trim().to_owned(), rest.join(" ")))
}

/// The pairs of text that is `key=value` and nothing else.
pub fn key_values(text: &str) -> Option<Vec<(String, String)>> {
    let found = parse(text, Form::Options)?;
    let is_all = found.free_form.as_deref().unwrap_or_default().trim().is_empty();
    (is_all && !found.options.is_empty())
        .then(|| found.options.into_iter().map(|(name, value, _)| (name, value)).collect())
}

/// Splits at the first `=` that is neither the first character nor escaped.
fn split_at_equals(piece: &str) -> Option<(&str, &str)> {
    piece
        .match_indices('=')
        .find(|(at, _)| *at > 0 && !piece.get(..*at).is_some_and(|key| key.ends_with('\\')))
        .and_then(|(at, _)| Some((piece.get(..at)?, piece.get(at + 1..)?)))
}

fn join(pieces: &[String]) -> String {
    let mut joined = String::new();
    for piece in pieces {
        if !joined.is_empty() && !joined.ends_with('\n') {
            joined.push(' ');
        }
        joined.push_str(piece);
    }
    joined
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| {
            let inner = value.strip_prefix(*quote)?.strip_suffix(*quote)?;
            (!inner.ends_with('\\')).then_some(inner)
        })
        .unwrap_or(value)
}

/// Decodes `\n`, `\t`, `\x41`, `\u00e9` … as Python does in text; other backslashes stay.
fn decode_escapes(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        decoded.push_str(before);
        let (character, length) = escape(after).unwrap_or(('\\', 0));
        decoded.push(character);
        rest = after.get(length..).unwrap_or_default();
    }
    decoded.push_str(rest);
    decoded
}

/// The character of an escape and how many bytes it takes after the backslash.
fn escape(after: &str) -> Option<(char, usize)> {
    let simple = match after.chars().next()? {
        '\\' => '\\',
        '\'' => '\'',
        '"' => '"',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        letter @ ('x' | 'u' | 'U') => {
            let digits = match letter {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let code = after.get(1..=digits)?;
            if !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            let character = char::from_u32(u32::from_str_radix(code, 16).ok()?)?;
            return Some((character, digits + 1));
        }
        _ => return None,
    };
    Some((simple, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_splits_as_in_ansible() {
        for (text, form, expected) in CASES {
            let found = parse(text, *form).map(|found| {
                let mut all: Vec<(String, String)> =
                    found.options.into_iter().map(|(key, value, _)| (key, value)).collect();
                all.extend(found.free_form.map(|text| ("_raw_params".to_owned(), text)));
                all
            });
            let expected = expected.map(|pairs| {
                pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{text:?}");
        }
    }

    type Case = (&'static str, Form, Option<&'static [(&'static str, &'static str)]>);

    // answers of ansible-core 2.19
    const CASES: &[Case] = &[
        ("src=a dest=b", Form::Options, Some(&[("src", "a"), ("dest", "b")])),
        ("src=a dest=\"b c\"", Form::Options, Some(&[("src", "a"), ("dest", "b c")])),
        ("src='a b' dest={{ x }}/y", Form::Options, Some(&[("src", "a b"), ("dest", "{{ x }}/y")])),
        (
            "dest={{ x | default('a b') }} mode=0644",
            Form::Options,
            Some(&[("dest", "{{ x | default('a b') }}"), ("mode", "0644")]),
        ),
        ("msg=\"it's\" x=y", Form::Options, Some(&[("msg", "it's"), ("x", "y")])),
        ("a=b=c", Form::Options, Some(&[("a", "b=c")])),
        ("=a b", Form::Options, Some(&[("_raw_params", "=a b")])),
        ("a\\=b c=d", Form::Options, Some(&[("c", "d"), ("_raw_params", "a=b")])),
        ("ls -l creates=/x", Form::Command, Some(&[("creates", "/x"), ("_raw_params", "ls -l")])),
        ("echo a=b", Form::Command, Some(&[("_raw_params", "echo a=b")])),
        (
            "echo 'a b'  chdir=/tmp c",
            Form::Command,
            Some(&[("chdir", "/tmp"), ("_raw_params", "echo 'a b'  c")]),
        ),
        (
            "FOO=bar env | grep FOO=bar",
            Form::Command,
            Some(&[("_raw_params", "FOO=bar env | grep FOO=bar")]),
        ),
        (
            "echo one\n  echo two chdir=/x\n",
            Form::Command,
            Some(&[("chdir", "/x"), ("_raw_params", "echo one\n  echo two")]),
        ),
        ("a=b \\\n c=d", Form::Options, Some(&[("a", "b"), ("c", "d")])),
        (
            "path='/a b/c' line=\"x = y\"",
            Form::Options,
            Some(&[("path", "/a b/c"), ("line", "x = y")]),
        ),
        ("msg=\"a\\nb\"", Form::Options, Some(&[("msg", "a\nb")])),
        ("regexp=\\d+", Form::Options, Some(&[("regexp", "\\d+")])),
        ("x=\"{{ a\n b }}\"", Form::Options, Some(&[("x", "{{ a\n b }}")])),
        ("echo \"unbalanced", Form::Command, None),
        ("x={{ a", Form::Options, None),
        ("x='a", Form::Options, None),
        ("", Form::Options, Some(&[])),
        ("   ", Form::Options, Some(&[("_raw_params", "   ")])),
        ("free text here", Form::Options, Some(&[("_raw_params", "free text here")])),
        (
            "name=x state=present # no comment",
            Form::Options,
            Some(&[("name", "x"), ("state", "present"), ("_raw_params", "# no comment")]),
        ),
        (
            "echo {% if x %} a b {% endif %} end",
            Form::Command,
            Some(&[("_raw_params", "echo {% if x %} a b {% endif %} end")]),
        ),
        (
            "printf 'a\\tb' executable=/bin/bash",
            Form::Command,
            Some(&[("executable", "/bin/bash"), ("_raw_params", "printf 'a\\tb'")]),
        ),
        ("msg='{{ \"a b\" }}' b=1", Form::Options, Some(&[("msg", "{{ \"a b\" }}"), ("b", "1")])),
        ("a=  b", Form::Options, Some(&[("a", ""), ("_raw_params", "b")])),
        ("file.yml tags=x", Form::Options, Some(&[("tags", "x"), ("_raw_params", "file.yml")])),
        ("x=\\\"q\\\"", Form::Options, Some(&[("x", "q")])),
        ("a='b'c", Form::Options, Some(&[("a", "'b'c")])),
        ("msg=\\u00e9\\x41", Form::Options, Some(&[("msg", "éA")])),
        (
            "echo it\\'s chdir=/a",
            Form::Command,
            Some(&[("chdir", "/a"), ("_raw_params", "echo it\\'s")]),
        ),
        (
            "echo {{ a }}{{ b }} c={{ d e }}",
            Form::Command,
            Some(&[("_raw_params", "echo {{ a }}{{ b }} c={{ d e }}")]),
        ),
    ];
}
