//! Another program that embeds the core: it keeps a store equal to a source
//! of its own, here a catalogue whose pages are generated when they are read.
//!
//! ```text
//! cargo run -p sync-core --example embed
//! ```

use std::error::Error;
use std::future::pending;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Entry, ErrorKind, Expected, Key, Listed, NewEntry, Result, Selection, Store,
    StoreError, Writer,
    checksum::Crc64,
    execute,
    execute::ExecuteOptions,
    make_plan,
    plan::{Action, Limits, PlanOptions, refusals},
    spool::MemorySpools,
    store::{Chunks, KeyProblem, Listing},
};

/// A read-only store: its pages exist as a count and a time.
struct Catalogue {
    pages: u64,
    edited: DateTime<Utc>,
}

impl Catalogue {
    fn page(key: &Key) -> Bytes {
        format!("This is {key}.\n").into()
    }

    fn entry(&self, number: u64) -> Option<Entry> {
        let key = Key::new(format!("pages/{number:03}.txt")).ok()?;
        let size = Self::page(&key).len() as u64;
        Some(Entry::new(key, size, self.edited))
    }
}

fn read_only<T>() -> Result<T> {
    let message = "cannot write to a catalogue";
    Err(StoreError::new(ErrorKind::Unsupported, message))
}

#[async_trait]
impl Store for Catalogue {
    fn location(&self) -> String {
        format!("a catalogue of {} pages", self.pages)
    }

    async fn list(&self, _: &Arc<Selection>) -> Listing {
        let entries: Vec<Entry> = (1..=self.pages).filter_map(|n| self.entry(n)).collect();
        Listing::new(stream::iter(entries).map(Listed::Entry).map(Ok).boxed())
    }

    fn accepts(&self, _key: &Key) -> Result<(), KeyProblem> {
        Ok(())
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        let found = (1..=self.pages).filter_map(|n| self.entry(n));
        Ok(found.into_iter().find(|entry| entry.key == *key))
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let page = Self::page(&entry.key);
        Ok(page.slice(range.start as usize..range.end as usize).into())
    }

    async fn put(&self, _: &NewEntry, _: Bytes, _: Crc64, _: &Expected) -> Result<()> {
        read_only()
    }

    async fn write(&self, _: &NewEntry, _: u64, _: &Expected) -> Result<Box<dyn Writer>> {
        read_only()
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        entries.iter().map(|_| read_only()).collect()
    }
}

/// Plans, shows, judges and executes.
async fn publish(source: &dyn Store, target: &dyn Store) -> Result<(), Box<dyn Error>> {
    let options = PlanOptions::new(Direction::Backup);
    let plan = make_plan(source, target, &options, Arc::new(MemorySpools)).await?;
    println!("From {} to {}:", source.location(), target.location());
    for action in plan.actions()? {
        match action? {
            Action::Transfer(t) => println!("  copy   {} ({})", t.source.key, t.reason),
            Action::Delete(d) => println!("  delete {} ({})", d.target.key, d.reason),
            other => println!("  {other:?}"),
        }
    }
    let refused = refusals(plan.header(), &Limits::default());
    if !refused.is_empty() {
        refused.iter().for_each(|why| println!("  refused: {why}"));
        return Ok(());
    }
    let options = ExecuteOptions::default();
    let report = execute(&plan, source, target, &options, &(), pending()).await?;
    println!(
        "  {} created, {} overwritten, {} deleted, {} failed, {} kept",
        report.created.entries,
        report.overwritten.entries,
        report.deleted.entries,
        report.failed,
        plan.counts().kept().entries,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let edited = "2024-05-01T12:00:00Z".parse()?;
    let target = MemoryStore::objects();
    target.set_clock(edited + TimeDelta::hours(1));
    target.insert("pages/000.txt", "an old page", edited);
    block_on(async {
        let catalogue = |pages| Catalogue { pages, edited };
        publish(&catalogue(3), &target).await?;
        // A second run has nothing to do; an empty source is an accident.
        publish(&catalogue(3), &target).await?;
        publish(&catalogue(0), &target).await
    })
}
