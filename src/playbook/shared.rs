//! Keywords that plays, roles, blocks and tasks share, and the shapes of their values.

use super::action_groups::PREFIX;
use super::error::PlaybookErrorKind;
use super::keywords::Keyword;
use super::model::Keywords;
use super::parser::{Parser, is_all_template, is_template};
use crate::source::{Kind, Node};

/// Whether a keyword was one of the shared ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was, and is dealt with.
    Yes,
    /// It was not.
    No,
}

impl Parser<'_> {
    /// Takes in a keyword if it is one of the shared ones.
    pub(super) fn shared(&mut self, keyword: Keyword, value: &Node, into: &mut Keywords) -> Taken {
        match keyword {
            Keyword::When => into.when = self.conditions("when", value),
            Keyword::Tags => {
                self.scopes.push(into.vars.clone());
                into.tags = self.tags(value);
                self.scopes.pop();
            }
            Keyword::Vars => into.vars = self.variables(value),
            Keyword::Notify => into.notify = self.texts("notify", value),
            Keyword::ModuleDefaults => self.module_defaults(value, into),
            Keyword::Collections => into.collections = self.collection_names(value),
            Keyword::Environment => into.environment = self.environment(value),
            Keyword::Become => into.r#become = self.boolean("become", value),
            Keyword::BecomeUser => into.become_user = self.scalar("become_user", value),
            Keyword::BecomeMethod => into.become_method = self.scalar("become_method", value),
            Keyword::BecomeFlags => into.become_flags = self.scalar("become_flags", value),
            Keyword::BecomeExe => into.become_exe = self.scalar("become_exe", value),
            Keyword::Connection => into.connection = self.scalar("connection", value),
            Keyword::RemoteUser => into.remote_user = self.scalar("remote_user", value),
            Keyword::User => into.remote_user = self.scalar("user", value),
            Keyword::Port => into.port = self.number("port", value),
            Keyword::IgnoreErrors => into.ignore_errors = self.boolean("ignore_errors", value),
            Keyword::IgnoreUnreachable => {
                into.ignore_unreachable = self.boolean("ignore_unreachable", value);
            }
            Keyword::NoLog => into.no_log = self.boolean("no_log", value),
            Keyword::DelegateTo => into.delegate_to = self.scalar("delegate_to", value),
            Keyword::DelegateFacts => into.delegate_facts = self.boolean("delegate_facts", value),
            Keyword::RunOnce => into.run_once = self.boolean("run_once", value),
            Keyword::CheckMode => into.check_mode = self.boolean("check_mode", value),
            Keyword::Diff => into.diff = self.boolean("diff", value),
            Keyword::AnyErrorsFatal => {
                into.any_errors_fatal = self.boolean("any_errors_fatal", value);
            }
            Keyword::Throttle => into.throttle = self.integer("throttle", value),
            Keyword::Timeout => into.timeout = self.number("timeout", value),
            Keyword::Debugger => into.debugger = self.debugger(value),
            Keyword::Action
            | Keyword::Always
            | Keyword::AllowDuplicates
            | Keyword::Args
            | Keyword::ArgumentSpecs
            | Keyword::Async
            | Keyword::BlockTasks
            | Keyword::BreakWhen
            | Keyword::ChangedWhen
            | Keyword::Delay
            | Keyword::Dependencies
            | Keyword::Extended
            | Keyword::ExtendedAllitems
            | Keyword::FactPath
            | Keyword::FailedWhen
            | Keyword::ForceHandlers
            | Keyword::GalaxyInfo
            | Keyword::GatherFacts
            | Keyword::GatherSubset
            | Keyword::GatherTimeout
            | Keyword::Handlers
            | Keyword::Hosts
            | Keyword::IndexVar
            | Keyword::Label
            | Keyword::Listen
            | Keyword::LocalAction
            | Keyword::Loop
            | Keyword::LoopControlKeyword
            | Keyword::LoopVar
            | Keyword::MaxFailPercentage
            | Keyword::Name
            | Keyword::Order
            | Keyword::Pause
            | Keyword::Poll
            | Keyword::PostTasks
            | Keyword::PreTasks
            | Keyword::Register
            | Keyword::Rescue
            | Keyword::Retries
            | Keyword::RoleName
            | Keyword::Roles
            | Keyword::Serial
            | Keyword::Strategy
            | Keyword::Tasks
            | Keyword::Until
            | Keyword::VarsFiles
            | Keyword::VarsPrompt => return Taken::No,
        }
        Taken::Yes
    }

    /// Defaults of modules: a mapping, a template or a list of them.
    fn module_defaults(&mut self, value: &Node, into: &mut Keywords) {
        let elements = match &value.kind {
            Kind::Null => &[],
            Kind::Seq(elements) => elements.as_slice(),
            _ => std::slice::from_ref(value),
        };
        for element in elements {
            let Kind::Map(entries) = &element.kind else {
                let is_text = element.as_str().is_some_and(is_template);
                if !is_text {
                    self.wrong_type("module_defaults", "a mapping or a template", element);
                }
                continue;
            };
            for (key, value) in entries {
                if let Some(name) = key.as_str().and_then(|name| name.strip_prefix(PREFIX)) {
                    into.action_groups.extend(self.action_group(name, &key.span));
                }
                if !matches!(value.kind, Kind::Map(_) | Kind::Null | Kind::Str(_)) {
                    self.wrong_type("module_defaults", "a mapping of arguments", value);
                }
            }
        }
        into.module_defaults = elements.to_vec();
    }

    /// Names of collections.
    pub(super) fn collection_names(&mut self, value: &Node) -> Vec<String> {
        self.texts("collections", value)
            .iter()
            .filter_map(|node| self.static_text("the name of a collection", node))
            .collect()
    }

    /// A boolean, a word for one, or a template.
    pub(super) fn boolean(&mut self, keyword: &str, value: &Node) -> Option<Node> {
        let fits = match &value.kind {
            Kind::Null => return None,
            Kind::Bool(_) | Kind::Int(0 | 1) => true,
            Kind::Str(text) => {
                is_template(&text.value) || is_boolean_word(&text.value) || self.modules.is_late()
            }
            _ => false,
        };
        if !fits {
            self.wrong_type(keyword, "a boolean", value);
            return None;
        }
        Some(value.clone())
    }

    /// A whole number, text that is one, or a template.
    fn integer(&mut self, keyword: &str, value: &Node) -> Option<Node> {
        let fits = match &value.kind {
            Kind::Null => return None,
            Kind::Int(_) | Kind::Bool(_) => true,
            Kind::Float(number) => number.fract() == 0.0,
            Kind::Str(text) => is_template(&text.value) || text.value.trim().parse::<i64>().is_ok(),
            _ => false,
        };
        if !fits {
            self.wrong_type(keyword, "a whole number", value);
            return None;
        }
        Some(value.clone())
    }

    /// A number, text that is one, or a template.
    pub(super) fn number(&mut self, keyword: &str, value: &Node) -> Option<Node> {
        let fits = match &value.kind {
            Kind::Null => return None,
            Kind::Int(_) | Kind::Float(_) => true,
            Kind::Str(text) => is_template(&text.value) || text.value.trim().parse::<f64>().is_ok(),
            _ => false,
        };
        if !fits {
            self.wrong_type(keyword, "a number", value);
            return None;
        }
        Some(value.clone())
    }

    /// Anything but lists and mappings.
    pub(super) fn scalar(&mut self, keyword: &str, value: &Node) -> Option<Node> {
        match &value.kind {
            Kind::Null => None,
            Kind::Seq(_) | Kind::Map(_) => {
                self.wrong_type(keyword, "text", value);
                None
            }
            _ => Some(value.clone()),
        }
    }

    /// When the debugger opens: a word for it, or a template.
    fn debugger(&mut self, value: &Node) -> Option<Node> {
        const WORDS: &[&str] = &["always", "never", "on_failed", "on_unreachable", "on_skipped"];
        let node = self.scalar("debugger", value)?;
        let word = node.shown();
        if !is_template(&word) && !WORDS.contains(&word.as_str()) {
            let kind =
                PlaybookErrorKind::Choice { keyword: "debugger", value: word, choices: WORDS };
            self.error(&value.span, kind);
            return None;
        }
        Some(node)
    }

    /// One condition or a list of them.
    pub(super) fn conditions(&mut self, keyword: &str, value: &Node) -> Vec<Node> {
        let one = |parser: &mut Self, node: &Node| match &node.kind {
            Kind::Seq(_) | Kind::Map(_) | Kind::Null => {
                parser.wrong_type(keyword, "a condition or a list of conditions", node);
                None
            }
            _ => Some(node.clone()),
        };
        match &value.kind {
            Kind::Null => Vec::new(),
            Kind::Seq(elements) => {
                elements.iter().filter_map(|element| one(self, element)).collect()
            }
            _ => one(self, value).into_iter().collect(),
        }
    }

    /// Text or a list of texts, not split at commas.
    pub(super) fn texts(&mut self, keyword: &str, value: &Node) -> Vec<Node> {
        match &value.kind {
            Kind::Null => Vec::new(),
            Kind::Seq(elements) => {
                elements.iter().filter_map(|element| self.text(keyword, element)).collect()
            }
            _ => self.text(keyword, value).into_iter().collect(),
        }
    }

    fn text(&mut self, keyword: &str, value: &Node) -> Option<Node> {
        match &value.kind {
            Kind::Str(_) | Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => Some(value.clone()),
            _ => {
                self.wrong_type(keyword, "text or a list of texts", value);
                None
            }
        }
    }

    fn tags(&mut self, value: &Node) -> Vec<String> {
        let mut tags = Vec::new();
        for node in self.texts("tags", value) {
            match &node.kind {
                Kind::Str(text) if is_template(&text.value) => {
                    match self.names.render_list(&node, &self.scopes) {
                        Ok(words) => tags.extend(words.iter().flat_map(|text| words_of(text))),
                        Err(reason) => {
                            let kind = PlaybookErrorKind::StaticName { what: "`tags`", reason };
                            self.error(&node.span, kind);
                        }
                    }
                }
                Kind::Str(text) => tags.extend(words_of(&text.value)),
                Kind::Int(number) => tags.push(number.to_string()),
                _ => self.wrong_type("tags", "text or a list of texts", &node),
            }
        }
        tags
    }

    /// A mapping of variables.
    pub(super) fn variables(&mut self, value: &Node) -> Vec<(String, Node)> {
        let entries = match &value.kind {
            Kind::Null => return Vec::new(),
            Kind::Map(entries) => entries,
            Kind::Seq(_) => {
                self.error(&value.span, PlaybookErrorKind::VarsList);
                return Vec::new();
            }
            _ => {
                self.wrong_type("vars", "a mapping", value);
                return Vec::new();
            }
        };
        let mut variables = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.warnings.extend(super::reserved::remark(key));
            if let Some(name) = key.as_str().filter(|name| is_variable_name(name)) {
                variables.push((name.to_owned(), value.clone()));
            } else {
                let shown = key.as_str().unwrap_or_else(|| key.describe()).to_owned();
                self.error(&key.span, PlaybookErrorKind::VariableName(shown));
            }
        }
        variables
    }

    fn environment(&mut self, value: &Node) -> Vec<Node> {
        let one = |parser: &mut Self, node: &Node| match &node.kind {
            Kind::Map(_) => Some(node.clone()),
            Kind::Str(text) if is_all_template(&text.value) => Some(node.clone()),
            Kind::Null => None,
            _ => {
                parser.wrong_type("environment", "a mapping, a template or a list of them", node);
                None
            }
        };
        match &value.kind {
            Kind::Seq(elements) => {
                elements.iter().filter_map(|element| one(self, element)).collect()
            }
            _ => one(self, value).into_iter().collect(),
        }
    }
}

/// Whether text is one of Ansible's words for a boolean.
fn is_boolean_word(text: &str) -> bool {
    let word = text.trim().to_ascii_lowercase();
    matches!(
        word.as_str(),
        "y" | "yes"
            | "on"
            | "1"
            | "true"
            | "t"
            | "1.0"
            | "n"
            | "no"
            | "off"
            | "0"
            | "false"
            | "f"
            | "0.0"
    )
}

/// The words between commas.
fn words_of(text: &str) -> Vec<String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Words of templates that cannot name a variable.
const RESERVED: &[&str] = &["False", "None", "True", "false", "none", "not", "true"];

/// Whether text can name a variable.
pub(super) fn is_variable_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !RESERVED.contains(&text)
}
