//! The servers that are asked: the one of `--server`, else those of the settings, else Galaxy.

use std::time::Duration;

use super::super::super::CommandError;
use super::super::config;
use super::Context;
use super::arguments::Common;
use crate::galaxy::{Certificates, Server, Token};

/// The servers, in the order in which they are asked.
pub(super) fn of(common: &Common, context: &Context<'_>) -> Result<Vec<Server>, CommandError> {
    let settings = context.settings;
    let set = settings.integer("GALAXY_SERVER_TIMEOUT").and_then(|set| u64::try_from(set).ok());
    let timeout = Duration::from_secs(common.timeout.or(set).unwrap_or(60));
    let mut servers = Vec::new();
    for name in config::servers(settings) {
        servers.push(configured(&name, common, context)?);
    }
    let token = || match &common.token {
        Some(token) => Ok(Token::galaxy(token)),
        None => match settings.path("GALAXY_TOKEN_PATH") {
            // a file that is not there has no token
            Some(path) if path.is_file() => Token::of_file(&path),
            _ => Ok(None),
        },
    };
    if let Some(server) = &common.server {
        if let Some(at) = servers.iter().position(|known| known.name == *server) {
            return Ok(vec![servers.swap_remove(at)]);
        }
        let server = Server::new("cmd_arg", server, token()?, context.certificates, timeout);
        return Ok(vec![server]);
    }
    if servers.is_empty() {
        let url = settings.text("GALAXY_SERVER").unwrap_or_default();
        servers.push(Server::new("default", url, token()?, context.certificates, timeout));
    }
    Ok(servers)
}

fn configured(name: &str, common: &Common, context: &Context<'_>) -> Result<Server, CommandError> {
    let value = |key| config::server_value(name, key, context.settings);
    let wrong = |what: String| CommandError::options(what, None);
    for key in ["auth_url", "api_version"] {
        if value(key).is_some() {
            return Err(wrong(format!(
                "the setting `{key}` of the Galaxy server `{name}` is not supported yet"
            )));
        }
    }
    let url = value("url").ok_or_else(|| {
        wrong(format!(
            "No setting was provided for required configuration plugin_type: galaxy_server plugin: \
             {name} setting: url"
        ))
    })?;
    let token = match (value("username"), value("token")) {
        (Some(user), _) => Some(Token::basic(&user, &value("password").unwrap_or_default())),
        (None, Some(token)) => Token::galaxy(&token),
        (None, None) => None,
    };
    let certificates = match value("validate_certs").map(|word| word.to_lowercase()).as_deref() {
        None => context.certificates,
        Some("no" | "false" | "0" | "off" | "n" | "f") => Certificates::Ignored,
        Some(_) => Certificates::Checked,
    };
    let seconds = match value("timeout") {
        None => common.timeout.unwrap_or(60),
        Some(text) => text.trim().parse().map_err(|_| {
            wrong(format!(
                "the setting `timeout` of the Galaxy server `{name}` is no number: {text}"
            ))
        })?,
    };
    Ok(Server::new(name, url, token, certificates, Duration::from_secs(seconds)))
}
