//! Decides what `copy` does, without the host.

use std::path::Path;

use serde_json::Value as Json;

use super::observe::{From, Parents, differs};
use super::tree::Entry;
use super::{Error, Observed, Params};
use crate::contract::{Plan, Stop};
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, FileStat};
use crate::module::file_attributes::state_word;
use crate::module::host_path;

/// Where Ansible stages the content of a task; it is not there after the task, and never here.
const STAGED: &str = "~/.ansible/tmp/.source";

pub(super) fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
    let mut plan = Plan::nothing();
    plan.set("dest", observed.shown.display().to_string());
    if let Some(source) = &params.src {
        plan.set("src", source.display().to_string());
    } else if observed.is_kept(params) {
        plan.set("src", staged(observed));
    }
    match &observed.source {
        From::File { content, checksum } => file(params, observed, content, checksum, &mut plan)?,
        From::Tree(entries) => tree(params, observed, entries, &mut plan).map_err(Stop::failed)?,
    }
    Ok(plan)
}

fn file(
    params: &Params,
    observed: &Observed,
    content: &Content,
    checksum: &str,
    plan: &mut Plan,
) -> Result<(), Stop> {
    let failed = |error: Error| Stop::failed(error).with("checksum", checksum);
    if let Some(expected) = params.checksum.as_deref().filter(|expected| *expected != checksum) {
        return Err(failed(Error::Checksum).with("expected_checksum", expected));
    }
    if observed.is_kept(params) {
        return Ok(());
    }
    plan.set("checksum", checksum);
    if observed.is_same() {
        if !params.remote_src {
            plan.returned.shift_remove("src");
            plan.set("path", observed.dest.display().to_string());
        }
        if let Some(stat) = &observed.stat {
            observed.wanted.plan(&observed.dest, stat, plan);
        }
        return Ok(());
    }
    if params.src.is_none() {
        plan.set("src", staged(observed));
    }
    parents(observed, plan).map_err(failed)?;
    let (attributes, reason) = match &observed.stat {
        None => (observed.wanted.for_new(FileKind::File), "it is absent"),
        Some(stat) => match stat.kind {
            FileKind::File => (observed.wanted.for_replaced(stat), "its content differs"),
            FileKind::Link => {
                (observed.wanted.for_new(FileKind::File), "a link is in the place of the file")
            }
            FileKind::Directory
            | FileKind::CharacterDevice
            | FileKind::BlockDevice
            | FileKind::Fifo
            | FileKind::Socket => {
                let from = params.src.as_ref().map(|path| path.display().to_string());
                return Err(failed(Error::OverDirectory {
                    from: from.unwrap_or_default(),
                    to: observed.dest.display().to_string(),
                }));
            }
        },
    };
    plan.push(
        Effect::WriteFile(WriteFile {
            path: observed.dest.clone(),
            content: content.clone(),
            attributes,
            validate: params.validate.clone(),
            backup: params.backup,
            unsafe_writes: params.attributes.unsafe_writes,
        }),
        reason,
    );
    Ok(())
}

fn staged(observed: &Observed) -> String {
    let ending = observed.dest.extension().unwrap_or_default().to_string_lossy();
    let dot = if ending.is_empty() { "" } else { "." };
    format!("{STAGED}{dot}{ending}")
}

/// Plans the missing parents, or refuses.
fn parents(observed: &Observed, plan: &mut Plan) -> Result<(), Error> {
    if observed.stat.is_some() {
        return Ok(());
    }
    if observed.ancestor != Some(FileKind::Directory) {
        return Err(Error::AncestorNotDirectory(observed.dest.display().to_string()));
    }
    if observed.parents == Parents::Refuse && !observed.missing.is_empty() {
        let directory = host_path::parent(&observed.dest);
        return Err(Error::NoDirectory(directory.display().to_string()));
    }
    for path in &observed.missing {
        observed.directories.plan_directory(path, plan);
    }
    Ok(())
}

fn tree(
    params: &Params,
    observed: &Observed,
    entries: &[Entry],
    plan: &mut Plan,
) -> Result<(), Error> {
    plan.set("checksum", Json::Null);
    plan.set("md5sum", Json::Null);
    match &observed.stat {
        None => {
            parents(observed, plan)?;
            observed.wanted.but_flags().plan_directory(&observed.dest, plan);
        }
        Some(stat) if stat.kind == FileKind::Directory => {
            observed.wanted.but_flags().plan(&observed.dest, stat, plan);
        }
        Some(_) => {
            let from = params.src.as_ref().map(|path| path.display().to_string());
            let to = observed.dest.display().to_string();
            return Err(Error::OverFile { from: from.unwrap_or_default(), to });
        }
    }
    for entry in entries {
        part(params, observed, entry, plan)?;
    }
    // what may not be changed would take no entries
    let attributes = observed.wanted.only_flags().for_new(FileKind::Directory);
    match &observed.stat {
        Some(stat) => observed.wanted.only_flags().plan(&observed.dest, stat, plan),
        None if attributes.is_empty() => {}
        None => {
            let effect = Effect::SetAttributes { path: observed.dest.clone(), attributes };
            plan.push(effect, "it is new and has given attributes");
        }
    }
    Ok(())
}

fn part(params: &Params, observed: &Observed, entry: &Entry, plan: &mut Plan) -> Result<(), Error> {
    let Entry { from, to, source, there, same, keeps_mode } = entry;
    let over = |to_be: &FileStat| Error::OverFile {
        from: from.display().to_string(),
        to: format!("{} ({})", to.display(), state_word(to_be)),
    };
    match (source.kind, there) {
        (FileKind::Directory, None) => {
            let effect = Effect::MakeDirectory { path: to.clone(), mode: Some(source.mode) };
            plan.push(effect, "it is absent");
            own(observed, to, there.as_ref(), plan);
        }
        (FileKind::Directory, Some(there)) if there.kind == FileKind::Directory => {
            own(observed, to, Some(there), plan);
        }
        (_, Some(there)) if there.kind == FileKind::Directory => return Err(over(there)),
        (FileKind::Directory, Some(there)) => return Err(over(there)),
        (FileKind::Link, there) => {
            let target = source.link_target.clone().unwrap_or_default();
            let old = there.as_ref().and_then(|there| there.link_target.clone());
            if old.as_ref() == Some(&target) {
                own(observed, to, there.as_ref(), plan);
            } else {
                let reason = if there.is_none() { "it is absent" } else { "it is another link" };
                plan.push(Effect::MakeSymlink { path: to.clone(), target }, reason);
                own(observed, to, None, plan);
            }
        }
        (_, Some(_)) if *same || !params.force => own(observed, to, there.as_ref(), plan),
        (_, there) => {
            let mode = (there.is_some() || *keeps_mode).then_some(source.mode);
            let attributes = Attributes {
                owner: observed.wanted.owner.clone(),
                group: observed.wanted.group.clone(),
                mode,
                ..Attributes::default()
            };
            let write = WriteFile {
                path: to.clone(),
                content: Content::File(from.clone()),
                attributes,
                validate: params.validate.clone(),
                backup: params.backup,
                unsafe_writes: params.attributes.unsafe_writes,
            };
            let reason = if there.is_none() { "it is absent" } else { "its content differs" };
            plan.push(Effect::WriteFile(write), reason);
        }
    }
    Ok(())
}

/// Plans owner and group of a part of a tree; its mode stays.
fn own(observed: &Observed, to: &Path, there: Option<&FileStat>, plan: &mut Plan) {
    let wanted = &observed.wanted;
    let (mut owner, mut group) = (wanted.owner.clone(), wanted.group.clone());
    if let Some(there) = there {
        owner = owner.filter(|owner| differs(Some(owner), &there.owner));
        group = group.filter(|group| differs(Some(group), &there.group));
    }
    if owner.is_some() || group.is_some() {
        let attributes = Attributes { owner, group, ..Attributes::default() };
        let effect = Effect::SetAttributes { path: to.to_owned(), attributes };
        plan.push(effect, "its owner or group differs");
    }
}
