//! The `canvass` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    match canvass::cli::main(std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            let error = anyhow::Error::from(error);
            canvass::cli::say(&format!("error: {error:#}"));
            ExitCode::from(250)
        }
    }
}
