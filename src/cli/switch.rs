//! What is switched on or off by the environment, or by the section `[canvass]` of a settings file.

use super::CommandError;

/// Whether it is on; `what` words it for whoever wrote neither `yes` nor `no`.
pub(super) fn is_on(variable: &str, file: Option<&str>, what: &str) -> Result<bool, CommandError> {
    let word = std::env::var(variable).ok().or_else(|| file.map(str::to_owned));
    match word.as_deref().map(str::to_lowercase).as_deref() {
        None | Some("" | "yes" | "on" | "true" | "1") => Ok(true),
        Some("no" | "off" | "false" | "0") => Ok(false),
        Some(other) => {
            let text = format!("whether {what} is `yes` or `no`, not `{other}`");
            Err(CommandError::options(text, Some(&format!("see `{variable}`"))))
        }
    }
}

/// Whether a dry run fetches packages, for options that say nothing of it.
pub(super) fn fetches_packages() -> Result<bool, CommandError> {
    is_on("CANVASS_FETCH_PACKAGES", None, "a dry run fetches packages")
}
