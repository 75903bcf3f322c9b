//! A Galaxy server, by its API: `v3` for collections, `v1` for roles.

use std::cell::RefCell;
use std::time::Duration;

use canvass_modules::host::HttpResponse;
use serde_json::Value as Json;

use super::document::plain;
use super::http::{self, Question, joined, quoted, resolved};
use super::{Certificates, GalaxyError, Token, Voice};

/// A Galaxy server.
#[derive(Debug)]
pub struct Server {
    /// What it is called.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What is sent to it.
    pub token: Option<Token>,
    /// Whether its certificate is checked.
    pub certificates: Certificates,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// The root of its API and the paths of its versions, once asked for.
    api: RefCell<Option<(String, Json)>>,
}

/// The servers, in the order in which they are asked.
pub type Servers = [Server];

/// Whether it is said that a role is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    Given,
    Left,
}

/// A version of a collection on a server.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) download_url: String,
    pub(super) sha256: String,
    pub(super) dependencies: Vec<(String, String)>,
    pub(super) href: String,
    pub(super) signatures: Json,
}

impl Server {
    /// A server that has not been asked yet.
    pub fn new(
        name: impl Into<String>,
        url: impl Into<String>,
        token: Option<Token>,
        certificates: Certificates,
        timeout: Duration,
    ) -> Self {
        let (name, url) = (name.into(), url.into());
        Self { name, url, token, certificates, timeout, api: RefCell::new(None) }
    }

    fn ask(&self, url: &str, doing: &str, voice: &dyn Voice) -> Result<Json, GalaxyError> {
        self.asked(url, doing, Question::default(), voice)
    }

    pub(super) fn asked(
        &self,
        url: &str,
        doing: &str,
        question: Question,
        voice: &dyn Voice,
    ) -> Result<Json, GalaxyError> {
        voice.detail(4, &format!("Calling Galaxy at {url}"));
        let token = self.token.as_ref();
        let answer = http::ask(url, question, token, self.certificates, self.timeout)?;
        if answer.status >= 400 {
            return Err(refusal(url, doing, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            GalaxyError::refused(format!(
                "Failed to parse Galaxy response from '{}' as JSON:\n{}",
                answer.url,
                String::from_utf8_lossy(&answer.body)
            ))
        })
    }

    /// The root of the API and the path of one of its versions.
    pub(super) fn version(
        &self,
        wanted: &str,
        voice: &dyn Voice,
    ) -> Result<(String, String), GalaxyError> {
        let known = self.api.borrow().clone();
        let (root, versions) = match known {
            Some(known) => known,
            None => {
                let found = self.connect(voice)?;
                *self.api.borrow_mut() = Some(found.clone());
                found
            }
        };
        match versions.get(wanted).and_then(Json::as_str) {
            Some(path) => Ok((root, path.to_owned())),
            None => {
                let there: Vec<String> = versions
                    .as_object()
                    .map(|versions| versions.keys().cloned().collect())
                    .unwrap_or_default();
                Err(GalaxyError::refused(format!(
                    "Galaxy action requires API versions '{wanted}' but only '{}' are available \
                     on {} {root}",
                    there.join(", "),
                    self.name,
                )))
            }
        }
    }

    fn connect(&self, voice: &dyn Voice) -> Result<(String, Json), GalaxyError> {
        voice.detail(4, &format!("Initial connection to galaxy_server: {}", self.url));
        let mut root = self.url.clone();
        if root.trim_end_matches('/') == "https://galaxy.ansible.com" {
            root = "https://galaxy.ansible.com/api/".to_owned();
        }
        let doing =
            format!("Error when finding available api versions from {} ({root})", self.name);
        let versions = |answer: &Json| answer.get("available_versions").cloned();
        let found = match self.ask(&root, &doing, voice) {
            Ok(answer) if versions(&answer).is_some() => Ok(answer),
            first if root.trim_end_matches('/').ends_with("/api") => first,
            first => {
                let below = joined(&[&root, "api"]);
                match self.ask(&below, &doing, voice) {
                    Ok(answer) => {
                        root = below;
                        Ok(answer)
                    }
                    // what the address itself answered tells more
                    Err(error) if error.status() == Some(404) => first,
                    Err(error) => Err(first.err().unwrap_or(error)),
                }
            }
        }?;
        let versions = versions(&found).ok_or_else(|| {
            GalaxyError::refused(format!(
                "Tried to find galaxy API root at {root} but no 'available_versions' are available \
                 on {}",
                self.url
            ))
        })?;
        Ok((root, versions))
    }

    /// The versions of a collection; none where the server does not know it.
    pub(super) fn versions(
        &self,
        namespace: &str,
        name: &str,
        voice: &dyn Voice,
    ) -> Result<Vec<String>, GalaxyError> {
        let (root, path) = self.version("v3", voice)?;
        let doing = format!(
            "Error when getting available collection versions for {namespace}.{name} from {} ({root})",
            self.name
        );
        let first = joined(&[&root, &path, "collections", namespace, name, "versions"]);
        let mut next = Some(format!("{first}?limit=100"));
        let mut versions = Vec::new();
        while let Some(url) = next {
            let page = match self.ask(&url, &doing, voice) {
                Err(error) if error.status() == Some(404) && versions.is_empty() => break,
                page => page?,
            };
            let rows = page.get("data").or_else(|| page.get("results")).and_then(Json::as_array);
            let found = rows.into_iter().flatten().filter_map(|row| row.get("version"));
            versions.extend(found.map(plain));
            next = match page.pointer("/links/next").and_then(Json::as_str) {
                None => None,
                Some(link) => Some(resolved(&root, link).ok_or_else(|| {
                    GalaxyError::refused(format!("Invalid non absolute pagination link: {link}"))
                })?),
            };
        }
        Ok(versions)
    }

    /// A version of a collection.
    pub(super) fn release(
        &self,
        namespace: &str,
        name: &str,
        version: &str,
        voice: &dyn Voice,
    ) -> Result<Release, GalaxyError> {
        let (root, path) = self.version("v3", voice)?;
        let doing = format!(
            "Error when getting collection version metadata for {namespace}.{name}:{version} from \
             {} ({root})",
            self.name
        );
        let url = joined(&[&root, &path, "collections", namespace, name, "versions", version]);
        let found = self.ask(&url, &doing, voice)?;
        let text = |pointer: &str| {
            let missing = || GalaxyError::refused(format!("`{pointer}` is missing in {url}"));
            found.pointer(pointer).and_then(Json::as_str).map(str::to_owned).ok_or_else(missing)
        };
        let download = text("/download_url")?;
        let download_url = resolved(&root, &download).ok_or_else(|| {
            GalaxyError::refused(format!("Invalid non absolute download_url: {download}"))
        })?;
        let dependencies = found.pointer("/metadata/dependencies").and_then(Json::as_object);
        Ok(Release {
            download_url,
            sha256: text("/artifact/sha256")?,
            dependencies: dependencies
                .into_iter()
                .flatten()
                .map(|(name, wanted)| (name.clone(), plain(wanted)))
                .collect(),
            href: text("/href").unwrap_or_default(),
            signatures: found.get("signatures").cloned().unwrap_or(Json::Array(Vec::new())),
        })
    }

    /// What the server knows of a role.
    pub(super) fn role(
        &self,
        name: &str,
        notice: Notice,
        voice: &dyn Voice,
    ) -> Result<Option<Json>, GalaxyError> {
        let (root, path) = self.version("v1", voice)?;
        let name = quoted(name);
        let (user, role) = name.rsplit_once('.').unwrap_or(("", &name));
        if notice == Notice::Given {
            voice.say(&format!("- downloading role '{role}', owned by {user}"));
        }
        let url = joined(&[&root, &path, "roles"]);
        let url = format!("{url}?owner__username={user}&name={role}");
        let found = self.ask(&url, "Error when looking up the role", voice)?;
        Ok(found.pointer("/results/0").cloned())
    }

    /// The versions of a role.
    pub(super) fn role_versions(&self, id: &str, voice: &dyn Voice) -> Vec<Json> {
        let mut versions = Vec::new();
        let done = self.version("v1", voice).and_then(|(root, path)| {
            let first = joined(&[&root, &path, "roles", id, "versions"]);
            let mut next = Some(format!("{first}?page_size=50"));
            while let Some(url) = next {
                let page = self.ask(&url, "Error when getting role versions", voice)?;
                versions.extend(
                    page.get("results").and_then(Json::as_array).into_iter().flatten().cloned(),
                );
                let link = page.get("next_link").and_then(Json::as_str);
                next = link.and_then(|link| resolved(&root, link));
            }
            Ok(())
        });
        if let Err(error) = done {
            voice.warn(&format!(
                "Unable to retrieve role (id={id}) data (versions), but this is not fatal so we \
                 continue: {error}"
            ));
        }
        versions
    }

    /// Roles that match.
    ///
    /// # Errors
    ///
    /// A server that does not answer, or has no `v1`.
    pub fn search_roles(
        &self,
        words: &str,
        tags: Option<&str>,
        platforms: Option<&str>,
        author: Option<&str>,
        page_size: usize,
        voice: &dyn Voice,
    ) -> Result<Json, GalaxyError> {
        let (root, path) = self.version("v1", voice)?;
        let mut url = format!("{}?", joined(&[&root, &path, "search", "roles"]));
        if !words.is_empty() {
            url.push_str(&format!("&autocomplete={}", quoted(words)));
        }
        let listed = |text: &str| text.split(',').map(quoted).collect::<Vec<_>>().join("+");
        if let Some(tags) = tags {
            url.push_str(&format!("&tags_autocomplete={}", listed(tags)));
        }
        if let Some(platforms) = platforms {
            url.push_str(&format!("&platforms_autocomplete={}", listed(platforms)));
        }
        url.push_str(&format!("&page_size={page_size}"));
        if let Some(author) = author {
            url.push_str(&format!("&username_autocomplete={}", quoted(author)));
        }
        self.ask(&url, "Error when searching roles", voice)
    }

    /// What the server knows of a role, for people.
    ///
    /// # Errors
    ///
    /// As [`Self::search_roles`].
    pub fn describe_role(
        &self,
        name: &str,
        voice: &dyn Voice,
    ) -> Result<Option<Json>, GalaxyError> {
        self.role(name, Notice::Left, voice)
    }
}

fn refusal(url: &str, doing: &str, answer: &HttpResponse) -> GalaxyError {
    let status = answer.status;
    let said: Json = serde_json::from_slice(&answer.body).unwrap_or(Json::Null);
    let text = |value: &Json, key: &str| value.get(key).and_then(Json::as_str).map(str::to_owned);
    let message = if url.split('/').any(|part| part == "v3") {
        let none = [Json::Null];
        let errors = said.get("errors").and_then(Json::as_array).map_or(&none[..], Vec::as_slice);
        let lines: Vec<String> = errors
            .iter()
            .map(|error| {
                let what = text(error, "detail").or_else(|| text(error, "title"));
                let code = text(error, "code").unwrap_or_else(|| "Unknown".to_owned());
                format!(
                    "(HTTP Code: {status}, Message: {} Code: {code})",
                    what.unwrap_or_else(|| reason(status).to_owned())
                )
            })
            .collect();
        format!("{doing} {}", lines.join(", "))
    } else {
        let what = text(&said, "default").unwrap_or_else(|| reason(status).to_owned());
        format!("{doing} (HTTP Code: {status}, Message: {what})")
    };
    GalaxyError::Server { status, message }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}
