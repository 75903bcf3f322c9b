//! Quoting for shells: the only place where a word becomes part of a shell line.

/// Quotes a word so that `sh`, `bash`, `fish` and `csh` read it back as it is.
///
/// A word of harmless characters stays bare. A `csh` cannot hold line breaks in quotes; nothing
/// that is sent to a login shell here has any.
pub fn quote(word: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || "@%_-+=:,./".contains(letter);
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for letter in word.chars() {
        if letter == '\'' {
            quoted.push_str("'\"'\"'");
        } else {
            quoted.push(letter);
        }
    }
    quoted.push('\'');
    quoted
}

/// Quotes words and joins them with blanks.
pub fn join<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn words_are_quoted_only_where_needed() {
        for (word, quoted) in [
            ("", "''"),
            ("plain-word_1.2/3", "plain-word_1.2/3"),
            ("two words", "'two words'"),
            ("it's", "'it'\"'\"'s'"),
            ("$(id)", "'$(id)'"),
            ("~root", "'~root'"),
        ] {
            assert_eq!(quote(word), quoted);
        }
    }

    #[test]
    fn shells_read_back_what_was_quoted() {
        let words = ["", "a b", "it's", "$HOME `id` \"x\" \\ ! * ? ; & | <", "line\nbreak", "ä€😀"];
        for shell in [&["sh"][..], &["dash"], &["bash"], &["busybox", "sh"]] {
            let script = format!("printf '%s\\0' {}", join(words));
            let mut command = Command::new(shell[0]);
            let Ok(output) = command.args(&shell[1..]).arg("-c").arg(script).output() else {
                continue;
            };
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), words, "{shell:?}");
        }
    }
}
