//! `ansible.builtin.async_status`: tells the runner where results of jobs are kept.

use canvass_modules::module::async_status::Params;
use serde_json::{Map, Value as Json};

use super::super::asynchronous;
use super::{ActionError, ActionInput, After, Prepared, RemoteCall, parse};

const MODULE: &str = "ansible.builtin.async_status";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let _: Params = parse(MODULE, &arguments)?;
    let directory = asynchronous::directory(input.scope);
    arguments.insert("_async_dir".to_owned(), Json::from(directory));
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source: None,
        after: After::Nothing,
    }))
}
