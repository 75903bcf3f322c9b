//! The parameters of `ansible.builtin.yum_repository`.

use std::path::PathBuf;

use crate::module::file_attributes::FileAttributes;
use crate::{choices, params};

choices! {
    /// Whether the repository shall be there.
    pub enum State {
        /// It shall.
        Present = "present",
        /// It shall not.
        Absent = "absent",
    }
}

choices! {
    /// Which address comes first.
    pub enum Failover {
        /// One by chance.
        Roundrobin = "roundrobin",
        /// The first.
        Priority = "priority",
    }
}

choices! {
    /// What a cache between may keep.
    pub enum Caching {
        /// All.
        All = "all",
        /// Packages.
        Packages = "packages",
        /// Nothing.
        None = "none",
    }
}

choices! {
    /// The version of IP.
    pub enum Resolve {
        /// 4
        Four = "4",
        /// 6
        Six = "6",
        /// 4
        Ipv4 = "IPv4",
        /// 6
        Ipv6 = "IPv6",
        /// Any.
        Whatever = "whatever",
    }
}

choices! {
    /// Whether packages are kept.
    pub enum Keepcache {
        /// They are not.
        No = "0",
        /// They are.
        Yes = "1",
    }
}

choices! {
    /// When old lists will do.
    pub enum ExpireFilter {
        /// Never.
        Never = "never",
        /// When the past is read.
        Past = "read-only:past",
        /// When the present is read.
        Present = "read-only:present",
        /// When the future is read.
        Future = "read-only:future",
    }
}

params! {
    /// Parameters of `ansible.builtin.yum_repository`.
    pub struct Params {
        /// The name of the repository.
        name: String,
        /// Whether it shall be there.
        state: State = State::Present,
        /// The directory of the file; by default `/etc/yum.repos.d`.
        reposdir: Option<PathBuf>,
        /// The bytes a second that are used.
        bandwidth: Option<String>,
        /// Addresses of the repository.
        baseurl: Option<Vec<String>>,
        /// How dear it is beside others.
        cost: Option<String>,
        /// Whether the host is counted.
        countme: Option<bool>,
        /// No effect with dnf.
        deltarpm_metadata_percentage: Option<String>,
        /// How large deltas may be.
        deltarpm_percentage: Option<String>,
        /// What people call it.
        description: Option<String>,
        /// Whether it is used.
        enabled: Option<bool>,
        /// Whether its groups are used.
        enablegroups: Option<bool>,
        /// Packages that are left alone.
        exclude ("excludepkgs"): Option<Vec<String>>,
        /// Which address comes first.
        failovermethod: Option<Failover>,
        /// The name of the file without `.repo`; by default that of the repository.
        file: Option<String>,
        /// No effect with dnf.
        gpgcakey: Option<String>,
        /// Whether signatures of packages are checked.
        gpgcheck: Option<bool>,
        /// Addresses of keys.
        gpgkey: Option<Vec<String>>,
        /// Whether its packages are not kept back by modules.
        module_hotfixes: Option<bool>,
        /// No effect with dnf.
        http_caching: Option<Caching>,
        /// A configuration that is read, too.
        include: Option<String>,
        /// Packages that are taken.
        includepkgs: Option<Vec<String>>,
        /// The version of IP.
        ip_resolve: Option<Resolve>,
        /// No effect with dnf.
        keepalive: Option<bool>,
        /// Whether packages are kept.
        keepcache: Option<Keepcache>,
        /// Seconds after which its lists are old.
        metadata_expire: Option<String>,
        /// No effect with dnf.
        metadata_expire_filter: Option<ExpireFilter>,
        /// The address of a metalink.
        metalink: Option<String>,
        /// The address of a list of mirrors.
        mirrorlist: Option<String>,
        /// No effect with dnf.
        mirrorlist_expire: Option<String>,
        /// The password.
        @secret password: Option<String>,
        /// How much it counts beside others.
        priority: Option<String>,
        /// No effect with dnf.
        protect: Option<bool>,
        /// The proxy.
        proxy: Option<String>,
        /// The password of the proxy.
        @secret proxy_password: Option<String>,
        /// The user of the proxy.
        proxy_username: Option<String>,
        /// Whether the signature of its lists is checked.
        repo_gpgcheck: Option<bool>,
        /// How often a file is tried.
        retries: Option<String>,
        /// Whether it is in S3.
        s3_enabled: Option<bool>,
        /// Whether it may be away.
        skip_if_unavailable: Option<bool>,
        /// Certificates of authorities.
        sslcacert ("ca_cert"): Option<String>,
        /// No effect with dnf.
        ssl_check_cert_permissions: Option<bool>,
        /// The certificate.
        sslclientcert ("client_cert"): Option<String>,
        /// Its key.
        sslclientkey ("client_key"): Option<String>,
        /// Whether certificates are checked.
        sslverify ("validate_certs"): Option<bool>,
        /// How much of the bandwidth is used.
        throttle: Option<String>,
        /// Seconds to wait for an answer.
        timeout: Option<String>,
        /// No effect with dnf.
        ui_repoid_vars: Option<String>,
        /// The user.
        username: Option<String>,
        /// No effect with dnf.
        r#async: Option<bool>,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
    }
}

impl Params {
    /// The fields of the section, sorted by name.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let flag =
            |value: Option<bool>| value.map(|value| if value { "1" } else { "0" }.to_owned());
        let list = |value: &Option<Vec<String>>, separator: &str| {
            value.as_ref().map(|words| words.join(separator))
        };
        let fields = [
            ("async", flag(self.r#async)),
            ("bandwidth", self.bandwidth.clone()),
            ("baseurl", list(&self.baseurl, "\n")),
            ("cost", self.cost.clone()),
            ("countme", flag(self.countme)),
            ("deltarpm_metadata_percentage", self.deltarpm_metadata_percentage.clone()),
            ("deltarpm_percentage", self.deltarpm_percentage.clone()),
            ("enabled", flag(self.enabled)),
            ("enablegroups", flag(self.enablegroups)),
            ("exclude", list(&self.exclude, " ")),
            ("failovermethod", self.failovermethod.map(|word| word.to_string())),
            ("gpgcakey", self.gpgcakey.clone()),
            ("gpgcheck", flag(self.gpgcheck)),
            ("gpgkey", list(&self.gpgkey, "\n")),
            ("http_caching", self.http_caching.map(|word| word.to_string())),
            ("include", self.include.clone()),
            ("includepkgs", list(&self.includepkgs, " ")),
            ("ip_resolve", self.ip_resolve.map(|word| word.to_string())),
            ("keepalive", flag(self.keepalive)),
            ("keepcache", self.keepcache.map(|word| word.to_string())),
            ("metadata_expire", self.metadata_expire.clone()),
            ("metadata_expire_filter", self.metadata_expire_filter.map(|word| word.to_string())),
            ("metalink", self.metalink.clone()),
            ("mirrorlist", self.mirrorlist.clone()),
            ("mirrorlist_expire", self.mirrorlist_expire.clone()),
            ("module_hotfixes", flag(self.module_hotfixes)),
            ("name", self.description.clone()),
            ("password", self.password.clone()),
            ("priority", self.priority.clone()),
            ("protect", flag(self.protect)),
            ("proxy", self.proxy.clone()),
            ("proxy_password", self.proxy_password.clone()),
            ("proxy_username", self.proxy_username.clone()),
            ("repo_gpgcheck", flag(self.repo_gpgcheck)),
            ("retries", self.retries.clone()),
            ("s3_enabled", flag(self.s3_enabled)),
            ("skip_if_unavailable", flag(self.skip_if_unavailable)),
            ("ssl_check_cert_permissions", flag(self.ssl_check_cert_permissions)),
            ("sslcacert", self.sslcacert.clone()),
            ("sslclientcert", self.sslclientcert.clone()),
            ("sslclientkey", self.sslclientkey.clone()),
            ("sslverify", flag(self.sslverify)),
            ("throttle", self.throttle.clone()),
            ("timeout", self.timeout.clone()),
            ("ui_repoid_vars", self.ui_repoid_vars.clone()),
            ("username", self.username.clone()),
        ];
        let given = |(name, value): (&str, Option<String>)| Some((name.to_owned(), value?));
        fields.into_iter().filter_map(given).collect()
    }
}
