//! `ansible.builtin.fetch`: the host's file comes to the controller.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use canvass_modules::module::fetch::Params;
use canvass_modules::wire::{ItemReply, Mode, Status};
use serde_json::{Map, Value as Json};
use sha1::{Digest as _, Sha1};

use super::files::{self, hex};
use super::{ActionError, ActionInput, After, Prepared, RemoteCall, parse};

const DIRECTORY: &str = "dest is an existing directory, use a trailing slash if you want to \
                         fetch src into that directory";

/// A file that is coming.
#[derive(Debug)]
pub(crate) struct Fetched {
    to: PathBuf,
    /// `to` is a directory, and no name below it is meant.
    is_directory: bool,
    /// A dry run writes nothing here either.
    mode: Mode,
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    files::require_src_and_dest(&arguments)?;
    let params: Params = parse("ansible.builtin.fetch", &arguments)?;
    let src = params.src.to_string_lossy();
    let below = src.trim_start_matches('/');
    let base = input.directories.playbook.join(&params.dest);
    let below_base = params.dest.to_string_lossy().ends_with('/');
    let is_directory = params.flat && !below_base && base.is_dir();
    let to = match params.src.file_name() {
        Some(name) if params.flat && below_base => base.join(name),
        _ if params.flat => base,
        _ => base.join(input.host).join(below),
    };
    if Path::new(below).components().any(|part| part == std::path::Component::ParentDir) {
        return Err(ActionError::Include(format!("`src` of fetch leads upwards: `{src}`")));
    }
    Ok(Prepared::Remote(RemoteCall {
        module: "ansible.builtin.fetch".to_owned(),
        arguments,
        source: None,
        after: After::Fetch(Arc::new(Fetched { to, is_directory, mode: input.mode })),
    }))
}

impl Fetched {
    /// Writes the content that came, when it differs from what is here.
    pub(super) fn store(&self, reply: &mut ItemReply) {
        let Some(Json::String(encoded)) = reply.returned.shift_remove("content") else { return };
        let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(encoded) else { return };
        let sha1 = hex(&Sha1::digest(&bytes));
        let md5 = hex(&md5::Md5::digest(&bytes));
        let changed = std::fs::read(&self.to).ok().is_none_or(|old| old != bytes);
        let source = reply.returned.shift_remove("source").unwrap_or_default();
        reply.returned.shift_remove("encoding");
        reply.returned.shift_remove("remote_checksum");
        let mut set = |name: &str, value: Json| {
            reply.returned.insert(name.to_owned(), value);
        };
        if self.is_directory {
            set("msg", Json::from(DIRECTORY));
            reply.status = Status::Failed;
            return;
        }
        if changed
            && self.mode == Mode::Apply
            && let Err(error) = write(&self.to, &bytes)
        {
            set("msg", Json::from(format!("cannot write `{}`: {error}", self.to.display())));
            reply.status = Status::Failed;
            return;
        }
        set("checksum", Json::from(sha1.clone()));
        set("dest", Json::from(self.to.to_string_lossy().into_owned()));
        set("md5sum", Json::from(md5));
        if changed {
            set("remote_checksum", Json::from(sha1));
            set("remote_md5sum", Json::Null);
        } else {
            set("file", source);
        }
        reply.status = if changed { Status::Changed } else { Status::Ok };
    }
}

/// Writes beside, syncs and renames.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let beside =
        directory.join(format!(".{}.{}.fetching", name.unwrap_or_default(), std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let done = written.and_then(|()| std::fs::rename(&beside, path));
    if done.is_err() {
        // the rename did not happen: what lies beside is ours
        let _ = std::fs::remove_file(&beside);
    }
    done
}
