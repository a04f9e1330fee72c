//! What the lifecycle rules of a bucket leave of its history.
//!
//! Parsed here and not by the SDK, which knows nothing of the rules of MinIO that remove
//! all versions of an object (MinIO, "Object Lifecycle Management").

use std::time::Duration;

use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::{
    GetBucketLifecycleConfigurationError, GetBucketLifecycleConfigurationOutput,
};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use chrono::{DateTime, TimeDelta, Utc};

use crate::bucket::Bucket;
use crate::client::retry;
use crate::error::Failure;
use crate::list::slot::Slot;
use crate::list::xml::{Elements, Unreadable};

/// Where it decides nothing, the lifecycle is not worth many attempts, nor much time.
const ATTEMPTS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);

/// What the lifecycle leaves of the history below the prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Nothing is removed.
    All,
    /// Versions are removed, by the rule of this name.
    By { rule: String, limit: Limit },
    /// The lifecycle could not be read.
    Unread(String),
}

/// What a rule removes; the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// All versions of an object, also of one that is not deleted.
    Whole,
    /// Noncurrent versions beyond a number of them.
    Number,
    /// Noncurrent versions after so many days.
    Days(i32),
}

impl Allowed {
    pub(super) fn unread(failure: &Failure) -> Self {
        Self::Unread(failure.cause().unwrap_or_else(|| "no reason given".into()))
    }

    /// What the rule leaves that removes versions below `prefix` first.
    fn by(rules: Vec<Rule>, prefix: &str) -> Self {
        let found = rules.into_iter().filter(|rule| rule.touches(prefix));
        let limits = found.filter_map(|rule| Some((rule.limit?, rule.id)));
        let first = limits.min();
        first.map_or(Self::All, |(limit, rule)| Self::By { rule, limit })
    }
}

/// What a rule leaves that removes versions after so many days; none if that is
/// before all times.
pub(crate) fn earliest(days: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::days(days.max(0).into()))
}

/// What the lifecycle of the bucket leaves of the history.
pub(super) async fn allowed(bucket: &Bucket, attempts: u32) -> Result<Allowed, Failure> {
    let slot = Slot::new(
        rules,
        || Output::erase(GetBucketLifecycleConfigurationOutput::builder().build()),
        |metadata| Error::erase(GetBucketLifecycleConfigurationError::generic(metadata)),
    );
    let asked = bucket
        .client
        .get_bucket_lifecycle_configuration()
        .bucket(bucket.location.bucket())
        .customize()
        .config_override(retry::at_most(attempts))
        .interceptor(slot.clone())
        .send();
    match asked.await {
        Ok(_) => Ok(Allowed::by(slot.take()?, bucket.location.prefix())),
        Err(error) => match Failure::from(error) {
            none if none.code.as_deref() == Some("NoSuchLifecycleConfiguration") => {
                Ok(Allowed::All)
            }
            failure => Err(failure),
        },
    }
}

/// The same for information: what could not be read soon is not known.
pub(crate) async fn allowed_soon(bucket: &Bucket) -> Allowed {
    let asked = allowed(bucket, ATTEMPTS.min(bucket.max_attempts));
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(allowed)) => allowed,
        Ok(Err(failure)) => Allowed::unread(&failure),
        Err(_) => Allowed::Unread("no answer in time".to_owned()),
    }
}

/// A rule of the lifecycle, as far as it concerns versions.
#[derive(Debug, Default)]
struct Rule {
    id: String,
    is_enabled: bool,
    prefix: String,
    limit: Option<Limit>,
}

impl Rule {
    /// Whether it is in force for some key below `prefix`. Its other conditions, such as
    /// tags, may be true of any of them.
    fn touches(&self, prefix: &str) -> bool {
        self.is_enabled && (self.prefix.starts_with(prefix) || prefix.starts_with(&self.prefix))
    }

    fn add(&mut self, limit: Limit) {
        self.limit = Some(self.limit.map_or(limit, |other| other.min(limit)));
    }
}

fn rules(body: &[u8]) -> Result<Vec<Rule>, Unreadable> {
    let mut elements = Elements::of(body, b"LifecycleConfiguration")?;
    let mut rules = Vec::new();
    while let Some(name) = elements.child_name()? {
        match &*name {
            "Rule" => rules.push(rule(&mut elements)?),
            _ => elements.skip()?,
        }
    }
    elements.end()?;
    Ok(rules)
}

fn rule(elements: &mut Elements<'_>) -> Result<Rule, Unreadable> {
    let mut rule = Rule::default();
    while let Some(name) = elements.child_name()? {
        match &*name {
            "ID" => rule.id = elements.text()?.into_owned(),
            "Status" => rule.is_enabled = elements.text()?.trim() == "Enabled",
            // Old rules have it here.
            "Prefix" => rule.prefix = elements.text()?.into_owned(),
            "Filter" => read_filter(elements, &mut rule.prefix)?,
            "NoncurrentVersionExpiration" => rule.add(noncurrent(elements)?),
            "Expiration" => {
                if removes_all(elements)? {
                    rule.add(Limit::Whole);
                }
            }
            // With the marker MinIO removes all versions.
            "DelMarkerExpiration" => rule.add(noncurrent(elements)?),
            _ => elements.skip()?,
        }
    }
    Ok(rule)
}

fn read_filter(elements: &mut Elements<'_>, prefix: &mut String) -> Result<(), Unreadable> {
    while let Some(name) = elements.child_name()? {
        match &*name {
            "Prefix" => *prefix = elements.text()?.into_owned(),
            "And" => {
                while let Some(name) = elements.child_name()? {
                    match &*name {
                        "Prefix" => *prefix = elements.text()?.into_owned(),
                        _ => elements.skip()?,
                    }
                }
            }
            _ => elements.skip()?,
        }
    }
    Ok(())
}

/// Days; anything else that decides is less than any number of them.
fn noncurrent(elements: &mut Elements<'_>) -> Result<Limit, Unreadable> {
    let (mut days, mut has_others) = (None, false);
    while let Some(name) = elements.child_name()? {
        match &*name {
            "NoncurrentDays" | "Days" => days = elements.text()?.trim().parse().ok(),
            _ => {
                has_others = true;
                elements.skip()?;
            }
        }
    }
    let days = days.filter(|_| !has_others);
    Ok(days.map_or(Limit::Number, Limit::Days))
}

/// Whether an expiration leaves no version behind, but a marker.
fn removes_all(elements: &mut Elements<'_>) -> Result<bool, Unreadable> {
    let mut all = false;
    while let Some(name) = elements.child_name()? {
        match &*name {
            "ExpiredObjectAllVersions" => {
                all = elements.text()?.trim().eq_ignore_ascii_case("true");
            }
            _ => elements.skip()?,
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(rules: &str) -> String {
        format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>")
    }

    fn allowed(rules: &str, prefix: &str) -> Allowed {
        Allowed::by(
            super::rules(configuration(rules).as_bytes()).unwrap(),
            prefix,
        )
    }

    fn rule(id: &str, prefix: &str, what: &str) -> String {
        format!(
            "<Rule><ID>{id}</ID><Status>Enabled</Status><Filter><Prefix>{prefix}</Prefix></Filter>\
             {what}</Rule>"
        )
    }

    fn old(inner: &str) -> String {
        format!("<NoncurrentVersionExpiration>{inner}</NoncurrentVersionExpiration>")
    }

    fn days(days: i32) -> String {
        old(&format!("<NoncurrentDays>{days}</NoncurrentDays>"))
    }

    fn by(rule: &str, limit: Limit) -> Allowed {
        let rule = rule.to_owned();
        Allowed::By { rule, limit }
    }

    #[test]
    fn the_rule_that_removes_first_counts_where_it_touches_the_prefix() {
        let rules = rule("a", "x/", &days(90)) + &rule("b", "x/y/", &days(30));
        assert_eq!(allowed(&rules, "x/"), by("b", Limit::Days(30)));
        assert_eq!(allowed(&rules, ""), by("b", Limit::Days(30)));
        assert_eq!(allowed(&rules, "x/z/"), by("a", Limit::Days(90)));
        assert_eq!(allowed(&rules, "z/"), Allowed::All);
        let number = old(
            "<NoncurrentDays>90</NoncurrentDays><NewerNoncurrentVersions>5\
             </NewerNoncurrentVersions>",
        );
        let numbered = rule("a", "", &days(90)) + &rule("n", "", &number);
        assert_eq!(allowed(&numbered, "x/"), by("n", Limit::Number));
        let off = rule("off", "", &days(1)).replace("Enabled", "Disabled");
        assert_eq!(allowed(&off, ""), Allowed::All);
        assert_eq!(allowed("", ""), Allowed::All);
    }

    #[test]
    fn a_prefix_may_stand_in_three_places() {
        let at = |place: &str| {
            let rule = rule("r", "", &days(1));
            rule.replace("<Filter><Prefix></Prefix></Filter>", place)
        };
        for place in [
            "<Prefix>x/</Prefix>",
            "<Filter><Prefix>x/</Prefix></Filter>",
            "<Filter><And><Tag><Key>k</Key></Tag><Prefix>x/</Prefix></And></Filter>",
        ] {
            assert_eq!(
                allowed(&at(place), "x/"),
                by("r", Limit::Days(1)),
                "{place}"
            );
            assert_eq!(allowed(&at(place), "y/"), Allowed::All, "{place}");
        }
        let of_all = "<Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>";
        assert_eq!(allowed(&at(of_all), "y/"), by("r", Limit::Days(1)));
    }

    #[test]
    fn rules_of_minio_that_remove_all_versions_are_limits() {
        let expiration = |inner: &str| format!("<Expiration><Days>60</Days>{inner}</Expiration>");
        let all = |text| {
            expiration(&format!(
                "<ExpiredObjectAllVersions>{text}</ExpiredObjectAllVersions>"
            ))
        };
        let of = |what: &str| allowed(&rule("r", "", what), "x/");
        assert_eq!(of(&expiration("")), Allowed::All);
        assert_eq!(of(&all("false")), Allowed::All);
        assert_eq!(of(&all("true")), by("r", Limit::Whole));
        assert_eq!(of(&(all("true") + &days(1))), by("r", Limit::Whole));
        let of_deleted = "<DelMarkerExpiration><Days>7</Days></DelMarkerExpiration>";
        assert_eq!(of(of_deleted), by("r", Limit::Days(7)));
        let both = days(3) + of_deleted;
        assert_eq!(of(&both), by("r", Limit::Days(3)));
    }

    #[test]
    fn what_is_no_lifecycle_is_refused() {
        let whole = configuration(&rule("r", "", &days(1)));
        let cut = &whole[..whole.len() - 40];
        assert!(matches!(
            super::rules(cut.as_bytes()),
            Err(Unreadable::Truncated)
        ));
        assert!(matches!(
            super::rules(b"<html></html>"),
            Err(Unreadable::OtherDocument)
        ));
        let deep = configuration(&"<And>".repeat(100_000));
        assert!(super::rules(deep.as_bytes()).is_err());
    }
}
