//! Time is a parameter, never a call: rules receive `now`, only doors read the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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

pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
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
}
