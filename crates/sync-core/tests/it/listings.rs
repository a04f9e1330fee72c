//! Listings that are out of order, name a key twice, fail, or leave things out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::FutureExt;
use futures::executor::block_on;
use futures::stream::{self, BoxStream, StreamExt};
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind, Listed, Result, Store, StoreError,
    entry::{SkipCause, Skipped},
    listing::{Joined, MergeError, Side, merge},
    make_plan,
    plan::{PlanError, PlanOptions},
    rule::Pair,
    spool::{MemorySpools, Spool, Spools},
    store::{Listing, MockStore},
};

use crate::support::{Scheduler, entry, lines, noon, plan, probes, try_plan};

fn listing(names: &[&str]) -> BoxStream<'static, Result<Listed>> {
    let items: Vec<_> = names.iter().map(|name| Ok(item(name))).collect();
    stream::iter(items).boxed()
}

/// An entry, or something skipped if `name` begins with `?`.
fn item(name: &str) -> Listed {
    match name.strip_prefix('?') {
        None => Listed::Entry(entry(name, 1)),
        Some(name) => Listed::Skipped(Skipped {
            name: name.to_owned(),
            cause: SkipCause::Unreadable,
            detail: "EACCES".to_owned(),
            link: None,
        }),
    }
}

/// The joined stream in words; after an error it must be over.
fn joined(source: &[&str], target: &[&str]) -> Vec<String> {
    let merged = merge(listing(source), listing(target)).map(|joined| match joined {
        Ok(Joined::Pair(Pair::Source(e))) => format!("{} only in source", e.key),
        Ok(Joined::Pair(Pair::Target(e))) => format!("{} only in target", e.key),
        Ok(Joined::Pair(Pair::Both { source, target })) => {
            assert_eq!(source.key, target.key);
            format!("{} in both", source.key)
        }
        Ok(Joined::Skipped(side, skipped)) => format!("{} skipped in {side}", skipped.name),
        Err(MergeError { side, error, .. }) => format!("{:?} in {side}", error.kind()),
    });
    block_on(merged.collect())
}

#[test]
fn two_listings_become_pairs_in_key_order() {
    assert_eq!(joined(&[], &[]), [""; 0]);
    assert_eq!(
        joined(&["a", "a-b", "a/x"], &["a-b", "a.txt", "b"]),
        [
            "a only in source",
            "a-b in both",
            "a.txt only in target",
            "a/x only in source",
            "b only in target"
        ]
    );
}

#[test]
fn what_a_listing_skipped_is_passed_on() {
    assert_eq!(
        joined(&["?x", "a", "?y"], &["a", "?z"]),
        [
            "x skipped in source",
            "a in both",
            "y skipped in source",
            "z skipped in target"
        ]
    );
}

#[test]
fn disorder_ends_the_joined_stream() {
    // As `SeaweedFS` lists: `a/x` before `a-b/y`.
    assert_eq!(
        joined(&["a/x", "a-b/y", "z"], &[]),
        ["a/x only in source", "Disordered in source"]
    );
    assert_eq!(
        joined(&[], &["b", "a"]),
        ["b only in target", "Disordered in target"]
    );
}

#[test]
fn a_key_that_comes_twice_ends_the_joined_stream() {
    assert_eq!(
        joined(&["a", "a"], &["a"]),
        ["a in both", "Duplicate in source"]
    );
    assert_eq!(joined(&[], &["a", "?x", "a"])[2], "Duplicate in target");
}

#[test]
fn an_error_ends_the_joined_stream_though_the_other_side_is_not_ready() {
    let failed = stream::iter([Err(StoreError::new(ErrorKind::Timeout, "no answer"))]).boxed();
    let mut merged = merge(stream::pending().boxed(), failed);
    let first = merged.next().now_or_never().expect("it needs not wait");
    let error = first.unwrap().unwrap_err();
    assert_eq!(
        (error.side, error.error.kind()),
        (Side::Target, ErrorKind::Timeout)
    );
    assert!(
        error
            .to_string()
            .contains("listing of the target failed: no answer")
    );
    assert!(block_on(merged.next()).is_none());
}

#[test]
fn listings_that_pause_at_every_item_are_joined_alike() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    for name in ["a", "a-b/y", "a.txt", "c/x"] {
        source.insert(name, "1", noon(0));
    }
    for name in ["a", "b", "c/x", "d"] {
        target.insert(name, "1", noon(1));
    }
    let options = PlanOptions::new(Direction::Backup);
    let expected = lines(&plan(&source, &target, &options));
    for seed in 0..50 {
        let scheduler = Scheduler::new(seed);
        let (source, target) = probes(&source, &target);
        let (source, target) = (source.paced(&scheduler), target.paced(&scheduler));
        let spools = Arc::new(MemorySpools);
        let paced = scheduler.run(make_plan(&source, &target, &options, spools));
        assert_eq!(lines(&paced.unwrap()), expected, "seed {seed}");
    }
}

/// A store that lists `names`, however often it is asked.
fn store_that_lists(names: &'static [&'static str]) -> MockStore {
    let mut store = MockStore::new();
    store
        .expect_list()
        .returning(move |_| Listing::new(listing(names)));
    store.expect_location().returning(|| "mock".to_owned());
    store.expect_present().returning(|| None);
    store.expect_accepts().returning(|_| Ok(()));
    store.expect_folds_names().return_const(false);
    store.expect_parallelism().return_const(usize::MAX);
    store.expect_bandwidth_delay().return_const(0_u64);
    store
}

#[test]
fn no_plan_comes_from_a_listing_with_a_duplicate() {
    let empty = MemoryStore::objects();
    let listings: [&[&str]; 3] = [&["a", "a"], &["a", "b", "a"], &["b", "a", "b"]];
    for names in listings {
        let doubled = store_that_lists(names);
        let options = PlanOptions::new(Direction::Backup);
        let sides: [(&dyn Store, &dyn Store, Side); 2] = [
            (&doubled, &empty, Side::Source),
            (&empty, &doubled, Side::Target),
        ];
        for (source, target, side) in sides {
            match try_plan(source, target, &options) {
                Err(PlanError::Listing(failed)) => {
                    assert_eq!(
                        (failed.side, failed.error.kind()),
                        (side, ErrorKind::Duplicate)
                    );
                }
                _ => panic!("a plan from {names:?}"),
            }
        }
    }
}

#[test]
fn a_listing_in_another_order_each_time_is_no_endless_loop() {
    let (source, target) = (
        store_that_lists(&["c", "a", "b"]),
        store_that_lists(&["b", "?x", "a"]),
    );
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Backup));
    assert_eq!(lines(&plan), ["skip x of the target", "copy c"]);
}

/// Spools in memory that are counted and gone when they are dropped.
#[derive(Default)]
struct CountedSpools(AtomicUsize);

impl Spools for CountedSpools {
    fn create(&self) -> io::Result<Box<dyn Spool>> {
        self.0.fetch_add(1, SeqCst);
        MemorySpools.create()
    }
}

#[test]
fn a_sort_spills_what_exceeds_its_memory() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    for n in 0..1000 {
        source.insert(&format!("dir/{n:03}"), "1", noon(n));
    }
    source.list_in_disorder();
    let create = |sort_memory| {
        let spools = Arc::new(CountedSpools::default());
        let options = with!(PlanOptions::new(Direction::Backup), sort_memory);
        let plan = make_plan(
            &source,
            &target,
            &options,
            Arc::clone(&spools) as Arc<dyn Spools>,
        );
        (lines(&block_on(plan).unwrap()), spools.0.load(SeqCst))
    };
    let (in_memory, spools) = create(usize::MAX);
    assert_eq!(spools, 2, "one for each attempt at the plan");
    let (spilled, spools) = create(16 << 10);
    assert!(spools > 5, "{spools} spools");
    assert_eq!(spilled, in_memory);
    assert!(spilled.is_sorted());
}

/// Spools without space.
struct FullDisk;

impl Spools for FullDisk {
    fn create(&self) -> io::Result<Box<dyn Spool>> {
        Ok(Box::new(FullDisk))
    }
}

impl Spool for FullDisk {
    fn append(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn reader(&self) -> io::Result<Box<dyn io::BufRead + Send>> {
        Ok(Box::new(io::empty()))
    }
}

#[test]
fn a_full_disk_gives_an_error_and_no_plan() {
    let (source, target) = (MemoryStore::objects(), MemoryStore::files());
    source.insert("a", "1", noon(0));
    source.insert("b", "1", noon(0));
    let options = with!(PlanOptions::new(Direction::Restore), sort_memory: 0);
    let plan = || block_on(make_plan(&source, &target, &options, Arc::new(FullDisk)));
    assert!(matches!(plan(), Err(PlanError::Spool(_))));
    source.list_in_disorder();
    match plan() {
        Err(PlanError::Listing(failed)) => assert_eq!(failed.error.kind(), ErrorKind::NoSpace),
        _ => panic!("a plan without space"),
    }
}
