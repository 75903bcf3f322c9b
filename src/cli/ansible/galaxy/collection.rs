//! `ansible-galaxy collection …`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::super::super::{CommandError, extra_vars, print};
use super::super::run::hash_behaviour;
use super::super::talk;
use super::arguments::{Cache, CollectionAction, CollectionInstall, Common, Format};
use super::{Context, absolute, absolute_path, servers};
use crate::galaxy::{
    self, Collection, Install, Installed, Made, Patience, Requirements, Server, Skeleton, Verified,
    Voice as _, is_collection_name, read_requirements, with_root,
};

pub(super) fn run(
    action: &CollectionAction,
    context: &Context<'_>,
) -> Result<ExitCode, CommandError> {
    match action {
        CollectionAction::Build { force, output_path, folders, .. } => {
            let output = absolute_path(output_path);
            if output.is_file() {
                return Err(CommandError::other(
                    format!(
                        "- the output collection directory {} is a file - aborting",
                        output.display()
                    ),
                    None,
                ));
            }
            make(&output)?;
            for folder in folders {
                galaxy::build(&absolute_path(folder), &output, force.force, &context.voice)?;
            }
        }
        CollectionAction::Init {
            force, init_path, collection_skeleton, extra_vars, name, ..
        } => {
            valid_name(name)?;
            let settings = context.settings;
            let skeleton =
                collection_skeleton.clone().or_else(|| settings.path("GALAXY_COLLECTION_SKELETON"));
            let said = Skeleton {
                made: Made::Collection,
                name,
                below: init_path,
                skeleton: skeleton.as_deref(),
                ignored: &settings.list("GALAXY_COLLECTION_SKELETON_IGNORE"),
                variables: &extra_vars::parse(&extra_vars.extra_vars, hash_behaviour(settings))?,
                force: force.force,
            }
            .make()?;
            print(&format!("{said}\n"));
        }
        CollectionAction::Download {
            common,
            cache,
            no_deps,
            download_path,
            requirements_file,
            pre,
            names,
        } => {
            clear(cache, context)?;
            let mut servers = servers::of(common, context)?;
            let wanted = wanted(names, requirements_file.as_deref(), &mut servers, context)?;
            let how = Install {
                no_deps: *no_deps,
                pre_releases: *pre,
                certificates: context.certificates,
                ..Install::default()
            };
            let folder = absolute_path(download_path);
            galaxy::download(&wanted.collections, &folder, &how, &servers, &context.voice)?;
        }
        CollectionAction::Install(arguments) => install(arguments, context)?,
        CollectionAction::List { collections_path, format, collection, .. } => {
            list(collections_path, *format, collection.as_deref(), context)?;
        }
        CollectionAction::Verify { .. } => return verify(action, context),
        CollectionAction::Publish { common, no_wait, import_timeout, path } => {
            let servers = servers::of(common, context)?;
            if let Some(server) = servers.first() {
                publish(server, &absolute_path(path), *no_wait, *import_timeout, context)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn make(folder: &Path) -> Result<(), CommandError> {
    fs::create_dir_all(folder).map_err(|error| {
        CommandError::other(format!("cannot make `{}`: {error}", folder.display()), None)
    })
}

fn publish(
    server: &Server,
    path: &Path,
    no_wait: bool,
    seconds: u64,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let voice = &context.voice;
    let task = server.publish(path, voice)?;
    let (name, url) = (&server.name, &server.url);
    if no_wait {
        voice.say(&format!(
            "Collection has been pushed to the Galaxy server {name} {url}, not waiting until import \
             has completed due to --no-wait being set. Import task results can be found at {task}"
        ));
        return Ok(());
    }
    voice.say(&format!("Collection has been published to the Galaxy server {name} {url}"));
    let number = |setting| context.settings.text(setting).and_then(|text| text.parse::<f64>().ok());
    let pause = number("GALAXY_COLLECTION_IMPORT_POLL_INTERVAL").unwrap_or(2.0);
    let patience = Patience {
        pause: Duration::from_secs_f64(pause.clamp(0.1, 3600.0)),
        factor: number("GALAXY_COLLECTION_IMPORT_POLL_FACTOR").unwrap_or(1.5),
        limit: (seconds > 0).then(|| Duration::from_secs(seconds)),
    };
    server.wait_for_import(&task, patience, voice)?;
    voice.say(&format!(
        "Collection has been successfully published and imported to the Galaxy server {name} {url}"
    ));
    Ok(())
}

/// Forgets what Ansible has kept of servers.
fn clear(cache: &Cache, context: &Context<'_>) -> Result<(), CommandError> {
    let Some(folder) = context.settings.path("GALAXY_CACHE_DIR") else { return Ok(()) };
    let path = folder.join("api.json");
    if cache.clear_response_cache && path.is_file() {
        fs::remove_file(&path).map_err(|error| {
            CommandError::other(format!("cannot remove `{}`: {error}", path.display()), None)
        })?;
    }
    Ok(())
}

fn valid_name(name: &str) -> Result<(), CommandError> {
    let plain = name.split(':').next().unwrap_or(name);
    if is_collection_name(plain) {
        return Ok(());
    }
    Err(CommandError::other(
        format!(
            "Invalid collection name '{name}', name must be in the format \
             <namespace>.<collection>. \nPlease make sure namespace and collection name contains \
             characters from [a-zA-Z0-9_] only."
        ),
        None,
    ))
}

/// What arguments or a file ask for; servers that the file names come to the others.
fn wanted(
    names: &[String],
    file: Option<&Path>,
    servers: &mut Vec<Server>,
    context: &Context<'_>,
) -> Result<Requirements, CommandError> {
    let refused = |text: &str| Err(CommandError::other(text, None));
    match (names.is_empty(), file) {
        (false, Some(_)) => refused(
            "The positional collection_name arg and --requirements-file are mutually exclusive.",
        ),
        (true, None) => refused("You must specify a collection name or a requirements file."),
        (true, Some(file)) => of_file(&absolute_path(file), false, servers, context),
        (false, None) => {
            let collections =
                names.iter().map(|name| Collection::parse(name)).collect::<Result<_, _>>()?;
            Ok(Requirements { collections, ..Requirements::default() })
        }
    }
}

/// What a file asks for.
pub(super) fn of_file(
    file: &Path,
    roles_only: bool,
    servers: &mut Vec<Server>,
    context: &Context<'_>,
) -> Result<Requirements, CommandError> {
    let found = read_requirements(file, roles_only, servers, &context.voice)?;
    for url in &found.further {
        let patience = Duration::from_mins(1);
        servers.push(Server::new("requirement", url, None, context.certificates, patience));
    }
    Ok(found)
}

fn install(arguments: &CollectionInstall, context: &Context<'_>) -> Result<(), CommandError> {
    clear(&arguments.cache, context)?;
    let mut servers = servers::of(&arguments.common, context)?;
    let file = arguments.requirements_file.as_deref();
    let found = wanted(&arguments.names, file, &mut servers, context)?;
    if !found.roles.is_empty() {
        context.voice.detail(3, &ignored_kind("role", file));
    }
    let how = Install {
        force: arguments.force.force,
        force_with_deps: arguments.force_with_deps,
        no_deps: arguments.no_deps,
        pre_releases: arguments.pre,
        upgrade: arguments.upgrade,
        offline: arguments.offline,
        ignore_errors: arguments.ignore_errors,
        no_signatures: arguments.disable_gpg_verify,
        ..Install::default()
    };
    if found.collections.is_empty() {
        context.voice.say("Skipping install, no requirements found");
        return Ok(());
    }
    let path = arguments.collections_path.as_deref().map(absolute);
    put(&found.collections, path, how, &servers, context)
}

/// That a file names what is not installed.
pub(super) fn ignored_kind(kind: &str, file: Option<&Path>) -> String {
    format!(
        "The requirements file '{}' contains {kind}s which will be ignored. To install these {kind}s \
         run 'ansible-galaxy {kind} install -r' or to install both at the same time run \
         'ansible-galaxy install -r' without a custom install path.",
        file.map(absolute_path).unwrap_or_default().display()
    )
}

/// Installs collections into a folder, or the first of the search path.
pub(super) fn put(
    wanted: &[Collection],
    path: Option<PathBuf>,
    how: Install,
    servers: &[Server],
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let settings = context.settings;
    for name in ["GALAXY_GPG_KEYRING"] {
        if settings.is_set(name) {
            return Err(CommandError::options(
                "the setting `gpg_keyring` is not supported yet",
                None,
            ));
        }
    }
    let search = context.collections_paths();
    let path = path.or_else(|| search.first().cloned()).unwrap_or_default();
    context.voice.say("Starting galaxy collection install process");
    let managed = search.iter().any(|known| with_root(known).starts_with(&path));
    if !managed && settings.boolean("GALAXY_COLLECTIONS_PATH_WARNING") {
        let known: Vec<String> = search.iter().map(|path| path.display().to_string()).collect();
        talk::warning(&format!(
            "The specified collections path '{}' is not part of the configured Ansible collections \
             paths '{}'. The installed collection will not be picked up in an Ansible run, unless \
             within a playbook-adjacent collections directory.",
            path.display(),
            known.join(":")
        ));
    }
    let how = Install {
        search: search.iter().map(|path| with_root(path)).collect(),
        certificates: context.certificates,
        no_signatures: how.no_signatures || settings.boolean("GALAXY_DISABLE_GPG_VERIFY"),
        ..how
    };
    Ok(galaxy::install(wanted, &path, &how, servers, &context.voice)?)
}

fn list(
    further: &[String],
    format: Format,
    only: Option<&str>,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    if let Some(name) = only {
        valid_name(name)?;
    }
    let configured = context.collections_paths();
    let given: Vec<PathBuf> =
        further.iter().flat_map(|paths| paths.split(':')).map(absolute).collect();
    let mut paths = given.clone();
    paths.extend(configured.iter().filter(|path| !given.contains(path)).cloned());
    paths.extend(of_python(context));
    let found = galaxy::find(&paths, only, &context.voice)?;
    if format == Format::Human {
        human(&found);
    }
    let usable = paths.iter().any(|path| path.is_dir());
    if only.is_none() || found.is_empty() {
        for path in given.iter().filter(|path| !path.is_dir()) {
            let shown = path.display();
            match path.exists() {
                true => talk::warning(&format!(
                    "- the configured path {shown}, exists, but it is not a directory."
                )),
                false if configured.contains(path) => {}
                false => {
                    talk::warning(&format!("- the configured path {shown} does not exist."));
                }
            }
        }
    }
    if found.is_empty() && !usable {
        return Err(CommandError::options(
            "- None of the provided paths were usable. Please specify a valid path with \
             --collections-path",
            None,
        ));
    }
    if format == Format::Human {
        return Ok(());
    }
    let mut by_folder: BTreeMap<String, serde_json::Map<String, Json>> = BTreeMap::new();
    for installed in &found {
        let row = json!({ "version": installed.version });
        by_folder.entry(root(installed)).or_default().insert(installed.name.clone(), row);
    }
    let all = json!(by_folder);
    let text = match format {
        Format::Yaml => crate::template::yaml_text(&crate::template::from_json(&all))
            .map_err(|error| CommandError::other(error.to_string(), None))?,
        _ => crate::report::python_json::dumps(
            &all,
            crate::report::python_json::Layout::Line,
            crate::report::python_json::Ascii::Escaped,
        ),
    };
    print(&format!("{}\n", text.trim_end()));
    Ok(())
}

/// The folders of Python's packages that hold collections.
fn of_python(context: &Context<'_>) -> Vec<PathBuf> {
    if !context.settings.boolean("COLLECTIONS_SCAN_SYS_PATH") {
        return Vec::new();
    }
    let folders = std::env::var_os("PYTHONPATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .filter(|path| !path.as_os_str().is_empty() && with_root(path).is_dir())
        .map(|path| absolute_path(&path))
        .collect()
}

/// The folder of collections that one is in.
fn root(installed: &Installed) -> String {
    let root = installed.folder.parent().and_then(Path::parent);
    root.map(|path| path.display().to_string()).unwrap_or_default()
}

fn human(found: &[Installed]) {
    let longest = |lengths: &mut dyn Iterator<Item = usize>, least| {
        lengths.max().unwrap_or_default().max(least)
    };
    let (name, version) = ("Collection", "Version");
    let wide = longest(&mut found.iter().map(|row| row.name.chars().count()), name.len());
    let high = longest(&mut found.iter().map(|row| row.version.chars().count()), version.len());
    let mut last = String::new();
    for installed in found {
        let root = root(installed);
        if root != last {
            print(&format!(
                "\n# {root}\n{name:wide$} {version:high$}\n{} {}\n",
                "-".repeat(wide),
                "-".repeat(high)
            ));
            last = root;
        }
        print(&format!("{:wide$} {:high$}\n", installed.name, installed.version));
    }
}

fn verify(action: &CollectionAction, context: &Context<'_>) -> Result<ExitCode, CommandError> {
    let CollectionAction::Verify {
        common,
        collections_path,
        ignore_errors,
        offline,
        requirements_file,
        names,
        ..
    } = action
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let common: &Common = common;
    let mut servers = servers::of(common, context)?;
    let found = wanted(names, requirements_file.as_deref(), &mut servers, context)?;
    let mut search: Vec<PathBuf> =
        collections_path.iter().flat_map(|paths| paths.split(':')).map(absolute).collect();
    search.extend(context.collections_paths());
    let mut code = ExitCode::SUCCESS;
    for collection in &found.collections {
        match galaxy::verify(collection, &search, &servers, *offline, &context.voice) {
            Ok(Verified::Good) => {}
            Ok(Verified::Modified) => code = ExitCode::FAILURE,
            Err(error) if *ignore_errors => talk::warning(&format!(
                "Failed to verify collection '{collection}' but skipping due to --ignore-errors \
                 being set. Error: {error}"
            )),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(code)
}
