//! The parameters of `ansible.builtin.apt`.

use std::path::PathBuf;

use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be with the packages.
    pub enum State {
        /// Installed, in any version.
        Present = "present" | "installed",
        /// Not installed.
        Absent = "absent" | "removed",
        /// Installed in the newest version.
        Latest = "latest",
        /// What is needed to build them is installed.
        BuildDep = "build-dep",
        /// Broken dependencies are mended.
        Fixed = "fixed",
    }
}

choices! {
    /// How the whole host is upgraded.
    pub enum Upgrade {
        /// Not at all.
        No = "no",
        /// Without removing anything.
        Safe = "safe" | "yes",
        /// Also removing packages.
        Full = "full",
        /// As `full`.
        Dist = "dist",
    }
}

params! {
    /// Parameters of `ansible.builtin.apt`.
    pub struct Params {
        /// Packages, each with `=VERSION` (which may have wildcards) and wildcards in the name.
        package ("name", "pkg"): Option<Vec<String>>,
        /// What shall be with them.
        state: State = State::Present,
        /// Whether the package lists are fetched first.
        update_cache ("update-cache"): Option<bool>,
        /// The lists are only fetched when they are older than this many seconds.
        cache_valid_time: u64 = 0_u64,
        /// No effect: the lists are fetched once, `apt` itself retries.
        update_cache_retries: u64 = 5_u64,
        /// No effect.
        update_cache_retry_max_delay: u64 = 12_u64,
        /// The path or the address of a package file to install.
        deb: Option<PathBuf>,
        /// The release to install from.
        default_release ("default-release"): Option<String>,
        /// Whether recommended packages are installed; by default as `apt` is set up.
        install_recommends ("install-recommends"): Option<bool>,
        /// Whether configuration files are removed, too.
        purge: bool = false,
        /// Whether packages that nothing needs any more are removed.
        autoremove: bool = false,
        /// Whether package files that cannot be fetched any more are removed.
        autoclean: bool = false,
        /// Whether all fetched package files are removed.
        clean: bool = false,
        /// How the whole host is upgraded.
        upgrade: Upgrade = Upgrade::No,
        /// Options for `dpkg`, without dashes, separated by commas.
        dpkg_options: String = "force-confdef,force-confold".to_owned(),
        /// Whether to go on against all warnings.
        force: bool = false,
        /// No effect: `apt-get` is always used.
        force_apt_get: bool = false,
        /// Whether packages without a trusted signature are installed.
        allow_unauthenticated ("allow-unauthenticated"): bool = false,
        /// Whether an older version may replace a newer one.
        allow_downgrade ("allow-downgrade", "allow_downgrades", "allow-downgrades"): bool = false,
        /// Whether packages on hold may change.
        allow_change_held_packages: bool = false,
        /// Whether only packages that are installed are touched.
        only_upgrade: bool = false,
        /// Whether to fail instead of removing packages.
        fail_on_autoremove: bool = false,
        /// Seconds to wait for the lock of `dpkg`.
        lock_timeout: u64 = 60_u64,
        /// The exit status of a `policy-rc.d` for the time of the change: 101 starts no services.
        policy_rc_d: Option<i64>,
        /// No effect: there is nothing to install.
        auto_install_module_deps: bool = true,
    }
    rules [Rule::MutuallyExclusive(&["deb", "package", "upgrade"])]
}
