//! A store that does to its callers what real ones do: it answers late, fails
//! before or after the effect, damages what is read, lists badly, and shows
//! the judge every effect.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use sync_core::testing::MemoryStore;
use sync_core::{
    Entry, ErrorKind, Expected, Key, NewEntry, Result, Selection, Store, StoreError, Writer,
    checksum::{Crc64, Digest},
    clock::Present,
    listing::Side,
    store::{Chunks, KeyProblem, Listing},
};

use super::judge::{Call, Version};
use super::stage::{Fault, Stage};
use super::writer::FaultyWriter;

/// One side of a [`Stage`].
#[derive(Clone)]
pub(super) struct FaultyStore {
    pub(super) side: Side,
    pub(super) stage: Stage,
}

impl FaultyStore {
    pub(super) fn new(side: Side, stage: &Stage) -> Self {
        let stage = stage.clone();
        Self { side, stage }
    }

    pub(super) fn memory(&self) -> &MemoryStore {
        self.stage.store(self.side)
    }

    pub(super) fn is_bucket(&self) -> bool {
        self.stage.world().files_are() != self.side
    }

    fn begins(&self, call: Call, key: &Key) {
        let step = self.stage.scheduler.steps();
        let mut state = self.stage.state();
        state.judge.begins(self.side, call, key, step);
    }

    fn version(&self, key: &Key) -> Option<Version> {
        let object = self.memory().snapshot().remove(key.as_str())?;
        let entry = self.memory().stat(key).now_or_never()?.ok()??;
        let body = object.body;
        Some(Version {
            in_bucket: self.is_bucket(),
            entry,
            body,
        })
    }

    /// What is read, piece by piece; each of them takes its time.
    fn arriving(&self, pieces: impl Iterator<Item = Result<Bytes>> + Send + 'static) -> Chunks {
        let stage = self.stage.clone();
        Chunks::new(stream::iter(pieces).then(move |piece| {
            let stage = stage.clone();
            async move {
                stage.turn().await;
                piece
            }
        }))
    }

    /// An operation with an effect on `key`: it may fail before or after it,
    /// and whatever else happens may happen around it.
    pub(super) async fn change(
        &self,
        call: Call,
        key: &Key,
        effect: impl Future<Output = Result<()>> + Send,
    ) -> Result<()> {
        self.stage.turn().await;
        let fault = self.stage.fault(&format!("{call:?}"), key);
        if let Some(Fault::Before(error)) = fault {
            return Err(error);
        }
        let before = self.version(key);
        self.stage.set_store_clock(self.memory());
        let result = effect.await;
        let after = self.version(key);
        if matches!(&result, Err(error) if error.kind() == ErrorKind::Blocked) {
            self.stage.state().judge.refuses(key);
        }
        self.stage.state().judge.changed(key, before, after);
        self.stage.turn().await;
        match fault {
            Some(Fault::After(error)) if result.is_ok() => Err(error),
            _ => result,
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn location(&self) -> String {
        self.side.to_string()
    }

    async fn list(&self, _: &Arc<Selection>) -> Listing {
        let world = self.stage.world();
        Listing {
            entries: self.faulty_listing(),
            clock_offset: world.clock_offset.filter(|_| self.is_bucket()),
        }
    }

    fn accepts(&self, key: &Key) -> Result<(), KeyProblem> {
        if self.side == Side::Source || self.stage.world().target_accepts(key.as_str()) {
            return Ok(());
        }
        Err(KeyProblem::Other("cannot be held here".to_owned()))
    }

    fn folds_names(&self) -> bool {
        self.side == Side::Target && self.stage.world().target_folds_names
    }

    fn present(&self) -> Option<Present> {
        Some(self.stage.present(self.is_bucket()))
    }

    async fn wait_for(&self, moment: DateTime<Utc>) {
        self.stage.turn().await;
        self.stage.wait_for(moment, self.is_bucket());
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        self.stage.turn().await;
        self.stage.check("stat", key)?;
        let found = self.memory().stat(key).await?;
        if self.side == Side::Source && found.is_none() {
            self.stage.state().judge.source_lacks(key);
        }
        self.stage.turn().await;
        Ok(found)
    }

    async fn lacks(&self, key: &Key) -> Result<bool> {
        Ok(self.stat(key).await?.is_none() && self.memory().lacks(key).await?)
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        self.stage.turn().await;
        self.stage.check("digest", &entry.key)?;
        let kept = self.memory().digest(entry).await;
        self.stage.turn().await;
        kept
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        self.begins(Call::Read, &entry.key);
        self.stage.turn().await;
        self.stage.check("read", &entry.key)?;
        let is_whole = range == (0..entry.size);
        let read = self.memory().read(entry, range).await?;
        let mut bytes = read.bytes().await?.to_vec();
        let (damaged, short, cut) = {
            let mut state = self.stage.state();
            let permille = state.world.weather.damage;
            let damaged = state.random.chance(permille);
            let short = state.random.chance(500);
            (damaged, short, state.random.below(bytes.len() + 1))
        };
        self.stage.turn().await;
        if damaged {
            self.stage.state().judge.damages(entry.key.as_str());
        }
        let mut failed = None;
        match bytes.last_mut() {
            Some(_) if damaged && short => drop(bytes.pop()),
            // Nobody could notice it in a file; for a whole object, the store does.
            Some(_) if damaged && is_whole && self.is_bucket() => {
                failed = Some(StoreError::new(ErrorKind::Corrupt, "damaged by chance"));
            }
            Some(last) if damaged && self.is_bucket() => *last ^= 1,
            _ => {}
        }
        let mut first = Bytes::from(bytes);
        let rest = first.split_off(cut.min(first.len()));
        let chunks = [Ok(first), Ok(rest)];
        Ok(self.arriving(chunks.into_iter().chain(failed.map(Err))))
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        self.begins(Call::Put, &entry.key);
        let put = self.memory().put(entry, body, checksum, expected);
        self.change(Call::Put, &entry.key, put).await?;
        self.stage.state().judge.was_copied(&entry.key);
        Ok(())
    }

    async fn write(
        &self,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        self.begins(Call::Write, &entry.key);
        self.stage.turn().await;
        self.stage.check("write", &entry.key)?;
        let inner = self.memory().write(entry, part_size, expected).await;
        if matches!(&inner, Err(error) if error.kind() == ErrorKind::Blocked) {
            self.stage.state().judge.refuses(&entry.key);
        }
        let inner = inner?;
        self.stage.turn().await;
        let writer = self.stage.state().judge.opens(entry);
        let (store, key) = (self.clone(), entry.key.clone());
        Ok(Box::new(FaultyWriter::new(store, key, writer, inner)))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        let mut results = Vec::new();
        for entry in entries {
            self.begins(Call::Delete, &entry.key);
        }
        for entry in entries {
            let delete = self.memory().delete(std::slice::from_ref(entry));
            let delete = delete.map(|mut results| results.remove(0));
            results.push(self.change(Call::Delete, &entry.key, delete).await);
        }
        for (entry, _) in entries.iter().zip(&results).filter(|(_, r)| r.is_ok()) {
            self.stage.state().judge.was_deleted(&entry.key);
        }
        results
    }
}
