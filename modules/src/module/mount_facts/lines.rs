//! Lines that tell of mounts, in the forms in which systems keep them.

use serde_json::{Map, Value as Json};

use crate::module::setup::mounts::unescape;

/// A line and its fields.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) fields: Map<String, Json>,
}

impl Line {
    fn new(text: &str, fields: &[(&str, Json)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Self { text: text.to_owned(), fields: fields.collect() }
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Json::as_str).unwrap_or_default()
    }
}

/// The lines of a file, by the first form that all of them have.
pub(super) fn of_file(text: &str) -> Vec<Line> {
    let lines: Vec<&str> = text.lines().collect();
    [vfstab, mnttab, fstab].iter().find_map(|form| form(&lines)).unwrap_or_default()
}

/// Lines that are more than a comment.
fn told<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let lines = lines.iter().map(|line| line.trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Solaris' table of what is mounted at start: seven columns.
fn vfstab(lines: &[&str]) -> Option<Vec<Line>> {
    let of_line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [device, check, mount, kind, pass, at_boot, options, ..] = words.as_slice() else {
            return None;
        };
        let pass = pass.parse::<i64>().map_or_else(|_| Json::from(*pass), Json::from);
        Some(Line::new(
            line,
            &[
                ("device", Json::from(*device)),
                ("device_to_fsck", Json::from(*check)),
                ("mount", Json::from(*mount)),
                ("fstype", Json::from(*kind)),
                ("passno", pass),
                ("mount_at_boot", Json::from(*at_boot)),
                ("options", Json::from(*options)),
            ],
        ))
    };
    told(lines).into_iter().map(of_line).collect()
}

/// Solaris' table of what is mounted: five columns, the last a time.
fn mnttab(lines: &[&str]) -> Option<Vec<Line>> {
    let mut timed = false;
    let of_line = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [device, mount, kind, options, time, ..] = words.as_slice() else { return None };
        timed |= time.len() == 10;
        let time = time.parse::<i64>().ok()?;
        Some(Line::new(
            line,
            &[
                ("device", Json::from(*device)),
                ("mount", Json::from(*mount)),
                ("fstype", Json::from(*kind)),
                ("options", Json::from(*options)),
                ("time", Json::from(time)),
            ],
        ))
    };
    let found: Option<Vec<Line>> = lines.iter().map(of_line).collect();
    found.filter(|_| timed)
}

/// Linux' form: four columns, and two numbers.
fn fstab(lines: &[&str]) -> Option<Vec<Line>> {
    let of_line = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(unescape).collect();
        let [device, mount, kind, options, rest @ ..] = words.as_slice() else { return None };
        let mut fields = vec![
            ("device", Json::from(device.clone())),
            ("mount", Json::from(mount.clone())),
            ("fstype", Json::from(kind.clone())),
            ("options", Json::from(options.clone())),
        ];
        for (name, number) in ["dump", "passno"].into_iter().zip(rest) {
            fields.push((name, Json::from(number.parse::<i64>().ok()?)));
        }
        Some(Line::new(line, &fields))
    };
    told(lines).into_iter().map(of_line).collect()
}

/// The lines of `mount`, where all of them have one of its forms.
pub(super) fn of_program(text: &str) -> Vec<Line> {
    let all = |form: fn(&str) -> Option<Line>| text.lines().map(form).collect::<Option<Vec<_>>>();
    all(linux).or_else(|| all(bsd)).unwrap_or_default()
}

/// `device on place type kind (options)`.
fn linux(line: &str) -> Option<Line> {
    let (device, rest) = line.split_once(" on ")?;
    let (mount, rest) = rest.split_once(" type ")?;
    let (kind, options) = rest.split_once(" (")?;
    let options = options.strip_suffix(')').filter(|options| !options.is_empty())?;
    let word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    let fields = [("device", device), ("mount", mount), ("fstype", kind), ("options", options)];
    let fits = word(device) && word(mount) && word(kind);
    fits.then(|| Line::new(line, &fields.map(|(name, value)| (name, Json::from(value)))))
}

/// `device on place (kind, options)`.
fn bsd(line: &str) -> Option<Line> {
    let (device, rest) = line.split_once(" on ")?;
    let (mount, inside) = rest.split_once(" (")?;
    let inside = inside.strip_suffix(')')?;
    let (kind, options) = match inside.split_once(',') {
        Some((kind, options)) => (kind.trim_end(), Some(options.trim_start())),
        None => (inside, None),
    };
    let mut fields = vec![
        ("device", Json::from(device)),
        ("mount", Json::from(mount)),
        ("fstype", Json::from(kind)),
    ];
    fields.extend(options.map(|options| ("options", Json::from(options))));
    Some(Line::new(line, &fields))
}
