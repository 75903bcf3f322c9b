//! `--shard`: one of several runs that share the hosts, each by itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diagnostics::{Diagnostic, Explain};
use crate::graph::{StepTask, Steps, TagFilter};
use crate::playbook::Play;
use crate::source::{Kind, Span};

/// Which of how many runs this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// Its number, from 1.
    number: u64,
    /// How many there are.
    count: u64,
}

/// A text that names no shard.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "`{text}` is no shard: it is K/N, the number of this run from 1 to N and how many there are"
)]
pub struct NoShard {
    text: String,
}

/// What several runs that know nothing of each other cannot do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ShardError {
    /// The batches of one run would go on beside those of another.
    #[error("`serial` cannot be kept across shards")]
    Serial {
        /// Where it stands.
        span: Span,
    },
    /// It would be done once in each.
    #[error("`run_once` would be done once in each shard")]
    RunOnce {
        /// The task.
        span: Span,
    },
}

impl Explain for ShardError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::Serial { span } | Self::RunOnce { span } => Some(span),
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Serial { .. } => "run the play without `--shard`, or without `serial`",
            Self::RunOnce { .. } => {
                "give the task a play of its own that runs without `--shard`, or a `when` that \
                 names one host in place of `run_once`"
            }
        };
        let missing = "shards know nothing of each other: a coordinator that counts for all of \
                       them is not there yet";
        vec![hint.to_owned(), missing.to_owned()]
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let wrong = || NoShard { text: text.to_owned() };
        let (number, count) = text.split_once('/').ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        let count: u64 = count.trim().parse().map_err(|_| wrong())?;
        match (1..=count).contains(&number) {
            true => Ok(Self { number, count }),
            false => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = NoShard;

    fn try_from(text: String) -> Result<Self, NoShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

impl Shard {
    /// Whether a host is one of this run: by its name alone, so that it stays where it is when
    /// others come and go.
    pub fn has(self, host: &str) -> bool {
        // FNV-1a, which is the same everywhere and always, and a last mix for its low bits
        let hash = host.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) % self.count == self.number - 1
    }

    /// What a play has that cannot be kept across shards.
    pub fn refuses(play: &Play, steps: &Steps) -> Vec<ShardError> {
        let serial = play.serial.iter().map(|node| ShardError::Serial { span: node.span.clone() });
        let tasks = steps.list.iter().map(|step| &step.task).chain(&steps.handlers);
        serial.chain(tasks.filter_map(|task| once(task))).collect()
    }

    /// The same for playbooks.
    pub fn check<'a>(plays: impl IntoIterator<Item = &'a std::sync::Arc<Play>>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        for play in plays {
            // a play without a graph is refused elsewhere
            let Ok(steps) = Steps::compile(play, &TagFilter::default()) else { continue };
            problems
                .extend(Self::refuses(play, &steps).iter().map(|error| Diagnostic::error(error)));
        }
        problems.dedup();
        problems
    }
}

/// Whether a task is done once for all hosts, and not plainly by each.
pub(super) fn once(task: &StepTask) -> Option<ShardError> {
    let node = task.keywords.iter().find_map(|level| level.run_once.as_ref())?;
    (!matches!(node.kind, Kind::Bool(false) | Kind::Null))
        .then(|| ShardError::RunOnce { span: task.task.span.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_in_one_shard_and_shards_are_alike() {
        let shards: Vec<Shard> =
            (1..=4).map(|number| format!("{number}/4").parse().unwrap()).collect();
        let mut sizes = [0_usize; 4];
        for host in 0..1000 {
            let name = format!("web{host:04}.example.org");
            let has: Vec<usize> = (0..4).filter(|at| shards[*at].has(&name)).collect();
            assert_eq!(has.len(), 1, "{name}");
            sizes[has[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (200..300).contains(size)), "{sizes:?}");
    }

    #[test]
    fn hosts_stay_where_they_are() {
        // names and shards as they were when shards came
        let of = |name: &str| {
            (1..=3).find(|number| format!("{number}/3").parse::<Shard>().unwrap().has(name))
        };
        let found: Vec<Option<i32>> =
            ["web1", "web2", "db.example.org", "localhost"].into_iter().map(of).collect();
        assert_eq!(found, [Some(1), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["0/3", "4/3", "1", "a/b", "1/0", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
