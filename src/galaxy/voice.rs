//! What is said while the work goes on.

/// Who hears of the work.
pub trait Voice {
    /// A line of output.
    fn say(&self, text: &str);
    /// Something that may be wrong.
    fn warn(&self, text: &str);
    /// Something that is wrong and does not end the work.
    fn error(&self, text: &str);
    /// A detail, for that many `-v`.
    fn detail(&self, level: u8, text: &str);
}
