//! What the answer to a DeleteObjects says of each key, and what a refusal of the
//! whole batch may mean.

use std::collections::HashMap;

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::Error as KeyError;

use crate::error::Failure;

/// The error of each key that the answer names, or none if it was deleted.
pub(super) fn verdicts(answer: &DeleteObjectsOutput) -> HashMap<&str, Option<&KeyError>> {
    let deleted = answer.deleted().iter().filter_map(|deleted| deleted.key());
    let mut verdicts: HashMap<&str, Option<&KeyError>> = deleted.map(|key| (key, None)).collect();
    // An error outweighs a success for the same key.
    let errors = answer.errors().iter();
    verdicts.extend(errors.filter_map(|error| Some((error.key()?, Some(error)))));
    verdicts
}

/// Whether a header may be missing.
pub(super) fn is_vague(failure: &Failure) -> bool {
    failure.has_code(&[
        "InvalidRequest",
        "InvalidDigest",
        "BadDigest",
        "InvalidArgument",
    ])
}

/// Servers without DeleteObjects, or that insist on a `Content-MD5`.
pub(crate) fn refuses_batches(failure: &Failure) -> bool {
    matches!(failure.status, Some(405 | 501))
        || failure.has_code(&[
            "NotImplemented",
            "MethodNotAllowed",
            "MissingContentMD5",
            "InvalidDigest",
            "InvalidRequest",
            "InvalidArgument",
            "MalformedXML",
        ])
}
