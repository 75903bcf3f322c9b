//! Functions that every template sees.

use std::sync::atomic::AtomicBool;

use indexmap::IndexMap;
use minijinja::Value;

use super::eval::{Call, Callable, Cycler, Environment, Stateful};
use super::failure::{Failure, Outcome};
use super::filler;
use super::lookups;
use super::python::{
    self, Dict, Missing, Randomness, RangeValue, as_integer, dict, entries, text, truth, undefined,
};
use super::time::DateTime;
use super::work;

/// A function that every template sees.
pub(super) struct Global {
    pub(super) name: &'static str,
    /// Whether it handles undefined arguments itself.
    pub(super) takes_undefined: bool,
    pub(super) run: fn(&Environment<'_>, Call) -> Outcome<Value>,
}

impl std::fmt::Debug for Global {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

const fn global(name: &'static str, run: fn(&Environment<'_>, Call) -> Outcome<Value>) -> Global {
    Global { name, takes_undefined: false, run }
}

static GLOBALS: [Global; 11] = [
    global("lookup", |environment, call| {
        lookups::function(environment, call, lookups::Wanted::Joined)
    }),
    global("query", |environment, call| {
        lookups::function(environment, call, lookups::Wanted::List)
    }),
    global("q", |environment, call| lookups::function(environment, call, lookups::Wanted::List)),
    global("now", now),
    global("range", range),
    Global { name: "dict", takes_undefined: true, run: make_dict },
    Global { name: "namespace", takes_undefined: true, run: namespace },
    global("joiner", joiner),
    global("cycler", |_, call| match Cycler::new(call.positional) {
        Some(cycler) => Ok(Value::from_object(cycler)),
        None => Err(Failure::failed("at least one item has to be provided")),
    }),
    global("lipsum", lorem_ipsum),
    global("undef", undef),
];

/// The function of a name.
pub(super) fn find(name: &str) -> Option<&'static Global> {
    GLOBALS.iter().find(|global| global.name == name)
}

fn keyword<'a>(call: &'a Call, name: &str) -> Option<&'a Value> {
    call.keywords.iter().find(|(keyword, _)| keyword == name).map(|(_, value)| value)
}

fn now(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    let utc = match call.positional.first().or_else(|| keyword(&call, "utc")) {
        Some(value) => truth(value)?,
        None => false,
    };
    let moment = DateTime::now(utc);
    match call.positional.get(1).or_else(|| keyword(&call, "fmt")).filter(|fmt| !fmt.is_none()) {
        Some(format) => Ok(Value::from(moment.strftime(&text(format)?))),
        None => Ok(Value::from_object(moment)),
    }
}

fn range(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    let mut numbers = Vec::new();
    for value in &call.positional {
        numbers.push(as_integer(value).ok_or_else(|| {
            let name = python::type_name(value);
            Failure::failed(format!("'{name}' object cannot be interpreted as an integer"))
        })?);
    }
    let (start, stop, step) = match numbers.as_slice() {
        [stop] => (0, *stop, 1),
        [start, stop] => (*start, *stop, 1),
        [start, stop, step] => (*start, *stop, *step),
        [] => return Err(Failure::failed("range expected at least 1 argument, got 0")),
        more => {
            let count = more.len();
            let message = format!("range expected at most 3 arguments, got {count}");
            return Err(Failure::failed(message));
        }
    };
    if step == 0 {
        return Err(Failure::failed("range() arg 3 must not be zero"));
    }
    Ok(Value::from_object(RangeValue { start, stop, step }))
}

fn pairs(call: Call) -> Outcome<IndexMap<Value, Value>> {
    let mut made = IndexMap::new();
    if let Some(source) = call.positional.first() {
        if python::is_mapping(source) {
            made.extend(entries(source)?);
        } else {
            for pair in python::elements(source)? {
                let pair = python::elements(&pair)?;
                let [key, value] = pair.as_slice() else {
                    return Err(Failure::failed(format!(
                        "dictionary update sequence element has length {}; 2 is required",
                        pair.len()
                    )));
                };
                made.insert(key.clone(), value.clone());
            }
        }
    }
    for (key, value) in call.keywords {
        made.insert(Value::from(key), value);
    }
    Ok(made)
}

fn make_dict(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    pairs(call).map(dict)
}

fn namespace(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    Ok(Value::from_object(Dict::namespace(pairs(call)?)))
}

/// `lipsum(n, html, min, max)`: paragraphs that mean nothing.
fn lorem_ipsum(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    let given = |index: usize, name: &str| {
        call.positional.get(index).or_else(|| keyword(&call, name)).filter(|value| !value.is_none())
    };
    let number = |index: usize, name: &str, default: usize| match given(index, name) {
        None => Ok(default),
        Some(value) => as_integer(value)
            .and_then(|number| usize::try_from(number.max(0)).ok())
            .ok_or_else(|| Failure::failed(format!("{name} must be a whole number"))),
    };
    let html = given(1, "html").map_or(Ok(true), truth)?;
    let [paragraphs, least, most] =
        [number(0, "n", 5)?, number(2, "min", 20)?, number(3, "max", 100)?];
    if most <= least {
        return Err(Failure::failed(format!(
            "empty range for randrange() ({least}, {most}, {})",
            most.saturating_sub(least)
        )));
    }
    work::spend(paragraphs.saturating_mul(most))?;
    let mut randomness = Randomness::of_seed(None)?;
    let made: Outcome<Vec<String>> =
        (0..paragraphs).map(|_| filler::paragraph(least, most, &mut randomness)).collect();
    let made = made?;
    Ok(Value::from(match html {
        true => made.iter().map(|text| format!("<p>{text}</p>")).collect::<Vec<_>>().join("\n"),
        false => made.join("\n\n"),
    }))
}

fn joiner(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    let separator = match call.positional.first().or_else(|| keyword(&call, "sep")) {
        Some(separator) => text(separator)?,
        None => ", ".to_owned(),
    };
    let joiner = Stateful::Joiner(separator, AtomicBool::new(false));
    Ok(Value::from_object(Callable::Stateful(joiner)))
}

fn undef(_: &Environment<'_>, call: Call) -> Outcome<Value> {
    let hint = match call.positional.first().or_else(|| keyword(&call, "hint")) {
        Some(hint) if !hint.is_none() => text(hint)?,
        _ => "Mandatory variable has not been overridden".to_owned(),
    };
    Ok(undefined(Missing::Other(None, hint)))
}
