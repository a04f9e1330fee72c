//! A store that does to its callers what real ones do: it answers late, fails
//! before or after the effect, damages what is read, lists badly, and shows
//! the judge every effect.

use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use sync_core::testing::MemoryStore;
use sync_core::{
    Crc64, Entry, ErrorKind, Expected, Key, Listed, Result, Side, SkipCause, Skipped, Store,
    StoreError, Writer,
};

use super::judge::{Call, Version};
use super::stage::{Fault, Stage};

/// One side of a [`Stage`].
#[derive(Clone)]
pub(super) struct FaultyStore {
    side: Side,
    stage: Stage,
}

impl FaultyStore {
    pub(super) fn new(side: Side, stage: &Stage) -> Self {
        let stage = stage.clone();
        Self { side, stage }
    }

    fn memory(&self) -> &MemoryStore {
        self.stage.store(self.side)
    }

    fn is_bucket(&self) -> bool {
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
        Some(Version { entry, body })
    }

    /// An operation with an effect on `key`: it may fail before or after it,
    /// and whatever else happens may happen around it.
    async fn change(
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
        self.stage.state().judge.changed(key, before, after);
        self.stage.turn().await;
        match fault {
            Some(Fault::After(error)) if result.is_ok() => Err(error),
            _ => result,
        }
    }

    /// What is listed, in the order in which it will come.
    fn items(&self) -> Vec<Listed> {
        let listed = self.memory().list().collect::<Vec<_>>().now_or_never();
        listed.unwrap().into_iter().map(Result::unwrap).collect()
    }

    /// Those of a bucket are as they were when the listing began. A directory
    /// is walked: what is renamed meanwhile may be missed or seen twice.
    fn walk(&self) -> BoxStream<'static, Listed> {
        let disordered = self.stage.world().bucket_disordered;
        if self.is_bucket() {
            let mut items = self.items();
            if disordered {
                let mut state = self.stage.state();
                for at in (1..items.len()).rev() {
                    items.swap(at, state.random.below(at + 1));
                }
            }
            return stream::iter(items).boxed();
        }
        let store = self.clone();
        let walk = stream::unfold(String::new(), move |last| {
            let next = store
                .items()
                .into_iter()
                .find(|item| name(item) > last.as_str());
            let step = next.map(|item| {
                let last = name(&item).to_owned();
                (item, last)
            });
            std::future::ready(step)
        });
        walk.boxed()
    }

    /// What becomes of an item on its way.
    fn spoil(&self, item: Listed) -> Vec<Result<Listed>> {
        let mut state = self.stage.state();
        if matches!(&item, Listed::Skipped(s) if s.cause == SkipCause::UnmappableKey) {
            state.judge.hides(self.side);
        }
        let permille = state.world.weather.listings;
        if !state.random.chance(permille) {
            return vec![Ok(item)];
        }
        match state.random.below(3) {
            0 => {
                state.judge.hides(self.side);
                vec![Ok(Listed::Skipped(Skipped {
                    name: name(&item).to_owned(),
                    cause: SkipCause::Unreadable,
                    detail: String::new(),
                }))]
            }
            1 => {
                state.judge.fails(self.side);
                let error = StoreError::new(ErrorKind::Unavailable, "the listing fails by chance");
                vec![Err(error)]
            }
            _ if matches!(item, Listed::Entry(_)) => {
                state.judge.fails(self.side);
                vec![Ok(item.clone()), Ok(item)]
            }
            _ => vec![Ok(item)],
        }
    }
}

fn name(item: &Listed) -> &str {
    match item {
        Listed::Entry(entry) => entry.key.as_str(),
        Listed::Skipped(skipped) => &skipped.name,
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn location(&self) -> String {
        self.side.to_string()
    }

    fn list(&self) -> BoxStream<'static, Result<Listed>> {
        self.stage.state().judge.lists(self.side);
        let (store, pace) = (self.clone(), self.stage.clone());
        // Time passes before an item is looked at.
        let paced = stream::unfold(self.walk(), move |mut walk| {
            let pace = pace.clone();
            async move {
                pace.turn().await;
                walk.next().await.map(|item| (item, walk))
            }
        });
        let spoilt = paced.flat_map(move |item| stream::iter(store.spoil(item)));
        // An error is the last item.
        spoilt
            .scan(false, |failed, item| {
                let item = (!*failed).then_some(item);
                *failed |= matches!(item, Some(Err(_)));
                std::future::ready(item)
            })
            .boxed()
    }

    fn accepts(&self, key: &Key) -> Result<(), String> {
        if self.side == Side::Source || self.stage.world().target_accepts(key.as_str()) {
            return Ok(());
        }
        Err("cannot be held here".to_owned())
    }

    fn folds_names(&self) -> bool {
        self.side == Side::Target && self.stage.world().target_folds_names
    }

    fn clock_offset(&self) -> Option<TimeDelta> {
        let world = self.stage.world();
        world.clock_offset.filter(|_| self.is_bucket())
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

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Bytes> {
        self.begins(Call::Read, &entry.key);
        self.stage.turn().await;
        self.stage.check("read", &entry.key)?;
        let is_whole = range == (0..entry.size);
        let mut bytes = self.memory().read(entry, range).await?.to_vec();
        let (damaged, short) = {
            let mut state = self.stage.state();
            let permille = state.world.weather.damage;
            (state.random.chance(permille), state.random.chance(500))
        };
        self.stage.turn().await;
        match bytes.last_mut() {
            Some(_) if damaged && short => drop(bytes.pop()),
            // Nobody could notice it in a file; for a whole object, the store does.
            Some(_) if damaged && is_whole && self.is_bucket() => {
                return Err(StoreError::new(ErrorKind::Corrupt, "damaged by chance"));
            }
            Some(last) if damaged && self.is_bucket() => *last ^= 1,
            _ => {}
        }
        Ok(bytes.into())
    }

    async fn put(
        &self,
        entry: &Entry,
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
        entry: &Entry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        self.begins(Call::Write, &entry.key);
        self.stage.turn().await;
        self.stage.check("write", &entry.key)?;
        let inner = self.memory().write(entry, part_size, expected).await?;
        self.stage.turn().await;
        let writer = self.stage.state().judge.opens(entry);
        Ok(Box::new(FaultyWriter {
            store: self.clone(),
            key: entry.key.clone(),
            writer,
            inner: Mutex::new(Some(inner)),
        }))
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

/// Told to the judge when it is dropped without commit or abort.
struct FaultyWriter {
    store: FaultyStore,
    key: Key,
    /// What the judge calls it.
    writer: u64,
    inner: Mutex<Option<Box<dyn Writer>>>,
}

impl FaultyWriter {
    fn close(&self) -> Box<dyn Writer> {
        self.inner.lock().unwrap().take().unwrap()
    }
}

#[async_trait]
impl Writer for FaultyWriter {
    async fn part(&self, offset: u64, body: Bytes, checksum: Crc64) -> Result<()> {
        assert_eq!(checksum, Crc64::of(&body), "the caller's checksum");
        let stage = &self.store.stage;
        stage.turn().await;
        stage.check("part", &self.key)?;
        stage.turn().await;
        stage.state().judge.takes_part(self.writer, offset, &body);
        Ok(())
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let inner = self.close();
        let body = self.store.stage.state().judge.commits(self.writer);
        // The parts are kept by the judge; MemoryStore gets them as one.
        let commit = async move {
            inner.part(0, body.clone(), Crc64::of(&body)).await?;
            inner.commit(checksum).await
        };
        self.store.change(Call::Commit, &self.key, commit).await?;
        self.store.stage.state().judge.was_copied(&self.key);
        Ok(())
    }

    async fn abort(self: Box<Self>) {
        let inner = self.close();
        self.store.stage.state().judge.aborts(self.writer);
        self.store.stage.turn().await;
        inner.abort().await;
    }
}

impl Drop for FaultyWriter {
    fn drop(&mut self) {
        if self.inner.lock().unwrap().is_some() && !std::thread::panicking() {
            self.store.stage.state().judge.leaks(self.writer);
        }
    }
}
