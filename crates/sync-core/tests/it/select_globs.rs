//! Globs that no key matches are refused: they would exclude nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::{
    Selection,
    key_list::KeyListItem,
    select::{Criteria, NameRule},
};

use crate::support::{cases, is_path};

/// One that is accepted and matches nothing would exclude nothing.
#[test]
fn some_key_matches_every_glob_that_is_accepted() {
    let pieces = select(&["a", ".", "/", "*", "?", "{", ",", "}", "[.a]", "\\."]);
    let globs = vec(pieces, 1..7).prop_map(|pieces| pieces.concat());
    let names = all_names(7);
    proptest!(cases(512), |(glob in globs)| {
        let criteria = Criteria { names: vec![NameRule::Include(glob.clone())], ..Criteria::default() };
        if let Ok(selection) = Selection::new(criteria, None) {
            let matches = names.iter().any(|name| selection.selects(name));
            prop_assert!(matches, "{glob}");
        }
    });
}

/// A glob without a character of its own meaning is accepted if it names a key, or `dir/`, as
/// an item of a list does.
#[test]
fn a_glob_that_spells_out_a_name_is_accepted_as_in_a_list() {
    for name in [
        "./a", "./a/", "a/..", "a//b", "./", "", "a/.b/", "././a", "/", "./../a",
    ] {
        let criteria = Criteria {
            names: vec![NameRule::Exclude(name.to_owned())],
            ..Criteria::default()
        };
        let listed = KeyListItem::parse(name);
        // All keys are excluded by `*`.
        let listed = listed.is_ok_and(|item| item != KeyListItem::Below(String::new()));
        assert_eq!(Selection::new(criteria, None).is_ok(), listed, "{name:?}");
    }
    let names = ["./cache/", "./x"].map(|name| NameRule::Exclude(name.to_owned()));
    let criteria = Criteria {
        names: names.to_vec(),
        ..Criteria::default()
    };
    let selection = Selection::new(criteria, None).unwrap();
    assert!(!selection.selects("cache/a") && !selection.selects("x"));
    assert!(selection.selects("a/cache/b") && selection.prunes("cache"));
}

/// All keys of up to `length` characters of a small alphabet.
fn all_names(length: usize) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut last = names.clone();
    for _ in 0..length {
        let longer = |name: &String| ["a", ",", ".", "/"].map(|c| format!("{name}{c}"));
        last = last.iter().flat_map(longer).collect();
        names.extend_from_slice(&last);
    }
    names.retain(|name| is_path(name));
    names
}
