//! The credentials, whether the server answers, and whether the bucket can be listed.

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::types::EncodingType;
use sync_core::{
    ErrorKind,
    diagnosis::{Diagnosis, Level},
    plan::{CLOCK_OFFSET_WARNING, MAX_CLOCK_OFFSET},
    text::printable,
};

use crate::doctor::probe::{Probe, Report};
use crate::error::{Attempted, Failure};

/// Whether there are credentials, and where they come from.
pub(super) async fn credentials(probe: &Probe, report: Report<'_>) {
    let Some(provider) = &probe.bucket.identity else {
        let message = "requests are not signed: only a public bucket answers, mostly to restores";
        report(Diagnosis::ok("credentials", message));
        return;
    };
    // Without them the next request fails, with a hint.
    if let Ok(found) = provider.provide_credentials().await {
        report(Diagnosis::ok("credentials", identity(&found)));
    }
}

/// The end of the access key, which distinguishes keys and is useless to others.
fn identity(found: &Credentials) -> String {
    let id = found.access_key_id();
    let shown: String = match id.char_indices().rev().nth(3) {
        // The end of a short one would be most of it.
        Some((at, _)) if id.len() >= 12 => id[at..].to_owned(),
        _ => String::new(),
    };
    let mut text = format!("access key …{}", printable(&shown));
    if found.session_token().is_some() {
        text.push_str(", for a session");
    }
    if let Some(expiry) = found.expiry() {
        let expiry: chrono::DateTime<chrono::Utc> = expiry.into();
        text.push_str(&expiry.format(", until %Y-%m-%d %H:%M:%S UTC").to_string());
    }
    text
}

/// Requests one key; returns whether further checks are useful.
pub(super) async fn listing(probe: &Probe, report: Report<'_>) -> bool {
    let location = &probe.bucket.location;
    let sent = probe
        .bucket
        .client
        .list_objects_v2()
        .bucket(location.bucket())
        .set_prefix(Some(location.prefix().to_owned()).filter(|prefix| !prefix.is_empty()))
        .encoding_type(EncodingType::Url)
        .max_keys(1)
        .send()
        .await;
    let server = match &probe.bucket.endpoint.url {
        Some(url) => printable(url),
        None => "AWS".to_owned(),
    };
    let region = probe.bucket.client.config().region();
    let region = region.map_or("none", AsRef::as_ref);
    let reached = format!("{server} answers, asked for region {}", printable(region));
    let failure = match sent {
        Ok(_) => {
            report(Diagnosis::ok("server", reached));
            report(Diagnosis::ok(
                "list",
                format!("{} can be listed", probe.location()),
            ));
            return true;
        }
        Err(error) => Failure::from(error).of_bucket(),
    };
    let name = match failure.kind() {
        ErrorKind::Credentials => "credentials",
        ErrorKind::WrongRegion => "region",
        ErrorKind::RootMissing => "bucket",
        ErrorKind::Denied => "list",
        _ => "server",
    };
    let place = probe.location();
    let attempted = Attempted {
        what: "list",
        name: &place,
        permission: "s3:ListBucket, without which neither backup nor restore can begin",
    };
    if name == "list" {
        report(Diagnosis::ok("server", reached));
    }
    report(probe.failed(name, Level::Problem, &failure, attempted));
    // The other permissions are still worth checking.
    name == "list"
}

/// Whether both clocks agree, according to the first answer.
pub(super) fn clock(probe: &Probe, report: Report<'_>) {
    let Some(offset) = probe.bucket.clock.offset() else {
        let message = "the answers of the server have no date, so the clocks cannot be compared";
        report(Diagnosis::warning("clock", message));
        return;
    };
    let seconds = offset.abs().num_seconds();
    let side = if offset > chrono::TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let off = format!("the clock of this machine is {seconds} s {side} the server's");
    report(if offset.abs() > MAX_CLOCK_OFFSET {
        Diagnosis::problem(
            "clock",
            format!("{off}: backup and restore refuse to delete"),
        )
        .with_advice("set this machine's clock")
    } else if offset.abs() > CLOCK_OFFSET_WARNING {
        let message =
            format!("{off}; times are compared by that difference, and more files are sent");
        Diagnosis::warning("clock", message).with_advice("set this machine's clock")
    } else {
        Diagnosis::ok("clock", "both clocks agree")
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_access_key_is_shown() {
        let of = |id: &str| identity(&Credentials::new(id, "secret", None, None, "test"));
        assert_eq!(of("AKIAIOSFODNN7EXAMPLE"), "access key …MPLE");
        assert_eq!(of("short"), "access key …");
        assert_eq!(of("äöüäöüäöü"), "access key …üäöü");
    }
}
