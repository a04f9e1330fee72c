//! Copies one entry from a store to another.

use std::future::Future;

use bytes::Bytes;
use futures::future::{Either, FutureExt, select};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::budget::Permit;
use crate::content::known_checksum;
use crate::execute::{StopSignal, Workspace};
use crate::observe::Event;
use crate::parts::{part_size, parts};
use crate::{Crc64, Entry, ErrorKind, Expected, Result, StoreError, Transfer, Writer};

impl Workspace<'_> {
    /// Copies as planned. If the source has changed meanwhile, its new version
    /// is copied, once; so is what arrived damaged. What `blockers` names is
    /// deleted when the copy is ready; those that were go into `cleared`, however
    /// the copy ends.
    pub(crate) async fn transfer(
        &self,
        transfer: &Transfer,
        blockers: &[Entry],
        cleared: &mut Vec<Entry>,
    ) -> Result<()> {
        let expected = Expected::from(transfer.target.clone());
        let copied = self
            .copy(&transfer.source, &expected, blockers, cleared)
            .await;
        let again = match &copied {
            Err(error) if error.kind() == ErrorKind::Changed => {
                let now = self.source.stat(&transfer.source.key).await?;
                now.filter(|now| !transfer.source.is_same_version(now))
            }
            // Damaged on its way: nothing was committed, so it may come again.
            Err(error) if error.kind() == ErrorKind::Corrupt => Some(transfer.source.clone()),
            _ => None,
        };
        match again {
            Some(_) if self.is_stopped() => Err(stopped()),
            Some(entry) => self.copy(&entry, &expected, blockers, cleared).await,
            None => copied,
        }
    }

    async fn copy(
        &self,
        entry: &Entry,
        expected: &Expected,
        blockers: &[Entry],
        cleared: &mut Vec<Entry>,
    ) -> Result<()> {
        let part = part_size(entry.size, self.options.part_size);
        if entry.size <= part && blockers.is_empty() {
            return or_stopped(&self.stop, self.copy_whole(entry, expected)).await;
        }
        let writer = self.target.write(entry, part, expected).await?;
        let written = or_stopped(&self.stop, self.copy_parts(entry, part, &*writer)).await;
        let ready = match written {
            Ok(checksum) => self.clear(blockers, cleared).await.map(|()| checksum),
            failed => failed,
        };
        match ready {
            Ok(checksum) => writer.commit(checksum).await,
            Err(error) => {
                writer.abort().await;
                Err(error)
            }
        }
    }

    async fn copy_whole(&self, entry: &Entry, expected: &Expected) -> Result<()> {
        let _permit = self.permit(entry.size).await;
        let body = self.read(entry, 0..entry.size).await?;
        let checksum = Crc64::of(&body);
        self.target.put(entry, body, checksum, expected).await?;
        self.progress(entry, entry.size);
        Ok(())
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

    /// Deletes what is in the way of a copy that is ready.
    async fn clear(&self, blockers: &[Entry], cleared: &mut Vec<Entry>) -> Result<()> {
        // A copy that is tried again finds what the first try has cleared.
        let left: Vec<Entry> = blockers
            .iter()
            .filter(|blocker| !cleared.contains(blocker))
            .cloned()
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let mut outcome = Ok(());
        let results = self.target.delete(&left).await;
        for (entry, result) in left.into_iter().zip(results) {
            match result {
                Ok(()) => cleared.push(entry),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
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

fn stopped() -> StoreError {
    StoreError::new(ErrorKind::Stopped, "stopped on request")
}
