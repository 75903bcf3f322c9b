//! `vars_prompt`: variables that are asked for before a play.

use super::error::PlaybookErrorKind;
use super::model::Prompt;
use super::parser::Parser;
use super::shared::is_variable_name;
use crate::source::{Kind, Node};

const KEYS: &[&str] =
    &["name", "prompt", "default", "private", "confirm", "encrypt", "salt", "salt_size", "unsafe"];

impl Parser<'_> {
    /// The prompts of a play.
    pub(super) fn prompts(&mut self, value: &Node) -> Vec<Prompt> {
        let elements = match &value.kind {
            Kind::Null => return Vec::new(),
            Kind::Seq(elements) => elements.as_slice(),
            _ => std::slice::from_ref(value),
        };
        elements.iter().filter_map(|element| self.prompt(element)).collect()
    }

    fn prompt(&mut self, node: &Node) -> Option<Prompt> {
        let Kind::Map(entries) = &node.kind else {
            self.wrong_type("vars_prompt", "a list of mappings", node);
            return None;
        };
        let Some(name) = node.get("name") else {
            self.error(&node.span, PlaybookErrorKind::NoPromptName);
            return None;
        };
        for (key, _) in entries {
            let name = self.key(key)?;
            if !KEYS.contains(&name) {
                let kind = PlaybookErrorKind::PromptKey(name.to_owned());
                self.error(&key.span, kind);
                return None;
            }
        }
        let text = self.static_text("the name of a variable", name)?;
        if !is_variable_name(&text) {
            self.error(&name.span, PlaybookErrorKind::VariableName(text));
            return None;
        }
        let given = |key: &str| node.get(key).filter(|value| !value.is_null());
        let mut flag = |key: &str, otherwise: bool| match given(key) {
            Some(value) => self.truth(key, value),
            None => otherwise,
        };
        let (private, confirm) = (flag("private", true), flag("confirm", false));
        let is_unsafe = flag("unsafe", false);
        let mut word = |key: &'static str| given(key).and_then(|node| self.static_text(key, node));
        let (encrypt, salt, size) = (word("encrypt"), word("salt"), word("salt_size"));
        Some(Prompt {
            name: text,
            question: given("prompt").cloned(),
            default: given("default").cloned(),
            private,
            confirm,
            encrypt,
            salt,
            salt_size: size.and_then(|size| size.parse().ok()),
            is_unsafe,
            span: node.span.clone(),
        })
    }
}
