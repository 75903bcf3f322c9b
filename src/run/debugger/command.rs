//! What is typed.

/// A command of the debugger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `p`, `pprint`: shows the value of an expression.
    Print(String),
    /// `task.args['x'] = …`, `task_vars['x'] = …`.
    Set(Target, String),
    /// `del task.args['x']`.
    Delete(Target),
    /// `u`, `update_task`.
    Update,
    /// `r`, `redo`.
    Redo,
    /// `c`, `continue`.
    Continue,
    /// `q`, `quit`.
    Quit,
    /// `h`, `help`, `?`.
    Help,
    /// Something else.
    Other(String),
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `task.args`
    Arguments,
    /// `task.args['name']`
    Argument(String),
    /// `task_vars['name']`
    Variable(String),
}

impl Command {
    /// Reads a line.
    pub(super) fn of(line: &str) -> Self {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "p" | "pprint" => return Self::Print(rest.trim().to_owned()),
            "u" | "update_task" => return Self::Update,
            "r" | "redo" => return Self::Redo,
            "c" | "continue" => return Self::Continue,
            "q" | "quit" => return Self::Quit,
            "h" | "help" | "?" => return Self::Help,
            "del" => {
                if let Some(target) = Target::of(rest) {
                    return Self::Delete(target);
                }
            }
            _ => {}
        }
        let assigned = line.split_once('=').filter(|(_, value)| !value.starts_with('='));
        match assigned.and_then(|(target, value)| Some((Target::of(target)?, value))) {
            Some((target, value)) => Self::Set(target, value.trim().to_owned()),
            None => Self::Other(line.to_owned()),
        }
    }
}

impl Target {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "task.args" {
            return Some(Self::Arguments);
        }
        let key = |rest: &str| {
            let inner = rest.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
            let quote = inner.chars().next().filter(|mark| matches!(mark, '\'' | '"'))?;
            let name = inner.strip_prefix(quote)?.strip_suffix(quote)?;
            Some(name.to_owned()).filter(|name| !name.contains(quote))
        };
        match (text.strip_prefix("task.args"), text.strip_prefix("task_vars")) {
            (Some(rest), _) => key(rest).map(Self::Argument),
            (_, Some(rest)) => key(rest).map(Self::Variable),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands() {
        let set = |target, value: &str| Command::Set(target, value.to_owned());
        for (line, expected) in [
            ("p task.args", Command::Print("task.args".to_owned())),
            ("pprint host", Command::Print("host".to_owned())),
            ("task.args[\"that\"] = []", set(Target::Argument("that".to_owned()), "[]")),
            ("task.args['a b'] = 'x=y'", set(Target::Argument("a b".to_owned()), "'x=y'")),
            ("task.args = {}", set(Target::Arguments, "{}")),
            ("task_vars['x']=1", set(Target::Variable("x".to_owned()), "1")),
            ("del task.args['x']", Command::Delete(Target::Argument("x".to_owned()))),
            ("r", Command::Redo),
            ("update_task", Command::Update),
            ("c", Command::Continue),
            ("quit", Command::Quit),
            ("?", Command::Help),
            ("task.args['x'] == 1", Command::Other("task.args['x'] == 1".to_owned())),
            ("import os", Command::Other("import os".to_owned())),
        ] {
            assert_eq!(Command::of(line), expected, "{line}");
        }
    }
}
