//! Restores over a tree with links inside: a link is listed as the file that it
//! names, so it depends on what becomes of that file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Entry, ErrorKind, Expected, Key, KeyRange, Listed, NewEntry, Result, Selection,
    Store, StoreError, Writer,
    checksum::Crc64,
    entry::{Link, Revision, SkipCause, Skipped},
    plan::{Deletions, Plan, PlanError, PlanOptions},
    rule::Reason,
    spool::{MemorySpools, Spools},
    store::{Chunks, KeyProblem, Listing},
};

use crate::support::{actions, cases, key, lines, noon, plan, run, try_plan};

/// A directory with links. Clones share everything.
#[derive(Clone)]
struct Linked {
    files: MemoryStore,
    /// What each link names, and its mark.
    links: Arc<Mutex<BTreeMap<String, (String, String)>>>,
}

impl Linked {
    fn new(files: &[(&str, &str)], links: &[(&str, &str)]) -> Self {
        let store = MemoryStore::files();
        for (name, body) in files {
            store.insert(name, (*body).to_owned(), noon(0));
        }
        let linked = Self {
            files: store,
            links: Arc::default(),
        };
        for (name, to) in links {
            linked.link(name, to, "first");
        }
        linked
    }

    fn link(&self, name: &str, to: &str, mark: &str) {
        let link = (to.to_owned(), mark.to_owned());
        self.links.lock().unwrap().insert(name.to_owned(), link);
    }

    /// The names that the link `name` leads through, up to a file.
    fn through(&self, name: &str) -> Option<Vec<String>> {
        let names = self.way(name);
        let files = self.files.snapshot();
        names
            .last()
            .is_some_and(|last| files.contains_key(last))
            .then_some(names)
    }

    /// The names that the link `name` leads through, up to one that is no link.
    fn way(&self, name: &str) -> Vec<String> {
        let links = self.links.lock().unwrap();
        let (mut at, mut names) = (name.to_owned(), Vec::new());
        while let Some((to, _)) = links.get(&at) {
            at.clone_from(to);
            names.push(at.clone());
            if names.len() > 10 {
                break;
            }
        }
        names
    }

    fn mark(&self, name: &str) -> Option<String> {
        let links = self.links.lock().unwrap();
        links.get(name).map(|(_, mark)| mark.clone())
    }

    async fn entry(&self, name: &str) -> Option<Entry> {
        let Some(mark) = self.mark(name) else {
            return self.files.stat(&key(name)).await.unwrap();
        };
        let through = self.through(name)?;
        let file = self.files.stat(&key(through.last()?)).await.unwrap()?;
        let link = link(&mark, &through);
        Some(
            Entry {
                key: key(name),
                ..file
            }
            .with_link(link),
        )
    }

    /// What a listing skips: a link that names no file.
    fn skipped(&self, name: &str) -> Option<Skipped> {
        let mark = self.mark(name).filter(|_| self.through(name).is_none())?;
        Some(Skipped {
            name: name.to_owned(),
            cause: SkipCause::Link,
            detail: String::new(),
            link: Some(Box::new(link(&mark, &self.way(name)))),
        })
    }

    /// What is seen under each name.
    fn view(&self) -> BTreeMap<String, (Bytes, DateTime<Utc>)> {
        let files = self.files.snapshot();
        let mut view: BTreeMap<_, _> = files
            .iter()
            .map(|(name, file)| (name.clone(), (file.body.clone(), file.modified)))
            .collect();
        let names: Vec<String> = self.links.lock().unwrap().keys().cloned().collect();
        for name in names {
            if let Some(through) = self.through(&name) {
                let file = &files[through.last().unwrap()];
                view.insert(name, (file.body.clone(), file.modified));
            }
        }
        view
    }

    /// What is expected of the file below, once a link at `key` has given way.
    fn give_way(&self, key: &Key, expected: &Expected) -> Result<Expected> {
        let Some(mark) = self.mark(key.as_str()) else {
            return Ok(expected.clone());
        };
        match expected {
            Expected::Version(seen)
                if seen.link.as_ref().is_none_or(|l| l.mark.as_str() != mark) =>
            {
                Err(StoreError::new(ErrorKind::Changed, "another link"))
            }
            _ => {
                self.links.lock().unwrap().remove(key.as_str());
                Ok(Expected::Absent)
            }
        }
    }
}

fn link(mark: &str, through: &[String]) -> Link {
    Link {
        mark: Revision::new(mark),
        through: through.iter().map(|name| key(name)).collect(),
    }
}

#[async_trait]
impl Store for Linked {
    fn location(&self) -> String {
        "linked".to_owned()
    }

    async fn list(&self, _: &Arc<Selection>) -> Listing {
        let mut names: BTreeSet<String> = self.view().into_keys().collect();
        names.extend(self.links.lock().unwrap().keys().cloned());
        let items = names.iter().map(|name| {
            Ok(match self.skipped(name) {
                Some(skipped) => Listed::Skipped(skipped),
                None => Listed::Entry(self.entry(name).now_or_never().unwrap().unwrap()),
            })
        });
        Listing::new(stream::iter(items.collect::<Vec<_>>()).boxed())
    }

    fn accepts(&self, _key: &Key) -> Result<(), KeyProblem> {
        Ok(())
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        Ok(self.entry(key.as_str()).await)
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let through = self.through(entry.key.as_str()).unwrap_or_default();
        let name = through.last().map_or(entry.key.as_str(), String::as_str);
        let file = Entry {
            key: key(name),
            ..entry.clone()
        };
        self.files.read(&file, range).await
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        sum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        let expected = self.give_way(&entry.key, expected)?;
        self.files.put(entry, body, sum, &expected).await
    }

    async fn write(
        &self,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        let expected = self.give_way(&entry.key, expected)?;
        self.files.write(entry, part_size, &expected).await
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        let mut results = Vec::new();
        for entry in entries {
            let expected = Expected::Version(entry.clone());
            let is_link = self.mark(entry.key.as_str()).is_some();
            results.push(match self.give_way(&entry.key, &expected) {
                Err(error) => Err(error),
                Ok(_) if is_link => Ok(()),
                Ok(_) => self
                    .files
                    .delete(std::slice::from_ref(entry))
                    .await
                    .remove(0),
            });
        }
        results
    }
}

fn restore(bucket: &MemoryStore, dir: &Linked) -> Plan {
    plan(bucket, dir, &PlanOptions::new(Direction::Restore))
}

/// A bucket whose objects are later than any file, so what has the size of its
/// file is kept.
fn bucket(objects: &[(&str, &str)]) -> MemoryStore {
    let bucket = MemoryStore::objects();
    for (name, body) in objects {
        bucket.insert(name, (*body).to_owned(), noon(60));
    }
    bucket
}

/// Restores; what is then seen in the directory.
#[track_caller]
fn restored(bucket: &MemoryStore, dir: &Linked) -> Vec<(String, String)> {
    let report = run(&restore(bucket, dir), bucket, dir);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(changes(&restore(bucket, dir)), [""; 0], "a second run");
    let view = dir.view().into_iter();
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    view.map(|(name, (body, _))| (name, text(body))).collect()
}

/// What a plan changes.
fn changes(plan: &Plan) -> Vec<String> {
    let is_change = |line: &String| line.starts_with("copy") || line.starts_with("delete");
    lines(plan).into_iter().filter(is_change).collect()
}

fn seen(view: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, body): &(&str, &str)| ((*name).to_owned(), (*body).to_owned());
    view.iter().map(owned).collect()
}

#[test]
fn a_link_whose_file_goes_becomes_a_file() {
    let dir = Linked::new(&[("a", "same")], &[("l", "a")]);
    let bucket = bucket(&[("l", "same")]);
    assert_eq!(lines(&restore(&bucket, &dir)), ["delete a", "copy l"]);
    assert_eq!(restored(&bucket, &dir), seen(&[("l", "same")]));
}

#[test]
fn a_link_whose_file_is_overwritten_becomes_a_file() {
    for (link, file) in [("l", "z"), ("l", "a")] {
        let dir = Linked::new(&[(file, "same")], &[(link, file)]);
        let bucket = bucket(&[(file, "longer now"), (link, "same")]);
        let counts = restore(&bucket, &dir).counts().clone();
        assert_eq!(counts.of(Reason::LinkedFileChanges).entries, 1);
        assert_eq!(
            (counts.overwritten().entries, counts.kept().entries),
            (2, 0)
        );
        let mut expected = seen(&[(file, "longer now"), (link, "same")]);
        expected.sort();
        assert_eq!(restored(&bucket, &dir), expected);
    }
}

#[test]
fn chains_and_several_links_to_one_file_all_become_files() {
    let links = [("k", "a"), ("l", "k"), ("m", "l"), ("z", "a")];
    let dir = Linked::new(&[("a", "same")], &links);
    let objects = [("k", "same"), ("l", "same"), ("m", "same"), ("z", "same")];
    assert_eq!(restored(&bucket(&objects), &dir), seen(&objects));
}

/// Only the middle of the chain is replaced.
#[test]
fn a_link_through_another_depends_on_it_too() {
    let dir = Linked::new(&[("a", "same")], &[("l", "a"), ("m", "l")]);
    let objects = [("a", "same"), ("l", "longer now"), ("m", "same")];
    assert_eq!(restored(&bucket(&objects), &dir), seen(&objects));
}

#[test]
fn a_link_is_deleted_though_its_file_has_changed_or_gone() {
    for objects in [&[("a", "longer now")][..], &[], &[("b", "x")]] {
        let dir = Linked::new(&[("a", "same")], &[("l", "a")]);
        assert_eq!(restored(&bucket(objects), &dir), seen(objects));
    }
}

#[test]
fn a_link_whose_file_stays_is_kept_as_it_is() {
    let dir = Linked::new(&[("a", "same"), ("b", "old")], &[("l", "a")]);
    let objects = [("a", "same"), ("b", "newer"), ("l", "same")];
    assert_eq!(restored(&bucket(&objects), &dir), seen(&objects));
    assert!(dir.mark("l").is_some());
}

#[test]
fn a_link_that_names_no_file_goes_when_a_restore_makes_that_file() {
    let links = [("l", "k"), ("k", "a"), ("m", "z"), ("n", "n")];
    let dir = Linked::new(&[], &links);
    let objects = [("a", "new")];
    let plan = restore(&bucket(&objects), &dir);
    assert_eq!(changes(&plan), ["copy a", "delete k", "delete l"]);
    let counts = plan.counts();
    assert_eq!((counts.deleted().entries, counts.target.entries), (2, 2));
    assert_eq!(restored(&bucket(&objects), &dir), seen(&objects));
    // Those that name nothing for good stay.
    assert!(dir.mark("m").is_some() && dir.mark("n").is_some());
}

#[test]
fn a_link_that_names_no_file_stays_where_nothing_is_deleted_or_the_source_has_skipped_it() {
    let dir = Linked::new(&[], &[("l", "a")]);
    let objects = bucket(&[("a", "new")]);
    let options = with!(PlanOptions::new(Direction::Restore), deletions: Deletions::Off);
    assert_eq!(changes(&plan(&objects, &dir, &options)), ["copy a"]);
    objects.skip("l", SkipCause::UnmappableKey);
    assert_eq!(changes(&restore(&objects, &dir)), ["copy a"]);
}

#[test]
fn a_link_that_names_no_file_is_replaced_where_the_source_has_a_file_for_it() {
    let dir = Linked::new(&[], &[("l", "a")]);
    let objects = [("a", "new"), ("l", "other")];
    assert_eq!(restored(&bucket(&objects), &dir), seen(&objects));
}

#[test]
fn a_saved_plan_does_the_same_and_finds_a_link_that_has_changed() {
    let saved = |bucket: &MemoryStore, dir: &Linked| {
        let mut text = Vec::new();
        restore(bucket, dir).write_to(&mut text).unwrap();
        Plan::read_from(text.as_slice(), MemorySpools.create().unwrap()).unwrap()
    };
    let objects = [("l", "same")];
    let dir = Linked::new(&[("a", "same")], &[("l", "a")]);
    let bucket = bucket(&objects);
    let plan = saved(&bucket, &dir);
    assert!(run(&plan, &bucket, &dir).is_complete());
    assert_eq!(dir.view().len(), 1);

    let dir = Linked::new(&[("a", "same"), ("b", "same")], &[("l", "a")]);
    let plan = saved(&bucket, &dir);
    dir.link("l", "b", "second");
    let report = run(&plan, &bucket, &dir);
    assert_eq!((report.failed, report.deleted.entries), (1, 0));
    assert_eq!(dir.view().len(), 3);
}

const NAMES: [&str; 6] = ["a", "b", "k", "l", "m", "z"];

fn bodies() -> impl Strategy<Value = BTreeMap<&'static str, (&'static str, i64)>> {
    let body = select(vec!["same", "Same", "longer", ""]);
    proptest::collection::btree_map(select(&NAMES), (body, select(vec![0, 60])), 0..6)
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn no_restore_over_links_is_unequal_or_needs_another(
        objects in bodies(),
        files in bodies(),
        links in proptest::collection::btree_map(select(&NAMES), select(&NAMES), 0..5),
    ) {
        let bucket = MemoryStore::objects();
        for (name, (body, time)) in &objects {
            bucket.insert(name, *body, noon(*time));
        }
        let dir = Linked::new(&[], &[]);
        for (name, (body, time)) in &files {
            dir.files.insert(name, *body, noon(*time));
        }
        for (name, to) in links.iter().filter(|(name, _)| !files.contains_key(**name)) {
            dir.link(name, to, "first");
        }
        let before = dir.view();
        let made = restore(&bucket, &dir);
        let copied: Vec<_> = actions(&made).into_iter().filter_map(|action| match action {
            sync_core::plan::Action::Transfer(t) => Some(t.source.key.as_str().to_owned()),
            _ => None,
        }).collect();
        let report = run(&made, &bucket, &dir);
        prop_assert!(report.is_complete(), "{:?} {:?}", report, lines(&made));
        let (after, objects) = (dir.view(), bucket.snapshot());
        prop_assert!(after.keys().eq(objects.keys()), "{:?}: {:?}", lines(&made), after);
        for (name, seen) in &after {
            if copied.contains(name) {
                prop_assert_eq!(&seen.0, &objects[name].body, "copied {}", name);
            } else {
                prop_assert_eq!(Some(seen), before.get(name), "kept {}", name);
            }
        }
        prop_assert_eq!(changes(&restore(&bucket, &dir)), [""; 0], "a second run");
    }
}

/// What becomes of a link depends on the file that it names.
#[test]
fn a_link_that_leads_to_another_range_is_not_planned_without_it() {
    let kept = Linked::new(&[("z", "1")], &[("a", "z")]);
    let dangling = Linked::new(&[], &[("a", "z")]);
    for (files, objects) in [(kept, &["a", "z"][..]), (dangling, &["z"])] {
        let bucket = MemoryStore::objects();
        for name in objects {
            bucket.insert(name, "1", noon(0));
        }
        let made = |range: &KeyRange| {
            let options = with!(PlanOptions::new(Direction::Restore), range: range.clone());
            try_plan(&bucket, &files, &options)
        };
        assert!(made(&KeyRange::default()).is_ok());
        for (boundary, is_alone) in [("m", false), ("A", true), ("zz", true)] {
            let ranges = KeyRange::split([boundary.to_owned()]);
            let of_link = ranges.iter().find(|range| range.contains("a")).unwrap();
            match made(of_link) {
                Ok(_) => assert!(is_alone, "{boundary}"),
                Err(PlanError::NotSeparable(why)) => {
                    assert!(!is_alone && why.contains("'a'"), "{why}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}
