//! `canvass compat`: links by Ansible's names.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CommandError, ansible};

/// Arguments of `canvass compat`.
#[derive(Debug, Args)]
pub(crate) struct CompatArguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes links to this program by the names of Ansible's programs
    Install {
        /// The folder, to be put into `PATH`; made where it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Runs the command.
pub(crate) fn compat(arguments: &CompatArguments) -> Result<ExitCode, CommandError> {
    let Verb::Install { folder } = &arguments.verb;
    let wrong = |what: String, error: std::io::Error| {
        CommandError::other(format!("cannot {what}: {error}"), None)
    };
    let program =
        std::env::current_exe().map_err(|error| wrong("find this program".to_owned(), error))?;
    fs::create_dir_all(folder)
        .map_err(|error| wrong(format!("make `{}`", folder.display()), error))?;
    let mut text = String::new();
    for name in ansible::names() {
        let link = folder.join(name);
        // a link of an earlier day is replaced, a program is not
        match fs::symlink_metadata(&link) {
            Ok(there) if there.is_symlink() => fs::remove_file(&link)
                .map_err(|error| wrong(format!("replace `{}`", link.display()), error))?,
            Ok(_) => {
                let why = std::io::Error::from(ErrorKind::AlreadyExists);
                return Err(wrong(format!("link `{}`", link.display()), why));
            }
            Err(_) => {}
        }
        symlink(&program, &link)
            .map_err(|error| wrong(format!("link `{}`", link.display()), error))?;
        text.push_str(&format!("{}\n", link.display()));
    }
    super::print(&text);
    Ok(ExitCode::SUCCESS)
}
