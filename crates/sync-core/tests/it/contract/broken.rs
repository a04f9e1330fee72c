//! Stores that break one promise each. The clause that is about it fails, so it
//! checks what it says.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use futures::executor::block_on;
use futures::future::ready;
use futures::{FutureExt, StreamExt};
use sync_core::testing::{Capabilities, Clause, MemoryStore};
use sync_core::{
    Entry, Expected, Key, KeyRange, Listed, NewEntry, Result, Selection, Store, StoreError, Writer,
    checksum::{Crc64, Digest},
    store::{Chunks, KeyProblem, Listing},
};

/// What a store does that it must not.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    CutsContents,
    FindsDirectories,
    KeepsTheDigestOfAnotherContent,
    ReadsToTheEnd,
    ReadsWhateverIsThere,
    LosesAnEntryOfTheListing,
    OverwritesWhateverIsThere,
    NeedsTheVersionThatIsGone,
    TakesAnyChecksumOfAPut,
    DatesWhatItWritesItself,
    LooksLongBeforeItWrites,
    AppendsParts,
    LosesConcurrentParts,
    ReturnsTheSumOfTheFirstPart,
    ShowsPartsAtOnce,
    CommitsAtAnAbort,
    CommitsAtADrop,
    TakesAnyChecksumOfACommit,
    FillsMissingParts,
    CommitsOverWhateverIsThere,
    DeletesWhateverIsThere,
    LooksLongBeforeItDeletes,
    FailsToDeleteWhatIsGone,
    ConfusesTheResultsOfDeletions,
    JustEndsAListing,
    LosesTheEndOfARange,
}
use Fault::*;

#[derive(Clone)]
struct Broken {
    store: MemoryStore,
    fault: Fault,
}

/// One poll of everything else.
async fn pause() {
    let mut paused = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn error(kind: sync_core::ErrorKind, key: &Key) -> StoreError {
    StoreError::new(kind, format!("'{key}' in a broken store"))
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// The version of `entry` that is there now.
    async fn now(&self, entry: &Entry) -> Result<Entry> {
        Ok(self
            .store
            .stat(&entry.key)
            .await?
            .unwrap_or_else(|| entry.clone()))
    }

    /// What is asked of the store in memory instead of `expected`.
    async fn expect(&self, key: &Key, expected: &Expected) -> Result<Expected> {
        let there = self.store.stat(key).await?;
        match expected {
            _ if self.has(OverwritesWhateverIsThere) => Ok(there.into()),
            Expected::Version(_) if self.has(NeedsTheVersionThatIsGone) && there.is_none() => {
                Err(error(sync_core::ErrorKind::Changed, key))
            }
            // It looks, and writes later whatever has come since.
            Expected::Absent if self.has(LooksLongBeforeItWrites) && there.is_none() => {
                pause().await;
                Ok(self.store.stat(key).await?.into())
            }
            expected => Ok(expected.clone()),
        }
    }
}

#[async_trait]
impl Store for Broken {
    fn location(&self) -> String {
        format!("a store that {:?}", self.fault)
    }

    async fn list_range(&self, selection: &Arc<Selection>, range: &KeyRange) -> Listing {
        let listing = self.list(selection).await.within(range.clone());
        let lost = range.up_to().filter(|_| self.has(LosesTheEndOfARange));
        let lost = lost.map(str::to_owned);
        let is_kept = move |listed: &Result<Listed>| match listed {
            Ok(Listed::Entry(entry)) => lost.as_deref() != Some(entry.key.as_str()),
            _ => true,
        };
        let entries = listing.entries.filter(move |listed| ready(is_kept(listed)));
        Listing::new(entries.boxed())
    }

    async fn list(&self, selection: &Arc<Selection>) -> Listing {
        let listing = self.store.list(selection).await;
        let mut items: Vec<_> = listing.entries.collect().await;
        if self.has(LosesAnEntryOfTheListing) && items.len() > 5 {
            drop(items.remove(3));
        }
        if self.has(JustEndsAListing) {
            items.retain(Result::is_ok);
        }
        Listing::new(futures::stream::iter(items).boxed())
    }

    fn accepts(&self, key: &Key) -> Result<(), KeyProblem> {
        self.store.accepts(key)
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        if self.has(FindsDirectories) && key.as_str() == "dir" {
            return Ok(Some(Entry::new(key.clone(), 0, DateTime::UNIX_EPOCH)));
        }
        self.store.stat(key).await
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        let digest = self.store.digest(entry).await?;
        Ok(match self.fault {
            KeepsTheDigestOfAnotherContent => Some(Crc64::of(b"other").into()),
            _ => digest,
        })
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let (mut entry, mut range) = (entry.clone(), range);
        if self.has(ReadsWhateverIsThere) {
            entry = self.now(&entry).await?;
        }
        if self.has(ReadsToTheEnd) {
            range.end = entry.size;
        }
        self.store.read(&entry, range).await
    }

    async fn put(
        &self,
        entry: &NewEntry,
        mut body: Bytes,
        mut checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        if self.has(CutsContents) {
            body.truncate(4);
            checksum = Crc64::of(&body);
        }
        if self.has(TakesAnyChecksumOfAPut) {
            checksum = Crc64::of(&body);
        }
        let mut entry = entry.clone();
        if self.has(DatesWhatItWritesItself) {
            entry.modified += TimeDelta::seconds(1);
        }
        let expected = self.expect(&entry.key, expected).await?;
        self.store.put(&entry, body, checksum, &expected).await
    }

    async fn write(
        &self,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        let expected = self.expect(&entry.key, expected).await?;
        Ok(Box::new(BrokenWriter {
            broken: self.clone(),
            entry: entry.clone(),
            writer: Some(self.store.write(entry, part_size, &expected).await?),
            body: Default::default(),
            is_busy: Default::default(),
            part_size,
        }))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        let mut seen = entries.to_vec();
        let mut results = Vec::new();
        for entry in &mut seen {
            let there = self.store.stat(&entry.key).await.unwrap();
            if self.has(LooksLongBeforeItDeletes) && there.as_ref() == Some(entry) {
                pause().await;
                *entry = self.now(entry).await.unwrap();
            }
            if self.has(DeletesWhateverIsThere) {
                *entry = self.now(entry).await.unwrap();
            }
            let mut result = self.store.delete(std::slice::from_ref(entry)).await;
            if self.has(FailsToDeleteWhatIsGone) && there.is_none() {
                result = vec![Err(error(sync_core::ErrorKind::NotFound, &entry.key))];
            }
            results.append(&mut result);
        }
        if self.has(ConfusesTheResultsOfDeletions) {
            results.reverse();
        }
        results
    }
}

struct BrokenWriter {
    broken: Broken,
    entry: NewEntry,
    /// Taken by the commit, the abort or the drop.
    writer: Option<Box<dyn Writer>>,
    /// The parts in the order in which they came.
    body: std::sync::Mutex<Vec<(u64, Bytes)>>,
    is_busy: std::sync::atomic::AtomicBool,
    part_size: u64,
}

impl BrokenWriter {
    /// Makes `body` visible, whatever is there.
    async fn show(&self, body: Vec<u8>) -> Result<()> {
        let (store, checksum) = (&self.broken.store, Crc64::of(&body));
        let there = store.stat(&self.entry.key).await?;
        let entry = NewEntry {
            size: body.len() as u64,
            ..self.entry.clone()
        };
        store
            .put(&entry, body.into(), checksum, &there.into())
            .await
    }

    /// The parts, one behind the other.
    fn appended(&self) -> Vec<u8> {
        let parts = self.body.lock().unwrap();
        parts.iter().flat_map(|(_, part)| part.to_vec()).collect()
    }

    /// The parts in their places, and a pattern where there is none.
    fn filled(&self) -> Vec<u8> {
        let mut whole = vec![7; self.entry.size as usize];
        for (offset, part) in self.body.lock().unwrap().iter() {
            whole[*offset as usize..][..part.len()].copy_from_slice(part);
        }
        whole
    }

    fn is_whole(&self) -> bool {
        self.appended().len() as u64 == self.entry.size
    }
}

#[async_trait]
impl Writer for BrokenWriter {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        use std::sync::atomic::Ordering::SeqCst;
        let body = body.bytes().await?;
        if self.broken.has(LosesConcurrentParts) {
            let was_busy = self.is_busy.swap(true, SeqCst);
            pause().await;
            self.is_busy.store(false, SeqCst);
            if was_busy {
                return Ok(Crc64::of(&body));
            }
        }
        self.body.lock().unwrap().push((offset, body.clone()));
        if self.broken.has(ShowsPartsAtOnce) {
            self.show(body.to_vec()).await?;
        }
        let writer = self.writer.as_ref().unwrap();
        let sum = writer.part(offset, body.into()).await?;
        if self.broken.has(ReturnsTheSumOfTheFirstPart) && offset >= self.part_size {
            return Ok(Crc64::of(&self.body.lock().unwrap()[0].1));
        }
        Ok(sum)
    }

    async fn commit(mut self: Box<Self>, checksum: Crc64) -> Result<()> {
        let writer = self.writer.take().unwrap();
        match self.broken.fault {
            AppendsParts if self.is_whole() => self.show(self.appended()).await,
            TakesAnyChecksumOfACommit if self.is_whole() => {
                writer.commit(Crc64::of(&self.filled())).await
            }
            FillsMissingParts if !self.is_whole() => self.show(self.filled()).await,
            CommitsOverWhateverIsThere => self.show(self.filled()).await,
            _ => writer.commit(checksum).await,
        }
    }

    async fn abort(mut self: Box<Self>) {
        self.writer = None;
        if self.broken.has(CommitsAtAnAbort) {
            self.show(self.filled()).await.unwrap();
        }
    }
}

impl Drop for BrokenWriter {
    fn drop(&mut self) {
        if self.writer.take().is_some() && self.broken.has(CommitsAtADrop) {
            self.show(self.filled()).now_or_never().unwrap().unwrap();
        }
    }
}

/// The names of the clauses that a store with `fault` fails.
fn failed_by(fault: Fault) -> Vec<&'static str> {
    let mut can = Capabilities::default();
    can.part_size = 8;
    can.time_unit = Some(TimeDelta::nanoseconds(1));
    let mut clauses = Clause::all(&can);
    let failing_listing = Clause::named("an_error_is_the_last_item_of_a_listing", can);
    clauses.push(failing_listing);
    let fails = |clause: &Clause| {
        let store = MemoryStore::files();
        if clause.name() == "an_error_is_the_last_item_of_a_listing" {
            store.insert("a", "1", DateTime::UNIX_EPOCH);
            store.fail_listing_after(1);
        }
        let broken = Broken { store, fault };
        let check = || block_on(clause.check(&broken));
        catch_unwind(AssertUnwindSafe(check)).is_err()
    };
    clauses.retain(fails);
    clauses.iter().map(Clause::name).collect()
}

/// A test for each fault: it breaks the clause that is about it.
macro_rules! breaks {
    ($($test:ident: $fault:ident breaks $clause:ident;)*) => {
        $(
            #[test]
            fn $test() {
                let failed = failed_by($fault);
                assert!(failed.contains(&stringify!($clause)), "{failed:?}");
            }
        )*

        #[test]
        fn each_clause_has_a_store_that_breaks_it() {
            let mut broken = vec![$(stringify!($clause)),*];
            let mut clauses: Vec<_> = Clause::all(&Capabilities::default())
                .iter()
                .map(Clause::name)
                .chain(["an_error_is_the_last_item_of_a_listing"])
                .collect();
            broken.sort_unstable();
            clauses.sort_unstable();
            assert_eq!(broken, clauses);
        }
    };
}

breaks! {
    a_store_that_cuts_contents_fails_the_clause:
        CutsContents breaks an_entry_comes_back_as_it_was_written;
    a_store_that_finds_directories_fails_the_clause:
        FindsDirectories breaks a_key_without_an_entry_has_none;
    a_store_that_keeps_the_digest_of_another_content_fails_the_clause:
        KeepsTheDigestOfAnotherContent breaks a_digest_is_that_of_the_content;
    a_store_that_reads_to_the_end_fails_the_clause:
        ReadsToTheEnd breaks ranges_are_exact;
    a_store_that_reads_whatever_is_there_fails_the_clause:
        ReadsWhateverIsThere breaks another_version_is_never_read;
    a_store_that_loses_an_entry_of_the_listing_fails_the_clause:
        LosesAnEntryOfTheListing breaks a_listing_is_complete_and_in_byte_order;
    a_store_that_overwrites_whatever_is_there_fails_the_clause:
        OverwritesWhateverIsThere breaks another_version_is_never_overwritten;
    a_store_that_needs_the_version_that_is_gone_fails_the_clause:
        NeedsTheVersionThatIsGone breaks a_version_that_is_gone_is_written_anew;
    a_store_that_takes_any_checksum_of_a_put_fails_the_clause:
        TakesAnyChecksumOfAPut breaks a_wrong_checksum_is_corrupt;
    a_store_that_dates_what_it_writes_itself_fails_the_clause:
        DatesWhatItWritesItself breaks the_modification_time_is_kept;
    a_store_that_looks_long_before_it_writes_fails_the_clause:
        LooksLongBeforeItWrites breaks concurrent_writers_leave_one_whole_content;
    a_store_that_appends_parts_fails_the_clause:
        AppendsParts breaks parts_come_in_any_order;
    a_store_that_loses_concurrent_parts_fails_the_clause:
        LosesConcurrentParts breaks parts_come_concurrently;
    a_store_that_returns_the_sum_of_the_first_part_fails_the_clause:
        ReturnsTheSumOfTheFirstPart breaks a_part_returns_the_sum_of_what_it_wrote;
    a_store_that_shows_parts_at_once_fails_the_clause:
        ShowsPartsAtOnce breaks nothing_is_visible_before_the_commit;
    a_store_that_commits_at_an_abort_fails_the_clause:
        CommitsAtAnAbort breaks an_aborted_write_leaves_nothing;
    a_store_that_commits_at_a_drop_fails_the_clause:
        CommitsAtADrop breaks a_dropped_writer_stays_invisible;
    a_store_that_takes_any_checksum_of_a_commit_fails_the_clause:
        TakesAnyChecksumOfACommit breaks a_commit_with_a_wrong_checksum_is_corrupt;
    a_store_that_fills_missing_parts_fails_the_clause:
        FillsMissingParts breaks a_commit_without_all_parts_is_corrupt;
    a_store_that_commits_over_whatever_is_there_fails_the_clause:
        CommitsOverWhateverIsThere breaks a_commit_over_another_version_is_refused;
    a_store_that_deletes_whatever_is_there_fails_the_clause:
        DeletesWhateverIsThere breaks another_version_is_never_deleted;
    a_store_that_looks_long_before_it_deletes_fails_the_clause:
        LooksLongBeforeItDeletes breaks what_is_written_meanwhile_is_not_deleted;
    a_store_that_fails_to_delete_what_is_gone_fails_the_clause:
        FailsToDeleteWhatIsGone breaks deleting_what_is_gone_succeeds;
    a_store_that_confuses_the_results_of_deletions_fails_the_clause:
        ConfusesTheResultsOfDeletions breaks each_deletion_has_its_own_result;
    a_store_that_loses_the_end_of_a_range_fails_the_clause:
        LosesTheEndOfARange breaks ranges_laid_end_to_end_are_the_listing;
    a_store_that_just_ends_a_listing_fails_the_clause:
        JustEndsAListing breaks an_error_is_the_last_item_of_a_listing;
}
