//! Whether the bucket keeps old versions.

use sync_core::diagnosis::Diagnosis;

use crate::doctor::probe::{Probe, Report};
use crate::versioning::{self, Versioning};

/// Checks versioning and object lock. Returns whether a default retention protects every
/// object, so that nothing may be written for a trial.
pub(super) async fn check(probe: &Probe, report: Report<'_>) -> bool {
    let may_have_versions = check_versioning(probe, report).await;
    // Object lock needs versioning (User Guide, "Object Lock considerations").
    may_have_versions && retention(probe, report).await
}

async fn check_versioning(probe: &Probe, report: Report<'_>) -> bool {
    let versioning = versioning::versioning(&probe.bucket).await;
    report(match versioning {
        Versioning::Unknown => {
            let message = "unknown: it takes s3:GetBucketVersioning, and a server that has it";
            Diagnosis::ok("versioning", message)
        }
        Versioning::On => {
            let message = "on: what a backup overwrites or deletes can be brought back";
            Diagnosis::ok("versioning", message)
                .with_advice("old versions are paid for until a lifecycle rule removes them")
        }
        Versioning::Off | Versioning::Suspended => {
            let message = "off: what a backup overwrites or deletes is gone";
            Diagnosis::ok("versioning", message)
                .with_advice("turn versioning on, if a mistake must not be final")
        }
    });
    versioning != Versioning::Off
}

async fn retention(probe: &Probe, report: Report<'_>) -> bool {
    let request = probe
        .bucket
        .client
        .get_object_lock_configuration()
        .bucket(probe.bucket.location.bucket());
    // Most buckets have none, which this request reports as an error.
    let Ok(answer) = request.send().await else {
        return false;
    };
    let rule = answer
        .object_lock_configuration()
        .and_then(|lock| lock.rule()?.default_retention());
    let Some(rule) = rule else { return false };
    let (number, unit) = match (rule.years(), rule.days()) {
        (Some(years), _) => (years, "years"),
        (None, days) => (days.unwrap_or_default(), "days"),
    };
    let message = format!("every version is kept for {number} {unit}, whoever deletes it");
    report(Diagnosis::ok("object-lock", message));
    true
}
