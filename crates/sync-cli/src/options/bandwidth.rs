//! `--bwlimit`: a rate, or a timetable in the form of rclone's.

use std::num::NonZeroU64;
use std::str::FromStr;

use sync_s3::Bandwidth;

use super::Size;

/// At less, a part of 8 MiB takes longer than ten minutes, and an upload that
/// fails once is given up.
const LEAST: u64 = 16 * 1024;

/// How many bytes a second may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BandwidthLimit(Option<Bandwidth>);

impl BandwidthLimit {
    /// `None`: no limit.
    pub(crate) fn bandwidth(&self) -> Option<&Bandwidth> {
        self.0.as_ref()
    }
}

impl FromStr for BandwidthLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(wrong("it is empty"));
        }
        if !text.contains(',') {
            return Ok(Self(rate(text.trim())?.map(Bandwidth::constant)));
        }
        let steps = text.split_whitespace().map(step);
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        let daily = Bandwidth::daily(steps);
        let daily = daily.ok_or_else(|| wrong("a time is there twice"))?;
        Ok(Self(Some(daily)))
    }
}

fn wrong(why: &str) -> String {
    format!(
        "{why}; write bytes a second as in 10MiB, or a timetable in UTC as in \
         '08:00,512KiB 19:00,10MiB 23:00,off'"
    )
}

/// `08:00,512KiB`
fn step(text: &str) -> Result<(u32, Option<NonZeroU64>), String> {
    let (time, limit) = text
        .split_once(',')
        .ok_or_else(|| wrong(&format!("'{text}' has no time")))?;
    let seconds = seconds(time).ok_or_else(|| wrong(&format!("invalid time of day '{time}'")))?;
    Ok((seconds, rate(limit)?))
}

/// Seconds since midnight.
fn seconds(time: &str) -> Option<u32> {
    let (hours, minutes) = time.split_once(':')?;
    let digits = |text: &str| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || minutes.len() != 2 || !digits(minutes) {
        return None;
    }
    let hours: u32 = hours.parse().ok().filter(|hours| *hours < 24)?;
    let minutes: u32 = minutes.parse().ok().filter(|minutes| *minutes < 60)?;
    Some((hours * 60 + minutes) * 60)
}

/// `10MiB`, `10MiB/s`, `off`.
fn rate(text: &str) -> Result<Option<NonZeroU64>, String> {
    if matches!(text, "off" | "0") {
        return Ok(None);
    }
    let size: Size = text
        .strip_suffix("/s")
        .unwrap_or(text)
        .parse()
        .map_err(|_| wrong(&format!("invalid rate '{text}'")))?;
    if size.bytes() < LEAST {
        return Err(format!(
            "'{text}' is {} bytes a second; at least 16KiB, or uploads last so long that they \
             are given up",
            size.bytes()
        ));
    }
    Ok(NonZeroU64::new(size.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Bandwidth> {
        text.parse::<BandwidthLimit>().unwrap().0
    }

    #[test]
    fn a_limit_is_a_rate_or_a_timetable() {
        let mib = NonZeroU64::new(1 << 20).unwrap();
        for text in ["1MiB", "1MiB/s", "1048576", " 1MiB "] {
            assert_eq!(parsed(text), Some(Bandwidth::constant(mib)), "{text}");
        }
        assert_eq!(parsed("off"), None);
        assert_eq!(parsed("0"), None);
        let half = NonZeroU64::new(512 << 10);
        let steps = [
            (8 * 3600, half),
            (19 * 3600 + 1800, Some(mib)),
            (23 * 3600, None),
        ];
        let daily = Bandwidth::daily(steps.to_vec());
        assert_eq!(parsed("08:00,512KiB 19:30,1MiB 23:00,off"), daily);
        assert_eq!(parsed("23:00,off  8:00,512KiB 19:30,1MiB/s"), daily);
    }

    #[test]
    fn anything_else_is_refused_with_the_place() {
        for (text, place) in [
            ("", "empty"),
            ("fast", "'fast'"),
            ("512", "512 bytes"),
            ("15KiB", "16KiB"),
            ("-1MiB", "'-1MiB'"),
            ("08:00,512KiB 19:00", "'19:00' has no time"),
            ("25:00,1MiB", "'25:00'"),
            ("8:60,1MiB", "'8:60'"),
            ("8:0,1MiB", "'8:0'"),
            ("Mon-08:00,1MiB", "'Mon-08:00'"),
            ("08:00,1MiB 8:00,off", "twice"),
            ("08:00,", "''"),
            (",", "''"),
        ] {
            let error = text.parse::<BandwidthLimit>().unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
