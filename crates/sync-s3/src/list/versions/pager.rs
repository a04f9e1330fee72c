//! The pages of a listing of versions, one after the other, each with its keys
//! together.

use std::sync::Arc;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::page_check::PAGE;
use crate::list::pager::Seen;
use crate::list::url_encoding::decode_if;
use crate::list::versions::page_xml::{Document, Line};
use crate::list::versions::request::Request;

/// Pages in a row without a line before the listing counts as endless.
const MAX_EMPTY_PAGES: u32 = 1_000;

/// A page whose lines are those of one key after those of another.
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    /// Whether the versions may be apart from the markers, so that their order among
    /// each other is not known.
    pub(crate) is_torn: bool,
    pub(crate) is_last: bool,
}

/// Requests one page after the other.
pub(crate) struct Pager {
    bucket: Arc<Bucket>,
    prefix: String,
    after: Option<(String, String)>,
    seen: Seen,
    empty_pages: u32,
    /// Whether the server is known to list markers among versions.
    interleaves: bool,
}

impl Pager {
    /// The versions of all keys that begin with `prefix`, which is that in the bucket.
    pub(crate) fn new(bucket: Arc<Bucket>, prefix: String) -> Self {
        let interleaves = !bucket.endpoint.is_foreign();
        Self {
            bucket,
            prefix,
            after: None,
            seen: Seen::default(),
            empty_pages: 0,
            interleaves,
        }
    }

    /// The next page. Must not be called after the last.
    pub(crate) async fn next(&mut self) -> Result<Page, Failure> {
        let request = Request {
            prefix: &self.prefix,
            after: self.after.as_ref(),
            max_keys: PAGE,
        };
        let mut document = request.send(&self.bucket).await?;
        let is_last = !self.advance(&mut document)?;
        let is_torn = self.is_torn(&document.lines);
        let mut lines = self.decoded(document)?;
        if is_torn {
            // A server that separates the kinds has its keys in the order of bytes
            // within each of them.
            lines.sort_by(|one, other| one.key.cmp(&other.key));
        }
        Ok(Page {
            lines,
            is_torn,
            is_last,
        })
    }

    /// Whether all versions of a page may stand before all markers.
    fn is_torn(&mut self, lines: &[Line]) -> bool {
        let first_marker = lines.iter().position(|line| line.is_marker);
        let last_version = lines.iter().rposition(|line| !line.is_marker);
        let (Some(marker), Some(version)) = (first_marker, last_version) else {
            return false;
        };
        self.interleaves |= marker < version;
        !self.interleaves
    }

    fn decoded(&self, document: Document) -> Result<Vec<Line>, Failure> {
        let mut lines = document.lines;
        for line in &mut lines {
            let key = std::mem::take(&mut line.key);
            if key.is_empty() {
                return Err(Failure::protocol(
                    "the server lists a version without a key",
                ));
            }
            match decode_if(document.is_encoded, key) {
                Ok(key) => line.key = key,
                Err(lossy) => (line.key, line.is_lossy) = (lossy, true),
            }
            if !line.key.starts_with(&self.prefix) && !line.is_lossy {
                let key = &line.key;
                return Err(Failure::protocol(format!(
                    "the server lists '{key}', which is outside of the prefix"
                )));
            }
        }
        Ok(lines)
    }

    /// Where the next page begins; `false` if there is none.
    fn advance(&mut self, document: &mut Document) -> Result<bool, Failure> {
        if document.is_truncated != Some(true) {
            return Ok(false);
        }
        let key = document.next_key_marker.take().unwrap_or_default();
        let id = document.next_version_id_marker.take().unwrap_or_default();
        let key = decode_if(document.is_encoded, key).map_err(|lossy| {
            Failure::protocol(format!(
                "the listing cannot go on after '{lossy}', which is not UTF-8"
            ))
        })?;
        if !self.seen.insert(&format!("{key}\0{id}")) {
            return Err(Failure::protocol(
                "the server repeats the markers of a page, so the listing would never end",
            ));
        }
        self.empty_pages = if document.lines.is_empty() {
            self.empty_pages + 1
        } else {
            0
        };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Failure::protocol(
                "the server sends empty pages without end",
            ));
        }
        self.after = Some((key, id));
        Ok(true)
    }
}
