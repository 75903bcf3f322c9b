//! Lines of `authorized_keys`.

/// The kinds of keys.
const KINDS: [&str; 23] = [
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-dss",
    "ssh-rsa",
    "ssh-xmss@openssh.com",
    "ssh-xmss-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-dss-cert-v01@openssh.com",
];

/// Options before a key, in order.
pub(super) type Options = Vec<(String, Option<String>)>;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// A key.
    Key(Key),
    /// A comment, or what is no key: kept as it is.
    Other(String),
}

/// A key with its options and comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) options: Options,
    pub(super) kind: String,
    pub(super) blob: String,
    pub(super) comment: String,
}

impl Line {
    /// What tells it from others: the key, or the line.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Key(key) => &key.blob,
            Self::Other(line) => line,
        }
    }

    pub(super) fn render(&self) -> String {
        match self {
            Self::Key(key) => key.render(),
            Self::Other(line) => line.clone(),
        }
    }
}

impl Key {
    /// Reads a line; `None` where it is no key.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.replace("\\#", "#");
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first() == Some(&"#") {
            return None;
        }
        let at = words.iter().position(|word| KINDS.contains(word))?;
        let options = options(&words.get(..at)?.join(" "));
        let kind = (*words.get(at)?).to_owned();
        let blob = (*words.get(at + 1)?).to_owned();
        let comment = words.get(at + 2..)?.join(" ");
        Some(Self { options, kind, blob, comment })
    }

    /// Whether both are the same, whatever the order of options.
    pub(super) fn is(&self, other: &Self) -> bool {
        let sorted = |options: &Options| {
            let mut options = options.clone();
            options.sort();
            options
        };
        (&self.kind, &self.blob, &self.comment) == (&other.kind, &other.blob, &other.comment)
            && sorted(&self.options) == sorted(&other.options)
    }

    fn render(&self) -> String {
        let options: Vec<String> = self
            .options
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            })
            .collect();
        let space = if options.is_empty() { "" } else { " " };
        format!("{}{space}{} {} {}\n", options.join(","), self.kind, self.blob, self.comment)
    }
}

/// Options between commas that stand outside of quotes.
pub(super) fn options(text: &str) -> Options {
    let mut parts: Vec<String> = vec![String::new()];
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (None, ',') => {
                parts.push(String::new());
                continue;
            }
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts
        .map(|part| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (part, None),
        })
        .collect()
}

/// The lines of a file; of two with the same key the later counts.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.split_inclusive('\n') {
        let line = match Key::parse(line) {
            Some(key) => Line::Key(key),
            None => Line::Other(line.to_owned()),
        };
        lines.retain(|known| known.id() != line.id());
        lines.push(line);
    }
    lines
}
