//! Questions and answers over the network.

use std::path::PathBuf;
use std::time::Duration;

/// How long to wait for a connection, and for all that comes over it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For all of it.
    pub whole: Duration,
}

/// A question over HTTP.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpRequest {
    /// `http://` or `https://`, or `file://`.
    pub url: String,
    /// Method; `GET` when empty.
    pub method: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Whole-request bound; `None` is ten seconds.
    pub timeout: Option<Duration>,
    /// Accept any certificate.
    pub insecure: bool,
    /// Use the proxy variables of the environment.
    pub use_proxy: bool,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// Which redirects are followed.
    pub redirects: Redirects,
    /// Who asks, told when the server wants to know it.
    pub credentials: Option<(String, String)>,
    /// Whether who asks is told at once.
    pub force_credentials: bool,
    /// Whether a password is looked for in `~/.netrc` where there are no credentials.
    pub use_netrc: bool,
    /// The socket that is asked instead of the host of the address.
    pub unix_socket: Option<PathBuf>,
    /// Certificates to trust instead of those of the host: a file, or a directory of files.
    pub ca_path: Option<PathBuf>,
    /// The certificate to show, and its key where it is in a file of its own.
    pub client_certificate: Option<(PathBuf, Option<PathBuf>)>,
    /// Headers that are not sent to where a redirect leads.
    pub unredirected: Vec<String>,
    /// Unpack an answer that comes compressed.
    pub compressed: bool,
    /// The cipher suites of TLS 1.2 that may be agreed on, by OpenSSL's names and in order; all where
    /// none are named. Where none can be selected, nothing is asked.
    pub ciphers: Option<Vec<&'static str>>,
}

/// Which redirects are followed, by Ansible's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those of questions.
    Safe,
    /// Those of questions, and of a POST as a question.
    Urllib2,
}

/// An answer over HTTP.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Headers with lower-case names.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// The address after redirects.
    pub url: String,
    /// Cookies that were set on the way.
    pub cookies: Vec<(String, String)>,
}
