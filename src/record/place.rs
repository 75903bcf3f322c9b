//! Where records lie, and how much of them is kept.

use std::path::{Path, PathBuf};

use super::RecordError;

/// Bytes of records that are kept by default.
pub const BOUND: u64 = 256 << 20;

/// Where records lie, and how much of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSettings {
    /// The file of the database.
    pub file: PathBuf,
    /// Bytes that are kept; the newest run is kept in any case.
    pub bound: u64,
}

impl RecordSettings {
    /// By the environment: `XDG_STATE_HOME`, or `.local/state` in `HOME`.
    ///
    /// # Errors
    ///
    /// Neither is set.
    pub fn of(state: Option<&Path>, home: Option<&Path>, bound: u64) -> Result<Self, RecordError> {
        // a relative path is no path, says the specification
        let state = state.filter(|path| path.is_absolute()).map(Path::to_owned);
        let home = home.filter(|path| path.is_absolute());
        let folder = state.or_else(|| Some(home?.join(".local/state")));
        let folder = folder.ok_or(RecordError::NoFolder)?;
        Ok(Self { file: folder.join("canvass/records.db"), bound })
    }
}

/// A size as people write it: bytes, or with `k`, `M` or `G` for powers of 1024.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = match text.chars().last()? {
        'k' | 'K' => (text.get(..text.len() - 1)?, 1 << 10),
        'm' | 'M' => (text.get(..text.len() - 1)?, 1 << 20),
        'g' | 'G' => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1),
    };
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_is_that_of_the_user() {
        let file = |state, home| {
            let found = RecordSettings::of(Option::map(state, Path::new), home, BOUND);
            found.map(|settings| settings.file.to_string_lossy().into_owned()).ok()
        };
        let home = Some(Path::new("/home/ann"));
        assert_eq!(file(Some("/state"), home).unwrap(), "/state/canvass/records.db");
        assert_eq!(file(None, home).unwrap(), "/home/ann/.local/state/canvass/records.db");
        assert_eq!(file(Some("relative"), home), file(None, home));
        assert_eq!(file(None, None), None);
    }

    #[test]
    fn sizes_have_units() {
        let cases = [
            ("4096", Some(4096)),
            ("10k", Some(10_240)),
            ("2M", Some(2 << 20)),
            ("1 G", Some(1 << 30)),
            ("", None),
            ("much", None),
            ("99999999999999999999", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}
