//! What the module does in the cases was recorded from community.general 11.

use super::Lvg;
use crate::host::memory::MemoryHost;
use crate::recorded::{device, programs_run_as_recorded};

fn host() -> MemoryHost {
    ["/dev/null", "/dev/zero", "/dev/full"].into_iter().fold(MemoryHost::new(), device)
}

#[test]
fn groups_are_made_changed_and_removed() {
    programs_run_as_recorded::<Lvg>(host, include_str!("cases.json"));
}
