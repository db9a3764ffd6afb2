//! Time is a parameter, never a call: rules receive `now`, only doors read the clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Milliseconds since the Unix epoch, UTC.
pub type Timestamp = i64;

#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still until a test moves it.
    pub fn stopped_at(now: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(now))))
    }

    /// Moves a stopped clock; the real one moves by itself.
    pub fn advance(&self, milliseconds: i64) {
        if let Some(stopped) = &self.0 {
            stopped.fetch_add(milliseconds, Ordering::Relaxed);
        }
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(stopped) => stopped.load(Ordering::Relaxed),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| elapsed.as_millis() as Timestamp),
        }
    }
}

/// RFC 3339 in UTC with milliseconds: what programs and `<time datetime>` read.
pub fn iso(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => String::new(),
    }
}

/// `pattern` (strftime) in the named IANA zone; an unknown zone reads as UTC.
pub fn iso_in(at: Timestamp, zone: &str, pattern: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    match jiff::Timestamp::from_millisecond(at) {
        Ok(stamp) => stamp.to_zoned(zone).strftime(pattern).to_string(),
        Err(_) => String::new(),
    }
}

pub fn is_zone(name: &str) -> bool {
    name.len() < 64 && TimeZone::get(name).is_ok()
}

/// The zones of the world that are named after places, in order, and UTC: older names
/// of the same, too, since browsers and operating systems say them.
pub fn zones() -> Vec<String> {
    let known = jiff::tz::db().available().map(|it| it.to_string());
    let mut all: Vec<String> = known.filter(|it| is_place(it)).collect();
    // The order in which they come is the file system's.
    all.sort_unstable();
    all.push("UTC".to_owned());
    all
}

fn is_place(name: &str) -> bool {
    const PARTS: [&str; 10] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    ];
    let part = name.split_once('/').map(|(part, _)| part);
    part.is_some_and(|it| PARTS.contains(&it))
}

pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

/// A day of the calendar, written `2026-11-27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// None for what is written in any other way, or lies beyond all that is kept.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        let written = text.len() == 10 && text.bytes().enumerate().all(shape);
        let day: Date = text.parse().ok().filter(|_| written)?;
        (1970..=2999).contains(&day.year()).then_some(Self(day))
    }

    /// Its first moment in the named IANA zone; an unknown zone reads as UTC.
    pub fn begins(self, zone: &str) -> Timestamp {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let first = self.0.to_zoned(zone);
        first.map_or(0, |it| it.timestamp().as_millisecond())
    }

    /// The first moment that is no longer in it.
    pub fn ends(self, zone: &str) -> Timestamp {
        Self(self.0.saturating_add(1.day())).begins(zone)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_and_in_the_shops_zone() {
        let noon = from_rfc3339("2026-07-01T12:00:00Z").unwrap_or_default();
        assert_eq!(iso(noon), "2026-07-01T12:00:00.000Z");
        assert_eq!(iso_in(noon, "Europe/Istanbul", "%H:%M"), "15:00");
        assert_eq!(iso_in(noon, "Nowhere/Else", "%H:%M"), "12:00");
    }

    #[test]
    fn a_zone_is_one_of_the_worlds_and_each_that_is_offered_is_one() {
        assert!(is_zone("Europe/Istanbul"));
        assert!(!is_zone("Europe/Atlantis"));
        let all = zones();
        assert!(all.is_sorted_by_key(|it| (it == "UTC", it.clone())));
        assert!(all.iter().all(|it| is_zone(it)));
        for known in [
            "Europe/Istanbul",
            "America/Argentina/Ushuaia",
            "Asia/Calcutta",
            "UTC",
        ] {
            assert!(all.iter().any(|it| it == known), "{known}");
        }
        for strange in ["posixrules", "Etc/GMT+5", "EST5EDT"] {
            assert!(all.iter().all(|it| it != strange), "{strange}");
        }
    }

    #[test]
    fn a_day_is_read_strictly_and_begins_when_the_shops_calendar_says() {
        let day = Day::parse("2026-11-27").unwrap();
        assert_eq!(day.to_string(), "2026-11-27");
        assert_eq!(
            iso(day.begins("Europe/Istanbul")),
            "2026-11-26T21:00:00.000Z"
        );
        assert_eq!(iso(day.ends("UTC")), "2026-11-28T00:00:00.000Z");
        // In Cairo the clocks went forward at midnight.
        let no_midnight = Day::parse("2024-04-26").unwrap();
        assert_eq!(
            iso(no_midnight.begins("Africa/Cairo")),
            "2024-04-25T22:00:00.000Z"
        );
        for bad in [
            "",
            "2026-13-01",
            "2026-02-30",
            "27.11.2026",
            "2026-1-1",
            "0001-01-01",
            "9999-12-31",
            "2026-11-27T00:00",
            "20261127",
            " 2026-11-2",
            "२०२६-११-२७",
            "-026-11-27",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }
}
