//! What changes a server: a collection is published; a role is imported or removed.

use std::path::Path;
use std::time::{Duration, Instant};

use canvass_modules::host::Redirects;
use serde_json::Value as Json;

use super::document::plain;
use super::http::{Question, joined, quoted};
use super::manifest::digest;
use super::server::Server;
use super::{GalaxyError, Voice, archive};

/// How often a server is asked how far an import is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The first pause.
    pub pause: Duration,
    /// What each pause is longer by.
    pub factor: f64,
    /// The end of it; none where there is no end.
    pub limit: Option<Duration>,
}

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(30);

impl Server {
    /// Publishes a tarball; the address of its import.
    ///
    /// # Errors
    ///
    /// No token, no tarball, a server that refuses it.
    pub fn publish(&self, path: &Path, voice: &dyn Voice) -> Result<String, GalaxyError> {
        let shown = path.display();
        voice.say(&format!(
            "Publishing collection artifact '{shown}' to {} {}",
            self.name, self.url
        ));
        if !path.exists() {
            return Err(GalaxyError::refused(format!(
                "The collection path specified '{shown}' does not exist."
            )));
        }
        if archive::read(path)?.is_none() {
            return Err(GalaxyError::refused(format!(
                "The collection path specified '{shown}' is not a tarball, use 'ansible-galaxy \
                 collection build' to create a proper release artifact."
            )));
        }
        let bytes = std::fs::read(path).map_err(GalaxyError::file("read", path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (kind, body) = multipart(&name, &bytes);
        let (root, version) = self.version("v3", voice)?;
        let url = joined(&[&root, &version, "artifacts", "collections"]);
        let doing = format!("Error when publishing collection to {} ({root})", self.name);
        let question = Question {
            method: "POST",
            headers: vec![("Content-Type".to_owned(), kind)],
            body: Some(body),
            redirects: Redirects::Safe,
        };
        let answer = self.authorised(&url, &doing, question, voice)?;
        answer.get("task").map(plain).ok_or_else(|| {
            GalaxyError::refused("Publishing the collection did not return valid task info.")
        })
    }

    /// Waits until the import of a collection is over.
    ///
    /// # Errors
    ///
    /// An import that failed, or takes too long.
    pub fn wait_for_import(
        &self,
        task: &str,
        patience: Patience,
        voice: &dyn Voice,
    ) -> Result<(), GalaxyError> {
        let Some(id) = task.split('/').rfind(|part| !part.is_empty()) else {
            return Err(GalaxyError::refused(format!(
                "Publishing the collection did not return valid task info. Cannot wait for task \
                 status. Returned task info: '{task}'"
            )));
        };
        let (root, version) = self.version("v3", voice)?;
        let url = joined(&[&root, &version, "imports/collections", id]);
        voice.say(&format!("Waiting until Galaxy import task {url} has completed"));
        let doing = format!("Error when getting import task results at {url}");
        let (begun, mut pause) = (Instant::now(), patience.pause);
        loop {
            if patience.limit.is_some_and(|limit| begun.elapsed() >= limit) {
                return Err(GalaxyError::refused(format!(
                    "Timeout while waiting for the Galaxy import process to finish, check progress \
                     at '{url}'"
                )));
            }
            match self.authorised(&url, &doing, Question::default(), voice) {
                Ok(answer) if answer.get("finished_at").is_some_and(|at| !at.is_null()) => {
                    return told(&answer, &url, voice);
                }
                // the import may not have begun
                Err(error) if error.status() != Some(404) => return Err(error),
                _ => {}
            }
            std::thread::sleep(pause);
            pause = pause.mul_f64(patience.factor.max(1.0)).min(LONGEST);
        }
    }

    /// Asks for the import of a role; what the server says of it, one entry a role.
    ///
    /// # Errors
    ///
    /// No token, a server that refuses it.
    pub fn import_role(
        &self,
        fields: &[(&str, &str)],
        voice: &dyn Voice,
    ) -> Result<Vec<Json>, GalaxyError> {
        let (root, version) = self.version("v1", voice)?;
        let url = joined(&[&root, &version, "imports"]);
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        let form = "application/x-www-form-urlencoded".to_owned();
        let question = Question {
            method: "POST",
            headers: vec![("Content-Type".to_owned(), form)],
            body: Some(pairs.join("&").into_bytes()),
            redirects: Redirects::Safe,
        };
        let answer = self.authorised(&url, "Error when importing the role", question, voice)?;
        Ok(rows(&answer))
    }

    /// How far imports are: of an id, or of a repository.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn role_imports(
        &self,
        query: &[(&str, &str)],
        voice: &dyn Voice,
    ) -> Result<Vec<Json>, GalaxyError> {
        let (root, version) = self.version("v1", voice)?;
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        let url = joined(&[&root, &version, "imports"]);
        let url = format!("{}?{}", url.trim_end_matches('/'), pairs.join("&"));
        let question = Question::default();
        Ok(rows(&self.asked(&url, "Error when getting the import", question, voice)?))
    }

    /// Removes a role from the server; what it says.
    ///
    /// # Errors
    ///
    /// No token, a server that refuses it.
    pub fn delete_role(
        &self,
        user: &str,
        repository: &str,
        voice: &dyn Voice,
    ) -> Result<Json, GalaxyError> {
        let (root, version) = self.version("v1", voice)?;
        let url = joined(&[&root, &version, "removerole"]);
        let url = format!("{url}?github_user={}&github_repo={}", quoted(user), quoted(repository));
        let question = Question { method: "DELETE", ..Question::default() };
        self.authorised(&url, "Error when removing the role", question, voice)
    }

    fn authorised(
        &self,
        url: &str,
        doing: &str,
        question: Question,
        voice: &dyn Voice,
    ) -> Result<Json, GalaxyError> {
        if self.token.is_none() {
            return Err(GalaxyError::refused(
                "No access token or username set. A token can be set with --api-key or at the \
                 file of the setting `galaxy_token_path`.",
            ));
        }
        self.asked(url, doing, question, voice)
    }
}

fn rows(answer: &Json) -> Vec<Json> {
    let rows = answer.get("results").unwrap_or(answer);
    rows.as_array().cloned().unwrap_or_else(|| vec![rows.clone()])
}

/// Says what came of an import.
fn told(answer: &Json, url: &str, voice: &dyn Voice) -> Result<(), GalaxyError> {
    let text = |value: &Json, key: &str| value.get(key).map(plain).unwrap_or_default();
    for message in answer.get("messages").and_then(Json::as_array).into_iter().flatten() {
        let (level, said) = (text(message, "level"), text(message, "message"));
        match level.to_lowercase().as_str() {
            "error" => voice.error(&format!("Galaxy import error message: {said}")),
            "warning" => voice.warn(&format!("Galaxy import warning message: {said}")),
            _ => voice.detail(3, &format!("Galaxy import message: {level} - {said}")),
        }
    }
    if text(answer, "state") != "failed" {
        return Ok(());
    }
    let error = answer.get("error").cloned().unwrap_or_default();
    let of = |key: &str| error.get(key).filter(|value| !value.is_null()).map(plain);
    Err(GalaxyError::refused(format!(
        "Galaxy import process failed: {} (Code: {})",
        of("description").unwrap_or_else(|| format!("Unknown error, see {url} for more details")),
        of("code").unwrap_or_else(|| "UNKNOWN".to_owned())
    )))
}

/// A tarball and its checksum as a form; the type of the form.
fn multipart(name: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let sha256 = digest(bytes);
    // what is drawn from the content does not stand in it
    let boundary = format!("canvass-{}", digest(sha256.as_bytes()));
    let name = name.replace('"', "%22");
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"sha256\"\r\n\r\n{sha256}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
