//! What must be done about a user.

use super::params::UpdatePassword;
use super::{Error, Observed, Params};
use crate::contract::{Plan, Stop};
use crate::effect::{AccountAction, Command, Effect, UserChange};
use crate::host::User;
use crate::module::group::{State, Tools};

/// The reason of the effect whose output is the fingerprint of a new key.
pub(super) const GENERATES_KEY: &str = "there is no key for SSH";
/// The reason of the effect whose output is the public part of a new key.
pub(super) const READS_KEY: &str = "the new key is part of the result";

pub(super) fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
    let mut plan = Plan::nothing();
    plan.set("name", params.name.clone());
    plan.set("state", params.state.word());
    let mut warnings = params.warnings();
    match (params.state, &observed.found) {
        (State::Absent, None) => {}
        (State::Absent, Some(_)) => {
            plan.set("force", params.force);
            plan.set("remove", params.remove);
            let change = UserChange {
                action: AccountAction::Remove,
                name: params.name.clone(),
                commands: vec![removal(params, observed.tools)],
                ..UserChange::default()
            };
            plan.push(Effect::User(change), "it exists");
        }
        (State::Present, found) => {
            if let Some(group) = &observed.missing_group {
                return Err(Stop::failed(Error::NoGroup(group.clone())));
            }
            match found {
                None => create(params, observed, &mut plan),
                Some(found) => modify(params, observed, found, &mut plan)?,
            }
            returned(params, observed, &mut plan);
            add_key(params, observed, &mut warnings, &mut plan);
        }
    }
    if !warnings.is_empty() {
        plan.set("warnings", warnings);
    }
    Ok(plan)
}

fn returned(params: &Params, observed: &Observed, plan: &mut Plan) {
    if params.password.is_some() {
        plan.set("password", "NOT_LOGGING_PASSWORD");
    }
    let found = observed.found.as_ref();
    if let Some(uid) = params.uid.or_else(|| found.and_then(|user| user.uid)) {
        plan.set("uid", uid);
    }
    let primary = observed.primary.as_ref().and_then(|group| group.gid);
    if let Some(gid) = primary.or_else(|| found.and_then(|user| user.gid)) {
        plan.set("group", gid);
    }
    let comment = params.comment.clone().or_else(|| found.map(|user| user.comment.clone()));
    plan.set("comment", comment.unwrap_or_default());
    if let Some(home) = &observed.home {
        plan.set("home", home.to_string_lossy());
    }
    if let Some(shell) = observed.shell.clone().or_else(|| found.map(|user| user.shell.clone())) {
        plan.set("shell", shell);
    }
    if let Some(groups) = &params.groups {
        plan.set("groups", groups.join(","));
    }
}

/// The state that a rehearsal shall show.
fn change(params: &Params, observed: &Observed, action: AccountAction) -> UserChange {
    let groups = params.group_names().map(|_| {
        let mut groups = observed.wanted.clone();
        if params.append {
            let kept = observed.memberships.iter().filter(|name| !observed.wanted.contains(name));
            groups.extend(kept.cloned());
        }
        groups
    });
    UserChange {
        action,
        name: params.name.clone(),
        commands: Vec::new(),
        uid: params.uid,
        group: observed.primary.as_ref().map(|group| group.name.clone()),
        groups,
        home: observed.home.clone(),
        creates_home: false,
        shell: observed.shell.clone(),
        comment: params.comment.clone(),
        details: due_aging(params, observed)
            .into_iter()
            .map(|due| (due.what.to_owned(), (due.has.map(days), due.days.to_string())))
            .collect(),
    }
}

fn days(days: i64) -> String {
    days.to_string()
}

fn create(params: &Params, observed: &Observed, plan: &mut Plan) {
    plan.set("system", params.system);
    plan.set("create_home", params.create_home);
    let mut change = change(params, observed, AccountAction::Create);
    change.creates_home = params.create_home;
    if let (Some(home), true, false) = (&observed.home, params.create_home, observed.parent_exists)
        && let Some(parent) = home.parent()
    {
        let parent = parent.to_string_lossy();
        change.commands.push(Command::new(["mkdir", "-p", "--", &parent]));
    }
    match observed.tools {
        Tools::Shadow => change.commands.push(useradd(params, observed)),
        Tools::Libuser => {
            change.commands.push(luseradd(params, observed));
            change.commands.extend(lexpiry(params, params.expiry_day()));
            for group in &observed.wanted {
                change.commands.push(Command::new(["lgroupmod", "-M", &params.name, group]));
            }
        }
        Tools::Busybox => {
            change.commands.push(adduser(params, observed));
            for group in &observed.wanted {
                change.commands.push(Command::new(["addgroup", &params.name, group]));
            }
        }
    }
    if let Some(password) = &params.password {
        let lock = if params.password_lock == Some(true) { "!" } else { "" };
        change.commands.push(set_password(params, observed, &format!("{lock}{password}")));
    }
    let mut unused = Vec::new();
    change.commands.extend(chage(params, observed, &mut unused));
    change.commands.push(observed.tools.lookup("passwd", &params.name));
    plan.push(Effect::User(change), "it does not exist");
}

fn useradd(params: &Params, observed: &Observed) -> Command {
    let mut argv = vec!["useradd".to_owned()];
    let mut option = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            argv.extend([flag.to_owned(), value]);
        }
    };
    option("-u", params.uid.map(|uid| uid.to_string()));
    option("-Z", params.seuser.clone());
    option("-g", params.group.clone());
    let groups = &observed.wanted;
    option("-G", (!groups.is_empty()).then(|| groups.join(",")));
    option("-c", params.comment.clone());
    let home = params.home.as_ref().and(observed.home.as_ref());
    option("-d", home.map(|home| home.to_string_lossy().into_owned()));
    option("-s", observed.shell.clone());
    option("-e", params.expiry_day().map(expiry_word));
    option("-f", params.password_expire_account_disable.map(|days| days.to_string()));
    let skeleton = params.skeleton.as_ref().filter(|_| params.create_home);
    option("-k", skeleton.map(|path| path.to_string_lossy().into_owned()));
    let umask = params.umask.as_ref().filter(|_| params.create_home);
    option("-K", umask.map(|umask| format!("UMASK={umask}")));
    option("-K", params.uid_min.map(|uid| format!("UID_MIN={uid}")));
    option("-K", params.uid_max.map(|uid| format!("UID_MAX={uid}")));
    let mut flag = |flag: &str, given: Given| {
        if given == Given::Yes {
            argv.push(flag.to_owned());
        }
    };
    flag("-o", Given::of(params.non_unique && params.uid.is_some()));
    flag("-N", Given::of(params.group.is_none() && observed.namesake));
    flag("-m", Given::of(params.create_home));
    flag("-M", Given::of(!params.create_home));
    flag("-r", Given::of(params.system));
    argv.push(params.name.clone());
    Command::new(argv)
}

/// The call of libuser; the home directory is made unless told otherwise.
fn luseradd(params: &Params, observed: &Observed) -> Command {
    let mut argv = vec!["luseradd".to_owned()];
    let home = params.home.as_ref().and(observed.home.as_ref());
    for (flag, value) in [
        ("-u", params.uid.map(|uid| uid.to_string())),
        ("-g", params.group.clone()),
        ("-c", params.comment.clone()),
        ("-d", home.map(|home| home.to_string_lossy().into_owned())),
        ("-s", observed.shell.clone()),
        ("-k", params.skeleton.as_ref().map(|path| path.to_string_lossy().into_owned())),
    ] {
        if let Some(value) = value {
            argv.extend([flag.to_owned(), value]);
        }
    }
    argv.extend((params.group.is_none() && observed.namesake).then(|| "-n".to_owned()));
    argv.extend((!params.create_home).then(|| "-M".to_owned()));
    argv.extend(params.system.then(|| "-r".to_owned()));
    argv.push(params.name.clone());
    Command::new(argv)
}

/// Sets the day of expiry with libuser.
#[expect(clippy::option_option, reason = "not asked for, never, and a day are three things")]
fn lexpiry(params: &Params, day: Option<Option<i64>>) -> Option<Command> {
    let day = day?.unwrap_or(-1).to_string();
    Some(Command::new(["lchage", "-E", &day, &params.name]))
}

#[derive(PartialEq, Eq)]
enum Given {
    Yes,
    No,
}

impl Given {
    fn of(condition: impl Into<bool>) -> Self {
        if condition.into() { Self::Yes } else { Self::No }
    }
}

/// A day since 1970 as `useradd` and `usermod` take it; an empty word is never.
fn expiry_word(day: Option<i64>) -> String {
    let Some(day) = day else { return String::new() };
    let date = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    let date = date.to_zoned(jiff::tz::TimeZone::UTC);
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

fn adduser(params: &Params, observed: &Observed) -> Command {
    let mut argv = vec!["adduser".to_owned(), "-D".to_owned()];
    let home = params.home.as_ref().and(observed.home.as_ref());
    for (flag, value) in [
        ("-u", params.uid.map(|uid| uid.to_string())),
        ("-G", observed.primary.as_ref().map(|group| group.name.clone())),
        ("-g", params.comment.clone()),
        ("-h", home.map(|home| home.to_string_lossy().into_owned())),
        ("-s", observed.shell.clone()),
        ("-k", params.skeleton.as_ref().map(|path| path.to_string_lossy().into_owned())),
    ] {
        if let Some(value) = value {
            argv.extend([flag.to_owned(), value]);
        }
    }
    argv.extend((!params.create_home).then(|| "-H".to_owned()));
    argv.extend(params.system.then(|| "-S".to_owned()));
    argv.push(params.name.clone());
    Command::new(argv)
}

/// Sets the hash of a password, which stays out of the list of processes.
fn chpasswd(params: &Params, hash: &str) -> Command {
    let stdin = Some(format!("{}:{hash}\n", params.name));
    Command { stdin, ..Command::new(["chpasswd", "-e"]) }
}

fn set_password(params: &Params, observed: &Observed, hash: &str) -> Command {
    match observed.tools {
        Tools::Libuser => Command {
            stdin: Some(format!("{hash}\n")),
            ..Command::new(["lpasswd", "-F", "0", &params.name])
        },
        Tools::Shadow | Tools::Busybox => chpasswd(params, hash),
    }
}

fn removal(params: &Params, tools: Tools) -> Command {
    let mut argv = match tools {
        Tools::Shadow => vec!["userdel".to_owned()],
        Tools::Libuser => vec!["luserdel".to_owned()],
        Tools::Busybox => vec!["deluser".to_owned()],
    };
    if tools == Tools::Shadow {
        argv.extend(params.force.then(|| "-f".to_owned()));
    }
    if params.remove {
        argv.push(if tools == Tools::Busybox { "--remove-home" } else { "-r" }.to_owned());
    }
    argv.push(params.name.clone());
    Command::new(argv)
}

fn modify(params: &Params, observed: &Observed, found: &User, plan: &mut Plan) -> Result<(), Stop> {
    plan.set("append", params.append);
    plan.set("move_home", params.move_home);
    let mut change = change(params, observed, AccountAction::Modify);
    let mut reasons = Vec::new();
    let arguments = usermod_arguments(params, observed, found, &mut reasons);
    let commands = &mut change.commands;
    match observed.tools {
        Tools::Shadow if !arguments.is_empty() => {
            let mut argv = vec!["usermod".to_owned()];
            argv.extend(arguments.into_iter().flat_map(|(_, words)| words));
            argv.push(params.name.clone());
            commands.push(Command::new(argv));
        }
        Tools::Shadow => {}
        Tools::Libuser => commands.extend(lusermod(params, observed, arguments)),
        Tools::Busybox => {
            if let Some((what, _)) = arguments.iter().find(|(what, _)| *what != "groups") {
                let name = params.name.clone();
                return Err(Stop::failed(Error::NoUsermod { what, name }));
            }
            if !arguments.is_empty() {
                let wanted = &observed.wanted;
                let has = &observed.memberships;
                for group in wanted.iter().filter(|group| !has.contains(group)) {
                    commands.push(Command::new(["addgroup", &params.name, group]));
                }
                let leave = has.iter().filter(|group| !params.append && !wanted.contains(group));
                for group in leave {
                    commands.push(Command::new(["delgroup", &params.name, group]));
                }
            }
        }
    }
    if let Some(password) = new_password(params, found) {
        let lock = if params.password_lock == Some(true) { "!" } else { "" };
        commands.push(set_password(params, observed, &format!("{lock}{password}")));
        reasons.push("the password differs".to_owned());
    }
    commands.extend(chage(params, observed, &mut reasons));
    if let (Some(home), true, false) = (&observed.home, params.create_home, observed.home_exists)
        && !(params.move_home && observed.old_home_exists)
    {
        commands.extend(new_home(params, observed, &home.to_string_lossy()));
        change.creates_home = true;
        reasons.push("its home directory does not exist".to_owned());
    }
    if !change.commands.is_empty() {
        change.commands.push(observed.tools.lookup("passwd", &params.name));
        plan.push(Effect::User(change), reasons.join(", "));
    }
    Ok(())
}

/// The password that is set: another than there is, locked or not.
fn new_password<'a>(params: &'a Params, found: &User) -> Option<&'a str> {
    let bare = |hash: &str| hash.trim_start_matches('!').to_owned();
    let hash = bare(found.password_hash.as_deref().unwrap_or_default());
    let password = params.password.as_deref()?;
    (params.update_password == UpdatePassword::Always && hash != bare(password)).then_some(password)
}

/// The calls of libuser for what `usermod` would be told.
fn lusermod(
    params: &Params,
    observed: &Observed,
    arguments: Vec<(&'static str, Vec<String>)>,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut argv = vec!["lusermod".to_owned()];
    let mut after = Vec::new();
    for (what, words) in arguments {
        match what {
            "expiry" => after.extend(lexpiry(params, params.expiry_day())),
            "groups" => {
                let (wanted, has) = (&observed.wanted, &observed.memberships);
                let joins = wanted.iter().filter(|group| !has.contains(group));
                let call = |flag: &str, group: &String| {
                    Command::new(["lgroupmod", flag, &params.name, group])
                };
                after.extend(joins.map(|group| call("-M", group)));
                let leaves = has.iter().filter(|group| !params.append && !wanted.contains(group));
                after.extend(leaves.map(|group| call("-m", group)));
            }
            // libuser knows primary groups by their numbers only
            "group" => {
                let number = observed.primary.as_ref().and_then(|group| group.gid);
                match number {
                    Some(number) => argv.extend(["-g".to_owned(), number.to_string()]),
                    None => argv.extend(words),
                }
            }
            _ => argv.extend(words),
        }
    }
    if argv.len() > 1 {
        argv.push(params.name.clone());
        commands.push(Command::new(argv));
    }
    commands.extend(after);
    commands
}

/// The arguments of `usermod`, each with the field that it changes.
fn usermod_arguments(
    params: &Params,
    observed: &Observed,
    found: &User,
    reasons: &mut Vec<String>,
) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    let mut set = |what: &'static str, words: Vec<String>, was: &str, is: &str| {
        reasons.push(format!("{what} is {was:?}, not {is:?}"));
        all.push((what, words));
    };
    let pair = |flag: &str, value: &str| vec![flag.to_owned(), value.to_owned()];
    let number = |number: Option<u32>| number.map_or_else(String::new, |id| id.to_string());
    if let Some(uid) = params.uid.filter(|uid| found.uid != Some(*uid)) {
        let mut words = pair("-u", &uid.to_string());
        words.extend(params.non_unique.then(|| "-o".to_owned()));
        set("uid", words, &number(found.uid), &uid.to_string());
    }
    if let Some(group) = observed.primary.as_ref().filter(|group| group.gid != found.gid) {
        set("group", pair("-g", &group.name), &number(found.gid), &number(group.gid));
    }
    if params.groups.is_some() {
        let (wanted, has) = (&observed.wanted, &observed.memberships);
        let lacks = wanted.iter().any(|group| !has.contains(group));
        let exceeds = !params.append && has.iter().any(|group| !wanted.contains(group));
        if lacks || exceeds {
            let mut words = Vec::new();
            words.extend(params.append.then(|| "-a".to_owned()));
            words.extend(pair("-G", &wanted.join(",")));
            set("groups", words, &has.join(","), &wanted.join(","));
        }
    }
    if let Some(comment) = params.comment.as_ref().filter(|comment| **comment != found.comment) {
        set("comment", pair("-c", comment), &found.comment, comment);
    }
    if let (Some(_), Some(home)) = (&params.home, &observed.home)
        && *home != found.home
    {
        let home = home.to_string_lossy();
        let mut words = pair("-d", &home);
        words.extend(params.move_home.then(|| "-m".to_owned()));
        set("home", words, &found.home.to_string_lossy(), &home);
    }
    if let Some(shell) = observed.shell.as_ref().filter(|shell| **shell != found.shell) {
        set("shell", pair("-s", shell), &found.shell, shell);
    }
    if let Some(day) =
        params.expiry_day().filter(|day| *day != found.expires.filter(|day| *day >= 0))
    {
        let was = found.expires.map_or_else(|| "never".to_owned(), |day| expiry_word(Some(day)));
        set("expiry", pair("-e", &expiry_word(day)), &was, &expiry_word(day));
    }
    let locked = found.password_hash.as_deref().map(|hash| hash.starts_with('!'));
    let sets_password = new_password(params, found).is_some();
    match (params.password_lock, locked) {
        (Some(true), Some(false)) if !sets_password => {
            set("password", vec!["-L".to_owned()], "unlocked", "locked");
        }
        (Some(false), Some(true)) if !sets_password => {
            set("password", vec!["-U".to_owned()], "locked", "unlocked");
        }
        _ => {}
    }
    all
}

/// How a password ages otherwise than it should.
struct DueAging {
    flag: &'static str,
    what: &'static str,
    has: Option<i64>,
    days: i64,
}

fn due_aging(params: &Params, observed: &Observed) -> Vec<DueAging> {
    let exists = observed.found.is_some();
    // a new user gets the last one from useradd
    let disable = params.password_expire_account_disable.filter(|_| exists);
    [
        ("-m", params.password_expire_min, 1, "password_expire_min"),
        ("-M", params.password_expire_max, 2, "password_expire_max"),
        ("-W", params.password_expire_warn, 3, "password_expire_warn"),
        ("-I", disable, 4, "password_expire_account_disable"),
    ]
    .into_iter()
    .filter_map(|(flag, wanted, index, what)| {
        let has = observed.aging.get(index).copied().flatten();
        let days = wanted.filter(|days| has != Some(*days))?;
        Some(DueAging { flag, what, has, days })
    })
    .collect()
}

/// Sets how a password ages.
fn chage(params: &Params, observed: &Observed, reasons: &mut Vec<String>) -> Option<Command> {
    let mut argv = vec!["chage".to_owned()];
    for DueAging { flag, what, days, .. } in due_aging(params, observed) {
        argv.extend([flag.to_owned(), days.to_string()]);
        reasons.push(format!("{what} differs"));
    }
    (argv.len() > 1).then(|| {
        argv.push(params.name.clone());
        Command::new(argv)
    })
}

/// Makes the home directory of a user who is there.
fn new_home(params: &Params, observed: &Observed, home: &str) -> Vec<Command> {
    let skeleton = params.skeleton.as_ref().map(|path| path.to_string_lossy().into_owned());
    let skeleton = skeleton.unwrap_or_else(|| "/etc/skel".to_owned());
    let copy = "mkdir -p -- \"$2\" && if [ -d \"$1\" ]; then cp -R -- \"$1/.\" \"$2\"; fi";
    vec![
        Command::new(["/bin/sh", "-c", copy, "sh", &skeleton, home]),
        Command::new(["chown", "-hR", &format!("{}:", params.name), home]),
        Command::new(["chmod", &format!("{:04o}", observed.home_mode), home]),
    ]
}

fn add_key(params: &Params, observed: &Observed, warnings: &mut Vec<String>, plan: &mut Plan) {
    if params.generate_ssh_key != Some(true) {
        return;
    }
    let file = observed.key_file(params);
    let shown = file.to_string_lossy().into_owned();
    let public = format!("{shown}.pub");
    plan.set("ssh_key_file", shown.clone());
    let key = &observed.key;
    for (exists, kind, path) in
        [(key.private_exists, "private", &shown), (key.public_exists, "public", &public)]
    {
        if exists && params.force {
            warnings.push(format!("Overwriting existing ssh key {kind} file \"{path}\""));
        } else if exists {
            warnings.push(format!(
                "Found existing ssh key {kind} file \"{path}\", no force, so skipping ssh-keygen \
                 generation"
            ));
            plan.set("ssh_fingerprint", key.fingerprint.clone());
            plan.set("ssh_public_key", (!key.public.is_empty()).then(|| key.public.clone()));
            return;
        }
    }
    let comment = params
        .ssh_key_comment
        .clone()
        .unwrap_or_else(|| format!("ansible-generated on {}", observed.host_name));
    let mut generate: Vec<String> =
        ["ssh-keygen", "-q", "-t", &params.ssh_key_type].into_iter().map(str::to_owned).collect();
    if params.ssh_key_bits > 0 {
        generate.extend(["-b".to_owned(), params.ssh_key_bits.to_string()]);
    }
    generate.extend(["-C", &comment, "-f", &shown].map(str::to_owned));
    let generate = match &params.ssh_key_passphrase {
        None => {
            generate.extend(["-N", ""].map(str::to_owned));
            Command::new(generate)
        }
        // without a terminal it is read, twice, from the standard input
        Some(passphrase) => {
            generate.splice(0..0, ["setsid", "-w"].map(str::to_owned));
            let stdin = Some(format!("{passphrase}\n{passphrase}\n"));
            Command { stdin, ..Command::new(generate) }
        }
    };
    let owner = format!("{}:", params.name);
    let mut commands = Vec::new();
    if key.private_exists || key.public_exists {
        commands.push(Command::new(["rm", "-f", "--", &shown, &public]));
    }
    if let Some(directory) = file.parent() {
        let directory = directory.to_string_lossy();
        let make = "[ -d \"$1\" ] || { mkdir -m 0700 -- \"$1\" && chown \"$2\" \"$1\"; }";
        commands.push(Command::new(["/bin/sh", "-c", make, "sh", &directory, &owner]));
    }
    commands.extend([
        generate,
        Command::new(["chown", &owner, &shown, &public]),
        Command::new(["ssh-keygen", "-l", "-f", &shown]),
    ]);
    let key = |commands| {
        Effect::User(UserChange {
            action: AccountAction::Modify,
            name: params.name.clone(),
            commands,
            ..UserChange::default()
        })
    };
    plan.push(key(commands), GENERATES_KEY);
    plan.push(key(vec![Command::new(["cat", &public])]), READS_KEY);
}
