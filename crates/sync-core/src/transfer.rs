//! Copies one entry from a store to another.

use std::future::Future;

use bytes::Bytes;
use futures::future::{Either, FutureExt, select};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::budget::Permit;
use crate::clearing::Clearing;
use crate::content::known_checksum;
use crate::execute::{StopSignal, Workspace};
use crate::observe::Event;
use crate::parts::{copied_part_size, parts};
use crate::{
    Crc64, Direction, Entry, ErrorKind, Expected, Result, StoreError, Transfer, Versions, Writer,
};

/// How often a file that was changed while its copy was on its way is copied
/// again.
const CATCH_UPS: u32 = 2;

/// What is said of a file that must not be copied again. Its object is newer
/// than it, so no later run would notice by the times alone.
const OUTDATED: &str = "it was written while it was copied; the target has the planned version, \
                        and `--compare checksum` finds the difference";

/// How a transfer ended.
pub(crate) enum Done {
    /// The copy is there; whether it could be kept up with the source.
    Copied(Result<()>),
    /// There is no copy.
    Failed(StoreError),
}

impl Done {
    pub(crate) fn error(&self) -> Option<&StoreError> {
        match self {
            Self::Copied(caught_up) => caught_up.as_ref().err(),
            Self::Failed(error) => Some(error),
        }
    }
}

/// What was copied, and the sum of its content.
struct Copied {
    entry: Entry,
    checksum: Crc64,
}

impl Workspace<'_> {
    /// Copies as planned. What is in the way is deleted by `clearing` when the
    /// copy is ready.
    pub(crate) async fn transfer(
        &self,
        transfer: &Transfer,
        clearing: Option<&mut Clearing<'_>>,
    ) -> Done {
        let expected = Expected::from(transfer.target.clone());
        let copied = self.settle(&transfer.source, &expected, clearing);
        match copied.await {
            Ok(copied) => Done::Copied(self.catch_up(copied).await),
            Err(error) => Done::Failed(error),
        }
    }

    /// Copies what has become of a file since it was copied.
    ///
    /// A file that is written after it was read and before the server dates
    /// the object is older than its object. If its size is the same, no later
    /// run would find it changed. So a backup looks at the file once more when
    /// the object is there. A restore need not: what an object becomes later
    /// is newer than the file.
    async fn catch_up(&self, mut copied: Copied) -> Result<()> {
        if self.direction == Direction::Restore {
            return Ok(());
        }
        for _ in 0..CATCH_UPS {
            let Some(now) = self.successor(&copied.entry).await? else {
                return Ok(());
            };
            if self.options.versions == Versions::AsPlanned {
                return Err(changed(&copied.entry, OUTDATED));
            }
            if self.is_stopped() {
                return Err(stopped());
            }
            let expected = Expected::Version(self.as_written(&copied).await?);
            copied = self.settle(&now, &expected, None).await?;
        }
        match self.successor(&copied.entry).await? {
            None => Ok(()),
            Some(_) => Err(changed(
                &copied.entry,
                "it keeps changing; the target has an earlier version of it",
            )),
        }
    }

    /// Another version that the source has now.
    async fn successor(&self, copied: &Entry) -> Result<Option<Entry>> {
        let now = match self.direction {
            Direction::Backup => self.source.stat(&copied.key).await?,
            // The file gets this time, and the next run compares it with a listing.
            Direction::Restore => self.source.relist(&copied.key).await?,
        };
        Ok(now.filter(|now| !copied.is_same_version(now)))
    }

    /// The target's entry, if it is what was copied.
    async fn as_written(&self, copied: &Copied) -> Result<Entry> {
        let Copied { entry, checksum } = copied;
        let found = self.target.stat(&entry.key).await?;
        found
            .filter(|found| {
                found.size == entry.size && found.checksum.is_none_or(|sum| sum == *checksum)
            })
            .ok_or_else(|| changed(entry, "somebody else has written it meanwhile"))
    }

    /// Copies `entry`. If the source has changed before the copy was
    /// committed, its new version is copied, once; so is what arrived damaged.
    async fn settle(
        &self,
        entry: &Entry,
        expected: &Expected,
        mut clearing: Option<&mut Clearing<'_>>,
    ) -> Result<Copied> {
        let copied = self.copy(entry, expected, clearing.as_deref_mut()).await;
        let again = match &copied {
            Err(error) if error.kind() == ErrorKind::Changed => match self.options.versions {
                Versions::Latest => self.successor(entry).await?,
                Versions::AsPlanned => None,
            },
            // Damaged on its way: nothing was committed, so it may come again.
            Err(error) if error.kind() == ErrorKind::Corrupt => Some(entry.clone()),
            _ => None,
        };
        match again {
            Some(_) if self.is_stopped() => Err(stopped()),
            Some(entry) => {
                let checksum = self.copy(&entry, expected, clearing).await?;
                Ok(Copied { entry, checksum })
            }
            None => {
                let (entry, checksum) = (entry.clone(), copied?);
                Ok(Copied { entry, checksum })
            }
        }
    }

    async fn copy(
        &self,
        entry: &Entry,
        expected: &Expected,
        clearing: Option<&mut Clearing<'_>>,
    ) -> Result<Crc64> {
        let part = copied_part_size(self.direction, entry.size, self.options.part_size);
        if entry.size <= part && clearing.is_none() {
            return or_stopped(&self.stop, self.copy_whole(entry, expected)).await;
        }
        if entry.size > part {
            self.observer.event(Event::Begun { entry });
        }
        let writer = self.target.write(entry, part, expected).await?;
        let written = or_stopped(&self.stop, self.copy_parts(entry, part, &*writer)).await;
        let ready = match (written, clearing) {
            (Ok(checksum), Some(clearing)) => {
                clearing.clear(self, &entry.key).await.map(|_| checksum)
            }
            (written, _) => written,
        };
        match ready {
            Ok(checksum) => writer.commit(checksum).await.map(|()| checksum),
            Err(error) => {
                writer.abort().await;
                Err(error)
            }
        }
    }

    async fn copy_whole(&self, entry: &Entry, expected: &Expected) -> Result<Crc64> {
        let _permit = self.permit(entry.size).await;
        let body = self.read(entry, 0..entry.size).await?;
        let checksum = Crc64::of(&body);
        self.target.put(entry, body, checksum, expected).await?;
        self.progress(entry, entry.size);
        Ok(checksum)
    }

    /// Copies all parts and returns the sum of the whole, which is that of the
    /// source if the source keeps one.
    async fn copy_parts(&self, entry: &Entry, part: u64, writer: &dyn Writer) -> Result<Crc64> {
        let copied = stream::iter(parts(entry.size, part))
            .map(|range| async move {
                let offset = range.start;
                let _permit = self.permit(range.end - offset).await;
                let body = self.read(entry, range).await?;
                let (len, checksum) = (body.len() as u64, Crc64::of(&body));
                writer.part(offset, body, checksum).await?;
                self.progress(entry, len);
                Ok::<_, StoreError>((len, checksum))
            })
            .buffered(self.options.concurrency.max(1));
        let whole = copied
            .try_fold(Crc64::EMPTY, |sum, (len, part)| async move {
                Ok(sum.then(part, len))
            })
            .await?;
        match known_checksum(self.source, entry).await? {
            Some(known) if known != whole => Err(StoreError::new(
                ErrorKind::Corrupt,
                format!(
                    "'{}' has checksum {whole}, its source says {known}",
                    entry.key
                ),
            )),
            _ => Ok(whole),
        }
    }

    /// The right to hold `bytes` of content. As many may as both stores can
    /// make use of now.
    async fn permit(&self, bytes: u64) -> Permit {
        let slots = [
            self.options.concurrency,
            self.source.parallelism(),
            self.target.parallelism(),
        ];
        let slots = slots.into_iter().min().unwrap_or_default();
        self.budget.acquire(slots, bytes).await
    }

    async fn read(&self, entry: &Entry, range: std::ops::Range<u64>) -> Result<Bytes> {
        let len = range.end - range.start;
        let body = self.source.read(entry, range).await?;
        if body.len() as u64 == len {
            return Ok(body);
        }
        let message = format!(
            "'{}' came with {} bytes instead of {len}",
            entry.key,
            body.len()
        );
        Err(StoreError::new(ErrorKind::Corrupt, message))
    }

    /// Reads what a refused copy was about to read: what gives way to it must
    /// have a replacement. What fits into a part has been read already.
    pub(crate) async fn is_readable(&self, entry: &Entry) -> Result<()> {
        let part = copied_part_size(self.direction, entry.size, self.options.part_size);
        if entry.size <= part {
            return Ok(());
        }
        let _permit = self.permit(part).await;
        let last = entry.size - 1..entry.size;
        or_stopped(&self.stop, async {
            self.read(entry, 0..part).await?;
            self.read(entry, last).await.map(drop)
        })
        .await
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.clone().now_or_never().is_some()
    }

    fn progress(&self, entry: &Entry, bytes: u64) {
        self.observer.event(Event::Progress { entry, bytes });
    }
}

async fn or_stopped<T>(stop: &StopSignal, work: impl Future<Output = Result<T>>) -> Result<T> {
    match select(std::pin::pin!(work), stop.clone()).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(stopped()),
    }
}

fn changed(entry: &Entry, why: &'static str) -> StoreError {
    let message = format!("'{}' has changed", entry.key);
    StoreError::new(ErrorKind::Changed, message).with_source(why)
}

pub(crate) fn stopped() -> StoreError {
    StoreError::new(ErrorKind::Stopped, "stopped on request")
}
