//! Objects that stand in an archive: how to have one back.
//!
//! Only the answer to a GET tells that an object cannot be read now. The class
//! in a listing does not: an object of GLACIER that has been thawed keeps it.

use aws_sdk_s3::operation::get_object::GetObjectError;
use sync_core::{
    Entry,
    text::{printable, printable_shell_word},
};

use crate::bucket::Bucket;
use crate::options::Payer;

/// For how long the command that is shown makes the object readable: time to
/// wait for all of them, and to run again.
const DAYS: u32 = 7;

/// What to do about an object that cannot be read because it is archived.
pub(crate) fn hint(bucket: &Bucket, entry: &Entry, error: Option<&GetObjectError>) -> String {
    let state = match error {
        Some(GetObjectError::InvalidObjectState(state)) => Some(state),
        _ => None,
    };
    let class = state.and_then(|state| state.storage_class());
    let tier = state.and_then(|state| state.access_tier());
    let archive = match (class, tier) {
        (Some(class), Some(tier)) => format!(" ({class}, {tier})"),
        (Some(class), None) => format!(" ({class})"),
        (None, _) => String::new(),
    };
    // What is thawed in INTELLIGENT_TIERING stays so, and days are refused.
    let by_tier = tier.is_some() || class.is_some_and(|it| it.as_str() == "INTELLIGENT_TIERING");
    let request = if by_tier {
        "'{}'".to_owned()
    } else {
        format!("Days={DAYS}")
    };
    format!(
        "the object is archived{}: restore it from the archive first, with `{} \
         --restore-request {request}`, and run again when that has been done, in up to 12 hours",
        printable(&archive),
        command(bucket, entry)
    )
}

/// The command for this object at this server.
fn command(bucket: &Bucket, entry: &Entry) -> String {
    let mut words = vec!["aws s3api restore-object".to_owned()];
    let endpoint = &bucket.endpoint;
    let options = [
        ("--endpoint-url", endpoint.url.as_deref()),
        ("--profile", endpoint.profile.as_deref()),
        ("--expected-bucket-owner", endpoint.owner.as_deref()),
    ];
    for (option, value) in options {
        words.extend(value.map(|value| format!("{option} {}", printable_shell_word(value))));
    }
    if bucket.payer == Payer::Requester {
        words.push("--request-payer requester".to_owned());
    }
    words.push(format!(
        "--bucket {}",
        printable_shell_word(bucket.location.bucket())
    ));
    // With the sign of equality also one that looks like an option is a key.
    words.push(format!(
        "--key={}",
        printable_shell_word(&bucket.full_key(&entry.key))
    ));
    words.extend(
        bucket
            .version_id(entry)
            .map(|id| format!("--version-id={}", printable_shell_word(&id))),
    );
    words.join(" ")
}
