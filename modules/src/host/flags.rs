//! Flags of files and directories, as `chattr` sets them and `lsattr` tells them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FileKind;

/// Bits of the kernel (`FS_*_FL`) with their letters, in the order in which `lsattr` tells them,
/// and the names that Ansible has for them.
const FLAGS: [(u32, char, Option<&str>); 22] = [
    (0x0000_0001, 's', Some("zero")),
    (0x0000_0002, 'u', Some("undelete")),
    (0x0000_0008, 'S', Some("synchronous")),
    (DIRSYNC, 'D', Some("dirsync")),
    (IMMUTABLE, 'i', Some("immutable")),
    (APPEND, 'a', Some("append")),
    (0x0000_0040, 'd', Some("nodump")),
    (0x0000_0080, 'A', Some("noatime")),
    (0x0000_0004, 'c', Some("compressed")),
    (0x0000_0800, 'E', Some("encrypted")),
    (0x0000_4000, 'j', Some("journalled")),
    (0x0000_1000, 'I', Some("indexed")),
    (0x0000_8000, 't', Some("notail")),
    (0x0002_0000, 'T', Some("blockroot")),
    (0x0008_0000, 'e', Some("extents")),
    (0x0080_0000, 'C', Some("nocow")),
    (0x0200_0000, 'x', None),
    (0x4000_0000, 'F', None),
    (0x1000_0000, 'N', Some("inline")),
    (0x2000_0000, 'P', None),
    (0x0010_0000, 'V', None),
    (0x0000_0400, 'm', None),
];

const IMMUTABLE: u32 = 0x0000_0010;
const APPEND: u32 = 0x0000_0020;
const DIRSYNC: u32 = 0x0001_0000;

/// The letters that `chattr` takes.
const SETTABLE: &str = "aAcCdDeijmPsStTuFx";

/// What new files, and new directories, have of their directory.
const INHERITED: &str = "sucSdAjteCmx";
const INHERITED_BY_DIRECTORIES: &str = "sucSdAjteCmxDPF";

/// The flags of a file or directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileFlags(u32);

impl FileFlags {
    /// The flags of these bits.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The flags of these letters.
    #[cfg(test)]
    pub(crate) fn of(letters: &str) -> Self {
        Self(bits(letters).unwrap())
    }

    /// Their bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Their letters, in the order of `lsattr`.
    pub fn letters(self) -> String {
        self.each().map(|(_, letter, _)| *letter).collect()
    }

    /// The names that Ansible has for them; those without one are left out.
    pub fn names(self) -> Vec<&'static str> {
        self.each().filter_map(|(_, _, name)| *name).collect()
    }

    /// Whether neither content nor attributes can be changed, nor what is there be removed.
    pub fn is_fixed(self) -> bool {
        self.0 & (IMMUTABLE | APPEND) != 0
    }

    /// Whether a directory takes no new names.
    pub fn is_immutable(self) -> bool {
        self.0 & IMMUTABLE != 0
    }

    /// What a new entry of a directory with these flags has.
    #[must_use]
    pub fn inherited(self, kind: FileKind) -> Self {
        let letters =
            if kind == FileKind::Directory { INHERITED_BY_DIRECTORIES } else { INHERITED };
        Self(self.0 & bits(letters).unwrap_or_default())
    }

    fn each(self) -> impl Iterator<Item = &'static (u32, char, Option<&'static str>)> {
        FLAGS.iter().filter(move |(bit, ..)| self.0 & bit != 0)
    }
}

/// The bits of letters; the first letter that there is not, where there is one.
fn bits(letters: &str) -> Result<u32, char> {
    letters.chars().try_fold(0, |all, letter| {
        let known = FLAGS.iter().find(|(_, known, _)| *known == letter);
        known.map(|(bit, ..)| all | bit).ok_or(letter)
    })
}

/// A change of flags: the argument of `chattr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FlagChange {
    operator: Operator,
    letters: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Set,
    Add,
    Remove,
}

/// A change of flags that names none.
#[derive(Debug, thiserror::Error)]
#[error("no flag is named")]
pub struct NoFlag;

impl FlagChange {
    /// Reads `+i`, `-i`, or letters alone, which set just these; nothing where no flag is named.
    pub fn parse(text: &str) -> Option<Self> {
        let (operator, letters) = match text.split_at_checked(1) {
            Some(("+", letters)) => (Operator::Add, letters),
            Some(("-", letters)) => (Operator::Remove, letters),
            _ => (Operator::Set, text),
        };
        (!letters.is_empty()).then(|| Self { operator, letters: letters.to_owned() })
    }

    /// Whether it is to be made, as Ansible has it: always where flags are removed, else where the
    /// letters that are there are not just those that it names.
    pub fn is_due(&self, now: Option<FileFlags>) -> bool {
        self.operator == Operator::Remove || now.unwrap_or_default().letters() != self.letters
    }

    /// The flags after it.
    ///
    /// # Errors
    ///
    /// The letter that `chattr` does not take.
    pub fn of(&self, now: FileFlags, kind: FileKind) -> Result<FileFlags, char> {
        if let Some(letter) = self.letters.chars().find(|letter| !SETTABLE.contains(*letter)) {
            return Err(letter);
        }
        let named = bits(&self.letters)?;
        Ok(FileFlags(match self.operator {
            Operator::Set => named,
            Operator::Remove => now.0 & !named,
            // only directories have it
            Operator::Add if kind != FileKind::Directory => now.0 | named & !DIRSYNC,
            Operator::Add => now.0 | named,
        }))
    }
}

impl fmt::Display for FlagChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            Operator::Set => '=',
            Operator::Add => '+',
            Operator::Remove => '-',
        };
        write!(formatter, "{operator}{}", self.letters)
    }
}

impl From<FlagChange> for String {
    fn from(change: FlagChange) -> Self {
        change.to_string()
    }
}

impl TryFrom<String> for FlagChange {
    type Error = NoFlag;

    fn try_from(text: String) -> Result<Self, NoFlag> {
        // as it is written: letters alone behind a sign
        Self::parse(text.strip_prefix('=').unwrap_or(&text)).ok_or(NoFlag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_in_the_order_of_lsattr() {
        // `----i--A------e-------` of lsattr 1.47.0
        let some = FileFlags::of("eAi");
        assert_eq!(some.letters(), "iAe");
        assert_eq!(some.names(), ["immutable", "noatime", "extents"]);
        assert_eq!(FileFlags::of("").letters(), "");
    }

    #[test]
    fn changes_are_due_as_ansible_has_it() {
        // recorded from the module `file` of ansible-core 2.19.14 on ext4
        for (text, now, due) in [
            ("+i", "e", true),
            ("+i", "ie", true),
            ("-i", "e", true),
            ("ie", "ie", false),
            ("ei", "ie", true),
            ("+ie", "ie", false),
            ("=ie", "ie", true),
        ] {
            let change = FlagChange::parse(text).unwrap();
            assert_eq!(change.is_due(Some(FileFlags::of(now))), due, "{text} on {now}");
        }
        for nothing in ["", "+", "-"] {
            assert_eq!(FlagChange::parse(nothing), None);
        }
    }

    #[test]
    fn changes_give_what_chattr_gives() {
        // recorded from chattr 1.47.0 on ext4
        for (text, now, after) in [
            ("+i", "e", Ok("ie")),
            ("-i", "ie", Ok("e")),
            ("-i", "e", Ok("e")),
            ("A", "ie", Ok("A")),
            ("+D", "e", Ok("e")),
            ("+Ad", "e", Ok("dAe")),
            ("+q", "e", Err('q')),
            ("=i", "e", Err('=')),
            ("+E", "e", Err('E')),
        ] {
            let change = FlagChange::parse(text).unwrap();
            let given = change.of(FileFlags::of(now), FileKind::File).map(FileFlags::letters);
            assert_eq!(given, after.map(str::to_owned), "{text} on {now}");
        }
        let change = FlagChange::parse("+D").unwrap();
        assert_eq!(change.of(FileFlags::of("e"), FileKind::Directory), Ok(FileFlags::of("De")));
    }

    #[test]
    fn a_change_is_kept_as_it_is_written() {
        for text in ["+i", "-ia", "=Ae"] {
            let json = format!("\"{text}\"");
            let change: FlagChange = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&change).unwrap(), json);
        }
        assert!(serde_json::from_str::<FlagChange>("\"+\"").is_err());
    }
}
