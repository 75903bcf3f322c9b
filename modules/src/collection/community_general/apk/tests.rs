//! What the module does in the cases was recorded from community.general 11.

use serde_json::json;

use super::{Apk, is_of, step};
use crate::host::memory::MemoryHost;
use crate::recorded::programs_run_as_recorded;

#[test]
fn packages_are_installed_upgraded_and_removed() {
    // the file is one that the host of the records has, too: its lines are taken for packages
    let host = || MemoryHost::new().with_file("/etc/shells", "# shells\n/bin/sh\n/bin/bash\n");
    programs_run_as_recorded::<Apk>(host, include_str!("cases.json"));
}

#[test]
fn steps_are_read() {
    for (line, expected) in [
        ("(1/2) Installing curl (8.1-r0)", json!(["curl", null, "8.1-r0"])),
        ("(2/2) Upgrading musl (1.2-r3 -> 1.2-r5)", json!(["musl", "1.2-r3", "1.2-r5"])),
        ("(1/1) Purging curl (8.1-r0)", json!(["curl", "8.1-r0", null])),
        ("OK: 8 MiB in 16 packages", json!(null)),
    ] {
        let step = step(line).map(|step| json!([step.name, step.from, step.to]));
        assert_eq!(json!(step), expected, "{line}");
    }
    assert!(is_of("curl@edge", "curl") && is_of("curl~=8", "curl") && !is_of("curl-dev", "curl"));
}
