//! Whether the bucket can be restored as it was at an earlier moment (`--at`).

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use sync_core::{
    diagnosis::{Diagnosis, Level},
    text::printable,
};

use crate::doctor::probe::{Probe, Report};
use crate::error::{Attempted, Failure};
use crate::list::url_encoding::decode_if;
use crate::list::versions::Request;
use crate::list::versions::lifecycle::{Allowed, Limit, allowed_soon, earliest};
use crate::versioning::{self, Versioning};

/// A key, and one that begins with it and precedes all that is below it: some servers
/// lose the first where a page ends between both.
const NAMES: [&str; 2] = ["past/p", "past/p-1"];

/// Pages of one version, far more than are needed.
const MOST_PAGES: usize = 40;

/// Whether versions are kept, and since when; writes nothing.
pub(super) async fn reach(probe: &Probe, report: Report<'_>) {
    if versioning::versioning(&probe.bucket).await != Versioning::On {
        return;
    }
    let now = DateTime::<Utc>::from(SystemTime::now());
    report(match allowed_soon(&probe.bucket).await {
        Allowed::All => Diagnosis::ok("lifecycle", "no rule removes old versions"),
        Allowed::By {
            rule,
            limit: Limit::Days(days),
        } => {
            let back = earliest(days, now).map_or_else(
                || "all times".to_owned(),
                |back| back.format("%Y-%m-%d").to_string(),
            );
            let message = format!(
                "the rule '{}' removes old versions after {days} days: --at reaches back to {back}",
                printable(&rule),
            );
            Diagnosis::ok("lifecycle", message)
        }
        Allowed::By { rule, limit } => {
            let what = match limit {
                Limit::Whole => "removes objects with all of their versions",
                _ => "keeps only a number of old versions",
            };
            let rule = printable(&rule);
            let message = format!("the rule '{rule}' {what}: with --at nothing is deleted");
            Diagnosis::warning("lifecycle", message)
        }
        Allowed::Unread(why) => {
            let message = format!("how far --at reaches back is not known: {why}");
            Diagnosis::ok("lifecycle", message).with_advice("it takes s3:GetLifecycleConfiguration")
        }
    });
}

/// Writes versions and lists them one at a time.
pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    if versioning::versioning(&probe.bucket).await != Versioning::On {
        let message = "the bucket keeps no versions, so it cannot be restored as it was (--at)";
        report(Diagnosis::ok("past", message));
        return;
    }
    for name in NAMES {
        for body in [b"1", b"2"] {
            // A failure is reported by `objects`.
            if probe.put(probe.trial(name, body)).await.is_err() {
                return;
            }
        }
    }
    let mut wanted: Vec<_> = {
        let made = probe.traces.lock();
        let places = NAMES.map(|name| probe.full(name));
        let written = made.versions.iter();
        written
            .filter(|(key, _)| places.contains(key))
            .cloned()
            .collect()
    };
    let mut listed = match listed(probe).await {
        Ok(listed) => listed,
        Err(failure) => {
            let place = probe.location();
            let attempted = Attempted {
                what: "list the versions of",
                name: &place,
                permission: "s3:ListBucketVersions, without which there is no --at",
            };
            report(probe.failed("past", Level::Warning, &failure, attempted));
            return;
        }
    };
    wanted.sort();
    listed.sort();
    report(if wanted.len() != 2 * NAMES.len() {
        let message = "the answers to uploads do not name the version, so whether all versions are \
                       listed could not be tried";
        Diagnosis::warning("past", message.to_owned())
    } else if listed == wanted {
        Diagnosis::ok("past", "the bucket can be restored as it was (--at)")
    } else {
        let message = format!(
            "the server loses versions between the pages of a listing: of {} versions, {} are \
             listed",
            2 * NAMES.len(),
            listed.iter().filter(|line| wanted.contains(line)).count()
        );
        Diagnosis::warning("past", message).with_advice(
            "do not rely on --at here: what is lost looks as if it had not existed; keys that \
             exist now are noticed, others are not",
        )
    });
}

/// The versions of the trial: key and id.
async fn listed(probe: &Probe) -> Result<Vec<(String, String)>, Failure> {
    let prefix = probe.full("past/");
    let mut all = Vec::new();
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let request = Request {
            prefix: &prefix,
            after: after.as_ref(),
            delimiter: None,
            max_keys: 1,
        };
        let page = request.send(&probe.bucket).await?;
        let decoded = |key: String| decode_if(page.is_encoded, key).unwrap_or_else(|lossy| lossy);
        let lines = page.lines.into_iter();
        all.extend(lines.map(|line| (decoded(line.key), line.id.unwrap_or_default())));
        let next = page.next_key_marker.zip(page.next_version_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
        after = next.map(|(key, id)| (decoded(key), id));
    }
    Ok(all)
}
