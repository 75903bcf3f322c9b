//! Names of groups that could be no variables: kept or changed
//! (`TRANSFORM_INVALID_GROUP_CHARS`).

use std::borrow::Cow;

/// What is done with a name of a group that could be no variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupNames {
    /// It stays, with a warning (`never`).
    #[default]
    Keep,
    /// It stays, without a word (`ignore`).
    KeepQuietly,
    /// What does not fit becomes `_`, with a warning (`always`).
    Replace,
    /// What does not fit becomes `_`, without a word (`silently`).
    ReplaceQuietly,
}

impl GroupNames {
    /// The setting of a word in `force_valid_group_names`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "never" => Some(Self::Keep),
            "ignore" => Some(Self::KeepQuietly),
            "always" => Some(Self::Replace),
            "silently" => Some(Self::ReplaceQuietly),
            _ => None,
        }
    }

    /// The name that a group gets, and what is worth knowing of it.
    pub(super) fn of(self, name: &str) -> (Cow<'_, str>, Option<&'static str>) {
        if is_valid(name) {
            return (Cow::Borrowed(name), None);
        }
        match self {
            Self::Keep => (
                Cow::Borrowed(name),
                Some(
                    "Invalid characters were found in group names but not replaced, use -vvvv to \
                     see details",
                ),
            ),
            Self::KeepQuietly => (Cow::Borrowed(name), None),
            Self::Replace => (
                Cow::Owned(safe(name)),
                Some(
                    "Invalid characters were found in group names and automatically replaced, use \
                     -vvvv to see details",
                ),
            ),
            Self::ReplaceQuietly => (Cow::Owned(safe(name)), None),
        }
    }
}

/// The name with `_` for all that no variable's name may have.
pub(super) fn safe(name: &str) -> String {
    name.chars()
        .enumerate()
        .map(|(position, character)| match position {
            0 if character.is_numeric() => '_',
            _ if is_word(character) => character,
            _ => '_',
        })
        .collect()
}

fn is_valid(name: &str) -> bool {
    !name.starts_with(char::is_numeric) && name.chars().all(is_word)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_or_replaced_as_the_setting_says() {
        let table = [
            ("never", "local-", "local-", true),
            ("ignore", "local-", "local-", false),
            ("always", "local-", "local_", true),
            ("silently", "9 é.x", "__é_x", false),
            ("always", "plain_1", "plain_1", false),
        ];
        for (word, name, expected, warns) in table {
            let (found, warning) = GroupNames::parse(word).unwrap().of(name);
            assert_eq!((found.as_ref(), warning.is_some()), (expected, warns), "{word} {name}");
        }
        assert_eq!(GroupNames::parse("often"), None);
    }
}
