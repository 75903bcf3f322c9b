//! The parameters of `ansible.builtin.git`.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::params;
use crate::params::Rule;

params! {
    /// Parameters of `ansible.builtin.git`.
    pub struct Params {
        /// The repository: an address or a path.
        repo ("name"): String,
        /// Where it is checked out; may be left out with `clone: false`.
        dest: Option<PathBuf>,
        /// A branch, a tag or a commit.
        version: String = "HEAD".to_owned(),
        /// What the repository is called in the checkout.
        remote: String = "origin".to_owned(),
        /// What else is fetched.
        refspec: Option<String>,
        /// A repository on the host that lends its objects.
        reference: Option<String>,
        /// Whether local changes are thrown away.
        force: bool = false,
        /// How many commits of the history are fetched.
        depth: Option<u32>,
        /// Whether a missing checkout is made.
        clone: bool = true,
        /// Whether a checkout that is there is brought up to date.
        update: bool = true,
        /// Whether the signature of the commit or tag must be good.
        verify_commit: bool = false,
        /// Fingerprints of which one must have signed.
        gpg_allowlist ("gpg_whitelist"): Option<Vec<String>>,
        /// Whether any host key is accepted.
        accept_hostkey: bool = false,
        /// Whether a host key that is not known yet is accepted.
        accept_newhostkey: bool = false,
        /// The private key for `ssh`.
        key_file: Option<PathBuf>,
        /// Options for `ssh`.
        ssh_opts: Option<String>,
        /// The `git` to use.
        executable: Option<PathBuf>,
        /// Whether there is no working tree.
        bare: bool = false,
        /// Whether submodules are checked out.
        recursive: bool = true,
        /// Whether only the branch's history is fetched.
        single_branch: bool = false,
        /// Whether submodules follow their branches, not the commit that is recorded.
        track_submodules: bool = false,
        /// The umask, octal, as text.
        umask: Option<Json>,
        /// The file into which the version is packed.
        archive: Option<PathBuf>,
        /// What the names in the archive start with.
        archive_prefix: Option<String>,
        /// Where the repository itself goes, apart from the working tree.
        separate_git_dir: Option<PathBuf>,
    }
    rules [
        Rule::MutuallyExclusive(&["separate_git_dir", "bare"]),
        Rule::MutuallyExclusive(&["accept_hostkey", "accept_newhostkey"]),
        Rule::RequiredBy("archive_prefix", &["archive"]),
    ]
}
