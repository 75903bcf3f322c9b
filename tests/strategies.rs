//! Random plays end alike under `linear` and `dag`, some of them beside another one: the same tasks with the same results on each
//! host in the same order, the same recap, the same files.
//!
//! The hosts are folders of this machine behind a program that stands for `ssh`. A few fixed plays
//! run always; `CANVASS_PLAYS=10000 cargo test --test strategies` runs as many, from the play
//! `CANVASS_FIRST` on, with the program that `CANVASS_PROGRAM` names. A play that differs is printed with its number.

#[path = "strategies/corners.rs"]
mod corners;
#[path = "strategies/overlap.rs"]
mod overlap;
#[path = "strategies/play.rs"]
mod play;
#[path = "strategies/random.rs"]
mod random;
#[path = "strategies/site.rs"]
mod site;

use std::sync::atomic::{AtomicU64, Ordering};

use play::Play;
use site::Site;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_plays_end_alike_under_linear_and_dag() {
    let (count, first) = (number("CANVASS_PLAYS", 16), number("CANVASS_FIRST", 1));
    let next = AtomicU64::new(first);
    let differ = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..number("CANVASS_THREADS", 2) {
            scope.spawn(|| {
                let site = Site::new().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || differ.lock().unwrap().len() >= 5 {
                        return;
                    }
                    let play = match seed % 4 {
                        0 => play::pair(seed),
                        _ => play::random(seed),
                    };
                    if let Err(difference) = site.compare(&play) {
                        differ.lock().unwrap().push((seed, play, difference));
                    }
                }
            });
        }
    });
    let differ = differ.into_inner().unwrap();
    let told: Vec<String> = differ
        .iter()
        .map(|(seed, play, difference)| {
            let files = play.files.iter().map(|(name, text)| format!("{name}:\n{text}\n"));
            let files = files.collect::<Vec<_>>().concat();
            let Play { hosts, playbook, .. } = play;
            format!("play {seed} on {hosts} hosts:\n{playbook}\n{files}\n{difference:#}")
        })
        .collect();
    assert!(told.is_empty(), "{} plays differ\n\n{}", told.len(), told.join("\n\n"));
}
