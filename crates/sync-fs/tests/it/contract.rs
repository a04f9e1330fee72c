//! The directory keeps the contract of every store, however durable it writes.

use std::fs;

use chrono::TimeDelta;
use sync_core::testing::{Clause, store_contract};
use sync_fs::{Durability, FsOptions};

use crate::util::Tree;

/// Checks `clause` over an empty directory, which may keep directories only.
fn with_durability(durability: Durability, clause: &Clause) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tree = Tree::new();
    let store = tree.store_with(FsOptions {
        durability,
        ..FsOptions::default()
    });
    runtime.block_on(clause.check(&store));
    drop(store);
    let names = tree.names();
    let is_directory = |name: &String| tree.path(name).is_dir();
    assert!(names.iter().all(is_directory), "{names:?}");
}

/// A directory that was removed once it was open.
fn with_removed_directory(clause: &Clause) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tree = Tree::new();
    let store = tree.store();
    fs::remove_dir(&tree.root).unwrap();
    runtime.block_on(clause.check(&store));
}

macro_rules! with {
    ($($module:ident: $durability:ident,)*) => {
        $(mod $module {
            use super::*;

            fn with_store(clause: &Clause) {
                with_durability(Durability::$durability, clause);
            }

            store_contract!(
                with_store,
                broken: with_removed_directory,
                part_size: 64 * 1024,
                time_unit: Some(TimeDelta::nanoseconds(1)),
            );
        })*
    };
}

with! {
    synced_in_batches: Batch,
    synced_one_by_one: Each,
    not_synced: None,
}
