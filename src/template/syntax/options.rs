//! How a template is read.

/// The marks of statements, expressions and comments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::template) struct Markers {
    pub(in crate::template) variable: [String; 2],
    pub(in crate::template) block: [String; 2],
    pub(in crate::template) comment: [String; 2],
    /// What begins a line that is a statement (`line_statement_prefix`).
    pub(in crate::template) line_statement: Option<String>,
    /// What begins a comment up to the end of its line (`line_comment_prefix`).
    pub(in crate::template) line_comment: Option<String>,
}

impl Default for Markers {
    fn default() -> Self {
        let pair = |open: &str, close: &str| [open.to_owned(), close.to_owned()];
        Self {
            variable: pair("{{", "}}"),
            block: pair("{%", "%}"),
            comment: pair("{#", "#}"),
            line_statement: None,
            line_comment: None,
        }
    }
}

/// How backslashes in the string constants of `{{ }}` are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(in crate::template) enum Backslashes {
    /// As escapes, as Jinja does (template files, conditions).
    #[default]
    Escapes,
    /// As themselves, as Ansible does in YAML.
    Literal,
}

/// What happens to the whitespace around a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::template) enum Whitespace {
    Keep,
    Trim,
}

/// How a template is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::template) struct Options {
    pub(in crate::template) markers: Markers,
    /// The newline after a block.
    pub(in crate::template) after_blocks: Whitespace,
    /// The blanks before a block that begins a line.
    pub(in crate::template) before_blocks: Whitespace,
    /// What a newline of the text becomes.
    pub(in crate::template) newline: String,
    pub(in crate::template) backslashes: Backslashes,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            markers: Markers::default(),
            after_blocks: Whitespace::Trim,
            before_blocks: Whitespace::Keep,
            newline: "\n".to_owned(),
            backslashes: Backslashes::Escapes,
        }
    }
}
