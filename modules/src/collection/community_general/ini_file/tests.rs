//! Expected texts were written by community.general 12.0.0 from the same ones.

use super::IniFile;
use crate::recorded::files_become_as_recorded;

#[test]
fn outcomes_are_those_of_the_collection() {
    files_become_as_recorded::<IniFile>("path", "/etc/x.ini", include_str!("cases.json"));
}
