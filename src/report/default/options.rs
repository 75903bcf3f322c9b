//! How output in Ansible's form looks.

use crate::report::color::Color;
use crate::report::human::Verbosity;

/// How the output looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultOptions {
    /// How much is told.
    pub verbosity: Verbosity,
    /// Whether it is coloured.
    pub color: Color,
    /// Width of the terminal, if the output goes to one.
    pub columns: Option<u16>,
    /// What is told at all.
    pub shown: Shown,
    /// Whether failures go to standard error (`display_failed_stderr`).
    pub failed_to_stderr: bool,
    /// How results are written (`result_format`).
    pub format: ResultFormat,
    /// Whether results stand on several lines; none leaves it to the verbosity
    /// (`pretty_results`).
    pub pretty: Option<bool>,
    /// Lines around a change in diffs (`diff.context`).
    pub diff_context: usize,
}

impl Default for DefaultOptions {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Normal,
            color: Color::Off,
            columns: None,
            shown: Shown::default(),
            failed_to_stderr: false,
            format: ResultFormat::Json,
            pretty: None,
            diff_context: 3,
        }
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Something that may be told or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Details(u8);

impl Details {
    /// Results where nothing changed (`display_ok_hosts`).
    pub const OK: Self = Self(1);
    /// Skipped tasks (`display_skipped_hosts`).
    pub const SKIPPED: Self = Self(2);
    /// What runs in check mode (`check_mode_markers`).
    pub const CHECK_MARKERS: Self = Self(4);
    /// Where a failed task stands (`show_task_path_on_failure`).
    pub const TASK_PATH_ON_FAILURE: Self = Self(8);
    /// What `set_stats` gathered (`show_custom_stats`).
    pub const CUSTOM_STATS: Self = Self(16);
    /// Deprecated things (`deprecation_warnings`).
    pub const DEPRECATIONS: Self = Self(32);
    /// That a host begins with a task (`show_per_host_start`).
    pub const HOST_START: Self = Self(64);
    /// The arguments of tasks beside their names (`display_args_to_stdout`).
    pub const ARGUMENTS: Self = Self(128);
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown(u8);

impl Default for Shown {
    fn default() -> Self {
        Self(Details::OK.0 | Details::SKIPPED.0 | Details::DEPRECATIONS.0)
    }
}

impl Shown {
    /// Nothing of it.
    pub const NOTHING: Self = Self(0);

    /// With this too.
    #[must_use]
    pub fn with(self, detail: Details) -> Self {
        Self(self.0 | detail.0)
    }

    /// Whether it is told.
    pub fn contains(self, detail: Details) -> bool {
        self.0 & detail.0 != 0
    }
}
