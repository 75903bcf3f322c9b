//! The parameters of `ansible.builtin.dnf` and `ansible.builtin.dnf5`.

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
    }
}

choices! {
    /// Which program does it.
    pub enum Backend {
        /// The one that is there.
        Auto = "auto",
        /// dnf 4.
        Dnf = "dnf" | "dnf4" | "yum" | "yum4",
        /// dnf 5.
        Dnf5 = "dnf5",
    }
}

params! {
    /// Parameters of `ansible.builtin.dnf` and `ansible.builtin.dnf5`.
    pub struct Params {
        /// Packages, groups (`@name`), files, addresses; `*` with `latest` is all.
        name ("pkg"): Option<Vec<String>>,
        /// What shall be with them; by default present, absent with `autoremove`.
        state: Option<State>,
        /// Tells what there is and changes nothing: `installed`, `updates`, `available`, `repos`, or
        /// packages by name, file or what they provide.
        list: Option<String>,
        /// Repositories that are used though they are off.
        enablerepo: Option<Vec<String>>,
        /// Repositories that are not used.
        disablerepo: Option<Vec<String>>,
        /// The configuration.
        conf_file: Option<PathBuf>,
        /// Whether signatures are not checked.
        disable_gpg_check: bool = false,
        /// The directory that is the root of the system.
        installroot: Option<PathBuf>,
        /// The release.
        releasever: Option<String>,
        /// Whether what nothing needs any more is removed.
        autoremove: bool = false,
        /// Packages that are left alone.
        exclude: Option<Vec<String>>,
        /// Whether packages that cannot be installed are left out.
        skip_broken: bool = false,
        /// Whether the lists are fetched first.
        update_cache ("expire-cache"): bool = false,
        /// Whether only packages that are installed are touched.
        update_only: bool = false,
        /// Whether only updates that mend security are taken.
        security: bool = false,
        /// Whether only updates that mend bugs are taken.
        bugfix: bool = false,
        /// Plugins that are used.
        enable_plugin: Option<Vec<String>>,
        /// Plugins that are not used.
        disable_plugin: Option<Vec<String>>,
        /// Which exclusions of the configuration do not count.
        disable_excludes: Option<String>,
        /// Whether packages are fetched and not installed.
        download_only: bool = false,
        /// Where they are put.
        download_dir: Option<PathBuf>,
        /// Whether an older version may replace a newer one.
        allow_downgrade: bool = false,
        /// Whether packages may be removed for others.
        allowerasing: bool = false,
        /// Whether the newest version must be taken.
        best: Option<bool>,
        /// The opposite of `best`.
        nobest: Option<bool>,
        /// Whether only what is fetched already is used.
        cacheonly: bool = false,
        /// Whether packages are installed that others lean on weakly.
        install_weak_deps: bool = true,
        /// Whether certificates of repositories are checked.
        sslverify: bool = true,
        /// Whether certificates of addresses are checked.
        validate_certs: bool = true,
        /// No effect: dnf waits for its lock.
        lock_timeout: i64 = 30,
        /// No effect: there is nothing to install.
        install_repoquery: bool = true,
        /// No effect: there is nothing to install.
        auto_install_module_deps: bool = true,
        /// Which program does it.
        use_backend ("use"): Backend = Backend::Auto,
    }
    rules [
        Rule::MutuallyExclusive(&["name", "list"]),
        Rule::MutuallyExclusive(&["best", "nobest"]),
        Rule::RequiredOneOf(&["name", "list", "update_cache", "autoremove"]),
    ]
}

impl Params {
    /// What shall be with the packages.
    pub(super) fn wanted(&self) -> State {
        match self.state {
            Some(state) => state,
            None if self.autoremove => State::Absent,
            None => State::Present,
        }
    }
}
