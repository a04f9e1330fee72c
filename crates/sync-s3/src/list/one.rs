//! The time of one object as a listing tells it: in full, where the headers of
//! a HEAD tell whole seconds only.

use sync_core::{Entry, Listed, is_same_time};

use super::run::{request, send};
use crate::page::entries;
use crate::store::Bucket;

/// `found` with the time that a listing tells, if it shows the same version. It
/// is no failure if it does not: the time of a HEAD is true, only coarser.
pub(crate) async fn with_full_time(bucket: &Bucket, mut found: Entry) -> Entry {
    let request = request(bucket)
        .prefix(bucket.full_key(&found.key))
        .max_keys(1);
    let Ok(page) = send(request).await else {
        return found;
    };
    let listed = entries(page, bucket.location.prefix(), |failure| {
        super::run::refused(bucket, failure)
    });
    if let Some(Ok(Listed::Entry(listed))) = listed.into_iter().next()
        && listed.key == found.key
        && listed.size == found.size
        && is_same_time(listed.modified, found.modified)
    {
        found.modified = listed.modified;
    }
    found
}
