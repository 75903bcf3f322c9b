//! Colour: whether there is any, and Ansible's colours for Ansible's things.

use std::borrow::Cow;
use std::env;
use std::sync::OnceLock;

/// What the user wants (`--color`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// By the environment and where the output goes.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Decides for an output.
    ///
    /// `--color` counts first, then `NO_COLOR`, then `CLICOLOR_FORCE`, then `CLICOLOR=0` and
    /// `TERM=dumb`, then whether the output is a terminal (<https://no-color.org>,
    /// <https://bixense.com/clicolors>).
    pub fn decide(self, terminal: Terminal) -> Color {
        self.decide_with(terminal, |name| env::var(name).ok())
    }

    fn decide_with(self, terminal: Terminal, variable: impl Fn(&str) -> Option<String>) -> Color {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let on = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR").is_some() => false,
            Self::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            Self::Auto => {
                terminal == Terminal::Yes
                    && set("CLICOLOR").is_none_or(|value| value != "0")
                    && set("TERM").is_none_or(|value| value != "dumb")
            }
        };
        if on { Color::On } else { Color::Off }
    }
}

/// Whether an output is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// It is.
    Yes,
    /// It is a pipe or a file.
    No,
}

/// Whether output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Color {
    /// With escape sequences.
    On,
    /// Plain text.
    #[default]
    Off,
}

/// What is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Ok,
    Changed,
    Failed,
    Unreachable,
    Skipped,
    Warning,
    Deprecation,
    Unknown,
    Added,
    Removed,
    Hunk,
    Heading,
    Faint,
    Included,
    Verbose,
}

impl Paint {
    /// The setting of Ansible that names its colour, and the parameters of the escape sequence of
    /// its default.
    fn setting(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("COLOR_OK", "0;32"),
            Self::Added => ("COLOR_DIFF_ADD", "0;32"),
            Self::Changed => ("COLOR_CHANGED", "0;33"),
            Self::Failed => ("COLOR_ERROR", "0;31"),
            Self::Removed => ("COLOR_DIFF_REMOVE", "0;31"),
            Self::Unreachable => ("COLOR_UNREACHABLE", "1;31"),
            Self::Skipped => ("COLOR_SKIP", "0;36"),
            Self::Included => ("COLOR_INCLUDED", "0;36"),
            Self::Hunk => ("COLOR_DIFF_LINES", "0;36"),
            Self::Warning => ("COLOR_WARN", "1;35"),
            Self::Deprecation => ("COLOR_DEPRECATE", "0;35"),
            Self::Verbose => ("COLOR_VERBOSE", "0;34"),
            Self::Faint => ("COLOR_DEBUG", "1;30"),
            // these are not Ansible's
            Self::Unknown => ("", "0;35"),
            Self::Heading => ("", "1"),
        }
    }

    /// Parameters of the escape sequence.
    fn code(self) -> &'static str {
        static CODES: OnceLock<Vec<(&'static str, Cow<'static, str>)>> = OnceLock::new();
        let (name, default) = self.setting();
        let codes = CODES.get_or_init(|| {
            let settings = crate::settings::current();
            let chosen = COLOURED.iter().filter_map(|paint| {
                let (name, _) = paint.setting();
                Some((name, code_of(&settings.text(name)?)?))
            });
            chosen.collect()
        });
        codes.iter().find(|(known, _)| *known == name).map_or(default, |(_, code)| code.as_ref())
    }
}

/// Those whose colour is a setting.
const COLOURED: [Paint; 13] = [
    Paint::Ok,
    Paint::Added,
    Paint::Changed,
    Paint::Failed,
    Paint::Removed,
    Paint::Unreachable,
    Paint::Skipped,
    Paint::Included,
    Paint::Hunk,
    Paint::Warning,
    Paint::Deprecation,
    Paint::Verbose,
    Paint::Faint,
];

/// Parameters of the escape sequence of a colour by its name: a word, `colorN`, `rgbRGB` with six
/// steps each, or `grayN`.
fn code_of(name: &str) -> Option<Cow<'static, str>> {
    const WORDS: &[(&str, &str)] = &[
        ("black", "0;30"),
        ("bright gray", "0;37"),
        ("blue", "0;34"),
        ("white", "1;37"),
        ("green", "0;32"),
        ("bright blue", "1;34"),
        ("cyan", "0;36"),
        ("bright green", "1;32"),
        ("red", "0;31"),
        ("bright cyan", "1;36"),
        ("purple", "0;35"),
        ("bright red", "1;31"),
        ("yellow", "0;33"),
        ("bright purple", "1;35"),
        ("dark gray", "1;30"),
        ("bright yellow", "1;33"),
        ("magenta", "0;35"),
        ("bright magenta", "1;35"),
        ("normal", "0"),
    ];
    if let Some((_, code)) = WORDS.iter().find(|(word, _)| *word == name) {
        return Some(Cow::Borrowed(code));
    }
    let number = if let Some(number) = name.strip_prefix("color") {
        number.parse::<u16>().ok()?
    } else if let Some(number) = name.strip_prefix("gray") {
        number.parse::<u16>().ok()?.checked_add(232)?
    } else {
        let steps = name.strip_prefix("rgb")?.as_bytes();
        let [red, green, blue] = steps else { return None };
        let step = |digit: &u8| (b'0'..=b'5').contains(digit).then(|| u16::from(digit - b'0'));
        16 + 36 * step(red)? + 6 * step(green)? + step(blue)?
    };
    Some(Cow::Owned(format!("38;5;{number}")))
}

impl Color {
    /// The text in a colour, each line by itself so that no pager loses it.
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Off => text.to_owned(),
            Self::On => text
                .split('\n')
                .map(|line| {
                    if line.is_empty() {
                        String::new()
                    } else {
                        format!("\x1b[{}m{line}\x1b[0m", paint.code())
                    }
                })
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_by_wish_then_environment_then_terminal() {
        use ColorChoice::{Always, Auto, Never};
        type Variables<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(ColorChoice, Terminal, Variables<'_>, Color)] = &[
            (Auto, Terminal::Yes, &[], Color::On),
            (Auto, Terminal::No, &[], Color::Off),
            (Auto, Terminal::Yes, &[("NO_COLOR", "1")], Color::Off),
            (Auto, Terminal::Yes, &[("NO_COLOR", "")], Color::On),
            (Auto, Terminal::No, &[("CLICOLOR_FORCE", "1")], Color::On),
            (Auto, Terminal::No, &[("CLICOLOR_FORCE", "0")], Color::Off),
            (Auto, Terminal::Yes, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Color::Off),
            (Auto, Terminal::Yes, &[("TERM", "dumb")], Color::Off),
            (Auto, Terminal::Yes, &[("CLICOLOR", "0")], Color::Off),
            (Always, Terminal::No, &[("NO_COLOR", "1")], Color::On),
            (Never, Terminal::Yes, &[("CLICOLOR_FORCE", "1")], Color::Off),
        ];
        for (choice, terminal, variables, expected) in cases {
            let found = choice.decide_with(*terminal, |name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(found, *expected, "{choice:?} {terminal:?} {variables:?}");
        }
    }

    #[test]
    fn colours_have_names_and_numbers() {
        let cases = [
            ("bright red", Some("1;31")),
            ("color208", Some("38;5;208")),
            ("rgb135", Some("38;5;75")),
            ("rgb136", None),
            ("gray3", Some("38;5;235")),
            ("pink", None),
        ];
        for (name, code) in cases {
            assert_eq!(code_of(name).as_deref(), code, "{name}");
        }
    }

    #[test]
    fn paints_line_by_line() {
        assert_eq!(
            Color::On.paint(Paint::Ok, "a\n\nb"),
            "\x1b[0;32ma\x1b[0m\n\n\x1b[0;32mb\x1b[0m"
        );
        assert_eq!(Color::Off.paint(Paint::Ok, "a"), "a");
    }
}
