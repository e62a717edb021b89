//! Times as the two platforms write and read them.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// `2026-10-20T01:02:03.632Z`. Times outside the calendar's range become its ends.
pub fn iso(at_ms: i64) -> String {
    let limit = if at_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    PRINTER.timestamp_to_string(&Timestamp::from_millisecond(at_ms).unwrap_or(limit))
}

/// Reads epoch milliseconds or ISO 8601 with an offset; nothing else.
pub fn instant_ms(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(at_ms) => Timestamp::from_millisecond(at_ms).ok().map(|_| at_ms),
        Err(_) => text.parse::<Timestamp>().ok().map(|instant| instant.as_millisecond()),
    }
}

/// The day of `at_ms` in UTC, as `2026-10-20`.
pub fn day(at_ms: i64) -> String {
    iso(at_ms).split('T').next().unwrap_or_default().to_owned()
}

/// Midnight UTC of a day written as `2026-10-20`.
pub fn day_start_ms(text: &str) -> Option<i64> {
    (text.len() == 10).then(|| instant_ms(&format!("{text}T00:00:00Z"))).flatten()
}

/// One day.
pub const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_milliseconds_and_read_in_both_forms() {
        assert_eq!(iso(1_792_458_123_632), "2026-10-20T01:02:03.632Z");
        assert_eq!(iso(1_792_458_123_000), "2026-10-20T01:02:03.000Z");
        assert_eq!(instant_ms("1792458123632"), Some(1_792_458_123_632));
        assert_eq!(instant_ms("2026-10-20T01:02:03.632Z"), Some(1_792_458_123_632));
        assert_eq!(instant_ms("2026-10-20T10:02:03.632+09:00"), Some(1_792_458_123_632));
        assert_eq!(instant_ms("yesterday"), None);
        assert_eq!(instant_ms(&i64::MAX.to_string()), None);
    }

    #[test]
    fn a_day_is_utc() {
        assert_eq!(day(1_792_458_123_632), "2026-10-20");
        assert_eq!(day_start_ms("2026-10-20"), Some(1_792_454_400_000));
        assert_eq!(day_start_ms("2026-10-2"), None);
    }
}
