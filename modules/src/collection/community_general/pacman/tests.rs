//! What the module does in the cases was recorded from community.general 11.

use serde_json::json;

use super::Pacman;
use crate::effect::Output;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::recorded::{programs_run_as_recorded, run};
use crate::wire::Status;

#[test]
fn packages_are_installed_upgraded_and_removed() {
    programs_run_as_recorded::<Pacman>(MemoryHost::new, include_str!("cases.json"));
}

#[test]
fn what_fresh_lists_bring_is_only_named() {
    let said = |text: &str| Output { stdout: text.as_bytes().to_vec(), ..Output::default() };
    let refused = || Output { status: 1, ..Output::default() };
    let host = MemoryHost::new()
        .with_program("pacman")
        .with_output(&["/usr/bin/pacman", "--query"], said("bash 5.2-1\n"))
        .with_output(&["/usr/bin/pacman", "--sync", "--list"], said(""))
        .with_output(&["/usr/bin/pacman", "--sync", "--groups", "--groups"], said(""))
        .with_output(&["/usr/bin/pacman", "--sync", "--print-format", "%n", "nginx"], refused())
        .with_output(&["/usr/bin/pacman", "--upgrade", "--print-format", "%n", "nginx"], refused())
        .with_output(
            &[
                "/usr/bin/pacman",
                "--noconfirm",
                "--noprogressbar",
                "--needed",
                "--sync",
                "--print-format",
                "%n %v",
                "nginx",
            ],
            refused(),
        );
    let mut host = RehearsalHost::new(host);
    assert_eq!(run::<Pacman>(&mut host, &json!({"name": "nginx"})).status, Status::Failed);
    let ended = run::<Pacman>(&mut host, &json!({"name": "nginx", "update_cache": true}));
    assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned);
    assert_eq!(ended.returned["packages"], json!(["nginx"]));
    // once it would be there, it stays
    assert_eq!(run::<Pacman>(&mut host, &json!({"name": "nginx"})).status, Status::Ok);
}
