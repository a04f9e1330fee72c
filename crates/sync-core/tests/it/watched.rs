//! What somebody sees who watches a run: which copies are large, and how far
//! the listings are.

use std::sync::Arc;

use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind,
    execute::ExecuteOptions,
    listing::{Listings, Side},
    plan::PlanOptions,
};

use crate::support::{Events, Probe, noon, plan, probes, run_with, try_plan};

fn files_of(sizes: &[(&str, usize)]) -> (MemoryStore, MemoryStore) {
    let (files, bucket) = (MemoryStore::files(), MemoryStore::objects());
    for (name, size) in sizes {
        files.insert(name, vec![7; *size], noon(0));
    }
    (files, bucket)
}

fn copied(source: &Probe, target: &Probe) -> Events {
    let options = with!(ExecuteOptions::default(), part_size: 8);
    let events = Events::default();
    let plan = plan(source, target, &PlanOptions::new(Direction::Restore));
    run_with(&plan, source, target, &options, &events);
    events
}

#[test]
fn only_a_copy_of_more_than_one_part_is_said_to_begin() {
    let (bucket, files) = files_of(&[("empty", 0), ("one-part", 8), ("two-parts", 9)]);
    let (source, target) = probes(&bucket, &files);
    assert_eq!(copied(&source, &target).begun(), ["two-parts"]);
}

#[test]
fn a_copy_that_is_tried_again_begins_again() {
    let (bucket, files) = files_of(&[("large", 20)]);
    let (source, target) = probes(&bucket, &files);
    target.fail("target part large", ErrorKind::Corrupt);
    let events = copied(&source, &target);
    assert_eq!(events.begun(), ["large", "large"]);
    assert_eq!(events.bytes(), 0);
}

fn counted(source: &MemoryStore, target: &MemoryStore) -> (u64, u64) {
    let listings = Arc::new(Listings::default());
    let options = with!(PlanOptions::new(Direction::Backup), listings: Arc::clone(&listings));
    try_plan(source, target, &options).unwrap();
    (listings.of(Side::Source), listings.of(Side::Target))
}

#[test]
fn what_is_listed_is_counted_on_both_sides() {
    let (files, bucket) = files_of(&[("a", 1), ("b", 1), ("c", 1)]);
    bucket.insert("a", "x", noon(0));
    assert_eq!(counted(&files, &bucket), (3, 1));
}

#[test]
fn a_listing_that_is_read_again_to_be_sorted_is_counted_once() {
    let (files, bucket) = files_of(&[("a", 1), ("b", 1), ("c", 1)]);
    files.list_in_disorder();
    bucket.insert("a", "x", noon(0));
    assert_eq!(counted(&files, &bucket), (3, 1));
}
