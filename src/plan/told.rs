//! From what the engine tells of a step to what a plan keeps of it.

use std::path::Path;

use canvass_modules::observation::Observation;
use serde_json::Value as Json;
use sha1::Digest as _;

use super::canonical::{self, Otherwise};
use super::format::{PlannedEffect, Step, StepKey};
use super::key::{Key, hexadecimal};
use crate::connection::TaskSource;
use crate::report::mask::Secrets;
use crate::run::Told;

/// What a plan keeps of a step: nothing of it is a secret in clear, and nothing in it can be
/// tried out to find one.
pub(super) fn step(told: &Told<'_>, secrets: &Secrets, key: &Key, root: &Path) -> Step {
    let otherwise = match key.is_sealed() {
        true => Otherwise::new(),
        false => masked_sources(told.sources, secrets),
    };
    let mut tainted = told.censored || !otherwise.is_empty() || has_secret(told, secrets);
    let mut effects = Vec::with_capacity(told.effects.len());
    for record in told.effects {
        let (kind, about) = canonical::about(&record.effect);
        let text = match key.is_sealed() {
            true => {
                let tell = |bytes: &[u8]| content(bytes);
                canonical::of(&record.effect, &tell, &otherwise).to_string()
            }
            // of what `no_log` hides only the kind
            false if told.censored => kind.clone(),
            false => {
                let tell = |bytes: &[u8]| content(masked(bytes, secrets).as_ref());
                let mut value = canonical::of(&record.effect, &tell, &otherwise);
                let plain = value.clone();
                secrets.mask_json(&mut value);
                tainted |= value != plain;
                value.to_string()
            }
        };
        effects.push(PlannedEffect {
            kind,
            about: (!told.censored).then(|| secrets.mask(&about).into_owned()),
            digest: key.digest(&text),
        });
    }
    let observed = match told.censored {
        true if !key.is_sealed() => Vec::new(),
        _ => told.observed.iter().map(|one| kept(one, secrets, key, tainted)).collect(),
    };
    Step {
        at: StepKey::of(told.step, root),
        task: secrets.mask(&told.step.task).into_owned(),
        module: told.step.module.clone(),
        unknown: told.unknown.map(|reason| secrets.mask(reason).into_owned()),
        effects,
        observed,
    }
}

/// An observation as it is kept: contents and values as keyed digests; with an open key none of
/// those where a secret is near.
fn kept(observation: &Observation, secrets: &Secrets, key: &Key, tainted: bool) -> Observation {
    let hides = tainted && !key.is_sealed();
    let digest = |text: &str| (!hides).then(|| key.digest(text));
    let mut kept = observation.clone();
    match &mut kept {
        Observation::Path(state) => {
            state.content = state.content.as_deref().and_then(digest);
        }
        Observation::Setting { value, .. } => {
            *value = value.as_ref().and_then(|value| digest(&value.to_string())).map(Json::from);
        }
        Observation::Package { .. }
        | Observation::Unit { .. }
        | Observation::User { .. }
        | Observation::Group { .. }
        | Observation::Unknown { .. } => {}
    }
    let mut value = serde_json::to_value(&kept).unwrap_or_default();
    secrets.mask_json(&mut value);
    // a number that is a secret becomes text, and then it is no observation any more
    serde_json::from_value(value)
        .unwrap_or_else(|_| Observation::Unknown { about: "hidden".to_owned() })
}

/// How files that go along are told where a secret is in them.
fn masked_sources(sources: &[TaskSource], secrets: &Secrets) -> Otherwise {
    let mut otherwise = Otherwise::new();
    for source in sources {
        let TaskSource::Bytes { source, bytes } = source else { continue };
        let shown = masked(bytes, secrets);
        if shown.as_ref() != &**bytes {
            otherwise.insert(source.sha1.clone(), content(&shown));
        }
    }
    otherwise
}

fn has_secret(told: &Told<'_>, secrets: &Secrets) -> bool {
    told.diffs.iter().any(|diff| {
        [&diff.before, &diff.after].into_iter().any(|side| {
            let mut shown = side.clone();
            secrets.mask_json(&mut shown);
            shown != *side
        })
    })
}

fn content(bytes: &[u8]) -> canonical::Told {
    canonical::Told { size: bytes.len() as u64, sha1: hexadecimal(&sha1::Sha1::digest(bytes)) }
}

fn masked<'a>(bytes: &'a [u8], secrets: &Secrets) -> std::borrow::Cow<'a, [u8]> {
    use std::borrow::Cow;
    match std::str::from_utf8(bytes).map(|text| secrets.mask(text)) {
        Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        Ok(Cow::Borrowed(_)) | Err(_) => Cow::Borrowed(bytes),
    }
}
