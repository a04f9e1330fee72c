//! What a list keeps of its items, whatever the memory; and which names it concerns.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::spool::MemorySpools;

fn list(names: &[String], memory: usize) -> KeyList {
    let mut builder = KeyListBuilder::new(Arc::new(MemorySpools), memory);
    for name in names {
        builder.add(&KeyListItem::parse(name).unwrap()).unwrap();
    }
    builder.finish().unwrap()
}

fn texts(list: &KeyList) -> Vec<String> {
    let items = list.items().unwrap();
    items.map(|item| item.unwrap().text().to_owned()).collect()
}

/// Names of keys and of directories that nest and sort around the slash.
fn names() -> impl Strategy<Value = Vec<String>> {
    let segment = select(&["a", "b", "a-b", "a.", "-", "é"]);
    let name = (vec(segment, 1..4), any::<bool>()).prop_map(|(segments, is_directory)| {
        segments.join("/") + if is_directory { "/" } else { "" }
    });
    vec(name, 0..12)
}

fn covers(item: &str, name: &str) -> bool {
    item == name || item.ends_with('/') && name.starts_with(item)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_list_has_each_name_once_and_in_order_whatever_the_memory(names in names()) {
        let all: BTreeSet<_> = names.iter().cloned().collect();
        let is_covered = |name: &String| all.iter().any(|item| item != name && covers(item, name));
        let expected: Vec<_> = all.iter().filter(|name| !is_covered(name)).cloned().collect();
        for memory in [0, 40, usize::MAX] {
            let list = list(&names, memory);
            prop_assert_eq!(&texts(&list), &expected);
            let directories = expected.iter().filter(|name| name.ends_with('/')).count() as u64;
            prop_assert_eq!(list.summary().directories, directories);
            prop_assert_eq!(list.summary().keys, expected.len() as u64 - directories);
            prop_assert_eq!(list.is_empty(), expected.is_empty());
        }
    }

    #[test]
    fn a_list_concerns_what_it_names_and_what_is_above_that(names in names(), asked in names()) {
        let list = list(&names, usize::MAX);
        for name in asked.iter().map(|name| name.trim_end_matches('/')) {
            let is_named = names.iter().any(|item| covers(item, name));
            let is_above = names.iter().any(|item| item.starts_with(&format!("{name}/")));
            prop_assert_eq!(list.names(name).unwrap(), is_named, "{}", name);
            prop_assert_eq!(list.concerns(name).unwrap(), is_named || is_above, "{}", name);
        }
    }

    #[test]
    fn pieces_laid_end_to_end_are_the_list(names in names(), most in 1..4_usize) {
        let list = list(&names, usize::MAX);
        let mut laid = Vec::new();
        for piece in list.pieces(most).unwrap() {
            match piece.unwrap() {
                Piece::Below(directory) => laid.push(directory),
                Piece::Keys(keys) => {
                    prop_assert!((1..=most).contains(&keys.len()));
                    laid.extend(keys.into_iter().map(String::from));
                }
            }
        }
        prop_assert_eq!(laid, texts(&list));
    }
}

/// Enough runs that runs are merged into runs, and enough bytes that the index has several
/// names.
#[test]
fn a_large_list_is_sorted_in_levels_of_runs() {
    let names: Vec<_> = (0..20_000_u64)
        .map(|n| format!("d{}/{:016x}", n % 7, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let list = list(&names, 4 << 10);
    let mut expected = names.clone();
    expected.sort_unstable();
    assert_eq!(texts(&list), expected);
    assert!(list.0.index.len() > 4, "{:?}", list.0.index.len());
    for name in names.iter().step_by(977) {
        assert!(list.names(name).unwrap(), "{name}");
        assert!(!list.concerns(&format!("{name}x")).unwrap());
    }
    assert!(list.concerns("d3").unwrap() && !list.names("d3").unwrap());
}

#[test]
fn the_directory_itself_stands_for_everything() {
    let names = ["b", "./", "a/b"].map(str::to_owned);
    let list = list(&names, usize::MAX);
    assert_eq!(texts(&list), [""]);
    assert!(list.names("anything/at/all").unwrap() && !list.is_empty());
}

#[test]
fn lists_of_the_same_names_have_the_same_sum() {
    let sum = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        list(&names, usize::MAX).summary().crc64.clone()
    };
    assert_eq!(sum(&["a", "b/"]), sum(&["b/", "a", "b/c", "a"]));
    assert_ne!(sum(&["a", "b/"]), sum(&["a", "b"]));
}
