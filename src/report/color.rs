//! Colour: whether there is any, and Ansible's colours for Ansible's things.

use std::env;

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
}

impl Paint {
    /// Parameters of the escape sequence, the defaults of Ansible's `COLOR_*` settings.
    fn code(self) -> &'static str {
        match self {
            Self::Ok | Self::Added => "0;32",
            Self::Changed => "0;33",
            Self::Failed | Self::Removed => "0;31",
            Self::Unreachable => "1;31",
            Self::Skipped | Self::Hunk => "0;36",
            Self::Warning => "1;35",
            Self::Unknown | Self::Deprecation => "0;35",
            Self::Heading => "1",
            Self::Faint => "1;30",
        }
    }
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
    fn paints_line_by_line() {
        assert_eq!(
            Color::On.paint(Paint::Ok, "a\n\nb"),
            "\x1b[0;32ma\x1b[0m\n\n\x1b[0;32mb\x1b[0m"
        );
        assert_eq!(Color::Off.paint(Paint::Ok, "a"), "a");
    }
}
