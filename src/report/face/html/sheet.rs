//! A page in the look of the report for something else.

use super::escape::Markup;
use super::{STYLE, hash};

/// It grows; what is text is escaped.
#[derive(Debug)]
pub struct Sheet(Markup);

impl Sheet {
    /// With this title.
    pub fn new(title: &str) -> Self {
        let mut page = Markup::default();
        page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.raw(&format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n",
            hash(STYLE)
        ));
        page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>").text(title);
        page.raw("</title>\n<style>").raw(STYLE).raw("</style>\n</head>\n<body>\n");
        page.raw("<header class=\"masthead\"><p class=\"verdict\">").text(title);
        page.raw("</p></header>\n<main><section>\n");
        Self(page)
    }

    /// Markup of this program's own.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.raw(markup);
        self
    }

    /// Text from anywhere.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.text(text);
        self
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        self.0.raw("</section></main>\n</body>\n</html>\n");
        self.0.finish()
    }
}
