//! One object as a listing shows it: with its exact time, where the headers of a
//! HEAD have whole seconds only, and with the ETag that listings give it.

use sync_core::{Entry, Key, Listed, Result, rule::is_same_time};

use crate::bucket::Bucket;
use crate::list::entries::entries;
use crate::list::page_reader::Named as _;
use crate::list::request::{refused, request};
use crate::list::v1::send;
use crate::quirks::Quirk;

/// Keys requested: a server that lists directories may show others first.
const KEYS: i32 = 10;

/// The object of `key` as a listing shows it now.
pub(crate) async fn listed(bucket: &Bucket, key: &Key) -> Option<Entry> {
    if bucket.location.is_directory_bucket() {
        return match find(bucket, key).await {
            Ok(Some(Listed::Entry(entry))) => Some(entry),
            _ => None,
        };
    }
    let request = request(bucket).prefix(bucket.full_key(key)).max_keys(KEYS);
    let page = send(bucket, request).await.ok()?;
    let items = entries(page, bucket.location.prefix(), |failure| {
        refused(bucket, failure)
    });
    items.into_iter().flatten().find_map(|item| match item {
        Listed::Entry(entry) if entry.key == *key => Some(entry),
        _ => None,
    })
}

/// What a listing has under `key` now, entry or skipped, or that no listing has it: this is as
/// sure as a listing of all keys is.
pub(crate) async fn find(bucket: &Bucket, key: &Key) -> Result<Option<Listed>> {
    let failed = |failure| refused(bucket, failure);
    let full = bucket.full_key(key);
    let prefix = listed_prefix(&full, bucket.location.is_directory_bucket());
    let mut token = None;
    loop {
        // With a delimiter, what is below a directory of that name counts as one.
        let request = request(bucket)
            .set_prefix(Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
            .delimiter("/");
        let sent = send(bucket, request.set_continuation_token(token)).await;
        let page = sent.map_err(failed)?;
        token = page.next_continuation_token.clone();
        for item in entries(page, bucket.location.prefix(), failed) {
            let item = item?;
            if item.name() == Some(key.as_str()) {
                return Ok(Some(item));
            }
        }
        // In the order of bytes it would be the first that begins so.
        let is_first = bucket.is_ordered && prefix == full;
        if is_first || token.as_ref().is_none_or(String::is_empty) {
            return Ok(None);
        }
    }
}

/// The longest prefix of the key `full` that can be listed. Directory buckets take only
/// prefixes that end with the delimiter (API Reference, ListObjectsV2).
fn listed_prefix(full: &str, is_directory_bucket: bool) -> &str {
    let end = full.rfind('/').map_or(0, |at| at + 1);
    if is_directory_bucket {
        &full[..end]
    } else {
        full
    }
}

/// The items of the first page of the listing.
pub(crate) async fn first_page(bucket: &Bucket) -> Option<Vec<Result<Listed>>> {
    let page = send(bucket, request(bucket)).await.ok()?;
    let prefix = bucket.location.prefix();
    Some(entries(page, prefix, |failure| refused(bucket, failure)))
}

/// `found` as a listing shows it, if that is the same version. It is not an error
/// if it is not: the time of a HEAD is correct, only coarser.
pub(crate) async fn as_listed(bucket: &Bucket, mut found: Entry) -> Entry {
    if let Some(listed) = listed(bucket, &found.key).await
        && listed.size == found.size
        && is_same_time(listed.modified, found.modified)
    {
        found.modified = listed.modified;
        if bucket.quirks.has(Quirk::OtherETagsListed) {
            found.revision = listed.revision;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_bucket_is_asked_for_prefixes_of_directories_only() {
        for (full, of_directory_bucket) in [("a", ""), ("a/b", "a/"), ("a/b/c.d", "a/b/")] {
            assert_eq!(listed_prefix(full, false), full);
            assert_eq!(listed_prefix(full, true), of_directory_bucket);
        }
    }
}
