//! Text that came from hosts, made harmless for terminals.
//!
//! A host decides what its commands print. Escape sequences in it could move the cursor, hide
//! lines or rename the window, so none ever reaches a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Removes escape sequences and control characters other than line feed and tab; line ends
/// become line feeds.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let unix = text.replace("\r\n", "\n");
    let plain = console::strip_ansi_codes(&unix);
    // what a progress meter overwrote is of no interest, but what it wrote last is
    Cow::Owned(plain.replace('\r', "\n").chars().filter(|c| !is_hostile(*c)).collect())
}

/// Shows control characters other than line feed and tab in caret notation (`^[`, `^M`), so that
/// a diff still tells that they are there.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if !is_hostile(character) {
            shown.push(character);
        } else if character.is_ascii() {
            // the control characters of ASCII and their letters differ in bit 6
            shown.push('^');
            shown.push(char::from((character as u8) ^ 0x40));
        } else {
            let _ = write!(shown, "<U+{:04X}>", u32::from(character));
        }
    }
    Cow::Owned(shown)
}

/// One line of a text that may have several, for lists and the live view.
pub fn one_line(text: &str) -> String {
    clean(text).split(['\n', '\t']).map(str::trim).filter(|part| !part.is_empty()).fold(
        String::new(),
        |mut line, part| {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(part);
            line
        },
    )
}

/// Whether a character may make a terminal do or show something else than text.
pub fn is_hostile(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // directions of writing that make text read as another
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => true,
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_a_terminal_would_obey() {
        let cases = [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("a\r\nb", "a\nb"),
            ("10%\r20%", "10%\n20%"),
            ("bell\u{7}\u{8}\u{7f}", "bell"),
            ("c1 \u{9b}31m", "c1 "),
            ("abc\u{202e}txt.exe", "abctxt.exe"),
            ("né", "né"),
        ];
        for (text, expected) in cases {
            let cleaned = clean(text);
            assert!(!cleaned.chars().any(is_hostile), "{text:?}");
            assert_eq!(cleaned, expected, "{text:?}");
        }
    }

    #[test]
    fn shows_control_characters_in_diffs() {
        assert_eq!(visible("a\r\n\u{1b}[2J\u{7f}\u{9b}x"), "a^M\n^[[2J^?<U+009B>x");
        assert!(matches!(visible("plain\n\tx"), Cow::Borrowed(_)));
    }

    #[test]
    fn joins_lines() {
        assert_eq!(one_line("a\n  b\t\u{1b}[1mc\u{1b}[0m\n\n"), "a b c");
    }
}
