//! Whether the server verifies checksums and stores them.

use sync_core::{
    ErrorKind,
    checksum::Crc64,
    diagnosis::{Diagnosis, Level},
    hint,
    setting::Setting,
};

use crate::doctor::objects::FIRST;
use crate::doctor::probe::{Probe, Report};
use crate::error::Attempted;
use crate::options::Checksums;

const NAME: &str = "damaged";

pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    if probe.bucket.checksums == Checksums::None {
        let message = format!(
            "none are sent ({} none), so damage on the way goes unnoticed",
            Setting::Checksums
        );
        report(Diagnosis::warning("checksum", message));
        return;
    }
    // A right one was accepted with the first object.
    let mut trial = probe.trial(NAME, b"one");
    trial.headers = Some(probe.bucket.headers(b"two", Crc64::of(b"two")));
    match probe.put(trial).await {
        Ok(_) => {
            let message = "the server accepts content that does not match its checksum, so \
                           damage on the way to it goes unnoticed";
            report(Diagnosis::warning("checksum", message).with_advice(hint!(
                "use https, and run {} after a backup",
                Setting::VerifyBytes
            )));
            return;
        }
        Err(failure) if failure.kind() == ErrorKind::Corrupt || failure.status == Some(400) => {}
        Err(failure) => {
            let name = probe.full(NAME);
            let attempted = Attempted {
                what: "try a wrong checksum with",
                name: &name,
                permission: "s3:PutObject",
            };
            report(probe.failed("checksum", Level::Warning, &failure, attempted));
            return;
        }
    }
    let Ok(key) = probe.key(FIRST) else { return };
    let kept = matches!(probe.bucket.head(&key).await, Ok(Some(entry)) if entry.checksum.is_some());
    report(if kept {
        Diagnosis::ok(
            "checksum",
            "the server verifies it, stores it and returns it",
        )
    } else {
        let message = format!(
            "the server verifies uploads, but stores no CRC64NVME: downloads are not checked \
             by it, and `verify` and {} checksum read all bytes",
            Setting::Compare
        );
        Diagnosis::warning("checksum", message)
    });
}
