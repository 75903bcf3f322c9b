//! What the module does in the cases was recorded from community.general 11.

use super::{Zypper, wanted};
use crate::host::memory::MemoryHost;
use crate::recorded::programs_run_as_recorded;

#[test]
fn packages_are_installed_upgraded_and_removed() {
    programs_run_as_recorded::<Zypper>(MemoryHost::new, include_str!("cases.json"));
}

#[test]
fn names_have_prefixes_and_versions() {
    for (given, expected) in [
        ("nginx", ('+', "nginx", "")),
        ("docker>=1.10", ('+', "docker", ">=1.10")),
        ("-exim", ('-', "exim", "")),
        ("~exim", ('-', "exim", "")),
        ("+a<=2-1", ('+', "a", "<=2-1")),
        ("a=b", ('+', "a=b", "")),
    ] {
        let found = wanted(given, '+');
        assert_eq!(
            (found.prefix, found.name.as_str(), found.version.as_str()),
            expected,
            "{given}"
        );
    }
}
