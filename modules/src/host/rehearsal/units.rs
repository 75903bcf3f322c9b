//! Service units as they would be.

use std::path::{Path, PathBuf};

use super::RehearsalHost;
use super::overlay::UnitChanges;
use crate::effect::{UnitAction, UnitChange};
use crate::host::{Follow, Host, HostError, KeptUnit, UnitState};

/// Where the service manager looks for units, first found first.
const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

impl<B: Host> RehearsalHost<B> {
    pub(super) fn unit_state(&mut self, name: &str) -> Result<UnitState, HostError> {
        let name = full_name(name);
        let mut state = self.base.unit(&name)?;
        if state.exists {
            let fragment = state.properties.get("FragmentPath").filter(|path| !path.is_empty());
            if let Some(fragment) = fragment.map(PathBuf::from)
                && self.stat(&fragment, Follow::No)?.is_none()
            {
                state = UnitState::default();
            }
        }
        if !state.exists {
            match self.unit_file(&name) {
                Some(file) => state = self.new_unit(&name, &file)?,
                None => {
                    self.unless_pending::<()>()?;
                }
            }
        }
        if let Some(changes) = self.overlay.units.get(&name) {
            changes.lay_over(&mut state);
        }
        Ok(state)
    }

    pub(super) fn kept_unit(&self, name: &str) -> Option<KeptUnit> {
        let changes = self.overlay.units.get(&full_name(name))?;
        let enabled = changes.enablement.map(|enablement| enablement == "enabled");
        Some(KeptUnit { active: changes.active, enabled })
    }

    /// The file of a unit, or of the template that it is an instance of.
    fn unit_file(&mut self, name: &str) -> Option<PathBuf> {
        let template = name
            .split_once('@')
            .and_then(|(prefix, rest)| Some(format!("{prefix}@.{}", rest.rsplit_once('.')?.1)));
        for name in std::iter::once(name.to_owned()).chain(template) {
            for directory in UNIT_DIRECTORIES {
                let path = Path::new(directory).join(&name);
                // unknown is answered once, for the unit
                if let Ok(Some(_)) = self.stat(&path, Follow::No) {
                    return Some(path);
                }
            }
        }
        None
    }

    /// A unit whose file is there in the rehearsal only.
    fn new_unit(&mut self, name: &str, file: &Path) -> Result<UnitState, HostError> {
        let target = self.locate(file, Follow::Yes)?;
        let enablement = if target == Path::new("/dev/null") {
            "masked"
        } else {
            match self.read(file) {
                Ok(text) if String::from_utf8_lossy(&text).contains("[Install]") => "disabled",
                Ok(_) => "static",
                Err(_) => "disabled",
            }
        };
        let mut state = UnitState {
            exists: true,
            active: false,
            enablement: enablement.to_owned(),
            properties: std::collections::BTreeMap::new(),
        };
        let file = file.display().to_string();
        let load = if enablement == "masked" { "masked" } else { "loaded" };
        for (key, value) in [
            ("Id", name),
            ("LoadState", load),
            ("ActiveState", "inactive"),
            ("SubState", "dead"),
            ("UnitFileState", enablement),
            ("FragmentPath", &file),
        ] {
            state.properties.insert(key.to_owned(), value.to_owned());
        }
        Ok(state)
    }

    pub(super) fn change_unit(&mut self, change: &UnitChange) {
        if change.action == UnitAction::DaemonReload {
            return;
        }
        let name = full_name(&change.name);
        if matches!(change.action, UnitAction::Start | UnitAction::Restart | UnitAction::Reload) {
            self.overlay.acted = Some(format!("unit `{name}` would be started first"));
        }
        let starts = matches!(change.action, UnitAction::Start | UnitAction::Restart);
        let active = starts && self.stays_active(&name);
        let changes = self.overlay.units.entry(name).or_default();
        match change.action {
            UnitAction::Start | UnitAction::Restart => changes.active = Some(active),
            UnitAction::Stop => changes.active = Some(false),
            UnitAction::Enable => changes.enablement = Some("enabled"),
            UnitAction::Disable | UnitAction::Unmask => changes.enablement = Some("disabled"),
            UnitAction::Mask => changes.enablement = Some("masked"),
            UnitAction::Reload | UnitAction::DaemonReload => {}
        }
    }
}

impl UnitChanges {
    fn lay_over(&self, state: &mut UnitState) {
        let properties = &mut state.properties;
        let mut set = |key: &str, value: &str| {
            properties.insert(key.to_owned(), value.to_owned());
        };
        if let Some(active) = self.active {
            set("ActiveState", if active { "active" } else { "inactive" });
            set("SubState", if active { "running" } else { "dead" });
            state.active = active;
        }
        if let Some(enablement) = self.enablement {
            set("UnitFileState", enablement);
            set("LoadState", if enablement == "masked" { "masked" } else { "loaded" });
            enablement.clone_into(&mut state.enablement);
        }
    }
}

/// The name with a suffix; without one it is a service.
pub(super) fn full_name(name: &str) -> String {
    const SUFFIXES: [&str; 11] = [
        ".service",
        ".socket",
        ".device",
        ".mount",
        ".automount",
        ".swap",
        ".target",
        ".path",
        ".timer",
        ".slice",
        ".scope",
    ];
    if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}
