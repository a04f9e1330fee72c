//! Uploads in parts: begun, listed, completed, aborted.

use std::collections::BTreeMap;

use bytes::Bytes;
use sync_core::{
    checksum::Crc64,
    diagnosis::{Diagnosis, Level},
    hint,
    setting::Setting,
};

use crate::checksum::Content;
use crate::client::retry::Share;
use crate::doctor::conditions::{Accepted, is_refused, judge, not_implemented, right, wrong};
use crate::doctor::probe::{Probe, Report};
use crate::error::{Attempted, Failure, Origin};
use crate::write::complete::Completion;
use crate::write::conditional::{Attempts, Condition};
use crate::write::session::{self, Part, Session};

const NAME: &str = "in-parts";
const CONDITIONAL: &str = "conditional-multipart";
/// The last part may be of any size.
const PART: &[u8] = b"the only part";

/// An upload with its part.
struct Open {
    session: Session,
    parts: BTreeMap<i32, Part>,
}

pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    let name = probe.full(NAME);
    let attempted = Attempted {
        what: "upload in parts",
        name: &name,
        permission: &format!(
            "s3:PutObject, without which a backup fails at files above {}",
            Setting::PartSize
        ),
    };
    let mut conditional = probe.asks_for_conditions();
    let first = match probe.begin(NAME).await {
        Ok(open) => {
            lists(probe, &open, report).await;
            let condition = if conditional {
                Condition::Absent
            } else {
                Condition::None
            };
            match probe.complete(&open, &condition).await {
                Err(failure) if conditional && failure.is_not_implemented() => {
                    conditional = false;
                    report(not_implemented(CONDITIONAL, "multipart uploads"));
                    probe.complete(&open, &Condition::None).await
                }
                settled => settled,
            }
        }
        Err(failure) => Err(failure),
    };
    match first {
        Ok(()) => report(Diagnosis::ok(
            "multipart",
            "large files can be sent in parts",
        )),
        Err(failure) => {
            let diagnosis = probe.failed("multipart", Level::Problem, &failure, attempted);
            report(match diagnosis.advice {
                Some(_) => diagnosis,
                None => {
                    diagnosis.with_advice(hint!("try {} none for this server", Setting::Checksums))
                }
            });
            return;
        }
    }
    if conditional && again(probe, report).await.is_err() {
        return;
    }
    abort(probe, report).await;
}

/// A second upload of the same key must be completed only under a condition that holds.
async fn again(probe: &Probe, report: Report<'_>) -> Result<(), Failure> {
    let mut open = probe.begin(NAME).await?;
    let mut ignored = Vec::new();
    for (header, condition) in wrong() {
        let completed = probe.complete(&open, &condition).await;
        if !is_refused(&completed) {
            ignored.push(header);
        }
        if completed.is_ok() {
            open = probe.begin(NAME).await?;
        }
    }
    let forms = right(probe, NAME).await;
    let mut accepted = Accepted::before(&forms);
    for (form, condition) in forms {
        if probe.complete(&open, &condition).await.is_ok() {
            accepted = form;
            break;
        }
    }
    let well = "the same holds for files that are sent in parts";
    let requests = "multipart uploads";
    report(judge(CONDITIONAL, requests, well, &ignored, accepted));
    Ok(())
}

async fn abort(probe: &Probe, report: Report<'_>) {
    let Ok(open) = probe.begin(NAME).await else {
        return;
    };
    let key = probe.full(NAME);
    match session::abort(&probe.bucket, &key, &open.session.id).await {
        Ok(_) => {
            probe.traces.lock().uploads.remove(&(key, open.session.id));
            report(Diagnosis::ok("abort", "unfinished uploads can be aborted"));
        }
        Err(failure) => {
            let attempted = Attempted {
                what: "abort the upload of",
                name: &key,
                permission: "s3:AbortMultipartUpload, or what a stopped backup leaves is paid for",
            };
            report(probe.failed("abort", Level::Problem, &failure, attempted));
        }
    }
}

/// ListParts and ListMultipartUploads.
async fn lists(probe: &Probe, open: &Open, report: Report<'_>) {
    let client = &probe.bucket.client;
    let bucket = probe.bucket.location.bucket();
    let key = probe.full(NAME);
    let parts = client.list_parts().bucket(bucket).key(&key);
    let parts = parts.upload_id(&open.session.id).send().await;
    let uploads = client.list_multipart_uploads().bucket(bucket);
    let uploads = uploads.prefix(probe.full("")).send().await;
    let failures = [
        (
            "s3:ListMultipartUploadParts",
            parts.err().map(Failure::from),
        ),
        (
            "s3:ListBucketMultipartUploads",
            uploads.err().map(Failure::from),
        ),
    ];
    let mut all_well = true;
    for (permission, failure) in failures {
        let Some(failure) = failure else { continue };
        all_well = false;
        let attempted = Attempted {
            what: "list the uploads or parts of",
            name: &key,
            permission,
        };
        let diagnosis = probe.failed("uploads", Level::Warning, &failure, attempted);
        let message = format!(
            "{}; interrupted uploads start again from the beginning",
            diagnosis.message
        );
        report(Diagnosis {
            message,
            ..diagnosis
        });
    }
    if all_well {
        let message = "interrupted uploads can be found and resumed";
        report(Diagnosis::ok("uploads", message));
    }
}

impl Probe {
    /// Uploads in parts to `name`, with few attempts where the failure has no reason.
    pub(super) async fn put_in_parts(&self, name: &str) -> Result<(), Failure> {
        let open = self.begin(name).await?;
        self.complete_within(&open, &Condition::None, Share::First)
            .await
    }

    /// Begins an upload and sends its part.
    async fn begin(&self, name: &str) -> Result<Open, Failure> {
        let key = self.key(name)?;
        self.traces.lock().lost_upload = true;
        let begun = Session::create(&self.bucket, &key).await;
        if let Err(failure) = &begun
            && !failure.is_in_doubt()
            && failure.origin != Origin::Protocol
        {
            self.traces.lock().lost_upload = false;
        }
        let session = begun?;
        {
            let mut made = self.traces.lock();
            made.uploads.insert((self.full(name), session.id.clone()));
            made.lost_upload = false;
        }
        let (body, checksum) = (Bytes::from_static(PART), Crc64::of(PART));
        let part = Part {
            answer: session.send_part(1, body, checksum).await?,
            len: PART.len() as u64,
            checksum,
        };
        Ok(Open {
            session,
            parts: BTreeMap::from([(1, part)]),
        })
    }

    async fn complete(&self, open: &Open, condition: &Condition) -> Result<(), Failure> {
        self.complete_within(open, condition, Share::All).await
    }

    async fn complete_within(
        &self,
        open: &Open,
        condition: &Condition,
        share: Share,
    ) -> Result<(), Failure> {
        let session = &open.session;
        let key = self.bucket.full_key(&session.key);
        self.traces.lock().keys.insert(key.clone());
        let content = Content {
            size: PART.len() as u64,
            checksum: Crc64::of(PART),
        };
        let completion = Completion::new(session, &open.parts, content);
        let done = completion
            .send_once(condition, &Attempts::of(share))
            .await?;
        let mut made = self.traces.lock();
        made.uploads.remove(&(key.clone(), session.id.clone()));
        if let Some(version) = done.version_id {
            made.versions.insert((key, version));
        }
        Ok(())
    }
}
