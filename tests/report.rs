//! What people send around: records, pages in a browser, and that no secret is in any of it.
//!
//! The browser is Chromium (`CHROMIUM` names another one); where there is none, its test is
//! reported as ignored, with the reason in its name.
#![expect(clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

#[path = "report/browser.rs"]
mod browser;
#[path = "harness/command.rs"]
mod command;
#[path = "report/page.rs"]
mod page;
#[path = "report/printed.rs"]
mod printed;
#[path = "report/prompt.rs"]
mod prompt;
#[path = "report/records.rs"]
mod records;
#[path = "report/secrets.rs"]
mod secrets;

use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let missing = browser::missing();
    let trials = vec![
        trial("planted_secrets_show_nowhere", secrets::planted, None),
        trial("what_no_log_hides_is_no_reason", secrets::hidden_reasons, None),
        trial("what_commands_print_is_told_while_they_run", printed::heard, None),
        trial("whoever_is_asked_has_the_terminal_alone", prompt::asked, None),
        trial("runs_are_recorded_and_compared", records::story, None),
        trial("shards_are_merged_into_one_report", records::merged, None),
        trial("records_are_served_to_this_machine_only", records::served, None),
        trial("the_page_works_in_a_browser", page::works, missing),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &str, test: fn() -> Result<()>, missing: Option<String>) -> Trial {
    let name = match &missing {
        Some(reason) => format!("{name} (skipped: {reason})"),
        None => name.to_owned(),
    };
    let run = move || test().map_err(|error| Failed::from(format!("{error:#}")));
    Trial::test(name, run).with_ignored_flag(missing.is_some())
}
