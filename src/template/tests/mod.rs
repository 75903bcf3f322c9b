//! Tests (`is …`) by family.

mod addresses;
mod comparisons;
mod files;
mod regexes;
mod results;
mod types;
mod validation;
mod versions;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::eval::{Bound, Parameters};
use super::failure::Outcome;
use super::filters::{UnknownName, nearest, short_name};

pub(super) use versions::compare_loose as order_of_versions;

/// A test.
pub(super) struct Test {
    pub(super) name: &'static str,
    pub(super) parameters: Parameters,
    /// Whether it handles undefined arguments itself.
    pub(super) takes_undefined: bool,
    pub(super) run: fn(&Bound<'_>) -> Outcome<bool>,
}

impl std::fmt::Debug for Test {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

const fn test(
    name: &'static str,
    parameters: Parameters,
    run: fn(&Bound<'_>) -> Outcome<bool>,
) -> Test {
    Test { name, parameters, takes_undefined: false, run }
}

const fn lenient(
    name: &'static str,
    parameters: Parameters,
    run: fn(&Bound<'_>) -> Outcome<bool>,
) -> Test {
    Test { name, parameters, takes_undefined: true, run }
}

static BY_NAME: LazyLock<HashMap<&'static str, &'static Test>> = LazyLock::new(|| {
    [
        addresses::TESTS,
        comparisons::TESTS,
        files::TESTS,
        regexes::TESTS,
        results::TESTS,
        types::TESTS,
        validation::TESTS,
        versions::TESTS,
    ]
    .into_iter()
    .flatten()
    .map(|test| (test.name, test))
    .collect()
});

/// All tests, with their parameters.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Parameters)> {
    BY_NAME.values().map(|test| (test.name, test.parameters))
}

/// The test of a name, plain or with its collection before it; the message of a refusal.
pub(super) fn find(name: &str) -> Result<&'static Test, UnknownName> {
    let short = short_name(name);
    if let Some(test) = BY_NAME.get(short) {
        return Ok(test);
    }
    let near = || nearest(short, BY_NAME.keys().copied());
    let hint = super::filters::instead_of(short)
        .or_else(|| near().map(|near| format!("did you mean `{near}`?")));
    Err(UnknownName { message: format!("No test named '{name}'."), hint })
}
