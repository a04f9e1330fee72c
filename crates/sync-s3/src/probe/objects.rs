//! Writing an object and reading it back.

use sync_core::{Diagnosis, ErrorKind, Level};

use super::{Probe, Tell};
use crate::error::Attempted;
use crate::options::Checksums;
use crate::read;

/// The object that the others build upon.
pub(super) const FIRST: &str = "first";
pub(super) const CONTENT: &[u8] = b"written by s3mirror doctor; it may be removed\n";

/// Whether it could be written.
pub(super) async fn write_and_read(probe: &Probe, tell: Tell<'_>) -> bool {
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
            tell(if refuses && sums {
                diagnosis.with_advice("try --checksum crc32 or --checksum none for this server")
            } else {
                diagnosis
            });
            return false;
        }
    };
    let encrypted = written
        .server_side_encryption()
        .map(|kind| kind.as_str().to_owned());
    tell(Diagnosis::ok(
        "put",
        match encrypted.as_deref() {
            Some("aws:kms" | "aws:kms:dsse") => {
                "objects can be written; they are encrypted by a KMS key, whose kms:Decrypt \
                 a restore needs too"
                    .to_owned()
            }
            Some(kind) => format!("objects can be written; they are encrypted by {kind}"),
            None => "objects can be written".to_owned(),
        },
    ));
    read_back(probe, tell).await;
    true
}

async fn read_back(probe: &Probe, tell: Tell<'_>) {
    let Ok(key) = probe.key(FIRST) else { return };
    let name = probe.full(FIRST);
    let attempted = Attempted {
        what: "read",
        name: &name,
        permission: "s3:GetObject, for a restore and for conditional requests of a backup",
    };
    let entry = match probe.bucket.head(&key).await {
        Ok(Some(entry)) => entry,
        Ok(None) => {
            let message = "an object that was just written is not there: reads lag behind writes";
            tell(Diagnosis::problem("get", message));
            return;
        }
        Err(failure) => {
            tell(probe.failed("get", Level::Problem, &failure, attempted));
            return;
        }
    };
    tell(
        match read::read(&probe.bucket, &entry, 0..entry.size).await {
            Ok(bytes) if bytes == CONTENT => {
                Diagnosis::ok("get", "they are read as they were written")
            }
            Ok(_) => {
                Diagnosis::problem("get", "an object is read with another content than written")
            }
            Err(error) => Diagnosis::problem("get", error.to_string()),
        },
    );
}
