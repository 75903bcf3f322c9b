//! The version packed into a file.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::commands::Git;
use super::{Error, Observed, Params};
use crate::contract::{Plan, Stop};
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{DigestAlgorithm, Follow, Host};

/// The file, and whether it must be made.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    format: &'static str,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Missing,
    Differs,
    /// It is as it would be made now.
    Same,
}

impl Archive {
    pub(super) fn observe(
        params: &Params,
        observed: &Observed,
        path: PathBuf,
        dest: &Path,
        host: &mut dyn Host,
    ) -> Result<Self, Stop> {
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("zip") => "zip",
            Some("gz") => "tar.gz",
            Some("tar") => "tar",
            Some("tgz") => "tgz",
            _ => return Err(Stop::failed(Error::ArchiveName(path.display().to_string()))),
        };
        let mut archive = Self { path, format, state: State::Missing };
        if host.stat(&archive.path, Follow::Yes)?.is_none() {
            return Ok(archive);
        }
        archive.state = State::Differs;
        let stands = observed.checkout.as_ref().is_some_and(|checkout| {
            !params.update || observed.remote.commit.as_ref() == Some(&checkout.commit)
        });
        if stands {
            // packed beside, where nobody looks, to compare
            let scratch = host.scratch()?;
            let file = scratch.join("archive");
            let packed = host.query(&archive.command(params, &observed.git, dest, &file));
            let same = match packed {
                Ok(output) if output.success() => {
                    let sums = [&file, &archive.path]
                        .map(|path| host.digest(path, DigestAlgorithm::Sha256));
                    matches!(sums, [Ok(one), Ok(other)] if one == other)
                }
                _ => false,
            };
            host.discard(&scratch);
            if same {
                archive.state = State::Same;
            }
        }
        Ok(archive)
    }

    fn command(&self, params: &Params, git: &Git, dest: &Path, to: &Path) -> Command {
        let to = to.to_string_lossy();
        let mut words = vec!["archive", "--format", self.format, "--output", &to];
        if let Some(prefix) = &params.archive_prefix {
            words.extend(["--prefix", prefix]);
        }
        words.push(&params.version);
        git.at(dest, words)
    }

    pub(super) fn plan(&self, params: &Params, git: &Git, dest: &Path, plan: &mut Plan) {
        if self.state == State::Same {
            return;
        }
        let missing = self.state == State::Missing;
        let change = SettingChange {
            kind: "git archive".to_owned(),
            name: self.path.to_string_lossy().into_owned(),
            before: (!missing).then(|| Json::from("another version")),
            after: Some(Json::from(params.version.clone())),
            commands: vec![self.command(params, git, dest, &self.path)],
            ..SettingChange::default()
        };
        let reason = if missing { "the archive is absent" } else { "the archive differs" };
        plan.push(Effect::Setting(change), reason);
    }
}
