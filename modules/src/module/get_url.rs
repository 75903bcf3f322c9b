//! `ansible.builtin.get_url`: fetches a file from an address to the host.
//!
//! Follows the module of ansible-core 2.19. The host itself fetches; a file that is there is
//! asked for with `If-Modified-Since`. Check mode: full. Diff: as for `copy`.
//!
//! Differs from Ansible: `ciphers` names suites that this program has, `use_gssapi` fails; `tmp_dest`
//! has no effect, the file is staged beside its place, and there is no `src`; a digest that is not
//! known is refused before anything is fetched.
//!
//! ```yaml
//! - name: Fetch a release
//!   ansible.builtin.get_url:
//!     url: https://example.org/tool.tar.gz
//!     dest: /opt/tool.tar.gz
//!     checksum: sha256:https://example.org/SHA256SUMS
//!     mode: "0644"
//! ```
//!
//! Returns `url`, `dest`, `status_code`, `msg`, `elapsed`, `checksum_src`, `checksum_dest`,
//! `md5sum`, `backup_file` and the attributes of the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use super::expansion;
use super::file_attributes::{self, FileAttributes, Wanted};
use super::uri::{lead, name_of, refusal};
use super::web_options::WebOptions;
use crate::contract::{Conclusion, Module, Plan, Returned, Stop};
use crate::effect::{Applied, Content, Effect, WriteFile};
use crate::host::{DigestAlgorithm, FileKind, FileStat, Follow, Host, HostError, HttpResponse};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.get_url`.
    pub struct Params {
        /// `http://`, `https://` or `file://`.
        url: String,
        /// The file, or a directory that gets a file with the address's name.
        dest: PathBuf,
        /// `ALGORITHM:DIGEST` or `ALGORITHM:URL` of a list of digests.
        checksum: String = String::new(),
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Seconds to wait at most.
        timeout: u64 = 10_u64,
        /// The user for basic authentication.
        url_username ("username"): Option<String>,
        /// The password for basic authentication.
        @secret url_password ("password"): Option<String>,
        /// No effect: the file is staged beside its place.
        tmp_dest: Option<PathBuf>,
        /// How the request is sent.
        @flatten web: WebOptions,
        /// Owner, group and mode.
        @flatten file: FileAttributes,
    }
}

/// The module.
#[derive(Debug)]
pub struct GetUrl;

/// What is there and what was fetched.
#[derive(Debug)]
pub struct Observed {
    dest: PathBuf,
    stat: Option<FileStat>,
    wanted: Wanted,
    /// `None` where the file that is there already has the digest.
    answer: Option<HttpResponse>,
    /// Digests of what was fetched and of what is there.
    fetched_sha1: Option<String>,
    there_sha1: Option<String>,
    elapsed: i64,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The form of the checksum is wrong.
    #[error("The checksum parameter has to be in format <algorithm>:<checksum>")]
    ChecksumForm,
    /// What stands for a digest is none.
    #[error("The checksum format is invalid")]
    Digest,
    /// The digest is not known.
    #[error("unsupported hash type {0}")]
    Algorithm(String),
    /// The list has no such file.
    #[error("Unable to find a checksum for file '{file}' in '{url}'")]
    NotListed {
        /// The file.
        file: String,
        /// The list.
        url: String,
    },
    /// Something else came.
    #[error("The checksum for {} did not match {expected}; it was {found}.", .dest.display())]
    Mismatch {
        /// The place.
        dest: PathBuf,
        /// What was expected.
        expected: String,
        /// What came.
        found: String,
    },
    /// The server refuses.
    #[error("Request failed")]
    Status,
    /// There is no answer.
    #[error("{}: {_0}", lead(_0))]
    NoAnswer(String),
    /// Nowhere to put it.
    #[error("Destination {} does not exist", .0.display())]
    NoDirectory(PathBuf),
}

impl Module for GetUrl {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let started = host.now().seconds;
        let mut dest = expansion::path(&params.dest, host)?;
        let mut stat = host.stat(&dest, Follow::Yes)?;
        let folder = dest.clone();
        let into_folder = stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Directory);
        if into_folder {
            dest = dest.join(file_name(&params.url));
            stat = host.stat(&dest, Follow::Yes)?;
        }
        let wanted = params.file.resolve(host)?;
        if let Some(stat) = &mut stat {
            wanted.complete(&dest, stat, host);
        }
        let checksum = checksum(params, host)?;
        let there = |algorithm, host: &mut dyn Host| match &stat {
            Some(_) => host.digest(&dest, algorithm).map(Some),
            None => Ok(None),
        };
        if let Some((algorithm, digest)) = &checksum
            && !params.web.force
            && there(*algorithm, host)?.as_ref() == Some(digest)
        {
            let (answer, elapsed) = (None, host.now().seconds - started);
            let (fetched_sha1, there_sha1) = (None, None);
            return Ok(Observed { dest, stat, wanted, answer, fetched_sha1, there_sha1, elapsed });
        }
        let modified = stat.as_ref().map(|stat| stat.modified.seconds);
        let conditional = modified.filter(|_| !params.web.force && checksum.is_none());
        let answer = fetch(params, &params.url, conditional, host)?;
        // the server may name what it gives
        if let Some(name) = name_of(&answer).filter(|_| into_folder) {
            dest = folder.join(name);
            stat = host.stat(&dest, Follow::Yes)?;
            if let Some(stat) = &mut stat {
                wanted.complete(&dest, stat, host);
            }
        }
        let there = |algorithm, host: &mut dyn Host| match &stat {
            Some(_) => host.digest(&dest, algorithm).map(Some),
            None => Ok(None),
        };
        let there_sha1 = there(DigestAlgorithm::Sha1, host)?;
        if !matches!(answer.status, 200 | 304 | 0) {
            return Err(Stop::failed(Error::Status)
                .with("url", params.url.clone())
                .with("dest", dest.to_string_lossy())
                .with("status_code", answer.status)
                .with("response", refusal(answer.status)));
        }
        if let Some((algorithm, expected)) = checksum {
            let found = digest_of(algorithm, &answer.body);
            if found != expected {
                let shown = dest.to_string_lossy().into_owned();
                return Err(Stop::failed(Error::Mismatch { dest, expected, found })
                    .with("url", params.url.clone())
                    .with("dest", shown)
                    .with("checksum_src", digest_of(DigestAlgorithm::Sha1, &answer.body))
                    .with("checksum_dest", there_sha1));
            }
        }
        let shown = params.dest.to_string_lossy();
        let parent = match shown.strip_suffix('/') {
            Some(_) if !into_folder => dest.clone(),
            _ => dest.parent().unwrap_or(Path::new("/")).to_owned(),
        };
        if host.stat(&parent, Follow::Yes)?.is_none() {
            return Err(Stop::failed(Error::NoDirectory(parent))
                .with("url", params.url.clone())
                .with("dest", shown)
                .with("checksum_src", digest_of(DigestAlgorithm::Sha1, &answer.body))
                .with("checksum_dest", there_sha1));
        }
        let fetched_sha1 = Some(digest_of(DigestAlgorithm::Sha1, &answer.body));
        let elapsed = host.now().seconds - started;
        Ok(Observed { dest, stat, wanted, answer: Some(answer), fetched_sha1, there_sha1, elapsed })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("url", params.url.clone());
        plan.set("dest", observed.dest.to_string_lossy());
        plan.set("elapsed", observed.elapsed);
        let fetched = observed.answer.as_ref().filter(|answer| answer.status != 304);
        match (&observed.answer, fetched) {
            (None, _) => {
                plan.set("msg", "file already exists");
                plan.set("checksum_src", Json::Null);
                plan.set("checksum_dest", Json::Null);
            }
            (Some(answer), None) => {
                plan.set("msg", "HTTP Error 304: Not Modified");
                plan.set("status_code", answer.status);
            }
            (Some(_), Some(answer)) => {
                plan.set("msg", format!("OK ({} bytes)", answer.body.len()));
                plan.set("status_code", answer.status);
                plan.set("checksum_src", observed.fetched_sha1.clone());
                plan.set("checksum_dest", observed.there_sha1.clone());
            }
        }
        let differs = observed.fetched_sha1 != observed.there_sha1;
        if let Some(answer) = fetched.filter(|_| differs) {
            let reason = match &observed.stat {
                None => "it is absent",
                Some(_) => "its content differs",
            };
            let attributes = match &observed.stat {
                None => observed.wanted.for_new(FileKind::File),
                Some(stat) => observed.wanted.for_replaced(stat),
            };
            let write = WriteFile {
                path: observed.dest.clone(),
                content: Content::Bytes(answer.body.clone()),
                attributes,
                validate: None,
                backup: params.backup,
                unsafe_writes: params.file.unsafe_writes,
            };
            plan.push(Effect::WriteFile(write), reason);
        } else if let Some(stat) = &observed.stat {
            observed.wanted.plan(&observed.dest, stat, &mut plan);
            if observed.answer.is_none() && plan.changes() {
                plan.set("msg", "file already exists but file attributes changed");
            }
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        if let Some(Applied::Written { backup: Some(path), .. }) = applied.first() {
            returned.insert("backup_file".to_owned(), Json::from(path.to_string_lossy()));
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn revisit(
        _params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        file_attributes::describe(host, &observed.dest, returned)?;
        if returned.get("checksum_src").is_some_and(Json::is_string)
            && host.stat(&observed.dest, Follow::Yes)?.is_some()
        {
            let digest = host.digest(&observed.dest, DigestAlgorithm::Md5)?;
            returned.insert("md5sum".to_owned(), Json::from(digest));
        }
        Ok(())
    }
}

/// The last part of an address's path.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    match path.split_once('/').and_then(|(_, path)| path.rsplit('/').next()) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => "index.html".to_owned(),
    }
}

fn fetch(
    params: &Params,
    url: &str,
    modified: Option<i64>,
    host: &mut dyn Host,
) -> Result<HttpResponse, Stop> {
    let (user, password) = (params.url_username.as_deref(), params.url_password.as_deref());
    let mut request = params.web.request(url, user, password, host)?;
    if let Some(date) = modified.and_then(http_date) {
        request.headers.push(("If-Modified-Since".to_owned(), date));
    }
    request.timeout = Some(Duration::from_secs(params.timeout));
    host.fetch(&request).map_err(|error| match error {
        HostError::Http { reason, .. } => Stop::failed(Error::NoAnswer(reason))
            .with("url", params.url.clone())
            .with("dest", params.dest.to_string_lossy()),
        other => Stop::Host(other),
    })
}

/// A moment as HTTP words it (RFC 9110, 5.6.7).
pub(crate) fn http_date(seconds: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC);
    Some(jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", &date).unwrap_or_default())
}

/// The digest that is expected, fetched from a list where an address is given.
fn checksum(
    params: &Params,
    host: &mut dyn Host,
) -> Result<Option<(DigestAlgorithm, String)>, Stop> {
    if params.checksum.is_empty() {
        return Ok(None);
    }
    let dest = params.dest.to_string_lossy();
    let form = |error| {
        Stop::failed(error)
            .with("url", params.url.clone())
            .with("dest", dest.clone())
            .with("checksum_src", Json::Null)
            .with("checksum_dest", Json::Null)
    };
    let (algorithm, digest) =
        params.checksum.split_once(':').ok_or_else(|| form(Error::ChecksumForm))?;
    let algorithm = match algorithm.trim().to_lowercase().as_str() {
        "md5" => DigestAlgorithm::Md5,
        "sha1" => DigestAlgorithm::Sha1,
        "sha224" => DigestAlgorithm::Sha224,
        "sha256" => DigestAlgorithm::Sha256,
        "sha384" => DigestAlgorithm::Sha384,
        "sha512" => DigestAlgorithm::Sha512,
        other => return Err(Stop::failed(Error::Algorithm(other.to_owned()))),
    };
    let digest = digest.trim();
    if ["http://", "https://", "file://", "ftp://"].iter().any(|start| digest.starts_with(start)) {
        let list = fetch(params, digest, None, host)?;
        if !matches!(list.status, 200 | 0) {
            return Err(Stop::failed(Error::Status)
                .with("url", digest)
                .with("dest", dest)
                .with("status_code", list.status)
                .with("response", refusal(list.status)));
        }
        let file = file_name(&params.url);
        let text = String::from_utf8_lossy(&list.body);
        let found = listed(&text, &file)
            .ok_or_else(|| Stop::failed(Error::NotListed { file, url: digest.to_owned() }))?;
        return Ok(Some((algorithm, found)));
    }
    if digest.is_empty() || !digest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(form(Error::Digest));
    }
    Ok(Some((algorithm, digest.to_lowercase())))
}

/// The digest of a file in a list of `DIGEST  NAME`, or the only digest without a name.
fn listed(text: &str, file: &str) -> Option<String> {
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    if let [only] = lines.as_slice()
        && let [digest] = only.as_slice()
    {
        return Some(digest.to_lowercase());
    }
    lines.iter().find_map(|words| match words.as_slice() {
        [digest, name] => {
            let name = name.trim_start_matches(['*', '.']).rsplit('/').next();
            (name == Some(file)).then(|| digest.to_lowercase())
        }
        // BSD style: SHA256 (NAME) = DIGEST
        [_, name, "=", digest] => {
            (name.trim_matches(['(', ')']) == file).then(|| digest.to_lowercase())
        }
        _ => None,
    })
}

fn digest_of(algorithm: DigestAlgorithm, bytes: &[u8]) -> String {
    crate::host::digest::Digester::of(algorithm, bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{GetUrl, Observed, Params, file_name, http_date, listed};
    use crate::contract::Module as _;
    use crate::host::HttpResponse;
    use crate::module::file_attributes::Wanted;
    use crate::params::Params as _;

    #[test]
    fn names_dates_and_lists() {
        assert_eq!(file_name("http://x/a/b.tar.gz?v=1"), "b.tar.gz");
        assert_eq!(file_name("http://x"), "index.html");
        assert_eq!(http_date(0).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
        for (text, expected) in [
            ("ABC\n", Some("abc")),
            ("00  other\n11  *tool.tgz\n", Some("11")),
            ("22  ./dir/tool.tgz\n33 x\n", Some("22")),
            ("SHA256 (tool.tgz) = 44\n", Some("44")),
            ("00  other\n01 more\n", None),
        ] {
            assert_eq!(listed(text, "tool.tgz").as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_other_content_is_written() {
        let given = json!({"url": "http://x/a", "dest": "/tmp/a"});
        let params = Params::parse("get_url", given.as_object().unwrap()).unwrap();
        let table = [
            (Some((200, b"hi".to_vec())), None, 1, "OK (2 bytes)"),
            (Some((200, b"hi".to_vec())), Some("same"), 0, "OK (2 bytes)"),
            (Some((304, Vec::new())), Some("other"), 0, "HTTP Error 304: Not Modified"),
            (None, None, 0, "file already exists"),
        ];
        for (answer, there, effects, message) in table {
            let answer = answer.map(|(status, body)| HttpResponse {
                status,
                body,
                ..HttpResponse::default()
            });
            let observed = Observed {
                dest: "/tmp/a".into(),
                stat: None,
                wanted: Wanted::default(),
                fetched_sha1: answer.as_ref().map(|_| "same".to_owned()),
                answer,
                there_sha1: there.map(str::to_owned),
                elapsed: 0,
            };
            let plan = GetUrl::plan(&params, &observed).unwrap();
            assert_eq!(plan.effects.len(), effects, "{message}");
            assert_eq!(plan.returned["msg"], json!(message));
        }
    }
}
