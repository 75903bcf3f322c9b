//! Splitting a command line as Python's `shlex.split` does.
//!
//! Unlike a shell, `#` starts no comment; nothing is expanded.

/// Why a line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quotation mark has no partner.
    #[error("No closing quotation")]
    Quotation,
    /// A backslash at the end.
    #[error("No escaped character")]
    Escape,
}

/// Splits a line into words.
pub fn split(line: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let escaped = characters.next().ok_or(SplitError::Escape)?;
                word.get_or_insert_default().push(escaped);
            }
            '\'' | '"' => {
                quoted(character, &mut characters, word.get_or_insert_default())?;
            }
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(
    quote: char,
    rest: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), SplitError> {
    loop {
        match rest.next().ok_or(SplitError::Quotation)? {
            end if end == quote => return Ok(()),
            '\\' if quote == '"' => {
                let escaped = rest.next().ok_or(SplitError::Escape)?;
                if !matches!(escaped, '"' | '\\') {
                    word.push('\\');
                }
                word.push(escaped);
            }
            plain => word.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SplitError, split};

    #[test]
    fn lines_split_as_python_splits_them() {
        let table: &[(&str, &[&str])] = &[
            ("ls -l /tmp", &["ls", "-l", "/tmp"]),
            ("echo 'a b' \"c d\"", &["echo", "a b", "c d"]),
            ("echo a#b #c", &["echo", "a#b", "#c"]),
            (r#"echo "a\"b\n" c\ d '\'"#, &["echo", "a\"b\\n", "c d", "\\"]),
            ("a '' b", &["a", "", "b"]),
            ("a\nb\t c", &["a", "b", "c"]),
            ("x=\"1 2\"y", &["x=1 2y"]),
            ("", &[]),
        ];
        for (line, expected) in table {
            assert_eq!(split(line).unwrap(), *expected, "{line}");
        }
    }

    #[test]
    fn open_quotes_are_refused() {
        assert_eq!(split("echo 'a"), Err(SplitError::Quotation));
        assert_eq!(split("echo a\\"), Err(SplitError::Escape));
    }
}
