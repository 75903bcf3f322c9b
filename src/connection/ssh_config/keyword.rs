//! The options of `ssh_config(5)` and what becomes of each.

/// What is done with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It is read.
    Honoured(Keyword),
    /// It cannot change what is reached or how safely; nothing is said.
    Harmless,
    /// It is not supported; a warning is given.
    Unsupported,
    /// `ssh_config(5)` has no such option; a warning is given.
    Unknown,
}

macro_rules! keywords {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// An option that is read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Keyword {
            $(
                #[doc = concat!("`", $text, "`")]
                $name,
            )+
        }

        const HONOURED: &[(&str, Keyword)] = &[$(($text, Keyword::$name)),+];
    };
}

keywords! {
    AddressFamily = "addressfamily",
    CertificateFile = "certificatefile",
    ConnectTimeout = "connecttimeout",
    GlobalKnownHostsFile = "globalknownhostsfile",
    HashKnownHosts = "hashknownhosts",
    HostKeyAlias = "hostkeyalias",
    HostName = "hostname",
    IdentitiesOnly = "identitiesonly",
    IdentityAgent = "identityagent",
    IdentityFile = "identityfile",
    KbdInteractiveAuthentication = "kbdinteractiveauthentication",
    PasswordAuthentication = "passwordauthentication",
    Port = "port",
    ProxyCommand = "proxycommand",
    ProxyJump = "proxyjump",
    PubkeyAuthentication = "pubkeyauthentication",
    ServerAliveCountMax = "serveralivecountmax",
    ServerAliveInterval = "serveraliveinterval",
    StrictHostKeyChecking = "stricthostkeychecking",
    User = "user",
    UserKnownHostsFile = "userknownhostsfile",
}

const HARMLESS: &[&str] = &[
    "addkeystoagent",
    "batchmode",
    "challengeresponseauthentication",
    "checkhostip",
    "clearallforwardings",
    "compression",
    "compressionlevel",
    "connectionattempts",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "dynamicforward",
    "enableescapecommandline",
    "enablesshkeysign",
    "escapechar",
    "exitonforwardfailure",
    "fingerprinthash",
    "forkafterauthentication",
    "forwardagent",
    "forwardx11",
    "forwardx11timeout",
    "forwardx11trusted",
    "gatewayports",
    "gssapiauthentication",
    "gssapidelegatecredentials",
    "gssapikeyexchange",
    "gssapitrustdns",
    "hostbasedacceptedalgorithms",
    "hostbasedauthentication",
    "hostbasedkeytypes",
    "ignoreunknown",
    "ipqos",
    "kbdinteractivedevices",
    "localcommand",
    "localforward",
    "loglevel",
    "logverbose",
    "nohostauthenticationforlocalhost",
    "numberofpasswordprompts",
    "obscurekeystroketiming",
    "permitlocalcommand",
    "permitremoteopen",
    "preferredauthentications",
    "proxyusefdpass",
    "rekeylimit",
    "remoteforward",
    "requesttty",
    "securitykeyprovider",
    "sendenv",
    "sessiontype",
    "setenv",
    "stdinnull",
    "streamlocalbindmask",
    "streamlocalbindunlink",
    "syslogfacility",
    "tag",
    "tcpkeepalive",
    "tunnel",
    "tunneldevice",
    "updatehostkeys",
    "useprivilegedport",
    "visualhostkey",
    "xauthlocation",
    "channeltimeout",
    "usekeychain",
];

const UNSUPPORTED: &[&str] = &[
    "bindaddress",
    "bindinterface",
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizehostname",
    "canonicalizemaxdots",
    "canonicalizepermittedcnames",
    "casignaturealgorithms",
    "ciphers",
    "hostkeyalgorithms",
    "kexalgorithms",
    "knownhostscommand",
    "macs",
    "pkcs11provider",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
    "remotecommand",
    "requiredrsasize",
    "revokedhostkeys",
    "smartcarddevice",
    "verifyhostkeydns",
];

/// What is done with the option of this name, in any letter case.
pub(crate) fn treatment(name: &str) -> Treatment {
    let name = name.to_ascii_lowercase();
    if let Some((_, keyword)) = HONOURED.iter().find(|(text, _)| *text == name) {
        return Treatment::Honoured(*keyword);
    }
    if HARMLESS.contains(&name.as_str()) {
        Treatment::Harmless
    } else if UNSUPPORTED.contains(&name.as_str()) {
        Treatment::Unsupported
    } else {
        Treatment::Unknown
    }
}
