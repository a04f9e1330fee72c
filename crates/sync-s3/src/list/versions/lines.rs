//! All versions and delete markers of a key, or of all keys below a prefix, as the
//! server lists them.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use sync_core::{ErrorKind, KeyRange, Result};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::page_reader::PageReader as _;
use crate::list::pages::Pages;
use crate::list::prune::Pruner;
use crate::list::versions::page_xml::{Line, NULL};
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

/// What is read now.
enum Reading {
    /// The key of the location itself, which is before all keys below it.
    Key(Option<Pager>),
    /// The keys below the prefix.
    Below(Pages<Pager>),
}

struct Lines {
    bucket: Arc<Bucket>,
    reading: Reading,
    /// Those of the page that was read last.
    page: VecDeque<Result<Line>>,
}

/// The versions of the key that the location of `bucket` names, then those of the keys
/// below it.
pub(crate) fn lines(bucket: Arc<Bucket>) -> BoxStream<'static, Result<ObjectVersion>> {
    // Tasks start with the first poll: only then is there surely a runtime.
    stream::once(async move { Lines::begin(bucket) })
        .flat_map(|lines| {
            stream::unfold(Some(lines), |lines| async {
                let mut lines = lines?;
                let line = lines.next().await?;
                let rest = line.is_ok().then_some(lines);
                Some((line, rest))
            })
        })
        .boxed()
}

impl Lines {
    fn begin(bucket: Arc<Bucket>) -> Self {
        let key = bucket.location.prefix().strip_suffix('/');
        let reading = match key.map(str::to_owned) {
            Some(key) => Reading::Key(Some(Pager::of(&bucket, key))),
            None => below(&bucket),
        };
        Self {
            bucket,
            reading,
            page: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Option<Result<ObjectVersion>> {
        loop {
            let Some(line) = self.page.pop_front() else {
                if self.read().await {
                    continue;
                }
                return None;
            };
            match line {
                Ok(line) if self.is_of_key() && !line.key.is_empty() => {
                    // Other keys begin with this one; where the order is not known, it may
                    // still come after them.
                    if self.bucket.is_ordered {
                        self.begin_below();
                    }
                }
                // A policy may allow only what is below the name.
                Err(error) if self.is_of_key() && error.kind() == ErrorKind::Denied => {
                    self.begin_below();
                }
                line => return Some(line.and_then(|line| self.shown(line))),
            }
        }
    }

    fn is_of_key(&self) -> bool {
        matches!(self.reading, Reading::Key(_))
    }

    /// Reads the next page; `false` if there is none.
    async fn read(&mut self) -> bool {
        match &mut self.reading {
            Reading::Key(pager) => match pager.take() {
                Some(mut read) => {
                    let page = read.next().await;
                    *pager = (!page.is_last).then_some(read);
                    self.page = page.items.into();
                }
                None => self.begin_below(),
            },
            Reading::Below(pages) => match pages.next().await {
                Some(items) => self.page = items.into(),
                None => return false,
            },
        }
        true
    }

    /// The key has been read; the keys below it follow.
    fn begin_below(&mut self) {
        self.page.clear();
        self.reading = below(&self.bucket);
    }

    fn shown(&self, line: Line) -> Result<ObjectVersion> {
        let prefix = self.bucket.location.prefix();
        let place = if self.is_of_key() {
            prefix.strip_suffix('/').unwrap_or(prefix)
        } else {
            prefix
        };
        let key = [place, &*line.key].concat();
        of_line(key, line).map_err(|failure| refused(&self.bucket, failure))
    }
}

fn below(bucket: &Arc<Bucket>) -> Reading {
    let pruner = Pruner::new(Arc::default(), KeyRange::default(), bucket.is_ordered);
    let tuning = bucket.tuning;
    Reading::Below(Pages::read(Arc::clone(bucket), Arc::new(pruner), tuning))
}

fn of_line(key: String, line: Line) -> Result<ObjectVersion, Failure> {
    let lacking = |what: &str| {
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
        key,
    })
}
