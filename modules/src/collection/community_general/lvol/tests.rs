//! What the module does in the cases was recorded from community.general 11.

use serde_json::json;

use super::Lvol;
use crate::collection::community_general::filesystem::Filesystem;
use crate::collection::community_general::lvg::Lvg;
use crate::effect::Output;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::recorded::{device as device_of, programs_run_as_recorded, run};
use crate::wire::Status;

#[test]
fn volumes_are_made_changed_and_removed() {
    programs_run_as_recorded::<Lvol>(MemoryHost::new, include_str!("cases.json"));
}

/// A dry run on a host where nothing of it is there yet.
#[test]
fn a_dry_run_puts_a_file_system_on_a_volume_that_it_would_make() {
    let said =
        |stdout: &str, status: i32| Output { stdout: stdout.into(), status, ..Output::default() };
    let device = "/dev/vdb";
    let mut host = device_of(MemoryHost::new(), device);
    for name in
        ["lvm", "vgs", "pvs", "lvs", "vgcreate", "pvcreate", "lvcreate", "blkid", "mkfs.ext4"]
    {
        host = host.with_program(name);
    }
    let select = format!("pv_name = {device} || pv_name = {device} || vg_name = data");
    let host = host
        .with_output(&["/usr/bin/lvm", "version"], said("  LVM version:     2.03.16(2)\n", 0))
        .with_output(
            &[
                "/usr/bin/vgs",
                "--noheadings",
                "-o",
                "vg_name,pv_count,lv_count",
                "--separator",
                ";",
            ],
            said("", 0),
        )
        .with_output(
            &[
                "/usr/bin/pvs",
                "--noheadings",
                "-o",
                "pv_name,vg_name",
                "--separator",
                ";",
                "--select",
                &select,
            ],
            said("", 0),
        )
        .with_output(&["/usr/bin/vgcreate", "--help"], said("", 0))
        .with_output(&["/usr/bin/vgs", "--noheadings", "-o", "vg_name", "data"], said("", 5));
    let mut rehearsal = RehearsalHost::new(host);
    let volume = json!({"vg": "data", "lv": "my-sql", "size": "1g"});
    for expected in [Status::Changed, Status::Ok] {
        let group = run::<Lvg>(&mut rehearsal, &json!({"vg": "data", "pvs": device}));
        assert_eq!(group.status, expected, "{:?}", group.returned);
        let made = run::<Lvol>(&mut rehearsal, &volume);
        assert_eq!(made.status, expected, "{:?}", made.returned);
        let arguments = json!({"dev": "/dev/mapper/data-my--sql", "fstype": "ext4"});
        let formatted = run::<Filesystem>(&mut rehearsal, &arguments);
        assert_eq!(formatted.status, expected, "{:?}", formatted.returned);
    }
    let share = run::<Lvol>(&mut rehearsal, &json!({"vg": "data", "lv": "my-sql", "size": "+1g"}));
    assert!(matches!(share.status, Status::Unknown { .. }), "{share:?}");
}
