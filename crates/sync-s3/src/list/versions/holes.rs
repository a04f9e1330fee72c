//! Whether the history of a bucket may have holes: versions that once were there and
//! are not listed. Then nothing that looks absent may be deleted.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule};
use chrono::{DateTime, TimeDelta, Utc};
use sync_core::{
    ErrorKind, Listed, Result, StoreError,
    entry::{SkipCause, Skipped},
    text::printable,
};

use crate::bucket::Bucket;
use crate::client::retry;
use crate::error::Failure;
use crate::list::entries::skipped;
use crate::list::versions::refused::refused;
use crate::past::shown;
use crate::versioning::{self, Versioning};

/// Where it decides nothing, the lifecycle is not worth many attempts, nor much time.
const ATTEMPTS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);

/// Servers tell their time in whole seconds, so the present may be so much later.
const GRANULARITY: TimeDelta = TimeDelta::seconds(1);

/// What the lifecycle leaves of the history below the prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Nothing is removed.
    All,
    /// Noncurrent versions are removed, by the rule of this name, after so many days;
    /// or, without days, beyond a number of them.
    By { rule: String, days: Option<i32> },
    /// The lifecycle could not be read.
    Unread(String),
}

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
    let allowed = match lifecycle(bucket, bucket.max_attempts).await {
        Ok(allowed) => allowed,
        Err(failure) if is_answered(&failure) => Allowed::Unread(why(&failure)),
        // Rules that have removed versions must not be overlooked for a moment's fault.
        Err(failure) => return Err(refused(bucket, failure)),
    };
    match allowed {
        Allowed::All => {}
        Allowed::By { rule, days } => {
            if let Some(why) = reaches(&rule, days, at, now) {
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
fn reaches(rule: &str, days: Option<i32>, at: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    let rule = printable(rule);
    let Some(days) = days else {
        return Some(format!(
            "the lifecycle rule '{rule}' keeps only a number of old versions, so others may be \
             missing"
        ));
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

/// What a rule leaves that removes versions after so many days; none if that is
/// before all times.
pub(crate) fn earliest(days: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::days(days.max(0).into()))
}

/// The same for information: what could not be read soon is not known.
pub(crate) async fn allowed(bucket: &Bucket) -> Allowed {
    let asked = lifecycle(bucket, ATTEMPTS.min(bucket.max_attempts));
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(allowed)) => allowed,
        Ok(Err(failure)) => Allowed::Unread(why(&failure)),
        Err(_) => Allowed::Unread("no answer in time".to_owned()),
    }
}

/// What the lifecycle of the bucket leaves of the history.
async fn lifecycle(bucket: &Bucket, attempts: u32) -> Result<Allowed, Failure> {
    let asked = bucket
        .client
        .get_bucket_lifecycle_configuration()
        .bucket(bucket.location.bucket())
        .customize()
        .config_override(retry::at_most(attempts))
        .send();
    match asked.await {
        Ok(answer) => Ok(strictest(answer.rules(), bucket.location.prefix())),
        Err(error) => match Failure::from(error) {
            none if none.code.as_deref() == Some("NoSuchLifecycleConfiguration") => {
                Ok(Allowed::All)
            }
            failure => Err(failure),
        },
    }
}

fn why(failure: &Failure) -> String {
    failure.cause().unwrap_or_else(|| "no reason given".into())
}

/// The rule that removes versions below `prefix` first.
fn strictest(rules: &[LifecycleRule], prefix: &str) -> Allowed {
    let found = rules.iter().filter(|rule| touches(rule, prefix));
    let limits = found.filter_map(|rule| {
        let expiration = rule.noncurrent_version_expiration()?;
        let by_number = expiration.newer_noncurrent_versions().is_some();
        let days = expiration.noncurrent_days().filter(|_| !by_number);
        Some((days, rule.id().unwrap_or_default().to_owned()))
    });
    // Without days is less than any number of them.
    limits
        .min()
        .map_or(Allowed::All, |(days, rule)| Allowed::By { rule, days })
}

/// Whether a rule is in force for some key below `prefix`. Its other conditions, such as
/// tags, may be true of any of them.
fn touches(rule: &LifecycleRule, prefix: &str) -> bool {
    if *rule.status() != ExpirationStatus::Enabled {
        return false;
    }
    let filter = rule.filter();
    let of_filter = filter.and_then(|filter| {
        let all = filter.and().and_then(|and| and.prefix());
        filter.prefix().or(all)
    });
    #[expect(deprecated, reason = "old rules still have it")]
    let of_rule = rule.prefix();
    let of_rule = of_filter.or(of_rule).unwrap_or_default();
    of_rule.starts_with(prefix) || prefix.starts_with(of_rule)
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
    use aws_sdk_s3::types::{LifecycleRuleFilter, NoncurrentVersionExpiration};

    use super::*;

    fn rule(id: &str, prefix: &str, days: i32, newer: Option<i32>) -> LifecycleRule {
        let expiration = NoncurrentVersionExpiration::builder()
            .noncurrent_days(days)
            .set_newer_noncurrent_versions(newer)
            .build();
        LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .noncurrent_version_expiration(expiration)
            .build()
            .unwrap()
    }

    #[test]
    fn a_rule_of_never_reaches_nothing() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        assert_eq!(
            reaches("r", Some(i32::MAX), DateTime::UNIX_EPOCH, now),
            None
        );
        assert!(reaches("r", Some(30), DateTime::UNIX_EPOCH, now).is_some());
    }

    fn by(rule: &str, days: Option<i32>) -> Allowed {
        let rule = rule.to_owned();
        Allowed::By { rule, days }
    }

    #[test]
    fn the_rule_that_removes_first_counts_where_it_touches_the_prefix() {
        let rules = [rule("a", "x/", 90, None), rule("b", "x/y/", 30, None)];
        assert_eq!(strictest(&rules, "x/"), by("b", Some(30)));
        assert_eq!(strictest(&rules, ""), by("b", Some(30)));
        assert_eq!(strictest(&rules, "x/z/"), by("a", Some(90)));
        assert_eq!(strictest(&rules, "z/"), Allowed::All);
        let numbered = [rule("a", "", 90, None), rule("n", "", 90, Some(5))];
        assert_eq!(strictest(&numbered, "x/"), by("n", None));
        let mut off = rule("off", "", 1, None);
        off.status = ExpirationStatus::Disabled;
        assert_eq!(strictest(&[off], ""), Allowed::All);
    }

    #[test]
    fn a_rule_reaches_what_is_older_than_its_days() {
        let now: DateTime<Utc> = "2026-11-26T12:00:00Z".parse().unwrap();
        let ago = |days| now - TimeDelta::days(days);
        assert_eq!(reaches("r", Some(90), ago(89), now), None);
        let why = reaches("r", Some(90), ago(91), now).unwrap();
        assert!(why.contains("back to 2026-08-28"), "{why}");
        assert!(reaches("r", None, ago(0), now).is_some());
    }
}
