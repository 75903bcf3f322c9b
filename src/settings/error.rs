//! What can be wrong with settings.

use std::io;
use std::path::PathBuf;

use super::IniError;

/// A file or a value that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file's name has an ending that is not known.
    #[error("Unsupported configuration file type: `{}`", path.display())]
    FileType {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be understood.
    #[error("Error reading config file ({}): {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: IniError,
    },
    /// A value is not of the setting's type.
    #[error(
        "Config '{name}' from '{origin}' has an invalid value: Invalid value provided for \
         '{kind}': '{value}'"
    )]
    Type {
        /// The setting.
        name: String,
        /// Where the value stands.
        origin: String,
        /// The type.
        kind: &'static str,
        /// The value.
        value: String,
    },
    /// A value is none of those that the setting knows.
    #[error("Invalid value '{value}' for config '{name}'. Valid values are: {}", choices.join(", "))]
    Choice {
        /// The setting.
        name: String,
        /// The value.
        value: String,
        /// Those that it knows.
        choices: Vec<&'static str>,
    },
}
