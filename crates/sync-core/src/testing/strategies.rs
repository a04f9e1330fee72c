//! Strategies for property tests: keys, entries, pairs and trees over a small,
//! hostile alphabet, so that names collide, nest and sort around the slash.
//!
//! The rule is a function, so that it can be tested in isolation:
//!
//! ```
//! use proptest::prelude::*;
//! use sync_core::rule::{Decision, Outcome, Pair, Reason};
//! use sync_core::testing::strategies::pairs;
//! use sync_core::{Direction, Rule};
//!
//! proptest! {
//!     # /*
//!     #[test]
//!     # */
//!     fn a_backup_copies_what_the_bucket_lacks(pair in pairs()) {
//!         let decision = Rule::new(Direction::Backup).decide(pair.as_ref());
//!         if let Pair::Source(source) = &pair {
//!             let copied = Outcome::Transfer {
//!                 reason: Reason::OnlyInSource,
//!                 source,
//!                 target: None,
//!             };
//!             prop_assert_eq!(decision, Decision::Settled(copied));
//!         }
//!     }
//! }
//! # a_backup_copies_what_the_bucket_lacks();
//! ```

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use crate::{entry::Entry, key::Key, rule::Pair};

/// Names that a bucket takes: most of them are keys, some are no path.
pub fn names() -> impl Strategy<Value = String> {
    let segments = vec(select(&["a", "b", "a-b", "a.", "-"]), 1..4);
    let anything = vec(select(&['a', 'b', '-', '.', '/']), 1..6);
    prop_oneof![
        3 => segments.prop_map(|segments| segments.join("/")),
        2 => anything.prop_map(String::from_iter),
    ]
}

/// Keys of one to three segments, or with odd characters.
pub fn keys() -> impl Strategy<Value = Key> {
    names().prop_filter_map("no path", |name| Key::new(name).ok())
}

/// Few sizes, so that two entries often have the same one.
pub fn sizes() -> impl Strategy<Value = u64> {
    0..3_u64
}

/// Few times: the same one, a nanosecond, a second and an hour later.
pub fn times() -> impl Strategy<Value = DateTime<Utc>> {
    let noon = DateTime::from_timestamp_nanos(1_714_564_800_000_000_000);
    let later = [
        TimeDelta::zero(),
        TimeDelta::nanoseconds(1),
        TimeDelta::seconds(1),
        TimeDelta::hours(1),
    ];
    select(later.to_vec()).prop_map(move |later| noon + later)
}

/// Entries without a revision.
pub fn entries() -> impl Strategy<Value = Entry> {
    (keys(), sizes(), times()).prop_map(|(key, size, modified)| Entry::new(key, size, modified))
}

/// The entries of one key; half of the pairs have both.
pub fn pairs() -> impl Strategy<Value = Pair> {
    let sides =
        prop_oneof![1 => Just((true, false)), 1 => Just((false, true)), 2 => Just((true, true))];
    (entries(), sizes(), times(), sides).prop_map(|(source, size, modified, sides)| {
        let target = Entry::new(source.key.clone(), size, modified);
        match sides {
            (true, true) => Pair::Both { source, target },
            (true, false) => Pair::Source(source),
            _ => Pair::Target(target),
        }
    })
}

/// Up to eight entries that fit into one directory tree.
pub fn trees() -> impl Strategy<Value = BTreeMap<Key, Entry>> {
    vec(entries(), 0..9).prop_map(|entries| {
        let named = entries
            .into_iter()
            .map(|entry| (entry.key.to_string(), entry));
        let tree = fitting(named).into_values();
        tree.map(|entry| (entry.key.clone(), entry)).collect()
    })
}

/// Of `items`, those that fit into one directory tree: of names that exclude
/// each other the first stays, of the same name the last.
pub fn fitting<T>(items: impl IntoIterator<Item = (String, T)>) -> BTreeMap<String, T> {
    let mut tree: BTreeMap<String, T> = BTreeMap::new();
    for (name, item) in items {
        let collides = |other: &String| is_below(other, &name) || is_below(&name, other);
        if Key::new(&*name).is_ok() && !tree.keys().any(collides) {
            tree.insert(name, item);
        }
    }
    tree
}

fn is_below(name: &str, above: &str) -> bool {
    let rest = name.strip_prefix(above);
    rest.is_some_and(|rest| rest.starts_with('/'))
}
