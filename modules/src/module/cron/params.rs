//! The parameters of `ansible.builtin.cron`.

use std::path::PathBuf;

use super::table::Beside;
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// Whether it shall be there.
    pub enum State {
        /// It shall.
        Present = "present",
        /// It shall not.
        Absent = "absent",
    }
}

choices! {
    /// A word for a time.
    pub enum SpecialTime {
        /// When the host starts.
        Reboot = "reboot",
        /// Once a year.
        Yearly = "yearly",
        /// Once a year.
        Annually = "annually",
        /// Once a month.
        Monthly = "monthly",
        /// Once a week.
        Weekly = "weekly",
        /// Once a day.
        Daily = "daily",
        /// Once an hour.
        Hourly = "hourly",
    }
}

params! {
    /// Parameters of `ansible.builtin.cron`.
    pub struct Params {
        /// The name of the job, or of the variable.
        name: String,
        /// Whose table, and in a file, whose job; by default the one who runs the task.
        user: Option<String>,
        /// The command, or the value of the variable.
        job ("value"): Option<String>,
        /// A file of `/etc/cron.d`, or its path, instead of a user's table.
        cron_file: Option<PathBuf>,
        /// Whether it shall be there.
        state: State = State::Present,
        /// Whether a copy of the table is kept.
        backup: bool = false,
        /// The minute.
        minute: String = "*".to_owned(),
        /// The hour.
        hour: String = "*".to_owned(),
        /// The day of the month.
        day ("dom"): String = "*".to_owned(),
        /// The month.
        month: String = "*".to_owned(),
        /// The day of the week.
        weekday ("dow"): String = "*".to_owned(),
        /// A word for the time.
        special_time: Option<SpecialTime>,
        /// Whether the job is put in as a comment.
        disabled: bool = false,
        /// Whether it is a variable.
        env: bool = false,
        /// The variable after which a new one goes.
        insertafter: Option<String>,
        /// The variable before which a new one goes.
        insertbefore: Option<String>,
    }
    rules [Rule::MutuallyExclusive(&["insertafter", "insertbefore"])]
}

impl Params {
    fn fields(&self) -> [&str; 5] {
        [&self.minute, &self.hour, &self.day, &self.month, &self.weekday]
    }

    /// Whether no time is given.
    pub(super) fn is_always(&self) -> bool {
        self.fields().iter().all(|field| *field == "*")
    }

    /// The time as a table has it.
    pub(super) fn time(&self) -> String {
        match self.special_time {
            Some(word) => format!("@{word}"),
            None => self.fields().join(" "),
        }
    }

    /// Beside which variable a new one goes.
    pub(super) fn beside(&self) -> Option<Beside<'_>> {
        let after = self.insertafter.as_deref().filter(|name| !name.is_empty());
        let before = self.insertbefore.as_deref().filter(|name| !name.is_empty());
        after.map(Beside::After).or_else(|| before.map(Beside::Before))
    }
}
