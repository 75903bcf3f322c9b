//! Words of a host line, split as a POSIX shell would: quotes, backslashes, `#` comments.

use super::error::Problem;

/// A word without its quotes, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The text.
    pub(super) text: String,
    /// The character that it starts at, counted from 0.
    pub(super) start: usize,
    /// How many characters it takes, quotes included.
    pub(super) length: usize,
}

/// Splits a line; `#` begins a comment even in the middle of a word, as in Ansible.
///
/// # Errors
///
/// The problem and the character that it stands at, counted from 0.
pub(super) fn split(line: &str) -> Result<Vec<Word>, (Problem, usize)> {
    let mut words = Vec::new();
    let mut current: Option<Word> = None;
    let mut characters = line.chars().enumerate();
    while let Some((position, character)) = characters.next() {
        if character.is_whitespace() || character == '#' {
            words.extend(finish(current.take(), position));
            if character == '#' {
                return Ok(words);
            }
            continue;
        }
        let word =
            current.get_or_insert_with(|| Word { text: String::new(), start: position, length: 0 });
        match character {
            '\\' => match characters.next() {
                Some((_, escaped)) => word.text.push(escaped),
                None => return Err((Problem::LoneBackslash, position)),
            },
            '\'' | '"' => quoted(character, &mut characters, &mut word.text)
                .map_err(|problem| (problem, position))?,
            plain => word.text.push(plain),
        }
    }
    words.extend(finish(current, line.chars().count()));
    Ok(words)
}

/// Takes what stands up to the closing quote.
fn quoted(
    quote: char,
    characters: &mut impl Iterator<Item = (usize, char)>,
    text: &mut String,
) -> Result<(), Problem> {
    while let Some((_, character)) = characters.next() {
        match character {
            end if end == quote => return Ok(()),
            '\\' if quote == '"' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                Some((_, other)) => text.extend(['\\', other]),
                None => return Err(Problem::OpenQuote),
            },
            inside => text.push(inside),
        }
    }
    Err(Problem::OpenQuote)
}

fn finish(word: Option<Word>, end: usize) -> Option<Word> {
    word.map(|word| Word { length: end.saturating_sub(word.start), ..word })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let table: &[(&str, &[&str])] = &[
            ("alpha", &["alpha"]),
            ("a  b=1\tc=2 ", &["a", "b=1", "c=2"]),
            ("a b=\"two words\" c='x # y'", &["a", "b=two words", "c=x # y"]),
            ("a b=cut#off c=1", &["a", "b=cut"]),
            ("a # c", &["a"]),
            (r#"a b="q\"\\\n" c=\#x d='\'"#, &["a", r#"b=q"\\n"#, "c=#x", r"d=\"]),
            ("a b=''", &["a", "b="]),
        ];
        for (line, words) in table {
            let found: Vec<_> = split(line).unwrap().into_iter().map(|word| word.text).collect();
            assert_eq!(found, *words, "{line}");
        }
    }

    #[test]
    fn words_know_their_place() {
        let words = split("ä b='x y' ").unwrap();
        assert_eq!((words[1].start, words[1].length), (2, 7));
        assert_eq!(split("a b='x").unwrap_err().1, 4);
        assert_eq!(split("a b\\").unwrap_err().1, 3);
    }
}
