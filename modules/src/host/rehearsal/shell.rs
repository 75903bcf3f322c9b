//! Shell scripts as far as they can be read without running them.

use std::collections::BTreeMap;

/// Variables with one text.
type Variables = BTreeMap<String, String>;

/// An `if` or `case` that is being read.
struct Block {
    /// The variables where it begins.
    before: Variables,
    /// Those that one of its branches sets.
    touched: Vec<String>,
    /// Whether this branch is taken only where another version was there before.
    upgrades: bool,
}

/// The lines of a maintainer script that a first installation may run, with what variables hold
/// where one text is sure.
pub(super) fn plain_lines(script: &str) -> Vec<String> {
    let script = script.replace("\\\n", " ");
    let mut variables = Variables::new();
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match first_word(line) {
            "if" | "case" if !closes(line) => {
                let upgrades = is_upgrade(line);
                let before = variables.clone();
                blocks.push(Block { before, touched: Vec::new(), upgrades });
            }
            "else" | "elif" => {
                if let Some(block) = blocks.last_mut() {
                    variables = block.before.clone();
                    block.upgrades = first_word(line) == "elif" && is_upgrade(line);
                }
            }
            "fi" | "esac" => {
                if let Some(block) = blocks.pop() {
                    // nobody knows which branch was taken
                    variables = block.before;
                    block.touched.iter().for_each(|name| drop(variables.remove(name)));
                    if let Some(outer) = blocks.last_mut() {
                        outer.touched.extend(block.touched);
                    }
                }
            }
            ";;" => {
                if let Some(block) = blocks.last() {
                    variables = block.before.clone();
                }
            }
            "for" | "read" => {
                let name = line.split_whitespace().nth(1).unwrap_or_default();
                match only_round(line, &variables) {
                    Some(value) => drop(variables.insert(name.to_owned(), value)),
                    None => drop(variables.remove(name)),
                }
            }
            _ => {}
        }
        if let Some((name, value)) = assignment(line) {
            match text(&filled_in(value, &variables)) {
                Some(value) => drop(variables.insert(name.to_owned(), value)),
                None => drop(variables.remove(name)),
            }
            if let Some(block) = blocks.last_mut() {
                block.touched.push(name.to_owned());
            }
        } else if !blocks.iter().any(|block| block.upgrades) {
            lines.push(filled_in(line, &variables));
        }
    }
    lines
}

fn first_word(line: &str) -> &str {
    line.split([' ', '\t', ';']).next().filter(|word| !word.is_empty()).unwrap_or(line)
}

/// Whether a block begins and ends on one line.
fn closes(line: &str) -> bool {
    line.ends_with("fi") && line.contains("; fi") || line.ends_with("esac")
}

/// Whether a condition holds only where another version was there before.
fn is_upgrade(line: &str) -> bool {
    let compares =
        line.contains("--compare-versions") && (line.contains(" lt") || line.contains(" le"));
    let asks = line.contains("[ \"$1\" = \"upgrade\" ]") || line.contains("[ \"$1\" = upgrade ]");
    compares || asks || line.contains("[ -n \"$2\" ]")
}

/// The word of a loop that has one round (`for NAME in WORD; do`).
fn only_round(line: &str, variables: &Variables) -> Option<String> {
    let (_, words) = line.strip_prefix("for ")?.split_once(" in ")?;
    let words = words.split(';').next()?.trim().trim_end_matches(" do");
    text(&filled_in(words, variables))
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    (!name.is_empty() && name.chars().all(letter)).then_some((name, value))
}

/// The one word that a value is, where nothing in it is left to the shell.
fn text(value: &str) -> Option<String> {
    if value.contains(['$', '`', ';', '*', '?']) {
        return None;
    }
    match shell_words::split(value).ok()?.as_slice() {
        [word] => Some(word.clone()),
        _ => None,
    }
}

fn filled_in(line: &str, variables: &Variables) -> String {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (name, end) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, end)) => (name, end),
            None => {
                let ends = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
                after.split_at(after.find(ends).unwrap_or(after.len()))
            }
        };
        match variables.get(name) {
            Some(value) => {
                filled.push_str(value);
                rest = end;
            }
            None => {
                filled.push('$');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::plain_lines;

    #[test]
    fn variables_are_filled_in_where_one_text_is_sure() {
        let cases: &[(&str, &[&str])] = &[
            ("N=app\nD=\"/var/lib/$N\"\nmkdir ${D}/x", &["mkdir /var/lib/app/x"]),
            ("F=$(which x)\nmkdir $F", &["mkdir $F"]),
            ("for f in one; do\nmkdir /$f\ndone", &["for f in one; do", "mkdir /one", "done"]),
            ("for f in a b; do\nmkdir /$f\ndone", &["for f in a b; do", "mkdir /$f", "done"]),
            ("A=/a\nmkdir $A\nA=/b\nmkdir $A", &["mkdir /a", "mkdir /b"]),
            (
                "A=/a\nif [ -e /x ]; then\nA=/b\nmkdir $A\nfi\nmkdir $A",
                &["if [ -e /x ]; then", "mkdir /b", "fi", "mkdir $A"],
            ),
            (
                "case $1 in\na)\nA=/a\nmkdir $A\n;;\nb)\nmkdir $A\n;;\nesac",
                &["case $1 in", "a)", "mkdir /a", ";;", "b)", "mkdir $A", ";;", "esac"],
            ),
            ("# A=/a\nmkdir $A", &["mkdir $A"]),
        ];
        for (script, lines) in cases {
            assert_eq!(plain_lines(script), *lines, "{script}");
        }
    }

    #[test]
    fn what_upgrades_do_is_left_out() {
        let script = "if dpkg --compare-versions \"$2\" lt 1.2; then\nmkdir /old\nelse\nmkdir \
            /new\nfi\nif [ -n \"$2\" ]; then\nmkdir /later\nfi";
        let lines = plain_lines(script);
        assert!(lines.contains(&"mkdir /new".to_owned()));
        assert!(!lines.iter().any(|line| line == "mkdir /old" || line == "mkdir /later"));
    }
}
