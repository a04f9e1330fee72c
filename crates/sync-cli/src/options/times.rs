//! A moment: a duration before now, or a date or time in UTC.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// `7d`, `1d12h`, `2024-05-01` or `2024-05-01T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This long before now.
    Ago(TimeDelta),
    /// This one.
    At(DateTime<Utc>),
}

impl Moment {
    /// The moment itself, if the calendar has it.
    pub(crate) fn before(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Ago(delta) => now.checked_sub_signed(delta),
            Self::At(moment) => Some(moment),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.to_utc()));
        }
        // Four digits, or chrono would accept the year 24.
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            && text.len() == "2024-05-01".len()
        {
            return Ok(Self::At(date.and_time(NaiveTime::MIN).and_utc()));
        }
        duration(text).map(Self::Ago).ok_or_else(|| {
            format!(
                "invalid time '{text}' (examples: 7d, 36h, 1d12h, 2024-05-01, 2024-05-01T12:00:00Z)"
            )
        })
    }
}

/// How long something takes: `2s`, `1m30s`, `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(Duration);

impl Span {
    pub(crate) fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = duration(text).and_then(|span| span.to_std().ok());
        // Ten years; a timer takes no arbitrary time.
        let span = span.filter(|span| *span <= Duration::from_hours(10 * 366 * 24));
        span.map(Self)
            .ok_or_else(|| format!("invalid duration '{text}' (examples: 2s, 1m30s, 24h)"))
    }
}

/// Numbers, each with its unit.
fn duration(text: &str) -> Option<TimeDelta> {
    let mut all = TimeDelta::zero();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..end].parse().ok()?;
        let seconds = match rest[end..].chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let part = TimeDelta::try_seconds(number.checked_mul(seconds)?)?;
        all = all.checked_add(&part)?;
        rest = &rest[end + 1..];
    }
    (!text.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_duration_a_date_or_a_time() {
        let now: DateTime<Utc> = "2024-05-10T00:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("7d", "2024-05-03T00:00:00Z"),
            ("1w", "2024-05-03T00:00:00Z"),
            ("36h", "2024-05-08T12:00:00Z"),
            ("1d12h", "2024-05-08T12:00:00Z"),
            ("90m", "2024-05-09T22:30:00Z"),
            ("0s", "2024-05-10T00:00:00Z"),
            ("2024-05-01", "2024-05-01T00:00:00Z"),
            ("2024-05-01T02:00:00+02:00", "2024-05-01T00:00:00Z"),
            ("2024-05-01T00:00:00.5Z", "2024-05-01T00:00:00.5Z"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(
                moment.before(now),
                Some(expected.parse().unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_span_is_a_duration() {
        let span = |text: &str| text.parse().map(Span::duration);
        assert_eq!(span("1m30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "2", "-2s", "9999999h", "2x"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn anything_else_is_no_moment() {
        for text in [
            "",
            "7",
            "d",
            "7x",
            "-7d",
            "7d ",
            "1.5h",
            "7dé",
            "24-05-01",
            "2024-13-01",
            "2024-05-01T12:00:00",
            "99999999999999999999d",
            "999999999999999999w",
        ] {
            let error = text.parse::<Moment>().unwrap_err();
            assert!(error.contains(&format!("'{text}'")), "{error}");
        }
    }

    #[test]
    fn a_moment_before_the_calendar_is_none() {
        let long: Moment = "9000000000000s".parse().unwrap();
        assert_eq!(long.before(DateTime::UNIX_EPOCH), None);
    }
}
