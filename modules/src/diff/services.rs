//! What units and packages were and will be.

use serde_json::{Map, Value as Json};

use super::{Diff, Fields};
use crate::effect::{PackageChange, PackageStep, UnitAction, UnitChange};
use crate::host::Host;

/// A unit that effects act on.
#[derive(Debug)]
pub(super) struct UnitSubject {
    name: String,
    before: Fields,
    actions: Vec<UnitAction>,
}

impl UnitSubject {
    pub(super) fn before(change: &UnitChange, host: &mut dyn Host) -> Self {
        let before = look(&change.name, host);
        Self { name: change.name.clone(), before, actions: Vec::new() }
    }

    pub(super) fn add(&mut self, change: &UnitChange) {
        self.actions.push(change.action);
    }

    pub(super) fn diff(self, host: &mut dyn Host) -> Option<Diff> {
        let mut after = look(&self.name, host);
        for action in &self.actions {
            match action {
                // the state after is as before, and still something happens
                UnitAction::Restart => after.set("state", "restarted"),
                UnitAction::Reload => after.set("state", "reloaded"),
                // a unit that ends by itself was started all the same
                UnitAction::Start => after.set("state", "active"),
                UnitAction::Stop
                | UnitAction::Enable
                | UnitAction::Disable
                | UnitAction::Mask
                | UnitAction::Unmask
                | UnitAction::DaemonReload => {}
            }
        }
        let touches =
            |wanted: &[UnitAction]| self.actions.iter().any(|action| wanted.contains(action));
        let mut before = self.before;
        if !touches(&[UnitAction::Start, UnitAction::Stop, UnitAction::Restart, UnitAction::Reload])
        {
            before.0.remove("state");
            after.0.remove("state");
        }
        if !touches(&[
            UnitAction::Enable,
            UnitAction::Disable,
            UnitAction::Mask,
            UnitAction::Unmask,
        ]) {
            before.0.remove("enablement");
            after.0.remove("enablement");
        }
        let diff = Diff::of_fields("name", &self.name, before, after)?;
        let header = format!("unit {}", self.name);
        Some(Diff { before_header: header.clone(), after_header: header, ..diff })
    }
}

fn look(name: &str, host: &mut dyn Host) -> Fields {
    let mut fields = Fields::default();
    if let Ok(state) = host.unit(name) {
        fields.set("state", if state.active { "active" } else { "inactive" });
        fields.set("enablement", state.enablement);
    }
    fields
}

/// Versions before and after, by package.
pub(super) fn package_diff(change: &PackageChange) -> Option<Diff> {
    let version = |version: &Option<String>| {
        Json::from(version.clone().unwrap_or_else(|| "absent".to_owned()))
    };
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut add = |step: &PackageStep, to: Json| {
        before.insert(step.name.clone(), version(&step.from));
        after.insert(step.name.clone(), to);
    };
    for step in &change.install {
        add(step, version(&step.to));
    }
    for step in &change.remove {
        add(step, Json::from("absent"));
    }
    if before.is_empty() {
        return None;
    }
    Some(Diff::new(
        format!("packages ({})", change.manager),
        Json::Object(before),
        Json::Object(after),
    ))
}

/// Package lists that are fetched anew: what they say cannot be told.
pub(super) fn list_diff(manager: &str) -> Diff {
    let side = |state: &str| Json::Object(Map::from_iter([("state".to_owned(), state.into())]));
    Diff::new(format!("package lists ({manager})"), side("as they are"), side("fetched"))
}
