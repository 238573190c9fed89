//! Days as `2026-12-31`, which sort as text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// So many days after today, in UTC.
pub(super) fn after_today(days: u64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    name(since.as_secs() / 86_400 + days)
}

/// The civil calendar, counting years from March so that leap days come last.
fn name(days_since_1970: u64) -> String {
    let days = days_since_1970 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Whether a text of others is such a day.
pub(super) fn is_day(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_as_the_calendar_has_them() {
        for (days, day) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_787, "2026-11-30"), (20_818, "2026-12-31")]
        {
            assert_eq!(name(days), day);
            assert!(is_day(day));
        }
        assert!(!is_day("soon") && !is_day("2026/12/31"));
    }
}
