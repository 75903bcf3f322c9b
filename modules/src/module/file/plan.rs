//! Decides what `file` does, without the host.

use std::path::Path;

use super::{Error, LinkSource, Observed, Params, State};
use crate::contract::Plan;
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, FileStat};
use crate::module::file_attributes::state_word;

const NO_TARGET: &str = "Cannot set fs attributes on a non-existent symlink target. follow should \
    be set to False to avoid this.";

pub(super) fn plan(params: &Params, observed: &Observed) -> Result<Plan, Error> {
    if params.recurse && observed.state != State::Directory {
        return Err(Error::RecurseWithout);
    }
    if params.src.is_some() && !matches!(observed.state, State::Link | State::Hard) {
        return Err(Error::SourceWithout);
    }
    let mut plan = Plan::nothing();
    match observed.state {
        State::Absent => absent(observed, &mut plan),
        State::File => file(observed, &mut plan)?,
        State::Directory => directory(observed, &mut plan)?,
        State::Touch => touch(params, observed, &mut plan)?,
        State::Link => link(params, observed, &mut plan)?,
        State::Hard => hard_link(params, observed, &mut plan)?,
    }
    Ok(plan)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn absent(observed: &Observed, plan: &mut Plan) {
    plan.set("path", text(&observed.named));
    plan.set("state", "absent");
    if let Some(stat) = &observed.stat {
        let reason = format!("it is there as a {}", state_word(stat));
        plan.push(Effect::Remove { path: observed.path.clone() }, reason);
    }
}

fn attributes(observed: &Observed, path: &Path, stat: &FileStat, plan: &mut Plan) {
    observed.wanted.plan(path, stat, plan);
    observed.times.plan(path, stat, plan);
}

/// The path as results name it: with links followed the end of them.
fn shown(observed: &Observed) -> String {
    let unfollowed: std::path::PathBuf = observed.named.components().collect();
    text(if unfollowed == observed.path { &observed.named } else { &observed.path })
}

fn file(observed: &Observed, plan: &mut Plan) -> Result<(), Error> {
    let path = shown(observed);
    let Some(stat) = &observed.stat else { return Err(Error::Absent(path)) };
    if matches!(stat.kind, FileKind::Directory | FileKind::Link) {
        return Err(Error::NotFile(path, state_word(stat)));
    }
    plan.set("path", path);
    attributes(observed, &observed.path, stat, plan);
    Ok(())
}

fn directory(observed: &Observed, plan: &mut Plan) -> Result<(), Error> {
    let path = shown(observed);
    match &observed.stat {
        Some(stat) if stat.kind == FileKind::Directory => {
            attributes(observed, &observed.path, stat, plan);
            for (path, stat) in &observed.tree {
                observed.wanted.plan(path, stat, plan);
                if stat.kind != FileKind::Link {
                    observed.times.plan(path, stat, plan);
                }
            }
        }
        Some(stat) => return Err(Error::NotDirectory(path, state_word(stat))),
        None => {
            if observed.ancestor != Some(FileKind::Directory) {
                return Err(Error::AncestorNotDirectory(path));
            }
            for level in observed.missing.iter().chain([&observed.path]) {
                make_directory(observed, level, plan);
            }
        }
    }
    plan.set("path", path);
    Ok(())
}

fn make_directory(observed: &Observed, path: &Path, plan: &mut Plan) {
    observed.wanted.plan_directory(path, plan);
    let (accessed, modified) = (observed.times.accessed(), observed.times.modified());
    if path == observed.path && (accessed.is_some() || modified.is_some()) {
        let effect = Effect::SetTimes { path: path.to_owned(), accessed, modified, present: false };
        plan.push(effect, "it is new and has a given time");
    }
}

fn touch(params: &Params, observed: &Observed, plan: &mut Plan) -> Result<(), Error> {
    plan.set("dest", text(&observed.named));
    if let Some(stat) = &observed.stat {
        attributes(observed, &observed.path, stat, plan);
        return Ok(());
    }
    let unfollowed: std::path::PathBuf = observed.named.components().collect();
    if unfollowed != observed.path {
        if params.attributes.mode.is_some() {
            return Err(Error::ModeDangling(text(&observed.path)));
        }
        return Err(Error::TouchDangling(text(&observed.path)));
    }
    if !observed.missing.is_empty() || observed.ancestor != Some(FileKind::Directory) {
        return Err(Error::NoParent(text(&observed.path)));
    }
    plan.push(
        Effect::WriteFile(WriteFile {
            path: observed.path.clone(),
            content: Content::Bytes(Vec::new()),
            attributes: observed.wanted.for_new(FileKind::File),
            validate: None,
            backup: false,
            unsafe_writes: params.attributes.unsafe_writes,
        }),
        "it is absent",
    );
    observed.times.plan_new(&observed.path, params, plan);
    Ok(())
}

fn link(params: &Params, observed: &Observed, plan: &mut Plan) -> Result<(), Error> {
    let path = text(&observed.path);
    let Some(source) = &observed.source else { return Err(Error::SymlinkNeedsSource) };
    if source.stat.is_none() && !params.force && params.src.is_some() {
        return Err(Error::Dangling(text(&source.path)));
    }
    let reason = match &observed.stat {
        None => {
            if !observed.missing.is_empty() || observed.ancestor != Some(FileKind::Directory) {
                return Err(Error::NoParentOfLink(path));
            }
            Some("it is absent".to_owned())
        }
        Some(stat) if stat.kind == FileKind::Link => {
            let old = stat.link_target.as_deref().unwrap_or(Path::new(""));
            (old != source.written).then(|| {
                format!("it points to {}, not {}", old.display(), source.written.display())
            })
        }
        Some(stat) if !params.force => return Err(Error::Convert(path, state_word(stat))),
        Some(stat) => {
            if observed.filled {
                return Err(Error::NotEmpty(path));
            }
            if stat.kind == FileKind::Directory {
                let effect = Effect::Remove { path: observed.path.clone() };
                plan.push(effect, "an empty directory is in the place of the link");
            }
            Some(format!("it is a {}", state_word(stat)))
        }
    };
    if let Some(reason) = reason {
        let effect =
            Effect::MakeSymlink { path: observed.path.clone(), target: source.written.clone() };
        plan.push(effect, reason);
    }
    plan.set("dest", text(&observed.named));
    // as Ansible: without `src` the target is only told where it was looked at
    let told = params.src.is_some() || (params.follow && source.stat.is_some());
    plan.set("src", told.then(|| text(&source.written)));
    link_attributes(params, observed, source, plan);
    Ok(())
}

/// With `follow` the attributes are those of what the link leads to, else of the link.
fn link_attributes(params: &Params, observed: &Observed, source: &LinkSource, plan: &mut Plan) {
    if params.follow {
        match &source.stat {
            Some(stat) => attributes(observed, &source.resolved, stat, plan),
            // in the place of a directory another target is meant
            None if observed.stat.as_ref().is_some_and(|it| it.kind == FileKind::Directory) => {}
            None => plan.set("warnings", vec![NO_TARGET]),
        }
        return;
    }
    match &observed.stat {
        Some(stat) if stat.kind == FileKind::Link => {
            observed.wanted.plan(&observed.path, stat, plan);
        }
        _ => {
            let new = observed.wanted.for_new(FileKind::Link);
            let attributes = Attributes { mode: None, ..new };
            if !attributes.is_empty() {
                let effect = Effect::SetAttributes { path: observed.path.clone(), attributes };
                plan.push(effect, "the link is new and has a given owner");
            }
        }
    }
}

fn hard_link(params: &Params, observed: &Observed, plan: &mut Plan) -> Result<(), Error> {
    let Some(source) = &observed.source else { return Err(Error::HardLinkNeedsSource) };
    let Some(source_stat) = &source.stat else { return Err(Error::NoSource) };
    let reason = match &observed.stat {
        None => {
            if !observed.missing.is_empty() || observed.ancestor != Some(FileKind::Directory) {
                return Err(Error::NoParentOfLink(text(&observed.path)));
            }
            Some("it is absent".to_owned())
        }
        Some(_) if source.same => None,
        Some(stat) if stat.kind == FileKind::Link => Some("it is a symbolic link".to_owned()),
        Some(stat) if !params.force => {
            return Err(match state_word(stat) {
                "hard" => Error::OtherHardLink,
                other => Error::Exists(other),
            });
        }
        Some(stat) if stat.kind == FileKind::Directory => {
            return Err(Error::Exists("directory"));
        }
        Some(stat) => Some(format!("it is another {}", state_word(stat))),
    };
    if let Some(reason) = reason {
        let target = source.path.clone();
        plan.push(Effect::MakeHardLink { path: observed.path.clone(), target }, reason);
    }
    plan.set("dest", text(&observed.named));
    plan.set("src", params.src.is_some().then(|| text(&source.written)));
    attributes(observed, &observed.path, source_stat, plan);
    Ok(())
}
