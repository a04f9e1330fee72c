//! Whether objects can be deleted: in batches, and only the version that was listed.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use sync_core::diagnosis::{Diagnosis, Level};
use sync_core::setting::Setting;

use crate::client::amend::Amended;
use crate::client::content_md5::ContentMd5;
use crate::delete::refuses_batches;
use crate::doctor::conditions::{Accepted, is_refused, judge, right};
use crate::doctor::objects::{CONTENT, FIRST};
use crate::doctor::probe::{Probe, Report};
use crate::error::{Attempted, Failure};
use crate::write::conditional::WRONG_ETAG;

pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    if probe.asks_for_conditions() {
        conditional(probe, report).await;
    }
    let name = probe.full(FIRST);
    // Without the object, a deletion would prove nothing.
    let _ = probe.put(probe.trial(FIRST, CONTENT)).await;
    let knew_md5 = probe.bucket.sends_md5();
    match batch(probe, &name, None).await {
        Ok(()) if probe.bucket.sends_md5() && !knew_md5 => {
            let message = "objects can be deleted; the server requires Content-MD5";
            report(
                Diagnosis::ok("delete", message)
                    .with_advice("no option is needed: runs send it once the server asks for it"),
            );
        }
        Ok(()) => report(Diagnosis::ok("delete", "objects can be deleted")),
        Err(failure) if refuses_batches(&failure) => match single(probe, &name, None).await {
            Ok(()) => {
                let message = "objects can be deleted only one by one: the server has no \
                               DeleteObjects";
                report(
                    Diagnosis::warning("delete", message)
                        .with_advice("no option is needed: runs send one request for each"),
                );
            }
            Err(failure) => report(undeletable(probe, &name, &failure)),
        },
        Err(failure) => report(undeletable(probe, &name, &failure)),
    }
}

fn undeletable(probe: &Probe, name: &str, failure: &Failure) -> Diagnosis {
    let attempted = Attempted {
        what: "delete",
        name,
        permission: &format!("s3:DeleteObject; without it, use {}", Setting::NoDelete),
    };
    probe.failed("delete", Level::Problem, failure, attempted)
}

/// The object must survive the deletion of another version, but not that of its own, by both
/// kinds of requests.
async fn conditional(probe: &Probe, report: Report<'_>) {
    const NAME: &str = "conditional-delete";
    let name = probe.full(FIRST);
    let mut ignored = Vec::new();
    let mut accepted = Vec::new();
    for (header, is_batch) in [("If-Match", false), ("the ETag in a list", true)] {
        let delete = async |etag: Option<String>| {
            if is_batch {
                batch(probe, &name, etag).await
            } else {
                single(probe, &name, etag).await
            }
        };
        let wrong = delete(Some(WRONG_ETAG.to_owned())).await;
        match &wrong {
            Ok(()) => {
                ignored.push(header);
                let _ = probe.put(probe.trial(FIRST, CONTENT)).await;
                continue;
            }
            // Runs delete one by one there, or without conditions.
            Err(failure) if failure.is_not_implemented() || refuses_batches(failure) => continue,
            Err(failure) if !is_refused(&wrong) => {
                let attempted = Attempted {
                    what: "delete, if it is the version that was seen,",
                    name: &name,
                    permission: "s3:DeleteObject, and s3:GetObject for the condition",
                };
                report(probe.failed(NAME, Level::Warning, failure, attempted));
                return;
            }
            Err(_) => {}
        }
        let forms = right(probe, FIRST).await;
        let mut form = Accepted::before(&forms);
        for (name, condition) in forms {
            if delete(condition.if_match()).await.is_ok() {
                form = name;
                let _ = probe.put(probe.trial(FIRST, CONTENT)).await;
                break;
            }
        }
        accepted.push(form);
    }
    let accepted = if accepted.contains(&Accepted::Nothing) {
        Accepted::Nothing
    } else if accepted.contains(&Accepted::Bare) {
        Accepted::Bare
    } else {
        Accepted::Quoted
    };
    let well = "an object is deleted only if it is the version that was listed";
    report(judge(NAME, "deletions", well, &ignored, accepted));
}

async fn single(probe: &Probe, name: &str, etag: Option<String>) -> Result<(), Failure> {
    let sent = probe
        .bucket
        .client
        .delete_object()
        .bucket(probe.bucket.location.bucket())
        .key(name)
        .set_if_match(etag)
        .send()
        .await?;
    note_marker(probe, name, sent.version_id());
    Ok(())
}

/// As a backup deletes.
async fn batch(probe: &Probe, name: &str, etag: Option<String>) -> Result<(), Failure> {
    let send = || batch_once(probe, name, etag.clone());
    probe.bucket.with_md5_if_wanted(send).await
}

async fn batch_once(probe: &Probe, name: &str, etag: Option<String>) -> Result<(), Failure> {
    let object = ObjectIdentifier::builder()
        .key(name)
        .set_e_tag(etag)
        .build();
    let delete = object.and_then(|object| Delete::builder().objects(object).build());
    let delete = delete.map_err(|error| Failure::protocol(error.to_string()))?;
    let mut request = probe
        .bucket
        .client
        .delete_objects()
        .bucket(probe.bucket.location.bucket())
        .delete(delete)
        .customize();
    if probe.bucket.sends_md5() {
        request = request.interceptor(Amended(ContentMd5));
    }
    let sent = request.send().await?;
    for deleted in sent.deleted() {
        note_marker(probe, name, deleted.delete_marker_version_id());
    }
    match sent.errors().first() {
        Some(error) => Err(Failure::of_key(error.code(), error.message())),
        None => Ok(()),
    }
}

/// Records the version that a deletion adds in a bucket with versions.
fn note_marker(probe: &Probe, name: &str, version: Option<&str>) {
    if let Some(version) = version {
        let marker = (name.to_owned(), version.to_owned());
        probe.traces.lock().versions.insert(marker);
    }
}
