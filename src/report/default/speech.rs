//! Messages beside the results: `[WARNING]: …`.

use crate::report::color::{Color, Paint};
use crate::report::text::clean;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// Something is amiss.
    Warning,
    /// A deprecated thing was used.
    Deprecation,
    /// It ended the run.
    Error,
}

/// What stands before the first deprecation.
pub(crate) const HOW_TO_SILENCE: &str = "Deprecation warnings can be disabled by setting \
                                         `deprecation_warnings=False` in ansible.cfg.";

/// The message in Ansible's form, with its line end.
pub fn speak(speech: Speech, text: &str, color: Color) -> String {
    let (word, paint) = match speech {
        Speech::Warning => ("WARNING", Paint::Warning),
        Speech::Deprecation => ("DEPRECATION WARNING", Paint::Deprecation),
        Speech::Error => ("ERROR", Paint::Failed),
    };
    let text = clean(text);
    let text = text.trim_end_matches('\n');
    // the lines around a place end with an empty line
    let end = if text.contains("\nOrigin: ") { "\n\n" } else { "\n" };
    format!("{}{end}", color.paint(paint, &format!("[{word}]: {text}")))
}
