//! The parameters of `community.general.zypper`.

use crate::{choices, params};

choices! {
    /// What shall be with the packages.
    pub enum State {
        /// Not installed.
        Absent = "absent",
        /// As `present`.
        Installed = "installed",
        /// Installed in the newest version.
        Latest = "latest",
        /// Installed, in any version.
        Present = "present",
        /// As `absent`.
        Removed = "removed",
        /// All that is installed is as the repositories have it.
        DistUpgrade = "dist-upgrade",
    }
}

choices! {
    /// What is meant by the names.
    pub enum Kind {
        /// Packages.
        Package = "package",
        /// Patches.
        Patch = "patch",
        /// Patterns.
        Pattern = "pattern",
        /// Products.
        Product = "product",
        /// Packages of sources.
        Srcpackage = "srcpackage",
        /// Applications.
        Application = "application",
    }
}

params! {
    /// Parameters of `community.general.zypper`.
    pub struct Params {
        /// Packages, each with its versions (`a>=1`), files or addresses; `*` is all.
        name ("pkg"): Vec<String>,
        /// What shall be with them.
        state: State = State::Present,
        /// What they are.
        r#type: Kind = Kind::Package,
        /// Options before the command.
        extra_args_precommand: Option<String>,
        /// Whether signatures are not checked.
        disable_gpg_check: bool = false,
        /// Whether new keys of repositories are taken.
        auto_import_keys: bool = false,
        /// Whether recommended packages are left out.
        disable_recommends: bool = true,
        /// Whether older versions and other vendors may be taken.
        force: bool = false,
        /// Whether packages may be removed to solve conflicts.
        force_resolution: bool = false,
        /// Whether the package lists are fetched first.
        update_cache ("refresh"): bool = false,
        /// Whether older versions may be taken.
        oldpackage: bool = false,
        /// Options of the command.
        extra_args: Option<String>,
        /// Whether `dist-upgrade` may change vendors.
        allow_vendor_change: bool = false,
        /// Whether files of other packages may be replaced.
        replacefiles: bool = false,
        /// Whether what nothing needs any more is removed.
        clean_deps: bool = false,
        /// Whether `stdout` has the messages alone.
        simple_errors: bool = false,
        /// Whether it says little.
        quiet: bool = true,
        /// Whether failures of scripts after the install do not count.
        skip_post_errors: bool = false,
    }
}
