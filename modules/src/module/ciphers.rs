//! `ciphers` of requests: which cipher suites of TLS 1.2 may be agreed on.
//!
//! Takes OpenSSL's notation (`man openssl-ciphers`) as far as suites of this program are concerned:
//! names, keywords joined by `+`, `!`, `-` and `+` before one, `@STRENGTH`, `@SECLEVEL`. As there,
//! keywords that name no suite of ours select nothing, and those of TLS 1.3 stay in any case.

use serde_json::Value as Json;

use crate::params::{Expected, OptionKind, ParamValue};

/// The suites of this program, the strongest first, as OpenSSL names them, and the keywords that
/// each answers to.
const SUITES: [(&str, &[&str]); 6] = [
    ("ECDHE-ECDSA-AES256-GCM-SHA384", &["ECDSA", "aECDSA", "AES256", "AES", "AESGCM", "FIPS"]),
    ("ECDHE-RSA-AES256-GCM-SHA384", &["aRSA", "AES256", "AES", "AESGCM", "FIPS"]),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", &["ECDSA", "aECDSA", "CHACHA20"]),
    ("ECDHE-RSA-CHACHA20-POLY1305", &["aRSA", "CHACHA20"]),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", &["ECDSA", "aECDSA", "AES128", "AES", "AESGCM", "FIPS"]),
    ("ECDHE-RSA-AES128-GCM-SHA256", &["aRSA", "AES128", "AES", "AESGCM", "FIPS"]),
];

/// Keywords that all of our suites answer to.
const ALL: [&str; 9] =
    ["ALL", "DEFAULT", "HIGH", "ECDHE", "EECDH", "ECDH", "kEECDH", "kECDHE", "TLSv1.2"];

/// What the option asks for: elements of a list, each in OpenSSL's notation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ciphers(Vec<String>);

impl ParamValue for Ciphers {
    const KIND: OptionKind = OptionKind::List;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let ciphers = Self(Vec::<String>::from_json(value)?);
        let unknown = ciphers.words().find_map(unknown).map(str::to_owned);
        match unknown {
            Some(name) => {
                Err(Expected::Form(format!("there is no cipher suite `{name}` in this program")))
            }
            None => Ok(ciphers),
        }
    }
}

impl Ciphers {
    /// The names of the suites that may be agreed on, in order of preference, of which none may be
    /// left; nothing where the option asks for nothing.
    pub fn select(&self) -> Option<Vec<&'static str>> {
        if self.0.is_empty() {
            return None;
        }
        let mut chosen: Vec<&'static str> = Vec::new();
        let mut banned: Vec<&'static str> = Vec::new();
        for word in self.words() {
            let (sign, keywords) = match word.split_at_checked(1) {
                Some((sign @ ("!" | "-" | "+" | "@"), keywords)) => (sign, keywords),
                _ => ("", word),
            };
            let named: Vec<&str> = matching(keywords).collect();
            match sign {
                // keys of 256 bits before those of 128
                "@" if keywords == "STRENGTH" => chosen.sort_by_key(|name| name.contains("AES128")),
                "@" => {}
                "!" => banned.extend(&named),
                "-" => chosen.retain(|name| !named.contains(name)),
                // those that are there go last
                "+" => chosen.sort_by_key(|name| named.contains(name)),
                _ => {
                    let new: Vec<_> =
                        named.into_iter().filter(|name| !chosen.contains(name)).collect();
                    chosen.extend(new);
                }
            }
        }
        chosen.retain(|name| !banned.contains(name));
        Some(chosen)
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|text| text.split([':', ',', ' '])).filter(|word| !word.is_empty())
    }
}

/// The suites that answer to all keywords of a word, the strongest first.
fn matching(keywords: &str) -> impl Iterator<Item = &'static str> {
    SUITES
        .iter()
        .filter(move |suite| keywords.split('+').all(|keyword| answers(suite, keyword)))
        .map(|(name, _)| *name)
}

fn answers((name, own): &(&str, &[&str]), keyword: &str) -> bool {
    *name == keyword || own.contains(&keyword) || ALL.contains(&keyword)
}

/// The name of a suite that is asked for and not of this program.
///
/// OpenSSL passes over what it does not know; names of its suites have a hyphen, keywords none.
fn unknown(word: &str) -> Option<&str> {
    let asked = !word.starts_with(['!', '-', '+', '@']);
    let suite = word.contains('-') && !SUITES.iter().any(|(name, _)| *name == word);
    (asked && suite).then_some(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn select(value: &Json) -> Option<Vec<&'static str>> {
        Ciphers::from_json(value).unwrap().select()
    }

    #[test]
    fn suites_are_selected_as_openssl_selects_them() {
        // recorded from `openssl ciphers -v` of OpenSSL 3, without what this program has not
        let gcm256 = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"];
        let gcm128 = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"];
        let chacha = ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"];
        for (value, expected) in [
            (json!([gcm128[1]]), vec![gcm128[1]]),
            (json!("AES128+AESGCM+aRSA"), vec![gcm128[1]]),
            (json!(["CHACHA20", "AESGCM"]), [chacha, gcm256, gcm128].concat()),
            (
                json!(
                    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
                ),
                [gcm256, gcm128, chacha].concat(),
            ),
            (json!("HIGH:!AES256:!aECDSA"), vec![chacha[1], gcm128[1]]),
            (json!("ECDHE:+CHACHA20:-AES128"), [gcm256, chacha].concat()),
            (json!("AES128:CHACHA20:AES256:@STRENGTH"), [chacha, gcm256, gcm128].concat()),
            (json!("FIPS:!AES128"), gcm256.to_vec()),
            (json!(["NOSUCH", gcm256[1]]), vec![gcm256[1]]),
        ] {
            assert_eq!(select(&value), Some(expected), "{value}");
        }
        assert_eq!(select(&json!([])), None);
        for nothing in
            ["NOSUCH", "TLS_AES_256_GCM_SHA384", "HIGH:!ECDHE", "RSA", "SHA256", "DHE+AES"]
        {
            assert_eq!(select(&json!(nothing)), Some(Vec::new()), "{nothing}");
        }
    }

    #[test]
    fn suites_of_others_are_refused_by_name() {
        let refused = Ciphers::from_json(&json!(["ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"]));
        assert_eq!(
            refused,
            Err(Expected::Form("there is no cipher suite `AES128-SHA` in this program".into()))
        );
        assert!(Ciphers::from_json(&json!("HIGH:!AES128-SHA")).is_ok());
    }
}
