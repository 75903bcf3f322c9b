//! `ansible.builtin.uri`: asks a web service.
//!
//! Follows the module of ansible-core 2.19. Check mode: questions (`GET`, `HEAD`, `OPTIONS`) are
//! asked in a rehearsal, what other methods give is unknown. Diff: the file of `dest`.
//!
//! Differs from Ansible: `ciphers` names suites that this program has, `use_gssapi` fails; a login is not sent to another
//! host that a redirect leads to; a certificate of an authority is not accepted as that of a
//! server, `ca_path` or not.
//!
//! ```yaml
//! - name: See that the service answers
//!   ansible.builtin.uri:
//!     url: https://localhost:8443/health
//!     ca_path: /etc/ssl/own.pem
//!     return_content: true
//! ```
//!
//! Returns `status`, `url`, `msg`, `redirected`, `elapsed`, the headers of the answer with `_` for
//! `-`, `cookies`, `cookies_string`, `json`, `content` with `return_content`, `path` with `dest`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/uri_module.html>

mod answer;
mod body;
mod multipart;
#[cfg(test)]
mod tests;

pub(crate) use self::answer::{fetched, lead, name_of, refusal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use self::answer::Told;
pub use self::multipart::PART_CONTENT;
use super::copy::EngineSource;
use super::expansion;
use super::file_attributes::{self, FileAttributes, Wanted};
use super::get_url::http_date;
use super::web_options::WebOptions;
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, Content, Effect, Request, WriteFile};
use crate::host::{
    DigestAlgorithm, FileKind, FileStat, Follow, Host, HostError, HttpRequest, Redirects,
};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What the body is.
    pub enum BodyFormat {
        /// A form, as in an address.
        FormUrlencoded = "form-urlencoded",
        /// JSON.
        Json = "json",
        /// As it is.
        Raw = "raw",
        /// A form in parts.
        FormMultipart = "form-multipart",
    }
}

choices! {
    /// Which redirects are followed.
    pub enum FollowRedirects {
        /// All.
        All = "all" | "yes",
        /// None.
        None = "no" | "none",
        /// Those of questions.
        Safe = "safe",
        /// As Python follows them.
        Urllib2 = "urllib2",
    }
}

params! {
    /// Parameters of `ansible.builtin.uri`.
    pub struct Params {
        /// `http://`, `https://` or `file://`.
        url: String,
        /// The file that gets the answer, or a directory that gets a file of its name.
        dest: Option<PathBuf>,
        /// The user.
        url_username ("user"): Option<String>,
        /// The password.
        @secret url_password ("password"): Option<String>,
        /// What is sent.
        body: Option<Json>,
        /// What the body is.
        body_format: BodyFormat = BodyFormat::Raw,
        /// A file that is sent: of the controller, or of the host with `remote_src`.
        src: Option<PathBuf>,
        /// Whether files are those of the host.
        remote_src: bool = false,
        /// The method.
        method: String = "GET".to_owned(),
        /// Whether the answer is returned.
        return_content: bool = false,
        /// Which redirects are followed.
        follow_redirects: FollowRedirects = FollowRedirects::Safe,
        /// Nothing is asked when this is there.
        creates: Option<PathBuf>,
        /// Nothing is asked when this is not there.
        removes: Option<PathBuf>,
        /// The codes that are no failure; by default 200.
        status_code: Option<Vec<i64>>,
        /// Seconds to wait at most.
        timeout: u64 = 30_u64,
        /// A socket of the host that is asked.
        unix_socket: Option<PathBuf>,
        /// How the request is sent.
        @flatten web: WebOptions,
        /// Owner, group and mode of the file.
        @flatten file: FileAttributes,
        /// The file that is sent, by the engine.
        @flatten engine: EngineSource,
    }
    rules [Rule::MutuallyExclusive(&["body", "src"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No method.
    #[error("Parameter 'method' needs to be a single word in uppercase, like GET or POST.")]
    Method,
    /// The file to send is not there.
    #[error("Unable to open source file {0}")]
    NoSource(String),
    /// The body cannot be sent like this.
    #[error("failed to parse body as {format}: {reason}")]
    Body {
        /// As what.
        format: &'static str,
        /// Why not.
        reason: String,
    },
    /// Another code than wanted.
    #[error("Status code was {status} and not [{}]: {message}", .wanted.join(", "))]
    Status {
        /// What came.
        status: i64,
        /// What was wanted.
        wanted: Vec<String>,
        /// What is said of it.
        message: String,
    },
}

/// The module.
#[derive(Debug)]
pub struct Uri;

/// What is known before deciding.
#[derive(Debug)]
pub enum Observed {
    /// Nothing is asked, and why.
    Guarded(String),
    /// This is to be sent, or was asked.
    Ready(Box<Ready>),
}

/// A request, and its answer where it is a question.
#[derive(Debug)]
pub struct Ready {
    request: HttpRequest,
    /// Where an answer goes.
    dest: Option<PathBuf>,
    stat: Option<FileStat>,
    wanted: Wanted,
    told: Option<Told>,
    /// Whether the file that is there holds another content than the answer.
    differs: bool,
}

impl Module for Uri {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let method = params.method.to_uppercase();
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Stop::failed(Error::Method));
        }
        let sent = body::of(params, host)?;
        if let Some(why) = guarded(params, host)? {
            return Ok(Observed::Guarded(why));
        }
        let (user, password) = (params.url_username.as_deref(), params.url_password.as_deref());
        let mut request = params.web.request(&params.url, user, password, host)?;
        request.method.clone_from(&method);
        request.body = sent.bytes;
        if let Some((kind, always)) = sent.content_type {
            let is_kind = |name: &str| name.eq_ignore_ascii_case("content-type");
            if always {
                request.headers.retain(|(name, _)| !is_kind(name));
            }
            if !request.headers.iter().any(|(name, _)| is_kind(name)) {
                request.headers.push(("Content-Type".to_owned(), kind));
            }
        }
        request.timeout = Some(Duration::from_secs(params.timeout));
        request.redirects = match params.follow_redirects {
            FollowRedirects::All => Redirects::All,
            FollowRedirects::None => Redirects::None,
            FollowRedirects::Safe => Redirects::Safe,
            FollowRedirects::Urllib2 => Redirects::Urllib2,
        };
        request.unix_socket = match &params.unix_socket {
            Some(path) => Some(expansion::path(path, host)?),
            None => None,
        };
        let mut dest = match &params.dest {
            Some(dest) => Some(expansion::path(dest, host)?),
            None => None,
        };
        let mut stat = look(dest.as_deref(), host)?;
        if let Some(stat) = stat.as_ref().filter(|stat| stat.kind == FileKind::File)
            && !params.web.force
            && let Some(date) = http_date(stat.modified.seconds)
        {
            request.headers.push(("If-Modified-Since".to_owned(), date));
        }
        let wanted = params.file.resolve(host)?;
        if let (Some(dest), Some(stat)) = (&dest, &mut stat) {
            wanted.complete(dest, stat, host);
        }
        let mut told = None;
        if matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            let started = host.now();
            let answer = match host.fetch(&request) {
                Ok(answer) => Ok(answer),
                Err(HostError::Http { reason, .. }) => Err(reason),
                Err(error) => return Err(error.into()),
            };
            told = Some(Told::of(params, answer, host.now().seconds - started.seconds));
        }
        if let Some(directory) = &dest
            && stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Directory)
        {
            let name = answer::file_name(told.as_ref(), &params.url);
            dest = Some(directory.join(name));
            stat = look(dest.as_deref(), host)?;
            if let (Some(dest), Some(stat)) = (&dest, &mut stat) {
                wanted.complete(dest, stat, host);
            }
        }
        let differs = match (&dest, &stat, told.as_ref().and_then(|told| told.body.as_deref())) {
            (Some(path), Some(stat), Some(body)) if stat.kind == FileKind::File => {
                let fetched = crate::host::digest::Digester::of(DigestAlgorithm::Sha1, body);
                host.digest(path, DigestAlgorithm::Sha1)? != fetched
            }
            _ => true,
        };
        Ok(Observed::Ready(Box::new(Ready { request, dest, stat, wanted, told, differs })))
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let ready = match observed {
            Observed::Guarded(why) => {
                plan.set("stdout", why.clone());
                plan.set("stdout_lines", vec![why.clone()]);
                return Ok(plan);
            }
            Observed::Ready(ready) => ready,
        };
        let Some(told) = &ready.told else {
            let request = Request {
                method: ready.request.method.clone(),
                url: answer::masked(&params.url),
                request: ready.request.clone(),
            };
            plan.push(Effect::Request(request), "it is sent each time");
            return Ok(plan);
        };
        told.check(params)?;
        plan.returned = told.returned.clone();
        if let Some(dest) = &ready.dest {
            plan.set("path", dest.to_string_lossy().into_owned());
            if let Some(body) = told.body.as_ref().filter(|_| told.status != 304) {
                ready.plan_file(dest, body, params, &mut plan);
            }
        }
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let Observed::Ready(ready) = observed else {
            return Ok(Conclusion { changed: false, returned: plan.returned.clone() });
        };
        if let Some(Applied::Answered(answer)) = applied.first() {
            let told = Told::of(params, Ok(answer.clone()), 0);
            told.check(params)?;
            return Ok(Conclusion { changed: false, returned: told.returned });
        }
        // a file that is fetched counts as changed, as in Ansible
        let fetched = ready.told.as_ref().is_some_and(|told| told.status != 304);
        let wrote = ready.dest.is_some() && fetched;
        Ok(Conclusion { changed: wrote || plan.changes(), returned: plan.returned.clone() })
    }

    fn revisit(
        _params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        if let Observed::Ready(ready) = observed
            && let Some(dest) = &ready.dest
        {
            file_attributes::describe(host, dest, returned)?;
        }
        Ok(())
    }

    fn explain(params: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (error, &planned.effect) {
            (HostError::Http { reason, .. }, Effect::Request(_)) => {
                let told = Told::of(params, Err(reason), 0);
                told.check(params).err().unwrap_or_else(|| Stop::failed("Request failed"))
            }
            (error, _) => Stop::Host(error),
        }
    }
}

impl Ready {
    fn plan_file(&self, dest: &Path, body: &[u8], params: &Params, plan: &mut Plan) {
        let attributes = match &self.stat {
            None => self.wanted.for_new(FileKind::File),
            Some(stat) => self.wanted.for_replaced(stat),
        };
        if !self.differs {
            if let Some(stat) = &self.stat {
                self.wanted.plan(dest, stat, plan);
            }
            return;
        }
        let write = WriteFile {
            path: dest.to_owned(),
            content: Content::Bytes(body.to_vec()),
            attributes,
            validate: None,
            backup: false,
            unsafe_writes: params.file.unsafe_writes,
        };
        plan.push(Effect::WriteFile(write), "its content is fetched");
    }
}

fn look(path: Option<&Path>, host: &mut dyn Host) -> Result<Option<FileStat>, HostError> {
    match path {
        Some(path) => host.stat(path, Follow::Yes),
        None => Ok(None),
    }
}

/// Why nothing is asked.
fn guarded(params: &Params, host: &mut dyn Host) -> Result<Option<String>, Stop> {
    for (path, needed, why) in
        [(&params.creates, true, "exists"), (&params.removes, false, "does not exist")]
    {
        let Some(path) = path else { continue };
        let path = expansion::path(path, host)?;
        if host.stat(&path, Follow::Yes)?.is_some() == needed {
            return Ok(Some(format!("skipped, since '{}' {why}", path.display())));
        }
    }
    Ok(None)
}
