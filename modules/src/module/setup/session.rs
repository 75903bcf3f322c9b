//! Facts of the moment: time, user, environment, load, command line, keys.

use std::path::Path;

use jiff::{Timestamp as Instant, Zoned};
use serde_json::{Map, Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;
use crate::effect::Timestamp;
use crate::host::AccountKey;
use crate::module::local_time::LocalTime;

/// `cmdline` and `proc_cmdline`.
pub(super) fn collect_command_line(probe: &mut Probe<'_>, facts: &mut Returned) {
    let Some(line) = probe.content("/proc/cmdline") else { return };
    let (last, all) = command_line(&line);
    facts.insert("cmdline".to_owned(), Json::from(last));
    facts.insert("proc_cmdline".to_owned(), Json::from(all));
}

/// Words as keys: once with the last value of each, once with all values.
fn command_line(line: &str) -> (Map<String, Json>, Map<String, Json>) {
    let (mut last, mut all) = (Map::new(), Map::new());
    for word in quoted_words(line) {
        let Some((key, value)) = word.split_once('=') else {
            last.insert(word.clone(), Json::from(true));
            all.insert(word, Json::from(true));
            continue;
        };
        last.insert(key.to_owned(), Json::from(value));
        match all.get_mut(key) {
            Some(Json::Array(values)) => values.push(Json::from(value)),
            Some(first) => *first = json!([first.clone(), value]),
            None => {
                all.insert(key.to_owned(), Json::from(value));
            }
        }
    }
    (last, all)
}

/// Splits at white space outside quotation marks, which stay.
fn quoted_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (None, space) if space.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        word.push(character);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `date_time`.
pub(super) fn collect_date_time(probe: &mut Probe<'_>, facts: &mut Returned) {
    let clock = LocalTime::of(probe.host());
    let now = probe.host().now();
    if let Some(fields) = date_time(&clock, now) {
        facts.insert("date_time".to_owned(), fields);
    }
}

fn date_time(clock: &LocalTime, now: Timestamp) -> Option<Json> {
    let local = clock.zoned(now)?;
    let universal = LocalTime::utc().zoned(now)?;
    let micros = now.nanoseconds / 1000;
    let date = |at: &Zoned| format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
    let time = |at: &Zoned| format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    let basic = format!("{}T{}", date(&local), time(&local)).replace(['-', ':'], "");
    let iso = format!("{}T{}", date(&universal), time(&universal));
    let weekday = local.weekday();
    let from_monday = weekday.to_monday_zero_offset();
    let week = (i32::from(local.day_of_year()) - 1 + 7 - i32::from(from_monday)) / 7;
    let offset = local.offset().seconds();
    let sign = if offset < 0 { '-' } else { '+' };
    let (zone, summer) = zone_names(&local);
    Some(json!({
        "year": format!("{:04}", local.year()),
        "month": format!("{:02}", local.month()),
        "weekday": WEEKDAYS.get(usize::try_from(from_monday).ok()?)?,
        "weekday_number": weekday.to_sunday_zero_offset().to_string(),
        "weeknumber": format!("{week:02}"),
        "day": format!("{:02}", local.day()),
        "hour": format!("{:02}", local.hour()),
        "minute": format!("{:02}", local.minute()),
        "second": format!("{:02}", local.second()),
        "epoch": now.seconds.to_string(),
        "epoch_int": now.seconds.to_string(),
        "date": date(&local),
        "time": time(&local),
        "iso8601_micro": format!("{iso}.{micros:06}Z"),
        "iso8601": format!("{iso}Z"),
        "iso8601_basic": format!("{basic}{micros:06}"),
        "iso8601_basic_short": basic,
        "tz": zone,
        "tz_dst": summer,
        "tz_offset": format!("{sign}{:02}{:02}", offset.abs() / 3600, offset.abs() / 60 % 60),
    }))
}

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The zone's name now, and the one of its summer time, if it has one.
fn zone_names(local: &Zoned) -> (String, String) {
    let zone = local.time_zone();
    let info = |instant: Instant| {
        let info = zone.to_offset_info(instant);
        (info.dst().is_dst(), info.abbreviation().to_owned())
    };
    let (_, name) = info(local.timestamp());
    let half_a_year = jiff::SignedDuration::from_hours(24 * 182);
    let other = local.timestamp().checked_add(half_a_year).map(info);
    let summer = [Ok(info(local.timestamp())), other]
        .into_iter()
        .flatten()
        .find_map(|(is_summer, name)| is_summer.then_some(name))
        .unwrap_or_else(|| name.clone());
    (name, summer)
}

/// `env`: the environment in which the runner started, with the task's values.
pub(super) fn collect_environment(probe: &mut Probe<'_>, facts: &mut Returned) {
    let answer = probe.host().read(Path::new("/proc/self/environ"));
    let Some(bytes) = probe.note(answer) else { return };
    let mut environment = Map::new();
    for pair in String::from_utf8_lossy(&bytes).split('\0') {
        if let Some((name, value)) = pair.split_once('=') {
            let value = probe.host().environment(name).unwrap_or_else(|| value.to_owned());
            environment.insert(name.to_owned(), Json::from(value));
        }
    }
    for name in probe.host().task_environment() {
        let value = probe.host().environment(&name).unwrap_or_default();
        environment.insert(name, Json::from(value));
    }
    facts.insert("env".to_owned(), Json::from(environment));
}

/// `loadavg`.
pub(super) fn collect_load(probe: &mut Probe<'_>, facts: &mut Returned) {
    let Some(text) = probe.content("/proc/loadavg") else { return };
    let loads: Vec<f64> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    if let [one, five, fifteen, ..] = loads.as_slice() {
        facts.insert("loadavg".to_owned(), json!({"1m": one, "5m": five, "15m": fifteen}));
    }
}

/// `ssh_host_key_*_public`.
pub(super) fn collect_ssh_keys(probe: &mut Probe<'_>, facts: &mut Returned) {
    for directory in ["/etc/ssh", "/etc/openssh", "/etc"] {
        let mut found = false;
        for algorithm in ["dsa", "rsa", "ecdsa", "ed25519"] {
            let path = format!("{directory}/ssh_host_{algorithm}_key.pub");
            let Some(line) = probe.content(path) else { continue };
            let mut words = line.split_whitespace();
            if let (Some(kind), Some(key)) = (words.next(), words.next()) {
                found = true;
                let name = format!("ssh_host_key_{algorithm}_public");
                facts.insert(format!("{name}_keytype"), Json::from(kind));
                facts.insert(name, Json::from(key));
            }
        }
        if found {
            return;
        }
    }
}

/// `user_*`, `real_*_id`, `effective_*_id`.
pub(super) fn collect_user(probe: &mut Probe<'_>, facts: &mut Returned) {
    let answer = probe.host().identity();
    let Some(identity) = probe.note(answer) else { return };
    let key = identity.id.map_or_else(|| AccountKey::Name(identity.label()), AccountKey::Id);
    let answer = probe.host().user(&key);
    if let Some(user) = probe.note(answer).flatten() {
        facts.insert("user_id".to_owned(), Json::from(user.name));
        facts.insert("user_uid".to_owned(), Json::from(user.uid));
        facts.insert("user_gid".to_owned(), Json::from(user.gid));
        facts.insert("user_gecos".to_owned(), Json::from(user.comment));
        facts.insert("user_dir".to_owned(), Json::from(user.home.to_string_lossy()));
        facts.insert("user_shell".to_owned(), Json::from(user.shell));
    }
    let status = probe.text("/proc/self/status").unwrap_or_default();
    let numbers = |field: &str| -> Vec<u32> {
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .map(|rest| rest.split_whitespace().filter_map(|word| word.parse().ok()).collect())
            .unwrap_or_default()
    };
    for (field, kind) in [("Uid:", "user"), ("Gid:", "group")] {
        if let [real, effective, ..] = numbers(field).as_slice() {
            facts.insert(format!("real_{kind}_id"), Json::from(*real));
            facts.insert(format!("effective_{kind}_id"), Json::from(*effective));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{command_line, date_time};
    use crate::effect::Timestamp;
    use crate::module::local_time::LocalTime;

    #[test]
    fn the_kernel_command_line_becomes_keys() {
        let (last, all) = command_line("quiet console=tty0 console=ttyS0 a=\"b c\" x=1=2");
        assert_eq!(
            Json::from(last),
            json!({"quiet": true, "console": "ttyS0", "a": "\"b c\"", "x": "1=2"})
        );
        assert_eq!(all["console"], json!(["tty0", "ttyS0"]));
    }

    /// Captured from ansible-core 2.19 on the same moment.
    #[test]
    fn the_time_has_all_forms() {
        let now = Timestamp { seconds: 1_795_398_424, nanoseconds: 785_544_123 };
        assert_eq!(
            date_time(&LocalTime::utc(), now).unwrap(),
            json!({
                "date": "2026-11-23", "day": "23", "epoch": "1795398424",
                "epoch_int": "1795398424", "hour": "01", "iso8601": "2026-11-23T01:47:04Z",
                "iso8601_basic": "20261123T014704785544", "iso8601_basic_short": "20261123T014704",
                "iso8601_micro": "2026-11-23T01:47:04.785544Z", "minute": "47", "month": "11",
                "second": "04", "time": "01:47:04", "tz": "UTC", "tz_dst": "UTC",
                "tz_offset": "+0000", "weekday": "Monday", "weekday_number": "1",
                "weeknumber": "47", "year": "2026",
            })
        );
    }
}
