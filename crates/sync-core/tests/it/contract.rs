//! The stores in memory keep the contract of every store.

use futures::executor::block_on;
use sync_core::testing::{MemoryStore, contract};

use crate::support::{Scheduler, probes};

#[test]
fn files_in_memory_keep_the_contract() {
    block_on(contract(&MemoryStore::files(), 8));
}

#[test]
fn objects_in_memory_keep_the_contract() {
    block_on(contract(&MemoryStore::objects(), 8));
}

#[test]
fn a_watched_store_keeps_the_contract() {
    let store = MemoryStore::objects();
    let scheduler = Scheduler::new(1);
    let (watched, _) = probes(&store, &store);
    scheduler.run(contract(&watched.paced(&scheduler), 8));
}
