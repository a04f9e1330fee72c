//! A write in parts to a `FaultyStore`; the judge keeps what was written.

use std::sync::Mutex;

use async_trait::async_trait;
use sync_core::{Key, Result, Writer, checksum::Crc64, store::Chunks};

use super::faulty::FaultyStore;
use super::judge::Call;

/// Told to the judge when it is dropped without commit or abort.
pub(super) struct FaultyWriter {
    store: FaultyStore,
    key: Key,
    /// What the judge calls it.
    writer: u64,
    inner: Mutex<Option<Box<dyn Writer>>>,
}

impl FaultyWriter {
    pub(super) fn new(store: FaultyStore, key: Key, writer: u64, inner: Box<dyn Writer>) -> Self {
        let inner = Mutex::new(Some(inner));
        Self {
            store,
            key,
            writer,
            inner,
        }
    }

    fn close(&self) -> Box<dyn Writer> {
        self.inner.lock().unwrap().take().unwrap()
    }
}

#[async_trait]
impl Writer for FaultyWriter {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        let stage = &self.store.stage;
        stage.turn().await;
        stage.check("part", &self.key)?;
        let body = body.bytes().await?;
        stage.turn().await;
        stage.state().judge.takes_part(self.writer, offset, &body);
        Ok(Crc64::of(&body))
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let inner = self.close();
        let body = self.store.stage.state().judge.commits(self.writer);
        // The parts are kept by the judge; MemoryStore gets them as one.
        let commit = async move {
            inner.part(0, body.into()).await?;
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
