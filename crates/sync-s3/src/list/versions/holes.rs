//! Whether the history of a bucket may have holes: versions that once were there and
//! are not listed. Then nothing that looks absent may be deleted.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use sync_core::{
    ErrorKind, Listed, Result, StoreError,
    entry::{SkipCause, Skipped},
    text::printable,
};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::entries::skipped;
use crate::list::versions::lifecycle::{self, Allowed, Limit, earliest};
use crate::list::versions::refused::refused;
use crate::past::shown;
use crate::versioning::{self, Versioning};

/// Servers tell their time in whole seconds, so the present may be so much later.
const GRANULARITY: TimeDelta = TimeDelta::seconds(1);

/// The holes of the history, as items of a listing.
///
/// # Errors
/// Of a bucket that never kept versions, and of a moment that has not come.
pub(super) async fn find(bucket: &Bucket, at: DateTime<Utc>) -> Result<Vec<Listed>> {
    let versioning = match versioning::ask(bucket, bucket.max_attempts).await {
        Ok(versioning) => versioning,
        Err(failure) if is_answered(&failure) => Versioning::Unknown,
        Err(failure) => return Err(refused(bucket, failure)),
    };
    let now = bucket.clock.present().map(|present| present.latest);
    let now = now.unwrap_or_else(|| SystemTime::now().into());
    let location = &bucket.location;
    if at > now + GRANULARITY {
        let message = format!("cannot tell what {location} will be at {}", shown(at));
        let why = format!("that is in the future: it is {} at the server", shown(now));
        return Err(StoreError::new(ErrorKind::Other, message).with_source(why));
    }
    let mut holes = Vec::new();
    let mut hole = |why: String| {
        holes.push(of_all(&why));
    };
    match versioning {
        Versioning::On => {}
        Versioning::Off => {
            let message = format!("cannot tell what {location} was at {}", shown(at));
            return Err(StoreError::new(ErrorKind::Unsupported, message)
                .with_source("the bucket has never kept versions")
                .with_hint(
                    "versioning keeps what is overwritten or deleted from the moment on at which \
                     it is enabled",
                ));
        }
        Versioning::Suspended => hole(
            "versioning is suspended, so what was overwritten or deleted since is gone".to_owned(),
        ),
        Versioning::Unknown => hole(
            "whether versioning is enabled could not be read (s3:GetBucketVersioning), so \
             versions may be missing"
                .to_owned(),
        ),
    }
    let allowed = match lifecycle::allowed(bucket, bucket.max_attempts).await {
        Ok(allowed) => allowed,
        Err(failure) if is_answered(&failure) => Allowed::unread(&failure),
        // Rules that have removed versions must not be overlooked for a moment's fault.
        Err(failure) => return Err(refused(bucket, failure)),
    };
    match allowed {
        Allowed::All => {}
        Allowed::By { rule, limit } => {
            if let Some(why) = reaches(&rule, limit, at, now) {
                hole(why);
            }
        }
        Allowed::Unread(why) => bucket.note_past(format!(
            "the lifecycle of {location} could not be read (s3:GetLifecycleConfiguration), so \
             whether rules have removed versions since is not known: {why}"
        )),
    }
    Ok(holes)
}

/// A hole that may hide any key.
pub(super) fn of_all(why: &str) -> Listed {
    skipped(Skipped::ROOT, SkipCause::History, why)
}

/// Whether the server has refused to say, or lacks the request: it would again.
fn is_answered(failure: &Failure) -> bool {
    let is_final = |status: u16| status < 500 && status != 429 || status == 501;
    failure.status.is_some_and(is_final) && !failure.kind().stops_run()
}

/// Why a rule may have removed versions of that moment, if it may.
fn reaches(rule: &str, limit: Limit, at: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    let rule = printable(rule);
    let days = match limit {
        Limit::Whole => {
            return Some(format!(
                "the lifecycle rule '{rule}' removes objects with all of their versions, so others \
                 may be missing"
            ));
        }
        Limit::Number => {
            return Some(format!(
                "the lifecycle rule '{rule}' keeps only a number of old versions, so others may be \
                 missing"
            ));
        }
        Limit::Days(days) => days,
    };
    let back = earliest(days, now)?;
    (at < back).then(|| {
        format!(
            "the lifecycle rule '{rule}' removes old versions after {days} days, so the history \
             reaches back to {} only",
            back.format("%Y-%m-%d")
        )
    })
}

impl Bucket {
    /// Says once what is not known about the past.
    fn note_past(&self, text: String) {
        let mut notes = self.past_notes.lock();
        if !notes.contains(&text) {
            notes.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_never_reaches_nothing() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let of_never = |days| reaches("r", Limit::Days(days), DateTime::UNIX_EPOCH, now);
        assert_eq!(of_never(i32::MAX), None);
        assert!(of_never(30).is_some());
    }

    #[test]
    fn a_rule_reaches_what_is_older_than_its_days() {
        let now: DateTime<Utc> = "2026-11-26T12:00:00Z".parse().unwrap();
        let ago = |days| now - TimeDelta::days(days);
        let limit = Limit::Days(90);
        assert_eq!(reaches("r", limit, ago(89), now), None);
        let why = reaches("r", limit, ago(91), now).unwrap();
        assert!(why.contains("back to 2026-08-28"), "{why}");
        for limit in [Limit::Number, Limit::Whole] {
            assert!(reaches("r", limit, ago(0), now).is_some());
        }
    }
}
