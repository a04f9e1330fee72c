//! What the bucket itself does with old versions: kept, or gone.

use aws_sdk_s3::types::BucketVersioningStatus;
use sync_core::diagnosis::Diagnosis;

use crate::doctor::probe::{Probe, Tell};

/// Looks at versioning and object lock. Whether what is written will be kept
/// against its deletion, so that nothing may be written for a trial.
pub(super) async fn look(probe: &Probe, tell: Tell<'_>) -> bool {
    let is_versioned = versioning(probe, tell).await;
    // Object lock needs versioning (User Guide, "Object Lock considerations").
    is_versioned && retention(probe, tell).await
}

async fn versioning(probe: &Probe, tell: Tell<'_>) -> bool {
    let bucket = probe.bucket.location.bucket();
    let request = probe.bucket.client.get_bucket_versioning().bucket(bucket);
    let status = match request.send().await {
        Ok(answer) => answer.status,
        Err(_) => {
            let message = "not known (it takes s3:GetBucketVersioning, and a server that has it)";
            tell(Diagnosis::ok("versioning", message));
            // A bucket with versions must not be taken for one without.
            return true;
        }
    };
    let is_on = status == Some(BucketVersioningStatus::Enabled);
    tell(if is_on {
        let message = "on: what a backup overwrites or deletes can be brought back";
        Diagnosis::ok("versioning", message)
            .with_advice("old versions are paid for until a lifecycle rule removes them")
    } else {
        let message = "off: what a backup overwrites or deletes is gone";
        Diagnosis::ok("versioning", message)
            .with_advice("turn versioning on, if a mistake must not be final")
    });
    status.is_some()
}

async fn retention(probe: &Probe, tell: Tell<'_>) -> bool {
    let request = probe
        .bucket
        .client
        .get_object_lock_configuration()
        .bucket(probe.bucket.location.bucket());
    // Most buckets have none, which is an error here.
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
    tell(Diagnosis::ok("object-lock", message));
    true
}
