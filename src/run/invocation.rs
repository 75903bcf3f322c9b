//! `invocation`: with which arguments a module was called, as Ansible's modules return it.
//!
//! It stays in the results of a loop's rounds and is shown from `-vvv` on; what a task without a
//! loop registers is without it. Values of secret options are masked.

use canvass_modules::params::{OptionKind, OptionSpec, ParamValue as _, plain};
use canvass_modules::registry;
use canvass_modules::wire::SOURCE_ARGUMENT;
use serde_json::{Map, Number, Value as Json, json};

use super::outcome::{TaskResult, Verdict};

/// The field.
pub(crate) const FIELD: &str = "invocation";

/// What stands for the value of a secret option.
const MASKED: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// Sets the field of a module's result.
pub(super) fn note(module: &str, arguments: &Map<String, Json>, result: &mut TaskResult) {
    let over = matches!(result.verdict, Verdict::Ok | Verdict::Changed | Verdict::Failed);
    if !over || result.held || result.result.contains_key(FIELD) {
        return;
    }
    let known = match module {
        "ansible.builtin.copy" | "ansible.builtin.template" if !remote(arguments) => {
            Some(transferred(arguments, result))
        }
        _ => module_arguments(module, arguments),
    };
    if let Some(arguments) = known {
        result.set(FIELD, json!({ "module_args": arguments }));
    }
}

fn remote(arguments: &Map<String, Json>) -> bool {
    arguments.get("remote_src").is_some_and(|value| bool::from_json(value) == Ok(true))
}

/// What Ansible's `copy` calls: its module for a file that is sent, `file` for one that is there.
fn transferred(given: &Map<String, Json>, result: &TaskResult) -> Map<String, Json> {
    let of = |name: &str| given.get(name).cloned().unwrap_or_default();
    let name = given.get("src").and_then(Json::as_str).and_then(|src| src.rsplit('/').next());
    let mut call: Map<String, Json> =
        ["attributes", "group", "mode", "owner", "selevel", "serole", "setype", "seuser"]
            .iter()
            .map(|name| ((*name).to_owned(), of(name)))
            .collect();
    for (name, value) in
        [("dest", of("dest")), ("unsafe_writes", json!(false)), ("_original_basename", json!(name))]
    {
        call.insert(name.to_owned(), value);
    }
    let sent = result.verdict == Verdict::Changed && result.result.contains_key("checksum");
    let own = match sent {
        true => json!({
            "backup": of("backup") == json!(true),
            "checksum": result.result.get("checksum"),
            "content": null,
            "directory_mode": of("directory_mode"),
            "follow": of("follow") == json!(true),
            "force": of("force") != json!(false),
            "local_follow": of("local_follow"),
            "remote_src": false,
            "src": "~/.ansible/tmp/.source",
            "validate": of("validate"),
        }),
        false => json!({
            "_diff_peek": null,
            "access_time": null,
            "access_time_format": "%Y%m%d%H%M.%S",
            "follow": true,
            "force": false,
            "modification_time": null,
            "modification_time_format": "%Y%m%d%H%M.%S",
            "path": of("dest"),
            "recurse": false,
            "src": null,
            "state": "file",
        }),
    };
    call.extend(own.as_object().cloned().unwrap_or_default());
    call.sort_keys();
    call
}

/// All options of a module, as it was given them or by default.
fn module_arguments(module: &str, given: &Map<String, Json>) -> Option<Map<String, Json>> {
    let entry = registry::find(module)?;
    let short = module.strip_prefix("ansible.builtin.").unwrap_or(module);
    let mut arguments = Map::new();
    for option in (entry.options)() {
        if option.name.starts_with('_') && option.name != "_raw_params" {
            continue;
        }
        let names = std::iter::once(option.name).chain(option.aliases.iter().copied());
        let found = names.filter_map(|name| Some((name, given.get(name)?))).last();
        let value = match found {
            Some((_, value)) if option.secret && !value.is_null() => Json::from(MASKED),
            Some((_, value)) => coerced(&option, value),
            None => {
                option.default.as_deref().map(|text| typed(option.kind, text)).unwrap_or_default()
            }
        };
        if let Some((name, _)) = found.filter(|(name, _)| *name != option.name) {
            arguments.insert(name.to_owned(), value.clone());
        }
        arguments.insert(option.name.to_owned(), value);
    }
    // names that the module has not are told as they came
    for (name, value) in given {
        if name != SOURCE_ARGUMENT && !name.starts_with("_canvass_") {
            arguments.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    if module == "ansible.builtin.file" {
        for name in ["_diff_peek", "_original_basename"] {
            arguments.insert(name.to_owned(), Json::Null);
        }
    }
    if matches!(short, "command" | "shell") {
        arguments.insert("_uses_shell".to_owned(), Json::from(short == "shell"));
    }
    arguments.sort_keys();
    Some(arguments)
}

/// A value of an option's type; what is of no such type stays as it is.
fn coerced(option: &OptionSpec, value: &Json) -> Json {
    let kept = || value.clone();
    match option.kind {
        _ if value.is_null() => Json::Null,
        OptionKind::Str | OptionKind::Path => match value {
            Json::Array(_) | Json::Object(_) => kept(),
            scalar => Json::from(plain(scalar)),
        },
        OptionKind::Bool => bool::from_json(value).map_or_else(|_| kept(), Json::from),
        OptionKind::Int => i64::from_json(value).map_or_else(|_| kept(), Json::from),
        OptionKind::Float => f64::from_json(value).map_or_else(|_| kept(), Json::from),
        OptionKind::List => match value {
            Json::String(text) if text.is_empty() => json!([]),
            Json::String(text) => text.split(',').map(|part| Json::from(part.trim())).collect(),
            Json::Number(_) | Json::Bool(_) => json!([plain(value)]),
            _ => kept(),
        },
        OptionKind::Dict => Map::from_json(value).map_or_else(|_| kept(), Json::Object),
        OptionKind::Raw => kept(),
    }
}

/// A default, which options keep as text.
fn typed(kind: OptionKind, text: &str) -> Json {
    match kind {
        OptionKind::Bool => text.parse::<bool>().map_or_else(|_| Json::from(text), Json::from),
        OptionKind::Int => text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from),
        OptionKind::Float => {
            let number = text.parse::<f64>().ok().and_then(Number::from_f64);
            number.map_or_else(|| Json::from(text), Json::Number)
        }
        OptionKind::List | OptionKind::Dict | OptionKind::Raw => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text))
        }
        OptionKind::Str | OptionKind::Path => Json::from(text),
    }
}

/// Takes the field out of a result, and of those of its rounds.
pub(super) fn leave_out(result: &mut Map<String, Json>) {
    result.shift_remove(FIELD);
    if let Some(Json::Array(rounds)) = result.get_mut("results") {
        for round in rounds.iter_mut().filter_map(Json::as_object_mut) {
            round.shift_remove(FIELD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(module: &str, given: Json) -> Json {
        module_arguments(module, given.as_object().unwrap()).map(Json::Object).unwrap_or_default()
    }

    #[test]
    fn arguments_are_typed_filled_up_and_masked() {
        // recorded from ansible-core 2.19.14
        assert_eq!(of("ansible.builtin.ping", json!({})), json!({"data": "pong"}));
        assert_eq!(
            of("ansible.builtin.ping", json!({"dat": "x"})),
            json!({"dat": "x", "data": "pong"})
        );
        let user =
            of("ansible.builtin.user", json!({"user": "u", "password": "x", "append": "yes"}));
        assert_eq!(user["password"], json!(MASKED));
        assert_eq!((&user["user"], &user["name"]), (&json!("u"), &json!("u")));
        assert_eq!(user["append"], json!(true));
        assert_eq!(of("ansible.builtin.debug", json!({})), Json::Null);
    }

    #[test]
    fn results_are_freed_of_it() {
        let mut result = json!({"invocation": {}, "results": [{"invocation": {}, "rc": 0}]});
        leave_out(result.as_object_mut().unwrap());
        assert_eq!(result, json!({"results": [{"rc": 0}]}));
    }
}
