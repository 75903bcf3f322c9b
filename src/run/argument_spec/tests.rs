use super::*;

/// Specifications with values, and what ansible-core 2.19.14 says of them.
#[test]
fn values_are_refused_in_the_words_of_ansible() {
    for (spec, values, expected) in CASES {
        let spec: Spec = serde_json::from_str(spec).unwrap();
        let mut values: Map<String, Json> = serde_json::from_str(values).unwrap();
        assert_eq!(validate(&spec, &mut values), *expected, "{spec:?}");
    }
}

const CASES: &[(&str, &str, &[&str])] = &[
    (
        r#"{"a": {"required": true}, "b": {"required": true}}"#,
        r"{}",
        &["missing required arguments: a, b"],
    ),
    (
        r#"{"a": {"type": "int"}}"#,
        r#"{"a": "12x"}"#,
        &[
            r#"argument 'a' is of type str and we were unable to convert to int: "'12x'" cannot be converted to an int"#,
        ],
    ),
    (
        r#"{"a": {"type": "int"}}"#,
        r#"{"a": [1]}"#,
        &[
            r#"argument 'a' is of type list and we were unable to convert to int: "[1]" cannot be converted to an int"#,
        ],
    ),
    (
        r#"{"a": {"type": "bool"}}"#,
        r#"{"a": [1]}"#,
        &[
            "argument 'a' is of type list and we were unable to convert to bool: <class 'list'> cannot be converted to a bool",
        ],
    ),
    (
        r#"{"a": {"type": "float"}}"#,
        r#"{"a": "x"}"#,
        &[
            "argument 'a' is of type str and we were unable to convert to float: <class 'str'> cannot be converted to a float",
        ],
    ),
    (
        r#"{"a": {"type": "list", "elements": "int"}}"#,
        r#"{"a": ["1", "x"]}"#,
        &[
            r#"Elements value for option 'a' is of type str and we were unable to convert to int: "'x'" cannot be converted to an int"#,
        ],
    ),
    (
        r#"{"a": {"type": "list"}}"#,
        r#"{"a": {"b": 1}}"#,
        &[
            "argument 'a' is of type dict and we were unable to convert to list: <class 'dict'> cannot be converted to a list",
        ],
    ),
    (
        r#"{"a": {"type": "dict"}}"#,
        r#"{"a": "nonsense"}"#,
        &[
            "argument 'a' is of type str and we were unable to convert to dict: dictionary requested, could not parse JSON or key=value",
        ],
    ),
    (
        r#"{"a": {"type": "dict"}}"#,
        r#"{"a": 7}"#,
        &[
            "argument 'a' is of type int and we were unable to convert to dict: <class 'int'> cannot be converted to a dict",
        ],
    ),
    (
        r#"{"a": {"choices": ["x", "y"]}}"#,
        r#"{"a": "z"}"#,
        &["value of a must be one of: x, y, got: z"],
    ),
    (
        r#"{"a": {"type": "list", "elements": "str", "choices": ["x", "y"]}}"#,
        r#"{"a": ["x", "z"]}"#,
        &["value of a must be one or more of: x, y. Got no match for: z"],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {"type": "int", "required": true}, "c": {}}}}"#,
        r#"{"a": {"c": 1, "d": 2}}"#,
        &["missing required arguments: b found in a", "a.d. Supported parameters include: b, c."],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {"type": "int"}}}}"#,
        r#"{"a": {"b": "x"}}"#,
        &[
            r#"argument 'b' is of type str found in 'a'. and we were unable to convert to int: "'x'" cannot be converted to an int"#,
        ],
    ),
    (
        r#"{"a": {"type": "list", "elements": "dict", "options": {"b": {"type": "int", "required": true}}}}"#,
        r#"{"a": [{"b": 1}, {}]}"#,
        &["missing required arguments: b found in a"],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "mutually_exclusive": [["b", "c"]]}}"#,
        r#"{"a": {"b": 1, "c": 2}}"#,
        &["parameters are mutually exclusive: b|c found in a"],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "required_together": [["b", "c"]]}}"#,
        r#"{"a": {"b": 1}}"#,
        &["parameters are required together: b, c found in a"],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "required_one_of": [["b", "c"]]}}"#,
        r#"{"a": {}}"#,
        &["one of the following is required: b, c found in a"],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "required_if": [["b", "x", ["c"]]]}}"#,
        r#"{"a": {"b": "x"}}"#,
        &["b is x but all of the following are missing: c found in a"],
    ),
    (
        r#"{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "required_by": {"b": ["c"]}}}"#,
        r#"{"a": {"b": "x"}}"#,
        &["missing parameter(s) required by 'b': c found in a"],
    ),
    (r#"{"a": {"aliases": ["z"], "type": "int"}}"#, r#"{"z": "7"}"#, &[]),
    (
        r#"{"a": {"type": "bytes"}, "b": {"type": "path"}, "c": {"type": "json"}}"#,
        r#"{"a": "1K", "b": "/x", "c": {"d": 1}}"#,
        &[],
    ),
    (
        r#"{"a": {"type": "bytes"}}"#,
        r#"{"a": "huge"}"#,
        &[
            "argument 'a' is of type str and we were unable to convert to bytes: <class 'str'> cannot be converted to a Byte value",
        ],
    ),
];
