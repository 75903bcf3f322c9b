//! What is wrong with arguments is worded as ansible-core 2.19 words it.

use serde_json::{Value as Json, json};

use super::{Params as _, Rule, message};
use crate::params;

params! {
    /// Parameters of the tests.
    #[expect(dead_code, unreachable_pub, reason = "it is only parsed")]
    pub struct Sample {
        /// A name.
        name: String,
        /// Whether it is counted.
        count ("number"): bool = false,
        /// Whether it is kept.
        keep: bool = true,
        /// How often.
        times: Option<i64>,
        /// Where.
        place: Option<String>,
        /// Where else.
        other: Option<String>,
    }
    rules [
        Rule::RequiredIf("count", "True", &["times"]),
        Rule::RequiredIf("keep", "False", &["place"]),
        Rule::MutuallyExclusive(&["place", "other"]),
        Rule::RequiredBy("times", &["place"]),
        Rule::RequiredOneOf(&["times", "keep"]),
    ]
}

fn refusal(arguments: &Json) -> String {
    Sample::parse("sample", arguments.as_object().unwrap())
        .map_or_else(|errors| message(&errors), |_| String::new())
}

#[test]
fn arguments_are_refused_in_the_words_of_ansible() {
    let table = [
        (json!({"name": "a"}), ""),
        (json!({}), "missing required arguments: name"),
        (json!({"name": "a", "count": false}), ""),
        (
            json!({"name": "a", "count": "yes"}),
            "count is True but all of the following are missing: times",
        ),
        (
            json!({"name": "a", "number": true}),
            "count is True but all of the following are missing: times",
        ),
        (json!({"name": "a", "count": "on", "times": "3", "place": "x"}), ""),
        (
            json!({"name": "a", "keep": 0}),
            "keep is False but all of the following are missing: place",
        ),
        (
            json!({"name": "a", "place": "x", "other": "y"}),
            "parameters are mutually exclusive: place|other",
        ),
        (json!({"name": "a", "times": 1}), "missing parameter(s) required by 'times': place"),
        (json!({"name": "a", "times": 1, "place": "x"}), ""),
        (
            json!({"name": "a", "tims": 1}),
            "Unsupported parameters for (sample) module: tims. Supported parameters include: \
             count, keep, name, other, place, times (number).",
        ),
    ];
    for (arguments, expected) in table {
        assert_eq!(refusal(&arguments), expected, "{arguments}");
    }
}
