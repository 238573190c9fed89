//! Points in time, to the second, as registries and people write them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// Seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// `2025-01-20`, `2025-01-20T04:15`, `2025-01-29T04:15:22.9Z`, `2025-01-29 04:15:22+02:00`. A date is its first moment;
    /// without a zone it is UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |part: Option<&str>| -> Option<i64> {
            let part = part?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        let (year, month, day) = (number(text.get(0..4))?, number(text.get(5..7))?, number(text.get(8..10))?);
        if text.get(4..5)? != "-" || text.get(7..8)? != "-" {
            return None;
        }
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        let days = days_before(year, month, day);
        // A day that its month does not have comes out as one of the next.
        if civil(days) != (year, month, day) {
            return None;
        }
        let rest = &text[10..];
        let Some(clock) = rest.strip_prefix(['T', 't', ' ']) else {
            return rest.is_empty().then_some(Self(days * DAY));
        };
        let (clock, offset) = zone(clock)?;
        let mut parts = clock.split(':');
        let (hour, minute) = (number(parts.next())?, number(parts.next())?);
        let second = match parts.next() {
            None => 0,
            Some(second) => number(second.split('.').next())?,
        };
        let fits = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
        fits.then(|| Self(days * DAY + hour * 3600 + minute * 60 + second - offset))
    }

    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// `2026-11-27 22:10 UTC`
    #[must_use]
    pub fn for_people(self) -> String {
        let text = self.to_string();
        format!("{} {} UTC", &text[..10], &text[11..16])
    }
}

/// The clock without its zone, and the zone's seconds east of UTC.
fn zone(clock: &str) -> Option<(&str, i64)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, 0)) };
    let digits: String = clock[at + 1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes): (i64, i64) = (digits.get(0..2)?.parse().ok()?, digits.get(2..4)?.parse().ok()?);
    let sign = if clock[at..].starts_with('-') { -1 } else { 1 };
    Some((&clock[..at], sign * (hours * 3600 + minutes * 60)))
}

/// Days from 1970-01-01; years are counted from March, so that leap days come last.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let in_era = year.rem_euclid(400);
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let of_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Time {
    /// With `Z`: package managers read a date without a time differently.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let of_day = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn times_are_read_as_registries_and_people_write_them() {
        for (text, read) in [
            ("2025-01-20", Some("2025-01-20T00:00:00Z")),
            ("2025-01-29T04:15:22.925738Z", Some("2025-01-29T04:15:22Z")),
            ("2024-02-29T04:15", Some("2024-02-29T04:15:00Z")),
            ("2025-01-01 01:30:00+02:00", Some("2024-12-31T23:30:00Z")),
            ("2025-01-01T00:00:00-0500", Some("2025-01-01T05:00:00Z")),
            ("2025-02-29", None),
            ("2025-13-01", None),
            ("2025-1-1", None),
            ("yesterday", None),
            ("2025-01-01T25:00Z", None),
            ("", None),
        ] {
            assert_eq!(Time::parse(text).map(|t| t.to_string()).as_deref(), read, "{text:?}");
        }
        assert_eq!(Time::parse("2026-11-27T22:10:05Z").unwrap().for_people(), "2026-11-27 22:10 UTC");
    }
}
