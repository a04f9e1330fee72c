//! Deleting: many at once, and only what was seen.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use sync_core::{Diagnosis, Level};

use super::conditions::{WRONG_ETAG, is_refused};
use super::objects::FIRST;
use super::{Probe, Tell};
use crate::error::{Attempted, Failure};

pub(super) async fn look(probe: &Probe, tell: Tell<'_>) {
    if probe.asks_for_conditions() {
        conditional(probe, tell).await;
    }
    let name = probe.full(FIRST);
    match batch(probe, &name).await {
        Ok(()) => tell(Diagnosis::ok("delete", "objects can be deleted")),
        Err(failure) => {
            let attempted = Attempted {
                what: "delete",
                name: &name,
                permission: "s3:DeleteObject; without it, use --no-delete",
            };
            tell(probe.failed("delete", Level::Problem, &failure, attempted));
        }
    }
}

/// The object must outlive a deletion of another version.
async fn conditional(probe: &Probe, tell: Tell<'_>) {
    let name = probe.full(FIRST);
    let sent = probe
        .bucket
        .client
        .delete_object()
        .bucket(probe.bucket.location.bucket())
        .key(&name)
        .if_match(WRONG_ETAG)
        .send()
        .await
        .map_err(|error| Failure::from(&error));
    if let Ok(deleted) = &sent {
        note_marker(probe, &name, deleted.version_id());
    }
    if let Err(failure) = &sent
        && !is_refused(&sent)
    {
        let attempted = Attempted {
            what: "delete, if it is the version that was seen,",
            name: &name,
            permission: "s3:DeleteObject, and s3:GetObject for the condition",
        };
        tell(probe.failed("conditional-delete", Level::Warning, failure, attempted));
        return;
    }
    tell(if is_refused(&sent) {
        Diagnosis::ok("conditional-delete", "nothing is deleted but what was seen")
    } else {
        let message = "the server deletes whatever is there: a backup may delete what another \
                       program wrote at that very moment";
        Diagnosis::warning("conditional-delete", message)
            .with_advice("use --no-conditional, which looks at the object shortly before")
    });
}

/// As a backup deletes.
async fn batch(probe: &Probe, name: &str) -> Result<(), Failure> {
    let object = ObjectIdentifier::builder().key(name).build();
    let delete = object.and_then(|object| Delete::builder().objects(object).build());
    let delete = delete.map_err(|error| Failure::protocol(error.to_string()))?;
    let sent = probe
        .bucket
        .client
        .delete_objects()
        .bucket(probe.bucket.location.bucket())
        .delete(delete)
        .send()
        .await
        .map_err(|error| Failure::from(&error))?;
    for deleted in sent.deleted() {
        note_marker(probe, name, deleted.delete_marker_version_id());
    }
    match sent.errors().first() {
        Some(error) => Err(Failure::of_key(error.code(), error.message())),
        None => Ok(()),
    }
}

/// In a bucket with versions, a deletion leaves one more.
fn note_marker(probe: &Probe, name: &str, version: Option<&str>) {
    if let Some(version) = version {
        let marker = (name.to_owned(), version.to_owned());
        probe.traces.lock().versions.insert(marker);
    }
}
