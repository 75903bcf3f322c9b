//! Masking of secrets in everything that leaves the engine.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use canvass_modules::wire::EffectRecord;
use serde_json::{Map, Value as Json};

use super::event::{Outcome, Status};
use super::python_json::{Ascii, Layout, dumps};

/// What stands in a secret's place.
pub const MASK: &str = "********";

/// Shorter secrets are not masked: they would blot out every other word.
pub const SHORTEST: usize = 3;

/// Shorter lines of a secret with several lines are not masked by themselves.
const SHORTEST_LINE: usize = 8;

/// Shorter secrets are not looked for within the Base64 of a longer text: what is left of them
/// there is too short to be told from chance.
const SHORTEST_WITHIN: usize = 6;

/// The secrets of a run, in all the forms in which they may turn up: as they are, in Base64 (also
/// within the Base64 of a longer text, as in `user:password`), URL-encoded, escaped for JSON and
/// quoted for a shell; of several lines also each line.
#[derive(Default)]
pub struct Secrets {
    forms: BTreeSet<String>,
    /// How many of the texts that vault has revealed are in.
    learnt: usize,
    /// Built at the first use after a secret was added; `None` inside when it cannot be built.
    search: OnceLock<Option<AhoCorasick>>,
}

impl Secrets {
    /// No secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret; known and too short ones change nothing.
    pub fn add(&mut self, secret: &str) {
        let trimmed = secret.trim_end_matches(['\r', '\n']);
        let mut parts = vec![secret, trimmed];
        if trimmed.contains('\n') {
            // diffs and `stdout_lines` show a text line by line
            let lines = trimmed.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
            parts.extend(lines);
        }
        let known = self.forms.len();
        for part in parts {
            if part.trim().len() >= SHORTEST {
                self.forms.extend(forms(part));
            }
        }
        if self.forms.len() > known {
            self.search = OnceLock::new();
        }
    }

    /// Adds what vault has revealed since this was called last.
    pub fn learn(&mut self) {
        let revealed = crate::vault::revealed_since(self.learnt);
        self.learnt += revealed.len();
        for secret in &revealed {
            self.add(secret);
        }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The text with every secret in it masked, the longest first.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.forms.is_empty() || text.len() < SHORTEST {
            return Cow::Borrowed(text);
        }
        let Some(search) = self.search() else {
            return self.mask_slowly(text);
        };
        if !search.is_match(text) {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        search.replace_all_with(text, &mut masked, |_, _, masked| {
            masked.push_str(MASK);
            true
        });
        Cow::Owned(masked)
    }

    /// Masks so much of the beginning of a text as what follows cannot change; gives it, and the
    /// rest, which may end within a secret and begins with none that is cut.
    pub fn mask_begun<'t>(&self, text: &'t str) -> (String, &'t str) {
        let longest = self.forms.iter().map(String::len).max().unwrap_or(1);
        // what begins before this ends within the text
        let mut end = text.len().saturating_sub(longest - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let crosses = |start: usize, length: usize| start < end && start + length > end;
        let cut = match self.search() {
            Some(search) => search
                .find_iter(text)
                .find(|found| crosses(found.start(), found.len()))
                .map(|found| found.start()),
            None => self
                .forms
                .iter()
                .flat_map(|form| text.match_indices(form.as_str()))
                .filter(|(start, form)| crosses(*start, form.len()))
                .map(|(start, _)| start)
                .min(),
        };
        let (begun, rest) = text.split_at(cut.unwrap_or(end));
        (self.mask(begun).into_owned(), rest)
    }

    /// Masks all strings of a value, keys too, and numbers that are a secret.
    pub fn mask_json(&self, value: &mut Json) {
        self.walk(value, Numbers::Masked);
    }

    /// Masks the fields of a result.
    pub fn mask_fields(&self, fields: &mut Map<String, Json>) {
        self.walk_fields(fields, Numbers::Masked);
    }

    /// Masks all that an outcome tells of a host.
    pub fn mask_outcome(&self, outcome: &mut Outcome) {
        if self.forms.is_empty() {
            return;
        }
        self.mask_fields(&mut outcome.result);
        if let Some(item) = &mut outcome.item {
            self.mask_json(item);
        }
        if let Status::Unknown { reason } = &mut outcome.status {
            self.mask_string(reason);
        }
        for cause in &mut outcome.causes {
            self.mask_string(&mut cause.message);
        }
        for diff in &mut outcome.diffs {
            let diff = Arc::make_mut(diff);
            self.mask_string(&mut diff.before_header);
            self.mask_string(&mut diff.after_header);
            self.mask_json(&mut diff.before);
            self.mask_json(&mut diff.after);
            if let Some(note) = &mut diff.note {
                self.mask_string(note);
            }
        }
        let masked = outcome.effects.iter().filter_map(|record| self.masked(record));
        outcome.effects = masked.map(Arc::new).collect();
    }

    /// An effect with its strings masked; none where that is no effect any more.
    fn masked(&self, record: &EffectRecord) -> Option<EffectRecord> {
        let mut value = serde_json::to_value(record).ok()?;
        self.walk(&mut value, Numbers::Kept);
        serde_json::from_value(value).ok()
    }

    fn mask_string(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.mask(text) {
            *text = masked;
        }
    }

    fn walk(&self, value: &mut Json, numbers: Numbers) {
        if self.forms.is_empty() {
            return;
        }
        match value {
            Json::Null | Json::Bool(_) => {}
            Json::Number(number) => {
                if numbers == Numbers::Masked && self.forms.contains(&number.to_string()) {
                    *value = Json::String(MASK.to_owned());
                }
            }
            Json::String(text) => self.mask_string(text),
            Json::Array(items) => {
                for item in items {
                    self.walk(item, numbers);
                }
            }
            Json::Object(fields) => self.walk_fields(fields, numbers),
        }
    }

    fn walk_fields(&self, fields: &mut Map<String, Json>, numbers: Numbers) {
        if fields.keys().any(|key| matches!(self.mask(key), Cow::Owned(_))) {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(key, value)| (self.mask(&key).into_owned(), value))
                .collect();
        }
        for field in fields.values_mut() {
            self.walk(field, numbers);
        }
    }

    fn search(&self) -> Option<&AhoCorasick> {
        self.search
            .get_or_init(|| {
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&self.forms)
                    .ok()
            })
            .as_ref()
    }

    /// The same without the automaton, for more secrets than it can hold.
    fn mask_slowly<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut longest_first: Vec<&String> = self.forms.iter().collect();
        longest_first.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let mut masked = Cow::Borrowed(text);
        for form in longest_first {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(masked.replace(form.as_str(), MASK));
            }
        }
        masked
    }
}

/// Whether a number that is a secret is masked: not where its type must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Masked,
    Kept,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Secrets").field("forms", &self.forms.len()).finish_non_exhaustive()
    }
}

/// The forms in which a secret may be written.
fn forms(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let percent = percent_encoded(secret, |byte| format!("%{byte:02X}"));
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        percent.replace("%20", "+"),
        percent.replace("%2F", "/"),
        percent_encoded(secret, |byte| format!("%{byte:02x}")),
        percent,
        // inside of single quotes, by the two ways to write a single quote there
        secret.replace('\'', "'\"'\"'"),
        secret.replace('\'', "'\\''"),
        // inside of double quotes
        escaped_with(secret, &['\\', '"', '$', '`']),
    ]);
    forms.extend(within_base64(bytes));
    for ascii in [Ascii::Kept, Ascii::Escaped] {
        let quoted = dumps(&Json::String(secret.to_owned()), Layout::Line, ascii);
        let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
        // JSON within JSON
        forms.insert(inner.replace('\\', "\\\\").replace('"', "\\\""));
        forms.insert(inner);
    }
    forms
}

/// The letters that stand for a secret in the Base64 of a longer text, for each of the three places
/// where it may begin; letters that its neighbours share are left out.
fn within_base64(secret: &[u8]) -> Vec<String> {
    if secret.len() < SHORTEST_WITHIN {
        return Vec::new();
    }
    let mut found = Vec::new();
    for before in 0..3 {
        let padded: Vec<u8> =
            std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
        // bits of the first letters belong to what stands before, those of the last to what follows
        let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded);
            found.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
    found
}

fn escaped_with(secret: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(secret.len());
    for character in secret.chars() {
        if special.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Percent-encoding after RFC 3986: everything but its unreserved characters.
fn percent_encoded(secret: &str, encode: impl Fn(u8) -> String) -> String {
    let mut encoded = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&encode(byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(list: &[&str]) -> Secrets {
        let mut secrets = Secrets::new();
        for secret in list {
            secrets.add(secret);
        }
        secrets
    }

    #[test]
    fn masks_a_secret_in_every_form() {
        let secrets = secrets(&["p@ss \"w'rd/é"]);
        let cases = [
            ("login with p@ss \"w'rd/é now", "login with ******** now"),
            ("{\"a\": \"p@ss \\\"w'rd/é\"}", "{\"a\": \"********\"}"),
            ("{\"a\": \"p@ss \\\"w'rd/\\u00e9\"}", "{\"a\": \"********\"}"),
            ("http://u:p%40ss%20%22w%27rd%2F%C3%A9@h", "http://u:********@h"),
            ("http://u:p%40ss%20%22w%27rd/%C3%A9@h", "http://u:********@h"),
            ("http://u:p%40ss%20%22w%27rd%2f%c3%a9@h", "http://u:********@h"),
            ("q=p%40ss+%22w%27rd%2F%C3%A9", "q=********"),
            ("cEBzcyAidydyZC/DqQ==", "********"),
            ("cEBzcyAidydyZC_DqQ", "********"),
            ("echo 'p@ss \"w'\"'\"'rd/é'", "echo '********'"),
            ("echo 'p@ss \"w'\\''rd/é'", "echo '********'"),
            ("echo \"p@ss \\\"w'rd/é\"", "echo \"********\""),
        ];
        for (text, masked) in cases {
            assert_eq!(secrets.mask(text), masked, "{text}");
        }
    }

    #[test]
    fn masks_a_secret_within_the_base64_of_more() {
        let secrets = secrets(&["p@ss \"w'rd/é"]);
        for (before, after) in [("", ""), ("u", ""), ("us", "x"), ("usr:", "yz"), ("a", "bcd")] {
            let text = STANDARD.encode(format!("{before}p@ss \"w'rd/é{after}"));
            let masked = secrets.mask(&text);
            assert!(masked.contains(MASK) && masked.len() < MASK.len() + 14, "{text}: {masked}");
        }
    }

    #[test]
    fn takes_the_longest_secret_first() {
        let secrets = secrets(&["abc", "abcdef", "cde"]);
        assert_eq!(secrets.mask("abcdef abcx cde"), "******** ********x ********");
    }

    #[test]
    fn leaves_text_without_secrets_as_it_is() {
        assert!(matches!(secrets(&["hunter2"]).mask("nothing here"), Cow::Borrowed(_)));
        assert!(matches!(Secrets::new().mask("hunter2"), Cow::Borrowed(_)));
        let short = secrets(&["", "ab", "  \n"]);
        assert!(short.is_empty());
        assert_eq!(short.mask("ab"), "ab");
        assert_eq!(secrets(&["Password1"]).mask("password1"), "password1");
    }

    #[test]
    fn masks_lines_of_long_secrets() {
        let key = "-----BEGIN KEY-----\nAAAAB3NzaC1\nkey: end\n}\n";
        let secrets = secrets(&[key]);
        assert_eq!(secrets.mask(&format!("<{key}>")), "<********>");
        assert_eq!(secrets.mask(key.trim_end()), MASK);
        assert_eq!(secrets.mask("+AAAAB3NzaC1\n }\n"), "+********\n }\n");
    }

    #[test]
    fn sees_secrets_that_are_added_later() {
        let mut secrets = secrets(&["first"]);
        assert_eq!(secrets.mask("first second"), "******** second");
        secrets.add("second");
        assert_eq!(secrets.mask("first second"), "******** ********");
    }

    #[test]
    fn masks_json_through_and_through() {
        let mut value = json!({
            "hunter2": ["x hunter2", {"deep": "hunter2"}], "pin": 4711, "rc": 0, "ok": true
        });
        secrets(&["hunter2", "4711"]).mask_json(&mut value);
        assert_eq!(
            value,
            json!({"********": ["x ********", {"deep": "********"}], "pin": "********", "rc": 0, "ok": true})
        );
    }

    #[test]
    fn masks_an_outcome_through_and_through() {
        use canvass_modules::effect::{Command, Effect};

        use crate::report::human::tests::{changed, outcome};

        let mut masked = changed("/home/hunter2", "hunter2\n", "new hunter2\n");
        masked.result.insert("cmd".to_owned(), json!(["login", "hunter2", 0]));
        masked.item = Some(json!("hunter2"));
        let effect = Effect::Run(Command::new(["login", "hunter2"]));
        let reason = "hunter2 is not set".to_owned();
        masked.effects.push(EffectRecord { effect, reason }.into());
        secrets(&["hunter2"]).mask_outcome(&mut masked);
        let text = serde_json::to_string(&masked).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(masked.effects.len(), 1);
        assert_eq!(masked.diffs[0].after, "new ********\n");
        let mut unknown = outcome(Status::Unknown { reason: "needs hunter2".to_owned() });
        secrets(&["hunter2"]).mask_outcome(&mut unknown);
        assert_eq!(unknown.status, Status::Unknown { reason: "needs ********".to_owned() });
    }

    #[test]
    fn does_not_show_secrets_when_debugged() {
        assert!(!format!("{:?}", secrets(&["hunter2"])).contains("hunter"));
    }

    #[test]
    fn the_slow_way_masks_the_same() {
        let secrets = secrets(&["abc", "abcdef"]);
        assert_eq!(secrets.mask_slowly("abcdef abc"), secrets.mask("abcdef abc"));
    }
}
