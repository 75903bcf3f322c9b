//! `ansible.builtin.template`: puts a rendered template in its place, the part on the host.
//!
//! Follows the module of ansible-core 2.19. The engine renders and sends the text as the source;
//! what remains is [`super::copy`]. The options on how to render are the engine's. Check mode:
//! full. Diff: full.
//!
//! Differs: the returned `src` is the template.
//!
//! ```yaml
//! - name: Write the site
//!   ansible.builtin.template:
//!     src: site.conf.j2
//!     dest: /etc/nginx/conf.d/site.conf
//!     validate: nginx -t -c %s
//! ```
//!
//! Returns what `ansible.builtin.copy` returns.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/template_module.html>

use std::path::PathBuf;

use super::copy::{self, Copy, EngineSource, Observed};
use super::file_attributes::FileAttributes;
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::Applied;
use crate::host::{Host, HostError};
use crate::{choices, params};

choices! {
    /// How lines end.
    pub enum NewlineSequence {
        /// Unix.
        LineFeed = "\n" | "\\n",
        /// Old.
        CarriageReturn = "\r" | "\\r",
        /// Windows.
        Both = "\r\n" | "\\r\\n",
    }
}

params! {
    /// Parameters of `ansible.builtin.template`.
    pub struct Params {
        /// The template on the controller.
        src: PathBuf,
        /// Where the text goes; a path that ends with `/` and an existing directory take the
        /// name of `src`.
        dest: PathBuf,
        /// Name that the file has on the controller; set by the engine.
        _original_basename: Option<String>,
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Whether a file that is there is replaced.
        force: bool = true,
        /// Whether a link at `dest` is followed.
        follow: bool = false,
        /// Command that must accept the new file, with `%s` for its name.
        validate: Option<String>,
        /// How lines end in the text.
        newline_sequence: NewlineSequence = NewlineSequence::LineFeed,
        /// What starts a block.
        block_start_string: String = "{%".to_owned(),
        /// What ends a block.
        block_end_string: String = "%}".to_owned(),
        /// What starts an expression.
        variable_start_string: String = "{{".to_owned(),
        /// What ends an expression.
        variable_end_string: String = "}}".to_owned(),
        /// What starts a comment.
        comment_start_string: Option<String>,
        /// What ends a comment.
        comment_end_string: Option<String>,
        /// Whether the newline after a block is dropped.
        trim_blocks: bool = true,
        /// Whether the blanks before a block are dropped.
        lstrip_blocks: bool = false,
        /// Encoding of the text.
        output_encoding: String = "utf-8".to_owned(),
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
        /// What the engine holds for this task.
        @flatten engine: EngineSource,
    }
}

impl Params {
    fn delivery(&self) -> copy::Params {
        copy::Params {
            src: Some(self.src.clone()),
            content: None,
            dest: self.dest.clone(),
            _original_basename: self._original_basename.clone(),
            remote_src: false,
            directory_mode: None,
            backup: self.backup,
            validate: self.validate.clone(),
            force: self.force,
            follow: self.follow,
            local_follow: None,
            checksum: None,
            decrypt: true,
            attributes: self.attributes.clone(),
            engine: self.engine.clone(),
        }
    }
}

/// The module.
#[derive(Debug)]
pub struct Template;

impl Module for Template {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        Copy::observe(&params.delivery(), host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        Copy::plan(&params.delivery(), observed)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Copy::conclude(&params.delivery(), observed, plan, applied)
    }

    fn explain(_: &Params, observed: &Observed, _: &Planned, error: HostError) -> Stop {
        copy::refused(observed, error)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        Copy::revisit(&params.delivery(), observed, host, returned)
    }
}
