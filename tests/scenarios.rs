//! Runs every folder below `tests/scenarios/<area>/<case>/`.
//!
//! A case is `playbook.yml`, `scenario.yml` (`harness/description.rs` says what may stand there),
//! its other files, and `expected/report.txt`. It is played three times against fresh hosts: dry,
//! for real, again. The dry run's diffs are those of the real run, the second run changes
//! nothing, nothing stays on the hosts. `UPDATE_EXPECTED=1` writes the expected output.

mod harness;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use harness::{drive, folders, oracle, redaction};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // most of a scenario is waiting for processes
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let root = folders::root();
    let found = match folders::find(&root) {
        Ok(found) => found,
        Err(error) => {
            let told = Trial::test("scenarios_are_found", move || Err(failed(&error)));
            return libtest_mimic::run(&arguments, vec![told]).exit_code();
        }
    };
    let mut trials: Vec<Trial> = found
        .into_iter()
        .map(|folder| {
            let name = folder.name.clone();
            Trial::test(name, move || drive::scenario(&folder).map_err(|error| failed(&error)))
        })
        .collect();
    if oracle::program().is_none() {
        trials.push(Trial::test("every_folder_is_picked_up", move || {
            folders::every_folder_is_picked_up(&root).map_err(|error| failed(&error))
        }));
        trials.push(Trial::test("redaction_replaces_what_differs", || {
            redaction::replaces_what_differs().map_err(|error| failed(&error))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn failed(error: &anyhow::Error) -> Failed {
    Failed::from(format!("{error:#}"))
}
