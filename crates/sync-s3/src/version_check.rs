//! Whether an object is still the version that was listed.
//!
//! Mostly a HEAD shows that. If its ETag differs from that of the listing, the object has
//! been replaced, or the server has other ETags in listings than in answers. A second
//! listing of that key shows which: it compares like with like.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use sync_core::{Entry, rule::is_same_time};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::etag::ETag;
use crate::head::Head;
use crate::list;
use crate::past::Answered;
use crate::quirks::Quirk;

/// The result of a look-up.
pub(crate) enum Look {
    /// The expected version.
    Same {
        found: Head,
        /// The ETag as the server writes it.
        etag: Option<String>,
    },
    /// No object.
    Gone,
    /// Another version.
    Other(Head),
}

impl Bucket {
    /// Looks up whether the object is still the version of `seen`.
    pub(crate) async fn look(&self, seen: &Entry, attempts: u32) -> Result<Look, Failure> {
        let version = self.version_id(seen);
        let Some(head) = self.head_output(&seen.key, version, attempts).await? else {
            return Ok(Look::Gone);
        };
        let found = Head::of(&seen.key, &head)?;
        let is_same = self.is_version(seen, &head, &found.entry).await;
        Ok(if is_same {
            let etag = head.e_tag;
            Look::Same { found, etag }
        } else {
            Look::Other(found)
        })
    }

    /// Whether the answer to a HEAD, which describes `found`, is about the version of `seen`.
    pub(crate) async fn is_version(
        &self,
        seen: &Entry,
        head: &HeadObjectOutput,
        found: &Entry,
    ) -> bool {
        if self.past.is_some() {
            let answered = Answered {
                id: head.version_id(),
                etag: head.e_tag(),
                modified: Some(found.modified),
            };
            return seen.size == found.size && answered.is_of(seen);
        }
        is_same(seen, found) || self.is_still_listed(seen, found).await
    }

    /// Whether `seen` is still listed although an answer describes the object as `found`:
    /// then only their ETags differ.
    pub(crate) async fn is_still_listed(&self, seen: &Entry, found: &Entry) -> bool {
        let differ_in_etag = seen.size == found.size
            && ETag::of(seen).is_some()
            && ETag::of(found).is_some()
            && is_same_time(seen.modified, found.modified);
        if !differ_in_etag {
            return false;
        }
        let listed = list::listed(self, &seen.key).await;
        let is_listed = listed.is_some_and(|listed| is_same(seen, &listed));
        if is_listed {
            self.quirks.note(Quirk::OtherETagsListed);
        }
        is_listed
    }
}

/// Whether an answer about an object shows the version that a listing showed.
pub(crate) fn is_same(seen: &Entry, found: &Entry) -> bool {
    let same_etag = match (ETag::of(seen), ETag::of(found)) {
        (Some(seen), Some(found)) => Some(seen.revision() == found.revision()),
        _ => None,
    };
    seen.size == found.size
        && same_etag.unwrap_or_else(|| is_same_time(seen.modified, found.modified))
}
