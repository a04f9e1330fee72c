//! The bucket as it was at a moment: its versions and delete markers, key by key.
//!
//! One pass over pages of 1,000 versions, many at once where they are late (`parallel`);
//! the state is one key, carried over the borders of pages. What a key was is judged by
//! `history`. Three things may hide that a key existed, and are listed as skipped, so that
//! nothing is deleted: a history with holes (`holes`), a key of which the history does not
//! tell what it was, and a server that loses versions between pages, which the current
//! objects show (`current`). Where further lines of a key might come later, because the
//! keys are in no order (`kinds`), the listing is an error.

mod current;
mod history;
mod holes;
mod kinds;
pub(crate) mod lifecycle;
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
    Entry, ErrorKind, Key, KeyRange, Listed, Result, Selection, StoreError, entry::SkipCause,
    text::printable,
};
use tokio::sync::mpsc;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::entries::{self, skipped};
use crate::list::page_reader::PageReader as _;
use crate::list::pages::Pages;
use crate::list::parallel::tuning::Tuning;
use crate::list::prune::Pruner;
use crate::list::reader::{Message, Reader};
use crate::past::{revision, shown};
use current::CurrentKeys;
use history::{History, Was};
use kinds::{KeyOrder, Tearing};
pub(crate) use lines::lines;
pub use lines::{ObjectVersion, VersionKind};
use page_xml::Line;
pub(crate) use page_xml::NULL;
use pager::Pager;
use refused::refused;
pub(crate) use request::Request;

type Items = Vec<Result<Listed>>;

/// What was deleted before versions were kept has left no trace.
const NOT_KEPT: &str = "nothing of then or before has a version id, so whether versions were kept \
                        then is not known";

/// All entries below the prefix as they were at `at`. As many pages are in memory as of a
/// listing of objects, and one. Directories that `selection` excludes are skipped where
/// those of objects are.
pub(crate) fn list(
    bucket: Arc<Bucket>,
    selection: Arc<Selection>,
    at: DateTime<Utc>,
) -> BoxStream<'static, Result<Listed>> {
    // The task starts with the first poll: only then is there surely a runtime.
    let begin = async move {
        Reader::start(|sender| async move { Past::new(bucket, selection, at).read(&sender).await })
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
    let mut pager = Pager::of(bucket, bucket.full_key(key));
    let (mut history, mut tearing) = (History::default(), Tearing::of(bucket));
    let failed = |failure| refused(bucket, failure);
    loop {
        let page = pager.next().await;
        // In the order of bytes its lines are the first of those whose key begins with it.
        let mut is_over = page.is_last;
        for line in page.items {
            let line = line?;
            let is_torn = tearing.is_torn(&line);
            if line.key.is_empty() {
                history.add(&line, is_torn, at).map_err(failed)?;
            } else {
                is_over |= bucket.is_ordered;
            }
        }
        if !is_over {
            continue;
        }
        return match history.end(key.as_str().to_owned()) {
            Was::Absent => Ok(None),
            Was::Version(line) => match listed(&line).map_err(failed)? {
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
    pruner: Arc<Pruner>,
    tuning: Tuning,
    /// The key whose lines come now.
    key: Option<(String, bool, History)>,
    order: KeyOrder,
    tearing: Tearing,
    /// The directory that was skipped last.
    pruned: Option<String>,
    /// Where the server may lose versions between pages.
    current: Option<CurrentKeys>,
    /// The oldest line so far.
    oldest: Option<DateTime<Utc>>,
    /// Whether a version of then has an id: only then versions were kept.
    was_kept: bool,
}

impl Past {
    fn new(bucket: Arc<Bucket>, selection: Arc<Selection>, at: DateTime<Utc>) -> Self {
        let all = KeyRange::default();
        let pruner = Pruner::new(Arc::clone(&selection), all, bucket.is_ordered);
        let pruner = Arc::new(pruner);
        let is_foreign = bucket.endpoint.is_foreign();
        let tuning = bucket.tuning;
        let tuning = if is_foreign { tuning.half() } else { tuning };
        let current = || CurrentKeys::new(&bucket, selection, Arc::clone(&pruner), at, tuning);
        Self {
            current: is_foreign.then(current),
            tearing: Tearing::of(&bucket),
            bucket,
            at,
            pruner,
            tuning,
            key: None,
            order: KeyOrder::default(),
            pruned: None,
            oldest: None,
            was_kept: false,
        }
    }

    async fn read(mut self, sender: &mpsc::Sender<Message<Listed>>) {
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
        sender: &mpsc::Sender<Message<Listed>>,
    ) -> Result<bool> {
        let holes = holes::find(&self.bucket, self.at).await?;
        items.extend(holes.into_iter().map(Ok));
        let (bucket, pruner) = (Arc::clone(&self.bucket), Arc::clone(&self.pruner));
        let mut pages = Pages::<Pager>::read(bucket, pruner, self.tuning);
        while let Some(lines) = pages.next().await {
            for line in lines {
                self.add(line?, items).await?;
            }
            let page = Message::Items(std::mem::take(items));
            if sender.send(page).await.is_err() {
                return Ok(false);
            }
        }
        self.end_key(items).await?;
        self.check_end().await?;
        if !self.was_kept {
            items.push(Ok(holes::of_all(NOT_KEPT)));
        }
        Ok(true)
    }

    async fn add(&mut self, line: Line, items: &mut Items) -> Result<()> {
        let is_torn = self.tearing.is_torn(&line);
        let is_same = self.key.as_ref().is_some_and(|(key, ..)| *key == line.key);
        if !is_same {
            self.end_key(items).await?;
            self.check_order(&line)?;
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
        if let Some(directory) = self.pruner.pruned_parent(&key) {
            if self.pruned.as_deref() != Some(directory) {
                let item = skipped(directory, SkipCause::NotSelected, "");
                items.push(Ok(item));
                self.pruned = Some(directory.to_owned());
            }
            return Ok(());
        }
        let name = key.clone();
        let item = match history.end(key) {
            Was::Absent => return Ok(()),
            Was::Unknown(why) => skipped(&name, SkipCause::History, why),
            Was::Version(_) if is_lossy => skipped(&name, SkipCause::NotUtf8, "is not UTF-8"),
            Was::Version(line) => {
                let item = listed(&line);
                item.map_err(|failure| refused(&self.bucket, failure))?
            }
        };
        items.push(Ok(item));
        Ok(())
    }

    /// Further lines of a key must not come later.
    fn check_order(&mut self, line: &Line) -> Result<()> {
        if line.is_lossy || self.order.has_next(&line.key) {
            return Ok(());
        }
        let message = format!("cannot rely on the versions of {}", self.bucket.location);
        let why = format!(
            "the server lists '{}' where no order of keys has it, so the versions of a key may be \
             apart from each other",
            printable(&line.key)
        );
        Err(StoreError::new(ErrorKind::Unsupported, message).with_source(why))
    }

    /// What all lines together must not be.
    async fn check_end(&mut self) -> Result<()> {
        if let Some(current) = self.current.take() {
            current.end().await?;
        }
        let oldest = self.oldest.filter(|oldest| *oldest > self.at);
        // What was skipped may be older.
        let Some(oldest) = oldest.filter(|_| self.pruned.is_none()) else {
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
fn listed(line: &Line) -> Result<Listed, Failure> {
    let modified = line.modified.map(|time| {
        SdkDateTime::from_secs_and_nanos(time.timestamp(), time.timestamp_subsec_nanos())
    });
    let revision = revision(line.id(), line.etag.as_deref());
    let object = Object::builder()
        .set_size(line.size.and_then(|size| i64::try_from(size).ok()))
        .set_last_modified(modified)
        .build();
    let mut listed = entries::named(&line.key, &object)?;
    if let Listed::Entry(entry) = &mut listed {
        entry.revision = Some(revision);
        entry.class = line.class;
    }
    Ok(listed)
}
