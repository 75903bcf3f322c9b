//! What the module does in the cases was recorded from community.general 11 with lxml 6.

use serde_json::json;

use super::Xml;
use crate::host::memory::MemoryHost;
use crate::recorded::{files_become_as_recorded, run};
use crate::wire::Status;

#[test]
fn files_are_read_and_changed() {
    files_become_as_recorded::<Xml>("path", "/etc/x.xml", include_str!("cases.json"));
}

#[test]
fn texts_are_changed_without_a_file() {
    let arguments = json!({"xmlstring": "<a><b/></a>", "xpath": "/a/b", "value": "c"});
    let ended = run::<Xml>(&mut MemoryHost::new(), &arguments);
    assert_eq!(ended.status, Status::Changed);
    let text = "<?xml version='1.0' encoding='UTF-8'?>\n<a><b>c</b></a>";
    assert_eq!(ended.returned["xmlstring"], text);
}
