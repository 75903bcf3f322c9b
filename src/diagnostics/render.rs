//! Drawing messages: file, line, column, the source line, a caret, what to try.

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::{Diagnostic, Severity};
use crate::source::Span;

/// Whether messages are drawn in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// With terminal colours.
    Always,
}

/// Draws a message, without a line end after it.
pub fn render(diagnostic: &Diagnostic, color: Color) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning | Severity::Deprecation => Level::WARNING,
    };
    let title = level.primary_title(normalize_untrusted_str(&diagnostic.message));
    let mut group = Group::with_title(title);
    if let Some(span) = &diagnostic.span {
        group = place(group, span, diagnostic.label.as_deref());
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(normalize_untrusted_str(hint)));
    }
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    renderer.render(&[group])
}

fn place<'a>(group: Group<'a>, span: &'a Span, label: Option<&'a str>) -> Group<'a> {
    let path = span.file.path.display().to_string();
    let (line_number, column) = (span.line as usize, span.column as usize);
    // an encrypted file, or a place that the file no longer has
    let Some(line) = span.file.line(span.line).filter(|_| !span.file.text.is_empty()) else {
        return group.element(Origin::path(path).line(line_number).char_column(column));
    };
    let start = byte_offset(line, column.saturating_sub(1));
    let end = byte_offset(line, column.saturating_sub(1).saturating_add(span.length as usize));
    group.element(
        Snippet::source(line)
            .path(path)
            .line_start(line_number)
            .annotation(AnnotationKind::Primary.span(start..end).label(label)),
    )
}

/// Where a character of a line begins; the line's end where it has fewer.
fn byte_offset(line: &str, characters: usize) -> usize {
    line.char_indices().nth(characters).map_or(line.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::SourceFile;

    fn diagnostic(text: &str, line: usize, column: usize, length: u32) -> Diagnostic {
        let file = SourceFile::new(Path::new("site.yml"), text.to_owned());
        let span = Span { length, ..Span::at(&file, line, column) };
        Diagnostic {
            severity: Severity::Error,
            message: "something is wrong".to_owned(),
            span: Some(span),
            label: Some("here".to_owned()),
            hints: vec!["try this".to_owned(), "or that".to_owned()],
        }
    }

    #[test]
    fn draws_place_caret_label_and_hints() {
        let text = render(&diagnostic("- hosts: all\n  tasks: é foo\n", 2, 10, 5), Color::Never);
        insta::assert_snapshot!(text, @r#"
        error: something is wrong
         --> site.yml:2:10
          |
        2 |   tasks: é foo
          |          ^^^^^ here
          |
          = help: try this
          = help: or that
        "#);
    }

    #[test]
    fn draws_a_place_after_the_end() {
        let text = render(&diagnostic("a: \"x\n", 2, 1, 1), Color::Never);
        insta::assert_snapshot!(text, @r#"
        error: something is wrong
         --> site.yml:2:1
          |
        2 |
          | ^ here
          |
          = help: try this
          = help: or that
        "#);
        let text = render(&diagnostic("a: 1", 1, 90, 4), Color::Never);
        insta::assert_snapshot!(text, @r#"
        error: something is wrong
         --> site.yml:1:5
          |
        1 | a: 1
          |     ^ here
          |
          = help: try this
          = help: or that
        "#);
    }

    #[test]
    fn draws_only_the_place_of_a_file_without_text() {
        let text = render(&diagnostic("", 3, 4, 2), Color::Never);
        insta::assert_snapshot!(text, @r#"
        error: something is wrong
        --> site.yml:3:4
         = help: try this
         = help: or that
        "#);
    }

    #[test]
    fn draws_a_warning_without_a_place_and_strips_control_characters() {
        let warning = Diagnostic::warning("beware \u{1b}[31mred", None);
        insta::assert_snapshot!(render(&warning, Color::Never), @r#"warning: beware ␛[31mred"#);
    }

    #[test]
    fn colours_only_when_asked() {
        let diagnostic = diagnostic("a: 1\n", 1, 1, 1);
        assert!(render(&diagnostic, Color::Always).contains('\u{1b}'));
        assert!(!render(&diagnostic, Color::Never).contains('\u{1b}'));
    }
}
