//! The bytes of one entry on their way from the source to the target.

use std::future::Future;
use std::ops::Range;

use futures::future::{Either, FutureExt, ready, select};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::clearing::Clearing;
use super::events::Event;
use super::parts::{memory_of_streamed, parts};
use super::workspace::{StopSignal, Workspace, stopped};
use crate::budget::Permit;
use crate::{
    checksum::Crc64,
    entry::Entry,
    error::{ErrorKind, Result, StoreError},
    execute::{ExecuteOptions, OnSourceChange},
    listing::Side,
    rule::Direction,
    store::{Chunks, Expected, Writer},
};

/// How an entry is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As the version that it is.
    Version,
    /// As the beginning of what it is growing into: it is read twice, if it has
    /// grown, and must have been the same both times.
    Beginning,
}

/// What was copied, and the sum of its content.
pub(super) struct Copied {
    pub(super) entry: Entry,
    pub(super) checksum: Crc64,
    pub(super) reading: Reading,
}

/// Why an entry could not be copied.
pub(super) struct CopyError {
    /// Whose error it is. Of the target are those of its versions.
    pub(super) side: Side,
    pub(super) error: StoreError,
}

impl CopyError {
    fn of_target(error: StoreError) -> Self {
        let side = Side::Target;
        Self { side, error }
    }
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        // What writes a part passes on the errors of what it reads.
        let side = match error.kind() {
            ErrorKind::Aborted | ErrorKind::Conflict => Side::Target,
            _ => Side::Source,
        };
        Self { side, error }
    }
}

impl From<CopyError> for StoreError {
    fn from(failure: CopyError) -> Self {
        failure.error
    }
}

impl Workspace<'_> {
    /// Copies `entry`. If the source has changed before the copy was
    /// committed, its new version is copied, once; so is what arrived damaged, or was
    /// removed by somebody else before its end.
    /// What is added to all the time is copied as it was at a moment.
    pub(super) async fn settle(
        &self,
        entry: &Entry,
        expected: &Expected,
        mut clearing: Option<&mut Clearing<'_>>,
    ) -> Result<Copied, CopyError> {
        let (mut entry, mut reading) = (entry.clone(), Reading::Version);
        for attempt in 1.. {
            let copied = self.copy(&entry, reading, expected, clearing.as_deref_mut());
            let failure = match copied.await {
                Ok(checksum) => {
                    return Ok(Copied {
                        entry,
                        checksum,
                        reading,
                    });
                }
                Err(failure) => failure,
            };
            // After the second attempt only what is being added to is of interest.
            let may_grow = self.direction == Direction::Backup
                && reading == Reading::Version
                && failure.error.kind() == ErrorKind::Changed;
            if attempt > 1 && !may_grow {
                return Err(failure);
            }
            let Some((next, how)) = self.next_attempt(&entry, &failure.error).await? else {
                return Err(failure);
            };
            if attempt > 1 && how == Reading::Version {
                return Err(failure);
            }
            if self.is_stopped() {
                return Err(stopped().into());
            }
            (entry, reading) = (next, how);
        }
        Err(stopped().into())
    }

    /// What is to be copied after `entry` could not be, and how.
    async fn next_attempt(
        &self,
        entry: &Entry,
        error: &StoreError,
    ) -> Result<Option<(Entry, Reading)>> {
        match (error.kind(), self.options.on_source_change) {
            (ErrorKind::Changed, OnSourceChange::CopyLatest) => {
                let Some(now) = self.look(entry).await? else {
                    return Ok(None);
                };
                if self.source.is_unchanged(entry, &now).await {
                    // Unless it only seemed to have changed, and the store has
                    // found that out meanwhile, it is the target that has.
                    let again = (entry.clone(), Reading::Version);
                    return Ok((!entry.is_same_version(&now)).then_some(again));
                }
                let how = if self.source.has_grown(entry, &now) {
                    Reading::Beginning
                } else {
                    Reading::Version
                };
                Ok(Some((now, how)))
            }
            // Damaged on its way, removed before its end, or refused for the sake of another
            // request: nothing was committed, so it may come again.
            (ErrorKind::Corrupt | ErrorKind::Aborted | ErrorKind::Conflict, _) => {
                Ok(Some((entry.clone(), Reading::Version)))
            }
            _ => Ok(None),
        }
    }

    async fn copy(
        &self,
        entry: &Entry,
        reading: Reading,
        expected: &Expected,
        clearing: Option<&mut Clearing<'_>>,
    ) -> Result<Crc64, CopyError> {
        // What grows has another size at the next run, whatever its date.
        if reading == Reading::Version {
            self.until_ready(entry).await;
        }
        let part = self.options.copied_part_size(self.direction, entry.size);
        if entry.size <= part && clearing.is_none() {
            return or_stopped(&self.stop, self.copy_whole(entry, reading, expected)).await;
        }
        if entry.size > part {
            self.observer.event(Event::Started { entry });
        }
        let writer = self.target.write(&entry.into(), part, expected).await;
        let writer = writer.map_err(CopyError::of_target)?;
        let copied = self.copy_parts(entry, reading, part, &*writer);
        let written = or_stopped(&self.stop, copied).await;
        let ready = match (written, clearing) {
            (Ok(checksum), Some(clearing)) => {
                clearing.clear(self, &entry.key).await.map(|_| checksum)
            }
            (written, _) => written,
        };
        match ready {
            Ok(checksum) => match writer.commit(checksum).await {
                Ok(()) => Ok(checksum),
                Err(error) => Err(CopyError::of_target(error)),
            },
            Err(error) => {
                writer.abort().await;
                Err(error.into())
            }
        }
    }

    async fn copy_whole(
        &self,
        entry: &Entry,
        reading: Reading,
        expected: &Expected,
    ) -> Result<Crc64, CopyError> {
        let mut permit = self.permit(entry.size).await;
        // While this one waited, another may have found the file system full.
        self.target.may_write(&entry.key).await?;
        let body = self.read(entry, reading, 0..entry.size).await?;
        let body = body.bytes().await?;
        if self.direction == Direction::Restore {
            // The slots are for requests. How much is written to files at once is
            // limited by the memory, and by the store.
            permit.release_slot();
        }
        let checksum = Crc64::of(&body);
        if reading == Reading::Beginning {
            self.is_still_the_beginning(entry, checksum).await?;
        }
        self.target
            .put(&entry.into(), body, checksum, expected)
            .await
            .map_err(CopyError::of_target)?;
        self.progress(entry, entry.size);
        Ok(checksum)
    }

    /// Copies all parts and returns the sum of the whole, which is that of the
    /// source if the source keeps one.
    async fn copy_parts(
        &self,
        entry: &Entry,
        reading: Reading,
        part: u64,
        writer: &dyn Writer,
    ) -> Result<Crc64> {
        let copied = stream::iter(parts(entry.size, part))
            .map(|range| async move {
                let (offset, len) = (range.start, range.end - range.start);
                let _permit = self.permit(self.memory_of_part(entry, len)).await;
                let body = self.read(entry, reading, range).await?;
                let checksum = writer.part(offset, body).await?;
                self.progress(entry, len);
                Ok::<_, StoreError>((len, checksum))
            })
            .buffered(self.options.concurrency.max(1));
        let whole = copied
            .try_fold(Crc64::EMPTY, |sum, (len, part)| async move {
                Ok(sum.then(part, len))
            })
            .await?;
        if reading == Reading::Beginning {
            self.is_still_the_beginning(entry, whole).await?;
            return Ok(whole);
        }
        let stored = self.source.digest(entry).await?;
        match stored.and_then(|digest| digest.as_crc64()) {
            Some(stored) if stored != whole => Err(StoreError::new(
                ErrorKind::Corrupt,
                format!(
                    "'{}' has checksum {whole}, its source says {stored}",
                    entry.key
                ),
            )),
            _ => Ok(whole),
        }
    }

    /// How much memory a part of `entry` takes that has `len` bytes.
    fn memory_of_part(&self, entry: &Entry, len: u64) -> u64 {
        let is_streamed = self.source.reads_in_chunks() && self.target.writes_in_place();
        if is_streamed {
            memory_of_streamed(len, entry.size)
        } else {
            len
        }
    }

    /// The right to hold `bytes` of content. As many may as both stores can
    /// make use of now, and in as much memory as keeps their connections busy.
    pub(super) async fn permit(&self, bytes: u64) -> Permit {
        let slots = [
            self.options.concurrency,
            self.source.parallelism(),
            self.target.parallelism(),
        ];
        let slots = slots.into_iter().min().unwrap_or_default();
        self.budget.resize(self.memory());
        self.budget.acquire(slots, bytes).await
    }

    /// How much content may be held in memory now, in bytes. What is in flight is
    /// held, and beside it as much again that is read, written or waits.
    fn memory(&self) -> u64 {
        let ExecuteOptions {
            memory,
            most_memory,
            ..
        } = *self.options;
        let in_flight = self
            .source
            .bandwidth_delay()
            .max(self.target.bandwidth_delay());
        let wanted = memory.saturating_add(in_flight.saturating_mul(2));
        wanted.min(most_memory).max(memory)
    }

    /// What the source has now.
    pub(super) async fn look(&self, copied: &Entry) -> Result<Option<Entry>> {
        match self.direction {
            Direction::Backup => self.source.stat(&copied.key).await,
            // The file gets this time, and the next run compares it with a listing.
            Direction::Restore => self.source.relist(&copied.key).await,
        }
    }

    pub(super) async fn read(
        &self,
        entry: &Entry,
        reading: Reading,
        range: Range<u64>,
    ) -> Result<Chunks> {
        let len = range.end - range.start;
        let body = match reading {
            Reading::Version => self.source.read(entry, range).await?,
            Reading::Beginning => self.source.read_grown(entry, range).await?,
        };
        Ok(body.exactly(entry, len))
    }

    /// Reads what a refused copy was about to read: what gives way to it must
    /// have a replacement. What fits into a part has been read already.
    pub(crate) async fn is_readable(&self, entry: &Entry) -> Result<()> {
        let part = self.options.copied_part_size(self.direction, entry.size);
        if entry.size <= part {
            return Ok(());
        }
        let _permit = self.permit(part).await;
        let last = entry.size - 1..entry.size;
        or_stopped(&self.stop, async {
            let first = self.read(entry, Reading::Version, 0..part).await?;
            first.try_for_each(|_| ready(Ok(()))).await?;
            let last = self.read(entry, Reading::Version, last).await?;
            last.bytes().await.map(drop)
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

pub(super) async fn or_stopped<T, E: From<StoreError>>(
    stop: &StopSignal,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match select(std::pin::pin!(work), stop.clone()).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(stopped().into()),
    }
}
