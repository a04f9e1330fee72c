//! The bucket as it was at a moment: its versions and delete markers, key by key.
//!
//! One pass over pages of 1,000 versions; the state is one key, carried over the
//! borders of pages. What a key was is judged by `history`. Three things may hide that
//! a key existed, and are listed as skipped, so that nothing is deleted: a history with
//! holes (`holes`), a key of which the history does not tell what it was, and a server
//! that loses versions between pages, which the current objects show (`current`).

mod current;
mod history;
mod holes;
mod lines;
mod page_xml;
mod pager;
mod refused;
mod request;

use std::sync::Arc;

use aws_sdk_s3::primitives::DateTime as SdkDateTime;
use aws_sdk_s3::types::Object;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use sync_core::{
    Entry, ErrorKind, Key, Listed, Result, StoreError,
    entry::{Revision, SkipCause},
};
use tokio::sync::mpsc;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::entries::{self, skipped};
use crate::list::reader::{Message, Reader};
use crate::past::shown;
use current::CurrentKeys;
pub(crate) use history::NULL;
use history::{History, Was};
pub(crate) use holes::{Allowed, allowed, earliest};
pub(crate) use lines::lines;
pub use lines::{ObjectVersion, VersionKind};
pub(crate) use page_xml::Line;
pub(crate) use pager::Pager;
use refused::refused;
pub(crate) use request::Request;

type Items = Vec<Result<Listed>>;

/// What was deleted before versions were kept has left no trace.
const NOT_KEPT: &str = "nothing of then or before has a version id, so whether versions were kept \
                        then is not known";

/// All entries below the prefix as they were at `at`. At most two pages are in memory.
pub(crate) fn list(bucket: Arc<Bucket>, at: DateTime<Utc>) -> BoxStream<'static, Result<Listed>> {
    // The task starts with the first poll: only then is there surely a runtime.
    let begin = async move {
        Reader::start(|sender| async move { Past::new(bucket, at).read(&sender).await })
    };
    stream::once(begin)
        .flat_map(|reader| {
            stream::unfold(reader, |mut reader| async {
                let items = reader.next().await?;
                Some((items, reader))
            })
        })
        .flat_map(stream::iter)
        .boxed()
}

/// The entry of `key` as it was at `at`.
pub(crate) async fn find(
    bucket: &Arc<Bucket>,
    key: &Key,
    at: DateTime<Utc>,
) -> Result<Option<Entry>> {
    let full = bucket.full_key(key);
    let mut pager = Pager::new(Arc::clone(bucket), full.clone());
    let mut history = History::default();
    let failed = |failure| refused(bucket, failure);
    loop {
        let page = pager.next().await.map_err(failed)?;
        let mine = page.lines.iter().filter(|line| line.key == full);
        // In the order of bytes its lines are the first of those whose key begins with it.
        let is_over = bucket.is_ordered && mine.clone().count() < page.lines.len();
        let is_done = page.is_last || is_over;
        for line in mine {
            history.add(line, page.is_torn, at).map_err(failed)?;
        }
        if !is_done {
            continue;
        }
        return match history.end(full) {
            Was::Absent => Ok(None),
            Was::Version(line) => match listed(bucket, line).map_err(failed)? {
                Listed::Entry(entry) => Ok(Some(entry)),
                Listed::Skipped(_) => Ok(None),
            },
            Was::Unknown(why) => {
                let message = format!("what '{key}' was is not known");
                Err(StoreError::new(ErrorKind::Other, message).with_source(why))
            }
        };
    }
}

/// The listing while it is read.
struct Past {
    bucket: Arc<Bucket>,
    at: DateTime<Utc>,
    /// The key whose lines come now.
    key: Option<(String, bool, History)>,
    /// Where the server may lose versions between pages.
    current: Option<CurrentKeys>,
    /// The oldest line so far.
    oldest: Option<DateTime<Utc>>,
    /// Whether a version of then has an id: only then versions were kept.
    was_kept: bool,
}

impl Past {
    fn new(bucket: Arc<Bucket>, at: DateTime<Utc>) -> Self {
        let is_foreign = bucket.endpoint.is_foreign();
        Self {
            current: is_foreign.then(|| CurrentKeys::new(&bucket, at)),
            bucket,
            at,
            key: None,
            oldest: None,
            was_kept: false,
        }
    }

    async fn read(mut self, sender: &mpsc::Sender<Message>) {
        let mut items = Vec::new();
        let read = self.read_pages(&mut items, sender).await;
        match read {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => items.push(Err(error)),
        }
        // If nobody listens any more, nothing is lost.
        let failed = items.last().is_some_and(Result::is_err);
        if sender.send(Message::Items(items)).await.is_ok() && !failed {
            let _ = sender.send(Message::End).await;
        }
    }

    /// Reads to the last page; `false` if the consumer is gone.
    async fn read_pages(
        &mut self,
        items: &mut Items,
        sender: &mpsc::Sender<Message>,
    ) -> Result<bool> {
        let holes = holes::find(&self.bucket, self.at).await?;
        items.extend(holes.into_iter().map(Ok));
        let prefix = self.bucket.location.prefix().to_owned();
        let mut pager = Pager::new(Arc::clone(&self.bucket), prefix);
        loop {
            let page = pager.next().await;
            let page = page.map_err(|failure| refused(&self.bucket, failure))?;
            for line in page.lines {
                self.add(line, page.is_torn, items).await?;
            }
            if page.is_last {
                self.end_key(items).await?;
                self.check_end().await?;
                if !self.was_kept {
                    items.push(Ok(holes::of_all(NOT_KEPT)));
                }
                return Ok(true);
            }
            let page = Message::Items(std::mem::take(items));
            if sender.send(page).await.is_err() {
                return Ok(false);
            }
        }
    }

    async fn add(&mut self, line: Line, is_torn: bool, items: &mut Items) -> Result<()> {
        let is_same = self.key.as_ref().is_some_and(|(key, ..)| *key == line.key);
        if !is_same {
            self.end_key(items).await?;
            self.key = Some((line.key.clone(), line.is_lossy, History::default()));
        }
        if let Some(modified) = line.modified {
            self.oldest = Some(self.oldest.map_or(modified, |oldest| oldest.min(modified)));
            let has_id = line.id.as_deref().is_some_and(|id| id != NULL);
            self.was_kept |= has_id && modified <= self.at;
        }
        let Some((.., history)) = &mut self.key else {
            return Ok(());
        };
        let added = history.add(&line, is_torn, self.at);
        added.map_err(|failure| refused(&self.bucket, failure))
    }

    /// Adds what the key was whose lines have all come.
    async fn end_key(&mut self, items: &mut Items) -> Result<()> {
        let Some((key, is_lossy, history)) = self.key.take() else {
            return Ok(());
        };
        if let Some(current) = &mut self.current {
            current.pass(&key).await?;
        }
        let name = key.strip_prefix(self.bucket.location.prefix());
        let name = name.unwrap_or(&key).to_owned();
        let item = match history.end(key) {
            Was::Absent => return Ok(()),
            Was::Unknown(why) => skipped(&name, SkipCause::History, why),
            Was::Version(_) if is_lossy => skipped(&name, SkipCause::NotUtf8, "is not UTF-8"),
            Was::Version(line) => {
                let item = listed(&self.bucket, line);
                item.map_err(|failure| refused(&self.bucket, failure))?
            }
        };
        items.push(Ok(item));
        Ok(())
    }

    /// What all lines together must not be.
    async fn check_end(&mut self) -> Result<()> {
        if let Some(current) = self.current.take() {
            current.end().await?;
        }
        let Some(oldest) = self.oldest.filter(|oldest| *oldest > self.at) else {
            return Ok(());
        };
        let (location, oldest) = (&self.bucket.location, shown(oldest));
        let at = shown(self.at);
        let message = format!("{location} has nothing of {at} or before");
        Err(StoreError::new(ErrorKind::Other, message)
            .with_source(format!("its oldest version is of {oldest}")))
    }
}

/// A version as it is listed: its revision is its id.
fn listed(bucket: &Bucket, line: Line) -> Result<Listed, Failure> {
    let modified = line.modified.map(|time| {
        SdkDateTime::from_secs_and_nanos(time.timestamp(), time.timestamp_subsec_nanos())
    });
    let object = Object::builder()
        .key(line.key)
        .set_size(line.size.and_then(|size| i64::try_from(size).ok()))
        .set_last_modified(modified)
        .build();
    let mut listed = entries::listed(object, bucket.location.prefix(), false)?;
    if let Listed::Entry(entry) = &mut listed {
        entry.revision = line.id.map(Revision::new);
    }
    Ok(listed)
}
