//! `ansible-galaxy role import` and `role delete`.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value as Json;

use super::super::super::{CommandError, print};
use super::super::talk;
use super::arguments::RoleAction;
use super::{Context, servers};
use crate::template::json_text;

/// Between looks at an import.
const PAUSE: Duration = Duration::from_secs(10);

fn text(value: &Json, pointer: &str) -> String {
    value.pointer(pointer).map(json_text).unwrap_or_default()
}

/// Removes a role from the server.
pub(super) fn delete(action: &RoleAction, context: &Context<'_>) -> Result<(), CommandError> {
    let RoleAction::Delete { common, github_user, github_repo } = action else { return Ok(()) };
    let servers = servers::of(common, context)?;
    let Some(server) = servers.first() else { return Ok(()) };
    let answer = server.delete_role(github_user, github_repo, &context.voice)?;
    let removed = answer.get("deleted_roles").and_then(Json::as_array);
    if let Some(removed) = removed.filter(|removed| removed.len() > 1) {
        print("Deleted the following roles:\nID     User            Name\n");
        print("------ --------------- ----------\n");
        for role in removed {
            let (id, user) = (text(role, "/id"), text(role, "/namespace"));
            print(&format!("{id:<8} {user:<15} {}\n", text(role, "/name")));
        }
    }
    print(&format!("{}\n", text(&answer, "/status")));
    Ok(())
}

/// Imports a role into the server, or tells how far that is.
pub(super) fn import(action: &RoleAction, context: &Context<'_>) -> Result<ExitCode, CommandError> {
    let RoleAction::Import { common, no_wait, branch, role_name, status, github_user, github_repo } =
        action
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let (voice, servers) = (&context.voice, servers::of(common, context)?);
    let Some(server) = servers.first() else { return Ok(ExitCode::SUCCESS) };
    let of_repository = [("github_user", github_user.as_str()), ("github_repo", github_repo)];
    let tasks = match status {
        true => server.role_imports(&of_repository, voice)?,
        false => {
            let mut fields = of_repository.to_vec();
            fields.push(("github_reference", branch.as_deref().unwrap_or_default()));
            fields.extend(role_name.iter().map(|name| ("alternate_role_name", name.as_str())));
            server.import_role(&fields, voice)?
        }
    };
    let Some(task) = tasks.first() else {
        return Err(CommandError::other(
            format!("the server knows no import of {github_user}/{github_repo}"),
            None,
        ));
    };
    let id = text(task, "/id");
    if !status {
        if tasks.len() > 1 {
            ambiguous(&tasks, github_user, github_repo);
            return Ok(ExitCode::SUCCESS);
        }
        print(&format!("Successfully submitted import request {id}\n"));
        if *no_wait {
            print(&format!("Role name: {}\n", text(task, "/summary_fields/role/name")));
            let (user, repository) = (text(task, "/github_user"), text(task, "/github_repo"));
            print(&format!("Repo: {user}/{repository}\n"));
            return Ok(ExitCode::SUCCESS);
        }
    }
    let mut told = BTreeSet::new();
    loop {
        let tasks = server.role_imports(&[("id", &id)], voice)?;
        let task = tasks.first().cloned().unwrap_or_default();
        let messages = task.pointer("/summary_fields/task_messages").and_then(Json::as_array);
        for message in messages.into_iter().flatten() {
            if !told.insert(text(message, "/id")) {
                continue;
            }
            let said = text(message, "/message_text");
            match text(message, "/message_type").as_str() {
                "WARNING" => talk::warning(&said),
                "ERROR" => talk::error(&said),
                _ => print(&format!("{said}\n")),
            }
        }
        match text(&task, "/state").as_str() {
            "SUCCESS" => return Ok(ExitCode::SUCCESS),
            "FAILED" => return Ok(ExitCode::FAILURE),
            _ => std::thread::sleep(PAUSE),
        }
    }
}

/// Several roles are of one repository.
fn ambiguous(tasks: &[Json], user: &str, repository: &str) {
    print(&format!(
        "WARNING: More than one Galaxy role associated with Github repo {user}/{repository}.\n\
         The following Galaxy roles are being updated:\n\n"
    ));
    for task in tasks {
        let name = |key: &str| text(task, &format!("/summary_fields/role/{key}"));
        print(&format!("{}.{}\n", name("namespace"), name("name")));
    }
    print(&format!(
        "\nTo properly namespace this role, remove each of the above and re-import \
         {user}/{repository} from scratch\n"
    ));
}
