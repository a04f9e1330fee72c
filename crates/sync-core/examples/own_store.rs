//! A store of one's own, small and writable: the rows of a table in memory, as
//! they could be in any database. It keeps the contract of every store, and the
//! core mirrors it to another one.
//!
//! ```text
//! cargo run -p sync-core --example own_store
//! cargo test -p sync-core --example own_store
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::future::pending;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;
use sync_core::entry::Revision;
use sync_core::store::{Chunks, KeyProblem, Listing};
use sync_core::{
    Direction, Entry, ErrorKind, Expected, Key, Listed, NewEntry, Result, Selection, Store,
    StoreError, Writer, checksum::Crc64, execute, execute::ExecuteOptions, make_plan, plan::Action,
    plan::Limits, plan::PlanOptions, plan::refusals, spool::MemorySpools,
};

/// The table. Clones share it.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    by_key: BTreeMap<Key, Row>,
    /// How many rows were ever written: each has its number as its version.
    written: u64,
}

struct Row {
    content: Bytes,
    modified: DateTime<Utc>,
    version: u64,
}

fn failed<T>(kind: ErrorKind, key: &Key, why: &str) -> Result<T> {
    Err(StoreError::new(kind, format!("'{key}' {why}")))
}

impl Rows {
    fn entry(&self, key: &Key) -> Option<Entry> {
        let row = self.by_key.get(key)?;
        let entry = Entry::new(key.clone(), row.content.len() as u64, row.modified);
        Some(entry.with_revision(Revision::new(row.version.to_string())))
    }

    /// The row of `entry`, if it is still that version.
    fn find(&self, entry: &Entry) -> Result<&Row> {
        match (self.by_key.get(&entry.key), self.entry(&entry.key)) {
            (Some(row), Some(now)) if entry.is_same_version(&now) => Ok(row),
            (Some(_), _) => failed(ErrorKind::Changed, &entry.key, "has changed"),
            (None, _) => failed(ErrorKind::NotFound, &entry.key, "is gone"),
        }
    }

    fn write(&mut self, entry: &NewEntry, content: Bytes, expected: &Expected) -> Result<()> {
        match (expected, self.entry(&entry.key)) {
            (_, None) => {}
            (Expected::Version(seen), Some(now)) if seen.is_same_version(&now) => {}
            _ => return failed(ErrorKind::Changed, &entry.key, "has changed"),
        }
        self.written += 1;
        let row = Row {
            content,
            modified: entry.modified,
            version: self.written,
        };
        self.by_key.insert(entry.key.clone(), row);
        Ok(())
    }

    fn delete(&mut self, entry: &Entry) -> Result<()> {
        if self.by_key.contains_key(&entry.key) {
            self.find(entry)?;
            self.by_key.remove(&entry.key);
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Table {
    fn location(&self) -> String {
        "a table".to_owned()
    }

    async fn list(&self, _: &Arc<Selection>) -> Listing {
        let rows = self.0.lock();
        let entries: Vec<Entry> = rows.by_key.keys().filter_map(|k| rows.entry(k)).collect();
        Listing::new(stream::iter(entries).map(Listed::Entry).map(Ok).boxed())
    }

    fn accepts(&self, _: &Key) -> Result<(), KeyProblem> {
        Ok(())
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        Ok(self.0.lock().entry(key))
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let rows = self.0.lock();
        let content = &rows.find(entry)?.content;
        Ok(content
            .slice(range.start as usize..range.end as usize)
            .into())
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        if checksum != Crc64::of(&body) {
            return failed(
                ErrorKind::Corrupt,
                &entry.key,
                "does not match its checksum",
            );
        }
        self.0.lock().write(entry, body, expected)
    }

    async fn write(
        &self,
        entry: &NewEntry,
        _part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        Ok(Box::new(TableWriter {
            table: self.clone(),
            entry: entry.clone(),
            expected: expected.clone(),
            parts: Mutex::default(),
        }))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        let mut rows = self.0.lock();
        entries.iter().map(|entry| rows.delete(entry)).collect()
    }
}

/// Keeps the parts by their offsets until all are there.
struct TableWriter {
    table: Table,
    entry: NewEntry,
    expected: Expected,
    parts: Mutex<BTreeMap<u64, Bytes>>,
}

#[async_trait]
impl Writer for TableWriter {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        let body = body.bytes().await?;
        let sum = Crc64::of(&body);
        self.parts.lock().insert(offset, body);
        Ok(sum)
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let content: Bytes = self.parts.into_inner().into_values().flatten().collect();
        self.table
            .put(&self.entry, content, checksum, &self.expected)
            .await
    }

    async fn abort(self: Box<Self>) {}
}

/// Plans, shows, judges and executes.
async fn mirror(source: &dyn Store, target: &dyn Store) -> Result<(), Box<dyn Error>> {
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

/// Writes a row as another program would.
async fn insert(table: &Table, name: &str, content: &'static str) -> Result<(), Box<dyn Error>> {
    let modified = "2024-05-01T12:00:00Z".parse()?;
    let entry = Entry::new(Key::new(name)?, content.len() as u64, modified);
    let (entry, body) = (NewEntry::from(&entry), Bytes::from(content));
    let sum = Crc64::of(&body);
    Ok(table.put(&entry, body, sum, &Expected::Absent).await?)
}

fn main() -> Result<(), Box<dyn Error>> {
    block_on(async {
        let (source, target) = (Table::default(), Table::default());
        insert(&source, "pages/1.txt", "one").await?;
        insert(&source, "pages/2.txt", "two").await?;
        insert(&target, "pages/0.txt", "an old page").await?;
        mirror(&source, &target).await?;
        // A second run has nothing to do; an empty source is an accident.
        mirror(&source, &target).await?;
        mirror(&Table::default(), &target).await
    })
}

#[cfg(test)]
mod tests {
    use sync_core::testing::{Clause, store_contract};

    use super::*;

    fn with_store(clause: &Clause) {
        block_on(clause.check(&Table::default()));
    }

    store_contract!(
        with_store,
        part_size: 8,
        time_unit: Some(chrono::TimeDelta::nanoseconds(1)),
    );

    #[test]
    fn the_example_runs() {
        main().unwrap();
    }
}
