//! What Ansible says of a task in check mode where only acting would tell.
//!
//! A rehearsal calls that unknown. A task that follows Ansible's check mode (`check_mode: true`
//! in a real run, or `--check` under Ansible's names) is skipped by the modules that cannot foresee
//! it.

use serde_json::{Map, Value as Json};

use super::outcome::{TaskResult, Verdict};

/// Words an unknown result as Ansible's module does in check mode.
pub(super) fn word(
    module: &str,
    written: &str,
    arguments: &Map<String, Json>,
    result: &mut TaskResult,
) {
    if !matches!(result.verdict, Verdict::Unknown(_)) {
        return;
    }
    let given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_null());
    match module {
        "ansible.builtin.command" | "ansible.builtin.shell" => {
            known(result);
            result.set("rc", 0);
            result.set("msg", "Command would have run if not in check mode");
            for stream in ["stdout", "stderr"] {
                result.set(stream, "");
                result.set(&format!("{stream}_lines"), Json::Array(Vec::new()));
            }
            for time in ["start", "end", "delta"] {
                result.set(time, Json::Null);
            }
            let guarded = given("creates") || given("removes");
            if guarded {
                result.decide(Verdict::Changed);
            } else {
                skip(result);
            }
        }
        "ansible.builtin.expect" => {
            known(result);
            result.set("msg", format!("remote module ({written}) does not support check mode"));
            skip(result);
        }
        "ansible.builtin.uri" => {
            known(result);
            result.set("msg", "Check mode is not supported for this task.");
            skip(result);
        }
        "ansible.builtin.script" => {
            known(result);
            if given("creates") || given("removes") {
                result.result.clear();
                result.decide(Verdict::Changed);
            } else {
                result.set("msg", "Check mode is not supported for this task.");
                skip(result);
            }
        }
        // others say that they would change something, and do not say what comes of it
        _ => {
            known(result);
            result.decide(Verdict::Changed);
        }
    }
}

/// A module that skips itself still says that it did not fail.
fn skip(result: &mut TaskResult) {
    result.decide(Verdict::Skipped);
    result.set("failed", false);
}

fn known(result: &mut TaskResult) {
    result.result.shift_remove("unknown");
    result.result.shift_remove("unknown_reason");
}
