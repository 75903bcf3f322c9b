//! Templates that nobody would write: whatever the text is, rendering it ends, soon, in bounded
//! memory, and without a panic.
//!
//! The recorded cases are cut, joined and strewn with words of one another. `FUZZ_SECONDS` says for
//! how long (default 2), `FUZZ_SEED` where to begin. The case at hand lies in
//! `target/tmp/fuzz-case`, for the one that ends the process.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use canvass::source::{Node, SourceFile, Span, yaml};
use canvass::template::{FileOptions, Templar, to_json};
use canvass::vars::{Layer, Scope, Var};

/// What one case may spend; a usual rendering may spend fifty times as much.
const MOST: u64 = 2_000_000;

/// No case may take longer of the processor, however slow the build and the machine.
const LONGEST: Duration = Duration::from_secs(20);

/// No case may take longer by the clock, whatever else the machine does.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// The process may never hold more, in KiB.
const MOST_MEMORY: u64 = 2 * 1024 * 1024;

/// What these do depends on the machine, writes, or is slow on purpose.
const LEFT_OUT: &[&str] =
    &["lookup", "query", "q(", "password_hash", "vault", "encrypt", "hashids", "bcrypt"];

/// Text that is likely to hurt.
const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-%}",
    "{%-",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    "|",
    "~",
    ".",
    ",",
    ":",
    "**",
    "//",
    "%",
    "==",
    "<",
    " in ",
    " not ",
    " and ",
    " is ",
    " if ",
    " else ",
    "for x in ",
    "endfor",
    "set x = ",
    "macro m() ",
    "call m()",
    "endmacro",
    "loop",
    "loop(",
    "recursive",
    "range(",
    "namespace(",
    "caller()",
    "self",
    "super()",
    "none",
    "true",
    "0",
    "-1",
    "1e308",
    "9999999999",
    "170141183460469231731687303715884105727",
    "99999999999999999999999999999999999999999",
    "0.1",
    "é",
    "🦀",
    "\u{0}",
    "\n",
    "*args",
    "**kwargs",
    "l.append(l)",
    "x ~ x",
    "'%999999999d'",
    "'{:999999999}'",
    "'a' * 99999999",
];

/// Numbers that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn one<'t>(&mut self, all: &'t [String]) -> &'t str {
        all.get(self.below(all.len())).map_or("", String::as_str)
    }
}

/// A place between two letters.
fn place(random: &mut Random, text: &str) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn mutated(random: &mut Random, seeds: &[String], words: &[String]) -> String {
    let mut text = random.one(seeds).to_owned();
    for _ in 0..=random.below(4) {
        let (one, other) = (place(random, &text), place(random, &text));
        let (from, to) = (one.min(other), one.max(other));
        match random.below(6) {
            0 => text.replace_range(from..to, ""),
            1 => {
                let part = text.get(from..to).unwrap_or_default().to_owned();
                text.insert_str(from, &part);
            }
            2 | 3 => text.insert_str(from, random.one(words)),
            4 => text.replace_range(from..to, random.one(words)),
            _ => {
                let donor = random.one(seeds);
                let cut = place(random, donor);
                text.insert_str(from, donor.get(cut..).unwrap_or_default());
            }
        }
    }
    text.truncate((0..=text.len().min(600)).rev().find(|at| text.is_char_boundary(*at)).unwrap());
    text
}

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new("tests/fixtures").join(name)).unwrap()
}

/// The sources of the recorded cases, without their modes.
fn seeds() -> Vec<String> {
    let texts = [fixture("templates.cases"), fixture("collections.cases")];
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .filter_map(|line| serde_json::from_str(line.split_once(' ')?.1).ok())
        .filter(|source: &String| LEFT_OUT.iter().all(|word| !source.contains(word)))
        .collect()
}

fn scope() -> Scope {
    let file = SourceFile::new(Path::new("vars.yml"), fixture("templates.vars.yml"));
    let node = yaml::load(&file).unwrap().node.unwrap();
    let layer: Layer = node
        .as_map()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.as_str().unwrap().to_owned(), Var::from(value)))
        .collect();
    Scope::new(vec![Arc::new(layer)])
}

/// The memory that the process holds, in KiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    held.and_then(|held| held.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn render(source: &str, scope: &Scope) {
    let templar = Templar::bounded(MOST);
    let span = Span::at(&SourceFile::new(Path::new("case"), source.to_owned()), 1, 1);
    let node = Node::text(source, span);
    if let Ok(value) = templar.node(&node, scope) {
        let _ = to_json(&value);
    }
    let _ = templar.check(&node);
    let _ = templar.condition(&node, scope);
    let _ = templar.expression(source, None, scope);
    let _ = templar.file(Path::new("/none/case.j2"), source, &FileOptions::default(), scope);
}

/// How long a thread has worked, by its `stat` in `/proc`.
fn busy(stat: &Path) -> Duration {
    let stat = fs::read_to_string(stat).unwrap_or_default();
    // behind the name: the state is the first field, times of user and system the 12th and 13th
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn no_text_panics_hangs_or_takes_the_memory() {
    let (seeds, scope) = (seeds(), scope());
    let split = |text: &String| {
        let words = text.split_inclusive(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut words: Vec<String> = seeds.iter().flat_map(split).collect();
    words.sort_unstable();
    words.dedup();
    for word in WORDS {
        words.extend(std::iter::repeat_n((*word).to_owned(), words.len() / 200 + 1));
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-case");
    let seed = number("FUZZ_SEED", 1);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let until = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 2));

    // a case that hangs is told by another thread
    let (count, current) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(String::new())));
    let (watched, told) = (Arc::clone(&count), Arc::clone(&current));
    let this = Path::new("/proc").join(fs::read_link("/proc/thread-self").unwrap());
    let stat = this.join("stat");
    std::thread::spawn(move || {
        // the case that is watched, and when it was first seen
        let mut seen = (u64::MAX, Duration::ZERO, Instant::now());
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let (case, busy) = (watched.load(Ordering::Relaxed), busy(&stat));
            if case != seen.0 {
                seen = (case, busy, Instant::now());
            }
            let wait = seen.2.elapsed();
            if busy.saturating_sub(seen.1) > LONGEST || wait > LONGEST_WAIT {
                eprintln!("takes too long: {:?}", told.lock().unwrap());
                std::process::abort();
            }
        }
    });
    let mut cases = 0_u64;
    while Instant::now() < until {
        let source = mutated(&mut random, &seeds, &words);
        if LEFT_OUT.iter().any(|word| source.contains(word)) {
            continue;
        }
        fs::write(&kept, &source).unwrap();
        source.clone_into(&mut current.lock().unwrap());
        count.store(cases, Ordering::Relaxed);
        let fresh = scope.clone().over(Arc::new(Layer::new()));
        let ended = catch_unwind(AssertUnwindSafe(|| render(&source, &fresh)));
        assert!(ended.is_ok(), "panics: {source:?}");
        cases += 1;
        if cases.is_multiple_of(100) {
            let held = memory();
            assert!(held < MOST_MEMORY, "{held} KiB are held after {source:?}");
        }
    }
    let worked = busy(&this.join("stat")).as_secs();
    eprintln!("{cases} cases from seed {seed}, {worked} s of the processor, {} KiB held", memory());
    assert!(cases > 0);
}
