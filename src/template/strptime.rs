//! Moments from text by a format, as Python's `datetime.strptime` reads them in the C locale.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset, Weekday};

use super::python::repr_text;
use super::regex::{Captures, Flags, compiled};
use super::time::DateTime;

const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The moment that a text tells by a format, or what is wrong in Python's words.
pub(super) fn strptime(text: &str, format: &str) -> Result<DateTime, String> {
    let ignore_case = Flags { ignore_case: true, ..Flags::default() };
    let wrong = |error: Box<super::failure::Failure>| error.kind.to_string();
    let pattern = compiled(&pattern(format)?, ignore_case).map_err(wrong)?;
    let found = pattern.match_start(text).map_err(|error| error.to_string())?;
    let Some(found) = found else {
        return Err(format!("time data {} does not match format {}", quoted(text), quoted(format)));
    };
    let end = found.get(0).map_or(0, |whole| whole.end());
    match text.get(end..) {
        None | Some("") => Fields::read(&found)?.moment(),
        Some(rest) => Err(format!("unconverted data remains: {rest}")),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    repr_text(text, &mut quoted);
    quoted
}

/// The pattern of a format, a group for each directive.
fn pattern(format: &str) -> Result<String, String> {
    let mut pattern = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
            pattern.push_str(r"\s+");
        } else if letter != '%' {
            pattern.push_str(&canvass_modules::python_regex::escape(&letter.to_string()));
        } else {
            let Some(directive) = letters.next() else {
                return Err(format!("stray % in format {}", quoted(format)));
            };
            pattern.push_str(&group(directive).ok_or_else(|| {
                format!("'{directive}' is a bad directive in format {}", quoted(format))
            })?);
        }
    }
    Ok(pattern)
}

fn group(directive: char) -> Option<String> {
    let short = |names: &[&str]| -> String {
        let short: Vec<&str> = names.iter().filter_map(|name| name.get(..3)).collect();
        short.join("|")
    };
    let long = |names: &[&str]| -> String {
        let mut names = names.to_vec();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.join("|")
    };
    let all = |directives: &str| -> Option<String> { pattern(directives).ok() };
    let inner = match directive {
        'd' => r"3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]".to_owned(),
        'f' => "[0-9]{1,6}".to_owned(),
        'H' => r"2[0-3]|[0-1]\d|\d".to_owned(),
        'I' => "1[0-2]|0[1-9]|[1-9]".to_owned(),
        'G' | 'Y' => r"\d\d\d\d".to_owned(),
        'j' => r"36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]".to_owned(),
        'm' => "1[0-2]|0[1-9]|[1-9]".to_owned(),
        'M' => r"[0-5]\d|\d".to_owned(),
        'S' => r"6[0-1]|[0-5]\d|\d".to_owned(),
        'U' | 'W' => r"5[0-3]|[0-4]\d|\d".to_owned(),
        'w' => "[0-6]".to_owned(),
        'u' => "[1-7]".to_owned(),
        'V' => r"5[0-3]|0[1-9]|[1-4]\d|\d".to_owned(),
        'y' => r"\d\d".to_owned(),
        'z' => r"[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z)".to_owned(),
        'Z' => "utc|gmt".to_owned(),
        'p' => "am|pm".to_owned(),
        'a' => short(&WEEKDAYS),
        'A' => long(&WEEKDAYS),
        'b' => short(&MONTHS),
        'B' => long(&MONTHS),
        'c' => return all("%a %b %d %H:%M:%S %Y"),
        'x' => return all("%m/%d/%y"),
        'X' => return all("%H:%M:%S"),
        '%' => return Some("%".to_owned()),
        _ => return None,
    };
    Some(format!("(?P<{directive}>{inner})"))
}

/// What a text tells.
#[derive(Default)]
struct Fields {
    year: Option<i32>,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    micro: u32,
    offset: Option<UtcOffset>,
    /// From Monday.
    weekday: Option<i32>,
    /// The day of the year.
    ordinal: Option<i32>,
    /// The week of the year, and whether it begins on Monday.
    week: Option<(i32, bool)>,
    iso_year: Option<i32>,
    iso_week: Option<u8>,
}

impl Fields {
    fn read(found: &Captures<'_>) -> Result<Self, String> {
        let text = |name: &str| found.name(name).map(|part| part.as_str().trim().to_lowercase());
        let number = |name: &str| text(name).and_then(|digits| digits.parse::<i32>().ok());
        let small = |name: &str| text(name).and_then(|digits| digits.parse::<u8>().ok());
        let named = |name: &str, names: &[&str]| {
            let wanted = text(name)?;
            names.iter().position(|name| name.starts_with(&wanted)).map(|index| index + 1)
        };
        let month = named("B", &MONTHS).or_else(|| named("b", &MONTHS));
        let month = month.and_then(|month| u8::try_from(month).ok());
        let weekday = named("A", &WEEKDAYS).or_else(|| named("a", &WEEKDAYS));
        let weekday = weekday.and_then(|day| i32::try_from(day).ok()).or_else(|| number("u"));
        let sunday_first = || number("w").map(|day| (day + 6) % 7);
        let short_year = || number("y").map(|year| if year <= 68 { 2000 } else { 1900 } + year);
        let half = text("p");
        let hour12 = |hour: u8| match half.as_deref() {
            Some("pm") => hour % 12 + 12,
            _ => hour % 12,
        };
        let twelve = small("I").map(hour12);
        Ok(Self {
            year: number("Y").or_else(short_year),
            month: month.or_else(|| small("m")).unwrap_or(1),
            day: small("d").unwrap_or(1),
            hour: small("H").or(twelve).unwrap_or(0),
            minute: small("M").unwrap_or(0),
            second: small("S").unwrap_or(0),
            micro: text("f").map_or(0, |digits| format!("{digits:0<6}").parse().unwrap_or(0)),
            offset: text("z").map(|text| offset(&text)).transpose()?,
            weekday: weekday.map(|day| day - 1).or_else(sunday_first),
            ordinal: number("j"),
            week: number("U")
                .map(|week| (week, false))
                .or_else(|| number("W").map(|week| (week, true))),
            iso_year: number("G"),
            iso_week: small("V"),
        })
    }

    /// Refuses directives that do not go together.
    fn checked(&self) -> Result<(), String> {
        let alone = |what: &str, other: &str| {
            Err(format!(
                "ISO {what} must be used with the ISO {other} and a weekday directive \
                 ('%A', '%a', '%w', or '%u')."
            ))
        };
        match (self.iso_year, self.iso_week) {
            (Some(_), _) if self.ordinal.is_some() => Err("Day of the year directive '%j' is not \
                 compatible with ISO year directive '%G'. Use '%Y' instead."
                .to_owned()),
            (Some(_), week) if week.is_none() || self.weekday.is_none() => {
                alone("year directive '%G'", "week directive '%V'")
            }
            (None, Some(_)) if self.year.is_none() || self.weekday.is_none() => {
                alone("week directive '%V'", "year directive '%G'")
            }
            (None, Some(_)) => Err("ISO week directive '%V' is incompatible with the year \
                 directive '%Y'. Use the ISO year '%G' instead."
                .to_owned()),
            _ => Ok(()),
        }
    }

    fn moment(&self) -> Result<DateTime, String> {
        self.checked()?;
        let no_day = || "day is out of range for month".to_owned();
        let year = self.year.unwrap_or(1900);
        let iso = self.iso_year.zip(self.iso_week).zip(self.weekday);
        let date = match (self.ordinal, self.week, self.weekday, iso) {
            (Some(ordinal), ..) => of_ordinal(year, ordinal),
            (None, Some(week), Some(weekday), _) => {
                of_ordinal(year, ordinal_of_week(year, week, weekday).ok_or_else(no_day)?)
            }
            (None, _, _, Some(((year, week), weekday))) => {
                let weekday = Weekday::Monday.nth_next(u8::try_from(weekday).unwrap_or(0));
                let date = Date::from_iso_week_date(year, week, weekday);
                return self.at(date.map_err(|_| format!("Invalid week: {week}"))?);
            }
            _ => Month::try_from(self.month)
                .ok()
                .and_then(|month| Date::from_calendar_date(year, month, self.day).ok()),
        };
        self.at(date.ok_or_else(no_day)?)
    }

    fn at(&self, date: Date) -> Result<DateTime, String> {
        if !(1..=9999).contains(&date.year()) {
            return Err(format!("year {} is out of range", date.year()));
        }
        let time = Time::from_hms_micro(self.hour, self.minute, self.second, self.micro)
            .map_err(|_| "second must be in 0..59".to_owned())?;
        Ok(DateTime(PrimitiveDateTime::new(date, time), self.offset))
    }
}

/// The day so many days from the first of a year, which counts as 1.
fn of_ordinal(year: i32, ordinal: i32) -> Option<Date> {
    let first = Date::from_ordinal_date(year, 1).ok()?;
    first.checked_add(time::Duration::days(i64::from(ordinal) - 1))
}

fn ordinal_of_week(year: i32, (week, monday): (i32, bool), weekday: i32) -> Option<i32> {
    let first = Date::from_ordinal_date(year, 1).ok()?.weekday();
    let (first, day) = match monday {
        true => (i32::from(first.number_days_from_monday()), weekday),
        false => (i32::from(first.number_days_from_sunday()), (weekday + 1) % 7),
    };
    Some(match week {
        0 => 1 + day - first,
        week => 1 + (7 - first) % 7 + 7 * (week - 1) + day,
    })
}

/// A distance from UTC: `Z`, `+0200`, `+02:00`, `+02:00:30`.
fn offset(text: &str) -> Result<UtcOffset, String> {
    if text == "z" {
        return Ok(UtcOffset::UTC);
    }
    if text.len() > 6 && text.matches(':').count() == 1 {
        return Err(format!("Inconsistent use of : in {text}"));
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let part = |at: usize| digits.get(at..at + 2).and_then(|part| part.parse::<i32>().ok());
    let seconds = part(0).unwrap_or(0) * 3600 + part(2).unwrap_or(0) * 60 + part(4).unwrap_or(0);
    let seconds = if text.starts_with('-') { -seconds } else { seconds };
    if seconds.abs() >= 86_400 {
        let delta = super::time::TimeDelta(time::Duration::seconds(i64::from(seconds)));
        return Err(format!(
            "offset must be a timedelta strictly between -timedelta(hours=24) and \
             timedelta(hours=24), not {}.",
            delta.repr()
        ));
    }
    UtcOffset::from_whole_seconds(seconds).map_err(|error| error.to_string())
}
