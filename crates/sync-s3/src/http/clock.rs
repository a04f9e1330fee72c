//! The server's clock, as its answers show it.
//!
//! The arithmetic is the core's ([`ServerClock`]); this module reads the headers and
//! does the waiting.

use std::time::SystemTime;

use aws_smithy_types::DateTime as SdkDateTime;
use aws_smithy_types::date_time::Format;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use sync_core::clock::{Answer, LONGEST_WAIT, Present, ServerClock};

/// The server that is known to truncate the times of its objects to seconds. Where
/// another one does, a run waits for a second in vain.
const TRUNCATES: &str = "AmazonS3";

/// The clock of one server, updated by every answer.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<ServerClock>);

impl Clock {
    /// Server minus local, as used to compare times; `None` before the first
    /// answer with a date.
    pub(crate) fn offset(&self) -> Option<TimeDelta> {
        self.0.lock().offset()
    }

    /// The largest jump of the server's clock or ours so far.
    pub(crate) fn jump(&self) -> Option<TimeDelta> {
        self.0.lock().jump()
    }

    /// The latest second that the server's clock has shown.
    pub(crate) fn shown(&self) -> Option<DateTime<Utc>> {
        self.0.lock().shown()
    }

    /// The time of an object that is written now.
    pub(crate) fn present(&self) -> Option<Present> {
        self.0.lock().present(now())
    }

    /// Waits until an object that is written then has the time `moment` or a later
    /// one, unless that takes too long or is not known. What is learned meanwhile
    /// may shorten the wait.
    pub(crate) async fn wait_for(&self, moment: DateTime<Utc>) {
        loop {
            let Some(at) = self.0.lock().reaches(moment) else {
                return;
            };
            let wait = at - now();
            if wait > LONGEST_WAIT {
                return;
            }
            match wait.to_std() {
                Ok(wait) if !wait.is_zero() => tokio::time::sleep(wait).await,
                _ => return,
            }
        }
    }

    /// Records an answer with the headers `Date` and `Server`, to a request that was
    /// sent at `sent` and answered at `received`, both by our clock.
    pub(crate) fn observe(
        &self,
        sent: SystemTime,
        received: SystemTime,
        date: Option<&str>,
        server: Option<&str>,
    ) {
        let Some(date) = date.and_then(parse_http_date) else {
            return;
        };
        self.0.lock().observe(Answer {
            sent: sent.into(),
            received: received.into(),
            date,
            cuts: server == Some(TRUNCATES),
        });
    }
}

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    let date = SdkDateTime::from_str(text, Format::HttpDate).ok()?;
    exact(&date)
}

/// The same time, to the nanosecond; `None` beyond the range of chrono.
pub(crate) fn exact(time: &SdkDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn only_readable_dates_count() {
        let clock = Clock::default();
        let now = SystemTime::UNIX_EPOCH;
        clock.observe(now, now, None, None);
        clock.observe(now, now, Some("yesterday"), None);
        assert_eq!(clock.offset(), None);
        clock.observe(now, now, Some("Thu, 01 Jan 1970 00:00:10 GMT"), None);
        assert_eq!(clock.offset(), Some(TimeDelta::seconds(11)));
        assert_eq!(clock.jump(), None);
    }

    #[test]
    fn only_a_server_known_to_truncate_is_assumed_to() {
        let now = SystemTime::UNIX_EPOCH;
        for (server, latest) in [(Some("AmazonS3"), 0), (Some("MinIO"), 1), (None, 1)] {
            let clock = Clock::default();
            clock.observe(now, now, Some("Thu, 01 Jan 1970 00:00:00 GMT"), server);
            let present = clock.present().unwrap();
            assert_eq!(present.latest.timestamp(), latest, "{server:?}");
        }
    }

    #[test]
    fn nanoseconds_are_kept() {
        let time = SdkDateTime::from_secs_and_nanos(-1, 123_456_789);
        assert_eq!(exact(&time).unwrap(), at("1969-12-31T23:59:59.123456789Z"));
    }
}
