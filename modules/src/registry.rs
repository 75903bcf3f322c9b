//! The one table of modules.

use serde_json::{Map, Value as Json};

use crate::contract::Module;
use crate::execute::{Consent, Executed, Execution, execute_with, foresee};
use crate::host::Host;
use crate::params::{OptionSpec, ParamError, Params as _, Rule};

/// A module that the runner has.
#[derive(Debug)]
pub struct Entry {
    /// Fully qualified name (`ansible.builtin.file`).
    pub name: &'static str,
    /// Whether it takes text that is no `key=value` (`command: ls -l`), as `_raw_params`.
    pub free_form: bool,
    /// Its options.
    pub options: fn() -> Vec<OptionSpec>,
    /// Conditions between its options.
    pub rules: fn() -> Vec<Rule>,
    /// Checks rendered arguments.
    pub check: fn(&Map<String, Json>) -> Result<(), Vec<ParamError>>,
    /// What it warns of in a dry run.
    pub foresee: fn(&Map<String, Json>, &mut dyn Host) -> Vec<String>,
    /// Whether its results hold facts, which become variables of the host.
    pub returns_facts: bool,
    /// Runs it on a host.
    pub execute: fn(Execution<'_>, Option<&mut dyn Consent>) -> Executed,
}

/// Finds a module by its fully qualified name.
pub fn find(name: &str) -> Option<&'static Entry> {
    MODULES.iter().find(|entry| entry.name == name)
}

/// Finds what a runner answers to: a module that tasks can name, or [`OWN_MODULE`].
pub fn answers(name: &str) -> Option<&'static Entry> {
    find(name).or_else(|| (name == OWN_MODULE.name).then_some(&OWN_MODULE))
}

macro_rules! entry {
    ($name:literal, $module:ty, $free_form:expr) => {
        Entry {
            name: $name,
            free_form: $free_form,
            options: <$module as Module>::Params::options,
            rules: <$module as Module>::Params::rules,
            check: |arguments| <$module as Module>::Params::parse($name, arguments).map(drop),
            returns_facts: <$module as Module>::RETURNS_FACTS,
            foresee: |arguments, host| foresee::<$module>($name, arguments, host),
            execute: |execution, consent| execute_with::<$module>($name, execution, consent),
        }
    };
}

/// A module of the user's own; no task names it, the engine asks for it.
pub static OWN_MODULE: Entry =
    entry!("canvass.own_module", crate::module::own_module::OwnModule, false);

macro_rules! modules {
    ($($name:literal => $module:ty $(, $free_form:ident)?;)*) => {
        /// All modules, sorted by name.
        pub static MODULES: &[Entry] =
            &[$(entry!($name, $module, modules!(@free $($free_form)?))),*];
    };
    (@free) => { false };
    (@free free_form) => { true };
}

modules! {
    "ansible.builtin.apt" => crate::module::apt::Apt;
    "ansible.builtin.apt_key" => crate::module::apt_key::AptKey;
    "ansible.builtin.apt_repository" => crate::module::apt_repository::AptRepository;
    "ansible.builtin.assemble" => crate::module::assemble::Assemble;
    "ansible.builtin.async_status" => crate::module::async_status::AsyncStatus;
    "ansible.builtin.blockinfile" => crate::module::blockinfile::Blockinfile;
    "ansible.builtin.command" => crate::module::command::Command, free_form;
    "ansible.builtin.copy" => crate::module::copy::Copy;
    "ansible.builtin.cron" => crate::module::cron::Cron;
    "ansible.builtin.deb822_repository" => crate::module::deb822_repository::Deb822Repository;
    "ansible.builtin.debconf" => crate::module::debconf::Debconf;
    "ansible.builtin.dnf" => crate::module::dnf::Dnf;
    "ansible.builtin.dnf5" => crate::module::dnf::Dnf;
    "ansible.builtin.dpkg_selections" => crate::module::dpkg_selections::DpkgSelections;
    "ansible.builtin.expect" => crate::module::expect::Expect;
    "ansible.builtin.fetch" => crate::module::fetch::Fetch;
    "ansible.builtin.file" => crate::module::file::File;
    "ansible.builtin.find" => crate::module::find::Find;
    "ansible.builtin.get_url" => crate::module::get_url::GetUrl;
    "ansible.builtin.getent" => crate::module::getent::Getent;
    "ansible.builtin.git" => crate::module::git::GitCheckout;
    "ansible.builtin.group" => crate::module::group::Group;
    "ansible.builtin.hostname" => crate::module::hostname::Hostname;
    "ansible.builtin.iptables" => crate::module::iptables::Iptables;
    "ansible.builtin.known_hosts" => crate::module::known_hosts::KnownHosts;
    "ansible.builtin.lineinfile" => crate::module::lineinfile::Lineinfile;
    "ansible.builtin.mount_facts" => crate::module::mount_facts::MountFacts;
    "ansible.builtin.package" => crate::module::package::Package;
    "ansible.builtin.package_facts" => crate::module::package_facts::PackageFacts;
    "ansible.builtin.ping" => crate::module::ping::Ping;
    "ansible.builtin.pip" => crate::module::pip::Pip;
    "ansible.builtin.raw" => crate::module::raw::Raw, free_form;
    "ansible.builtin.replace" => crate::module::replace::Replace;
    "ansible.builtin.rpm_key" => crate::module::rpm_key::RpmKey;
    "ansible.builtin.script" => crate::module::script::Script, free_form;
    "ansible.builtin.service" => crate::module::service::Service;
    "ansible.builtin.service_facts" => crate::module::service_facts::ServiceFacts;
    "ansible.builtin.setup" => crate::module::setup::Setup;
    "ansible.builtin.shell" => crate::module::command::Shell, free_form;
    "ansible.builtin.slurp" => crate::module::slurp::Slurp;
    "ansible.builtin.stat" => crate::module::stat::Stat;
    "ansible.builtin.subversion" => crate::module::subversion::Subversion;
    "ansible.builtin.systemd" => crate::module::systemd_service::SystemdService;
    "ansible.builtin.systemd_service" => crate::module::systemd_service::SystemdService;
    "ansible.builtin.sysvinit" => crate::module::sysvinit::Sysvinit;
    "ansible.builtin.tempfile" => crate::module::tempfile::Tempfile;
    "ansible.builtin.template" => crate::module::template::Template;
    "ansible.builtin.unarchive" => crate::module::unarchive::Unarchive;
    "ansible.builtin.uri" => crate::module::uri::Uri;
    "ansible.builtin.user" => crate::module::user::User;
    "ansible.builtin.wait_for" => crate::module::wait_for::WaitFor;
    "ansible.builtin.yum_repository" => crate::module::yum_repository::YumRepository;
    "ansible.posix.acl" => crate::collection::ansible_posix::acl::Acl;
    "ansible.posix.at" => crate::collection::ansible_posix::at::At;
    "ansible.posix.authorized_key" => crate::collection::ansible_posix::authorized_key::AuthorizedKey;
    "ansible.posix.firewalld" => crate::collection::ansible_posix::firewalld::Firewalld;
    "ansible.posix.mount" => crate::collection::ansible_posix::mount::Mount;
    "ansible.posix.patch" => crate::collection::ansible_posix::patch::Patch;
    "ansible.posix.seboolean" => crate::collection::ansible_posix::seboolean::Seboolean;
    "ansible.posix.selinux" => crate::collection::ansible_posix::selinux::Selinux;
    "ansible.posix.synchronize" => crate::collection::ansible_posix::synchronize::Synchronize;
    "ansible.posix.sysctl" => crate::collection::ansible_posix::sysctl::Sysctl;
    "community.general.alternatives" => crate::collection::community_general::alternatives::Alternatives;
    "community.general.apk" => crate::collection::community_general::apk::Apk;
    "community.general.archive" => crate::collection::community_general::archive::Archive;
    "community.general.capabilities" => crate::collection::community_general::capabilities::Capabilities;
    "community.general.dpkg_divert" => crate::collection::community_general::dpkg_divert::DpkgDivert;
    "community.general.filesystem" => crate::collection::community_general::filesystem::Filesystem;
    "community.general.gem" => crate::collection::community_general::gem::Gem;
    "community.general.git_config" => crate::collection::community_general::git_config::GitConfig;
    "community.general.htpasswd" => crate::collection::community_general::htpasswd::Htpasswd;
    "community.general.ini_file" => crate::collection::community_general::ini_file::IniFile;
    "community.general.locale_gen" => crate::collection::community_general::locale_gen::LocaleGen;
    "community.general.lvg" => crate::collection::community_general::lvg::Lvg;
    "community.general.lvol" => crate::collection::community_general::lvol::Lvol;
    "community.general.modprobe" => crate::collection::community_general::modprobe::Modprobe;
    "community.general.npm" => crate::collection::community_general::npm::Npm;
    "community.general.pacman" => crate::collection::community_general::pacman::Pacman;
    "community.general.pam_limits" => crate::collection::community_general::pam_limits::PamLimits;
    "community.general.runit" => crate::collection::community_general::runit::Runit;
    "community.general.sudoers" => crate::collection::community_general::sudoers::Sudoers;
    "community.general.timezone" => crate::collection::community_general::timezone::Timezone;
    "community.general.ufw" => crate::collection::community_general::ufw::Ufw;
    "community.general.xml" => crate::collection::community_general::xml::Xml;
    "community.general.zypper" => crate::collection::community_general::zypper::Zypper;
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::MODULES;

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => sources(&path, found),
                false => found.push(path),
            }
        }
    }

    /// Tasks that are sent ahead of answers would read facts of before.
    #[test]
    fn modules_that_name_facts_say_that_they_return_them() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        sources(&root.join("module"), &mut found);
        sources(&root.join("collection"), &mut found);
        let mut known = 0;
        for path in found {
            let text = std::fs::read_to_string(&path).unwrap();
            if !text.contains("\"ansible_facts\"") || path.ends_with("tests.rs") {
                continue;
            }
            let parts = path.strip_prefix(&root).unwrap().with_extension("");
            let names: Vec<&str> = parts.iter().map(|part| part.to_str().unwrap()).collect();
            let said = MODULES.iter().any(|entry| {
                let name = entry.name.rsplit('.').next().unwrap();
                entry.returns_facts && names.contains(&name)
            });
            assert!(said, "`RETURNS_FACTS` is missing: {}", path.display());
            known += 1;
        }
        assert!(known > 4);
    }
}
