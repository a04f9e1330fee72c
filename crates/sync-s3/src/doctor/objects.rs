//! Writing an object and reading it back.

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use sync_core::{
    Entry, ErrorKind,
    diagnosis::{Diagnosis, Level},
    hint,
    setting::Setting,
};

use crate::doctor::probe::{Probe, Report};
use crate::error::Attempted;
use crate::list;
use crate::options::Checksums;
use crate::quirks::Quirk;
use crate::read;

/// The object that other checks use.
pub(super) const FIRST: &str = "first";
pub(super) const CONTENT: &[u8] = b"written by s3mirror doctor; it may be removed\n";

/// Returns whether an object could be written.
pub(super) async fn write_and_read(probe: &Probe, report: Report<'_>) -> bool {
    let name = probe.full(FIRST);
    let written = match probe.put(probe.trial(FIRST, CONTENT)).await {
        Ok(written) => written,
        Err(failure) => {
            let attempted = Attempted {
                what: "write",
                name: &name,
                permission: "s3:PutObject for a backup; a restore needs none",
            };
            let diagnosis = probe.failed("put", Level::Problem, &failure, attempted);
            let refuses = matches!(failure.kind(), ErrorKind::Unsupported | ErrorKind::Other);
            let sums = probe.bucket.checksums != Checksums::None;
            report(if refuses && sums {
                diagnosis.with_advice(hint!(
                    "try {} crc32, md5 or none for this server",
                    Setting::Checksums
                ))
            } else {
                diagnosis
            });
            return false;
        }
    };
    if probe.bucket.quirks.has(Quirk::WantsMd5) {
        let message = "the server requires Content-MD5 of uploads";
        report(Diagnosis::ok("content-md5", message).with_advice(hint!(
            "no option is needed: runs send it once the server asks for it; {} md5 sends it \
             from the start",
            Setting::Checksums
        )));
    }
    encryption(probe, &written, report);
    read_back(probe, report).await;
    true
}

/// Whether objects are encrypted, and as the options want it.
fn encryption(probe: &Probe, written: &PutObjectOutput, report: Report<'_>) {
    if probe.bucket.objects.encryption.is_some() && written.server_side_encryption().is_none() {
        let message = format!(
            "the server ignores {}: objects are written without it",
            Setting::Encryption
        );
        report(Diagnosis::warning("settings", message));
    }
    let is_keyed = probe.bucket.customer_key.is_some();
    let has_key = written.sse_customer_algorithm().is_some();
    if is_keyed && !has_key {
        let message = format!(
            "the server ignores {}: objects are stored unencrypted, so a backup with it fails",
            Setting::CustomerKey
        );
        report(Diagnosis::warning("settings", message));
    }
    let encrypted = written
        .server_side_encryption()
        .map(|kind| kind.as_str().to_owned());
    report(Diagnosis::ok(
        "put",
        match encrypted.as_deref() {
            _ if is_keyed && has_key => format!(
                "objects can be written; they are encrypted by the key of {}, without which \
                 nobody can read them",
                Setting::CustomerKey
            ),
            Some("aws:kms" | "aws:kms:dsse") => {
                "objects can be written; they are encrypted by a KMS key, whose kms:Decrypt \
                 a restore needs too"
                    .to_owned()
            }
            Some(kind) => format!("objects can be written; they are encrypted by {kind}"),
            None => "objects can be written".to_owned(),
        },
    ));
}

async fn read_back(probe: &Probe, report: Report<'_>) {
    let Ok(key) = probe.key(FIRST) else { return };
    let name = probe.full(FIRST);
    let attempted = Attempted {
        what: "read",
        name: &name,
        permission: "s3:GetObject, for a restore and for conditional requests of a backup",
    };
    let entry = match probe.bucket.head(&key).await {
        Ok(Some(head)) => head.entry,
        Ok(None) => {
            let message = "an object that was just written is not there: reads lag behind writes";
            report(Diagnosis::problem("get", message));
            return;
        }
        Err(failure) => {
            report(probe.failed("get", Level::Problem, &failure, attempted));
            return;
        }
    };
    listing(probe, &entry, report).await;
    report(match read::read_whole(&probe.bucket, &entry).await {
        Ok(bytes) if bytes == CONTENT => {
            Diagnosis::ok("get", "objects are read as they were written")
        }
        Ok(_) => Diagnosis::problem(
            "get",
            "an object is read with other content than was written",
        ),
        Err(error) => Diagnosis::problem("get", error.to_string()),
    });
}

/// Whether a listing describes the object as a HEAD does.
async fn listing(probe: &Probe, found: &Entry, report: Report<'_>) {
    const NAME: &str = "listing";
    // The check of the order reports a missing one.
    let Some(listed) = list::listed(&probe.bucket, &found.key).await else {
        return;
    };
    if listed.size != found.size || listed.modified.timestamp() != found.modified.timestamp() {
        let message = format!(
            "a listing shows an object with {} bytes of {}, a HEAD with {} of {}: backups would \
             not recognise their own objects",
            listed.size, listed.modified, found.size, found.modified
        );
        report(Diagnosis::problem(NAME, message));
        return;
    }
    report(match (&listed.revision, &found.revision) {
        (Some(listed), Some(found)) if listed == found => {
            Diagnosis::ok(NAME, "listings and answers have the same ETag of an object")
        }
        (Some(_), Some(_)) => Diagnosis::warning(
            NAME,
            "listings have other ETags than answers about the same objects",
        )
        .with_advice("no option is needed: runs detect it, and list such keys once more"),
        _ => Diagnosis::warning(
            NAME,
            "listings or answers lack ETags: objects are compared by size and time",
        )
        .with_advice("no option is needed: runs look up each object shortly before"),
    });
}
