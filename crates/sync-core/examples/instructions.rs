//! Work of the core, to be counted in instructions by `cargo xtask
//! instructions`: `instructions STEP CASE COUNT`.
//!
//! A step includes those before it, so that xtask can subtract: `list` reads
//! both listings, `merge` joins them, `plan` decides and writes the plan,
//! `read` reads the plan as well. In the case `unchanged` both sides have all
//! entries; in the case `new` only the source has them.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use futures::stream::StreamExt;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Selection, Store,
    listing::merge,
    make_plan,
    plan::{Plan, PlanOptions},
    spool::MemorySpools,
    store::Listing,
};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [step, case, count] = words.as_slice() else {
        return Err("usage: instructions STEP CASE COUNT".into());
    };
    let edited: DateTime<Utc> = "2024-05-01T12:00:00Z".parse()?;
    let count = count.parse()?;
    let source = filled(MemoryStore::files(), count, edited);
    let target = MemoryStore::objects();
    let target = match case.as_str() {
        "unchanged" => filled(target, count, edited + TimeDelta::hours(1)),
        "new" => target,
        _ => return Err(format!("no such case: '{case}'").into()),
    };
    block_on(run(step, &source, &target))
}

fn filled(store: MemoryStore, count: u64, time: DateTime<Utc>) -> MemoryStore {
    for number in 0..count {
        let name = format!("photos/{:03}/image-{number:06}.jpeg", number / 1_000);
        store.insert(&name, "content", time);
    }
    store
}

async fn run(step: &str, source: &dyn Store, target: &dyn Store) -> Result<(), Box<dyn Error>> {
    match step {
        "list" => {
            let (source, target) = listings(source, target).await;
            black_box(source.entries.count().await + target.entries.count().await);
        }
        "merge" => {
            let (source, target) = listings(source, target).await;
            black_box(merge(source.entries, target.entries).count().await);
        }
        "plan" => {
            black_box(plan(source, target).await?.counts());
        }
        "read" => {
            let plan = plan(source, target).await?;
            for action in plan.actions()? {
                black_box(action?);
            }
        }
        _ => return Err(format!("no such step: '{step}'").into()),
    }
    Ok(())
}

async fn listings(source: &dyn Store, target: &dyn Store) -> (Listing, Listing) {
    let selection = Arc::new(Selection::default());
    let source = source.list(&selection).await;
    (source, target.list(&selection).await)
}

async fn plan(source: &dyn Store, target: &dyn Store) -> Result<Plan, Box<dyn Error>> {
    let options = PlanOptions::new(Direction::Backup);
    Ok(make_plan(source, target, &options, Arc::new(MemorySpools)).await?)
}
