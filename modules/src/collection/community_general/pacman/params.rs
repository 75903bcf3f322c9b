//! The parameters of `community.general.pacman`.

use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be with the packages.
    pub enum State {
        /// Installed, in any version.
        Present = "present" | "installed",
        /// Installed in the newest version.
        Latest = "latest",
        /// Not installed.
        Absent = "absent" | "removed",
    }
}

choices! {
    /// Why packages are installed.
    pub enum Reason {
        /// They are asked for.
        Explicit = "explicit",
        /// Others need them.
        Dependency = "dependency",
    }
}

impl Reason {
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Dependency => "--asdeps",
            Self::Explicit => "--asexplicit",
        }
    }
}

choices! {
    /// Which packages are given the reason.
    pub enum ReasonFor {
        /// Those that were not there.
        New = "new",
        /// All of them.
        All = "all",
    }
}

params! {
    /// Parameters of `community.general.pacman`.
    pub struct Params {
        /// Packages, groups, files or addresses.
        name ("package", "pkg"): Option<Vec<String>>,
        /// What shall be with them.
        state: State = State::Present,
        /// Whether packages go though others need them, and lists are fetched though they are new.
        force: bool = false,
        /// Whether changed configuration files are not kept as `.pacsave`.
        remove_nosave: bool = false,
        /// The program.
        executable: String = "pacman".to_owned(),
        /// Options for it, when packages are installed or removed.
        extra_args: String = String::new(),
        /// Whether the package lists are fetched first.
        update_cache: Option<bool>,
        /// Options for that.
        update_cache_extra_args: String = String::new(),
        /// Whether all packages get their newest versions.
        upgrade: Option<bool>,
        /// Options for that.
        upgrade_extra_args: String = String::new(),
        /// Why the packages are installed.
        reason: Option<Reason>,
        /// Which of them are given that reason.
        reason_for: ReasonFor = ReasonFor::New,
    }
    rules [
        Rule::RequiredOneOf(&["name", "update_cache", "upgrade"]),
        Rule::MutuallyExclusive(&["name", "upgrade"]),
    ]
}
