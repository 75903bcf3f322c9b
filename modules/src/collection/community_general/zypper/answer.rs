//! What zypper says as XML.

use uppsala::Document;

use crate::contract::Stop;
use crate::effect::{Output, PackageStep};

/// What `--xmlout` told.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) install: Vec<PackageStep>,
    pub(super) remove: Vec<PackageStep>,
    /// Names of what was listed, whatever is done with it.
    pub(super) names: Vec<String>,
    messages: Vec<String>,
}

impl Answer {
    pub(super) fn parse(output: &Output) -> Result<Self, Stop> {
        let text = output.stdout_text();
        let document = uppsala::parse(&text)
            .map_err(|error| told(format!("Failed to parse zypper xml output: {error}"), output))?;
        let mut found = Self::default();
        for solvable in document.get_elements_by_tag_name("solvable") {
            let attribute = |name| document.get_attribute(solvable, name).unwrap_or_default();
            let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let (name, version) = (attribute("name").to_owned(), known(attribute("edition")));
            let old = known(attribute("edition-old"));
            found.names.push(name.clone());
            match group(&document, solvable).as_deref() {
                Some("to-remove") => {
                    found.remove.push(PackageStep { name, from: version, to: None });
                }
                Some(group) if group.starts_with("to-") => {
                    found.install.push(PackageStep { name, from: old, to: version });
                }
                _ => {}
            }
        }
        let messages = document.get_elements_by_tag_name("message").into_iter();
        found.messages = messages.map(|message| document.text_content_deep(message)).collect();
        Ok(found)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.install.is_empty() && self.remove.is_empty()
    }

    /// Its output, or the messages alone where they are asked for.
    pub(super) fn stdout(&self, simple: bool, output: &Output) -> String {
        match simple && !self.messages.is_empty() {
            true => self.messages.join(" \n"),
            false => output.stdout_text(),
        }
    }

    /// Why a run failed with a status that says so.
    pub(super) fn failure(&self, simple: bool, output: &Output) -> Stop {
        let message = match (output.status, self.messages.last()) {
            (NOT_FOUND, Some(message)) => return told(message.clone(), output),
            (status, _) => format!("Zypper run command failed with return code {status}."),
        };
        told(message, output).with("stdout", self.stdout(simple, output))
    }
}

/// What is asked for is nowhere.
pub(super) const NOT_FOUND: i32 = 104;

fn group(document: &Document<'_>, solvable: uppsala::NodeId) -> Option<String> {
    let parent = document.element(document.parent(solvable)?)?;
    Some(parent.name.prefixed_name().into_owned())
}

/// A failure with what zypper said.
pub(super) fn told(message: String, output: &Output) -> Stop {
    Stop::failed(message)
        .with("rc", output.status)
        .with("stdout", output.stdout_text())
        .with("stderr", output.stderr_text())
}
