//! All versions and delete markers of a key, or of all keys below a prefix, as the
//! server lists them.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use sync_core::{ErrorKind, Result};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::versions::history::NULL;
use crate::list::versions::page_xml::Line;
use crate::list::versions::pager::Pager;
use crate::list::versions::refused::refused;

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectVersion {
    /// The key in the bucket, with the prefix.
    pub key: String,
    /// The id of the version; `null` for what was written while versioning was not
    /// enabled.
    pub version_id: String,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// Whether it is what the key has now.
    pub is_latest: bool,
    /// Which of both.
    pub kind: VersionKind,
}

/// An object or a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// An object of this size in bytes.
    Object(u64),
    /// A marker that the key was deleted.
    DeleteMarker,
}

/// What is read next.
struct Reading {
    bucket: Arc<Bucket>,
    /// The lines of the page that was read last.
    lines: VecDeque<Line>,
    pager: Option<Pager>,
    /// Only this key is read, before all keys below it.
    key: Option<String>,
}

/// The versions of the key that the location of `bucket` names, then those of the keys
/// below it.
pub(crate) fn lines(bucket: Arc<Bucket>) -> BoxStream<'static, Result<ObjectVersion>> {
    let prefix = bucket.location.prefix();
    let key = prefix.strip_suffix('/').map(str::to_owned);
    let first = key.clone().unwrap_or_default();
    let reading = Reading {
        pager: Some(Pager::new(Arc::clone(&bucket), first)),
        bucket,
        lines: VecDeque::new(),
        key,
    };
    stream::unfold(Some(reading), |reading| async {
        let mut reading = reading?;
        match reading.next().await {
            Ok(line) => line.map(|line| (Ok(line), Some(reading))),
            Err(failure) => Some((Err(refused(&reading.bucket, failure)), None)),
        }
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Result<Option<ObjectVersion>, Failure> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                if self.key.as_ref().is_none_or(|key| *key == line.key) {
                    return of_line(line).map(Some);
                }
                // Other keys begin with this one; where the order is not known, it may still
                // come after them.
                if self.bucket.is_ordered {
                    self.begin_below();
                }
                continue;
            }
            let Some(mut pager) = self.pager.take() else {
                if self.key.is_none() {
                    return Ok(None);
                }
                self.begin_below();
                continue;
            };
            let page = match pager.next().await {
                // A policy may allow only what is below the name.
                Err(failure) if failure.kind() == ErrorKind::Denied && self.key.is_some() => {
                    self.begin_below();
                    continue;
                }
                page => page?,
            };
            self.lines = page.lines.into();
            self.pager = (!page.is_last).then_some(pager);
        }
    }

    /// The key has been read; the keys below it follow.
    fn begin_below(&mut self) {
        self.key = None;
        self.lines.clear();
        let prefix = self.bucket.location.prefix().to_owned();
        self.pager = Some(Pager::new(Arc::clone(&self.bucket), prefix));
    }
}

fn of_line(line: Line) -> Result<ObjectVersion, Failure> {
    let lacking = |what: &str| {
        let key = &line.key;
        Failure::protocol(format!(
            "the server lists a version of '{key}' without {what}"
        ))
    };
    let modified = line.modified.ok_or_else(|| lacking("a time"))?;
    let kind = if line.is_marker {
        VersionKind::DeleteMarker
    } else {
        VersionKind::Object(line.size.ok_or_else(|| lacking("a size"))?)
    };
    Ok(ObjectVersion {
        version_id: line.id.unwrap_or_else(|| NULL.to_owned()),
        modified,
        is_latest: line.is_latest,
        kind,
        key: line.key,
    })
}
