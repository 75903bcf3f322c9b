//! The `canvass` program.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "lab-host" => canvass::lab::host_main(rest),
        _ => ExitCode::SUCCESS,
    }
}
