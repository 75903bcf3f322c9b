//! `ansible-galaxy role …`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value as Json};

use super::super::super::{CommandError, extra_vars, print};
use super::super::run::hash_behaviour;
use super::super::talk;
use super::arguments::{RoleAction, RoleInstall, RolesPath};
use super::collection::{ignored_kind, of_file, put};
use super::{Context, absolute, absolute_path, imports, servers};
use crate::galaxy::{
    Install, Made, Role, RoleFolders, RoleRequirement, Skeleton, Voice as _, install_roles,
};

pub(super) fn run(action: &RoleAction, context: &Context<'_>) -> Result<ExitCode, CommandError> {
    match action {
        RoleAction::Init { force, init_path, role_skeleton, extra_vars, name, .. } => {
            let settings = context.settings;
            let skeleton = role_skeleton.clone().or_else(|| settings.path("GALAXY_ROLE_SKELETON"));
            let said = Skeleton {
                made: Made::Role,
                name,
                below: init_path,
                skeleton: skeleton.as_deref(),
                ignored: &settings.list("GALAXY_ROLE_SKELETON_IGNORE"),
                variables: &extra_vars::parse(&extra_vars.extra_vars, hash_behaviour(settings))?,
                force: force.force,
            }
            .make()?;
            print(&format!("{said}\n"));
        }
        RoleAction::Remove { roles_path, names, .. } => {
            let folders = folders(roles_path, context);
            for name in names {
                let removed = role(name, &folders).remove().map_err(|error| {
                    CommandError::other(format!("Failed to remove role {name}: {error}"), None)
                })?;
                print(&match removed {
                    true => format!("- successfully removed {name}\n"),
                    false => format!("- {name} is not installed, skipping.\n"),
                });
            }
        }
        RoleAction::List { roles_path, role, .. } => {
            list(&folders(roles_path, context), role.as_deref())?;
        }
        RoleAction::Search { .. } => search(action, context)?,
        RoleAction::Info { roles_path, offline, names, .. } => {
            info(names, &folders(roles_path, context), *offline, action, context)?;
        }
        RoleAction::Install(arguments) => install(arguments, context)?,
        RoleAction::Delete { .. } => imports::delete(action, context)?,
        RoleAction::Import { .. } => return imports::import(action, context),
        // refused before
        RoleAction::Setup(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders of roles: those of the arguments before those of the settings.
fn folders(given: &RolesPath, context: &Context<'_>) -> RoleFolders {
    // of several options the last one comes first
    let mut paths: Vec<PathBuf> = Vec::new();
    for option in given.roles_path.iter().rev() {
        paths.extend(option.split(':').map(absolute));
    }
    paths.extend(context.settings.list("DEFAULT_ROLES_PATH").iter().map(|path| absolute(path)));
    RoleFolders {
        paths,
        certificates: context.certificates,
        force: false,
        force_with_deps: false,
        no_deps: false,
        keep_history: false,
        ignore_errors: false,
    }
}

fn role<'a>(name: &str, folders: &'a RoleFolders) -> Role<'a> {
    let wanted = RoleRequirement {
        name: name.to_owned(),
        source: name.to_owned(),
        ..RoleRequirement::default()
    };
    Role::new(wanted, folders)
}

fn install(arguments: &RoleInstall, context: &Context<'_>) -> Result<(), CommandError> {
    let file = arguments.role_file.as_deref();
    if arguments.names.is_empty() && file.is_none() {
        return Err(CommandError::options(
            "- you must specify a user/role name or a roles file",
            None,
        ));
    }
    let mut servers = servers::of(&arguments.common, context)?;
    let said = |words: [&str; 2]| {
        context.arguments.iter().any(|word| words.iter().any(|known| word == known))
    };
    // collections go to their own place, so only where roles do, too
    let both = context.implicit && !said(["-p", "--roles-path"]);
    let (roles, collections) = match file {
        Some(file) => {
            let path = absolute_path(file);
            let ending = path.extension().and_then(|ending| ending.to_str());
            if !matches!(ending, Some("yml" | "yaml")) {
                return Err(CommandError::other(
                    "Invalid role requirements file, it must end with a .yml or .yaml extension",
                    None,
                ));
            }
            let found = of_file(&path, true, &mut servers, context)?;
            match (found.collections.is_empty(), both, context.implicit) {
                (true, ..) | (false, true, _) => (found.roles, found.collections),
                (false, false, true) => {
                    talk::warning(&ignored_kind("collection", Some(file)));
                    (found.roles, Vec::new())
                }
                (false, false, false) => {
                    context.voice.detail(3, &ignored_kind("collection", Some(file)));
                    (found.roles, Vec::new())
                }
            }
        }
        None => {
            let parsed = arguments.names.iter().map(|name| RoleRequirement::parse(name));
            (parsed.collect::<Result<_, _>>()?, Vec::new())
        }
    };
    if roles.is_empty() && collections.is_empty() {
        context.voice.say("Skipping install, no requirements found");
        return Ok(());
    }
    if !roles.is_empty() {
        context.voice.say("Starting galaxy role install process");
        let folders = RoleFolders {
            force: arguments.force.force,
            force_with_deps: arguments.force_with_deps,
            no_deps: arguments.no_deps,
            keep_history: arguments.keep_scm_meta,
            ignore_errors: arguments.ignore_errors,
            ..folders(&arguments.roles_path, context)
        };
        let only = if file.is_some() { arguments.names.as_slice() } else { &[] };
        install_roles(roles, only, &folders, &servers, &context.voice)?;
    }
    if !collections.is_empty() {
        let how = Install {
            force: arguments.force.force,
            force_with_deps: arguments.force_with_deps,
            no_deps: arguments.no_deps,
            ignore_errors: arguments.ignore_errors,
            no_signatures: arguments.disable_gpg_verify,
            ..Install::default()
        };
        put(&collections, None, how, &servers, context)?;
    }
    Ok(())
}

fn list(folders: &RoleFolders, only: Option<&str>) -> Result<(), CommandError> {
    let (mut usable, mut found, mut warnings) = (false, false, Vec::new());
    for path in &folders.paths {
        let shown = path.display();
        if !path.is_dir() {
            warnings.push(format!("- the configured path {shown} does not exist."));
            continue;
        }
        usable = true;
        if let Some(name) = only {
            let there = within(path, name);
            if there.is_dir() {
                found = true;
                let parent = there.parent().unwrap_or(path);
                print(&format!("# {}\n", parent.display()));
                show(&role(name, folders).in_folder(there));
                break;
            }
            warnings.push(format!("- the role {name} was not found"));
            continue;
        }
        print(&format!("# {shown}\n"));
        let mut names: Vec<String> = std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for name in names {
            let role = role(&name, folders).in_folder(path.join(&name));
            if role.meta().is_some_and(|meta| !meta.is_null()) {
                show(&role);
            }
        }
    }
    if !found || only.is_none() {
        for warning in &warnings {
            talk::warning(warning);
        }
    }
    match usable {
        true => Ok(()),
        false => Err(CommandError::options(
            "- None of the provided paths were usable. Please specify a valid path with \
             --roles-path",
            None,
        )),
    }
}

/// The folder of a role; that of its own name may be the folder of roles.
fn within(path: &Path, name: &str) -> PathBuf {
    let inside = path.join(name);
    let nested = inside.join(name);
    let has_page = |folder: &Path| {
        ["meta/main.yml", "meta/main.yaml"].iter().any(|page| folder.join(page).exists())
    };
    if has_page(&nested) { nested } else { inside }
}

fn show(role: &Role<'_>) {
    let version = role.version().filter(|version| !version.is_empty());
    let version = version.unwrap_or_else(|| "(unknown version)".to_owned());
    print(&format!("- {}, {version}\n", role.wanted.name));
}

fn search(action: &RoleAction, context: &Context<'_>) -> Result<(), CommandError> {
    let RoleAction::Search { common, platforms, galaxy_tags, author, words } = action else {
        return Ok(());
    };
    if words.is_empty() && platforms.is_none() && galaxy_tags.is_none() && author.is_none() {
        return Err(CommandError::other(
            "Invalid query. At least one search term, platform, galaxy tag or author must be \
             provided.",
            None,
        ));
    }
    let servers = servers::of(common, context)?;
    let Some(server) = servers.first() else { return Ok(()) };
    let most = 1000;
    let found = server.search_roles(
        &words.join("+"),
        galaxy_tags.as_deref(),
        platforms.as_deref(),
        author.as_deref(),
        most,
        &context.voice,
    )?;
    let count = found.get("count").and_then(Json::as_u64).unwrap_or_default();
    if count == 0 {
        talk::warning("No roles match your search.");
        return Ok(());
    }
    let text =
        |row: &Json, key: &str| row.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let rows: Vec<(String, String)> = found
        .get("results")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(|row| {
            let name = format!("{}.{}", text(row, "username"), text(row, "name"));
            (name, text(row, "description"))
        })
        .collect();
    let wide = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut lines = vec![String::new()];
    lines.push(match count > most as u64 {
        true => format!("Found {count} roles matching your search. Showing first {most}."),
        false => format!("Found {count} roles matching your search:"),
    });
    lines.push(String::new());
    let heads = [("Name", "Description"), ("----", "-----------")];
    lines.extend(heads.iter().map(|(name, what)| format!(" {name:wide$} {what}")));
    lines.extend(rows.iter().map(|(name, what)| format!(" {name:wide$} {what}")));
    print(&format!("{}\n", lines.join("\n")));
    Ok(())
}

/// Keys that are not told.
const UNTOLD: [&str; 8] = [
    "name",
    "description",
    "readme_html",
    "related",
    "summary_fields",
    "average_aw_composite",
    "average_aw_score",
    "url",
];

fn info(
    names: &[String],
    folders: &RoleFolders,
    offline: bool,
    action: &RoleAction,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    use super::arguments::Action as _;
    let servers = match offline {
        true => Vec::new(),
        false => servers::of(action.common(), context)?,
    };
    let mut text = String::new();
    for name in names {
        let role = role(name, folders);
        let mut about = Map::new();
        let shown: Vec<String> =
            folders.paths.iter().map(|path| format!("'{}'", path.display())).collect();
        let comma = if shown.len() == 1 { "," } else { "" };
        about.insert("path".to_owned(), Json::from(format!("({}{comma})", shown.join(", "))));
        if let Some(Json::Object(note)) = role.note() {
            for (key, value) in note {
                let key = if key == "version" { "installed_version".to_owned() } else { key };
                about.insert(key, value);
            }
        }
        let found = match servers.first() {
            Some(server) => server.describe_role(name, &context.voice).map_err(|error| {
                CommandError::other(format!("Unable to find info about '{name}': {error}"), None)
            })?,
            None => role.exists().then(|| Json::Object(Map::new())),
        };
        let Some(found) = found else {
            text = format!("- the role {name} was not found");
            break;
        };
        let told = [Some(found), role.meta()].into_iter().flatten();
        for (key, value) in told.filter_map(|value| value.as_object().cloned()).flatten() {
            about.insert(key, value);
        }
        about.insert("name".to_owned(), Json::from(name.as_str()));
        text.push_str(&told_of(&about));
    }
    print(&format!("{}\n", text.trim_end_matches('\n')));
    Ok(())
}

fn told_of(about: &Map<String, Json>) -> String {
    let plain = crate::template::json_text;
    let text = |value: Option<&Json>| value.map(plain).unwrap_or_default();
    let described = about
        .get("description")
        .or_else(|| about.get("galaxy_info").and_then(|info| info.get("description")));
    let mut lines = vec![
        String::new(),
        format!("Role: {}", text(about.get("name"))),
        format!("\tdescription: {}", text(described)),
    ];
    let sorted = |map: &Map<String, Json>| {
        let mut keys: Vec<String> =
            map.keys().filter(|key| !UNTOLD.contains(&key.as_str())).cloned().collect();
        keys.sort();
        keys
    };
    for key in sorted(about) {
        match about.get(&key) {
            Some(Json::Object(inner)) => {
                lines.push(format!("\t{key}:"));
                for name in sorted(inner) {
                    lines.push(format!("\t\t{name}: {}", text(inner.get(&name))));
                }
            }
            value => lines.push(format!("\t{key}: {}", text(value))),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}
