//! `canvass show`: a plan as people read it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Args;

use crate::plan::{self, KeyForm, Plan, signature};
use crate::report::{human, moment};

use super::CommandError;
use super::output::OutputArguments;

/// Arguments of `canvass show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The plan
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    verify: VerifyArguments,

    #[command(flatten)]
    output: OutputArguments,
}

/// Who must have signed a plan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signature")]
pub(super) struct VerifyArguments {
    /// Only a plan that one of these signers signed (`allowed_signers` of `ssh-keygen`)
    #[arg(long, value_name = "ALLOWED_SIGNERS")]
    verify: Option<PathBuf>,
    /// Only this signer
    #[arg(long, value_name = "IDENTITY", requires = "verify")]
    identity: Option<String>,
}

/// Runs the command.
pub(crate) fn show(arguments: &ShowArguments) -> Result<ExitCode, CommandError> {
    let (plan, bytes) =
        plan::read(&arguments.file).map_err(|error| CommandError::caused(&error, None))?;
    let signer = arguments.verify.verified(&bytes, &arguments.file)?;
    let signed = match signer {
        Some(signer) => format!("by {signer}, verified"),
        None => match signature::inspect(&bytes, &arguments.file) {
            Ok(Some(said)) => format!("{said}; not verified against signers"),
            Ok(None) => "none".to_owned(),
            Err(error) => format!("BROKEN: {error}"),
        },
    };
    let mut text = head(&plan, &signed);
    if arguments.output.verbose > 0 {
        text.push_str(&details(&plan));
    }
    text.push_str(&human::summary(&plan.report, &arguments.output.look()));
    super::print(&text);
    Ok(ExitCode::SUCCESS)
}

impl VerifyArguments {
    /// Who signed a plan, where someone must have.
    pub(super) fn verified(
        &self,
        bytes: &[u8],
        file: &std::path::Path,
    ) -> Result<Option<String>, CommandError> {
        let Some(allowed) = &self.verify else { return Ok(None) };
        signature::verify(bytes, file, allowed, self.identity.as_deref())
            .map(Some)
            .map_err(|error| CommandError::caused(&error, None))
    }
}

/// Whether a plan is no longer good.
pub(super) fn is_expired(plan: &Plan) -> bool {
    let Some(expires) = &plan.expires else { return false };
    // what cannot be read is no permission
    moment::parse(expires).is_none_or(|expires| expires <= SystemTime::now())
}

fn head(plan: &Plan, signed: &str) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    line("plan", &format!("of {} by canvass {}", plan.created, plan.engine));
    let expired = if is_expired(plan) { ", EXPIRED" } else { "" };
    line("expires", &format!("{}{expired}", plan.expires.as_deref().unwrap_or("never")));
    line("signature", signed);
    line(
        "digests",
        match plan.key {
            KeyForm::Open(_) => "open: secrets are left out of them",
            KeyForm::Sealed(_) => "sealed with a vault password",
        },
    );
    line("playbooks", &plan.report.playbooks.join(", "));
    for (name, value) in options(&plan.run) {
        line("option", &format!("{name} {value}"));
    }
    line("inputs", &format!("{} files", plan.inputs.len()));
    line("hosts", &format!("{} to change of {}", plan.hosts_to_change(), plan.hosts.len()));
    text
}

/// Options that are not as they are by default, as the command line has them.
fn options(run: &serde_json::Value) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let groups = run.as_object().into_iter().flatten();
    for (name, value) in groups.filter_map(|(_, group)| group.as_object()).flatten() {
        let name = format!("--{}", name.replace('_', "-"));
        let text = match value {
            serde_json::Value::Null | serde_json::Value::Bool(false) => continue,
            serde_json::Value::Bool(true) => String::new(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(items) if items.is_empty() => continue,
            serde_json::Value::Array(items) => {
                let words = items.iter().map(|item| item.as_str().unwrap_or_default());
                words.collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        };
        if !DEFAULTS.contains(&(name.as_str(), text.as_str())) {
            told.push((name, text));
        }
    }
    told
}

/// What options say that nobody gave.
const DEFAULTS: &[(&str, &str)] = &[
    ("--forks", "50"),
    ("--strategy", "linear"),
    ("--connection", "ssh"),
    ("--timeout", "10"),
    ("--host-keys", "strict"),
    ("--become-method", "sudo"),
    ("--become-user", "root"),
];

/// The inputs, and what each step met.
fn details(plan: &Plan) -> String {
    let mut text = String::from("\nINPUTS\n");
    for input in &plan.inputs {
        let _ = writeln!(text, "  {}  {}", input.sha256, input.path);
    }
    text.push_str("\nSTEPS\n");
    for (number, step) in plan.steps.iter().enumerate() {
        let has = |(_, steps): &(&String, &Vec<usize>)| steps.contains(&number);
        let hosts: Vec<&str> =
            plan.courses.iter().filter(has).map(|(host, _)| host.as_str()).collect();
        let hosts = crate::report::hosts::fold(&hosts);
        let _ = writeln!(text, "  {} ({}) [{hosts}]", step.title(), step.at.place);
        if let Some(reason) = &step.unknown {
            let _ = writeln!(text, "    unknown: {reason}");
        }
        for effect in &step.effects {
            let _ = writeln!(text, "    {}  {}", effect.label(), short(&effect.digest));
        }
        for observed in &step.observed {
            let state = serde_json::to_value(observed).unwrap_or_default();
            let fields = state.as_object().into_iter().flatten();
            let words = fields
                .filter(|(name, value)| *name != "of" && *name != "path" && !value.is_null())
                .map(|(name, value)| match (name.as_str(), value) {
                    ("mode", value) => {
                        format!("mode {:04o}", value.as_u64().unwrap_or_default())
                    }
                    ("content", value) => {
                        format!("content {}", short(value.as_str().unwrap_or_default()))
                    }
                    (name, serde_json::Value::String(text)) => format!("{name} {text}"),
                    (name, value) => format!("{name} {value}"),
                });
            let words = words.collect::<Vec<_>>().join(", ");
            let words = if words.is_empty() { "nothing" } else { words.as_str() };
            let _ = writeln!(text, "    met {}: {words}", observed.subject());
        }
    }
    text
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
