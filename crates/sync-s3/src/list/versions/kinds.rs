//! In which order a server lists versions, delete markers and keys, as far as its pages
//! show it.
//!
//! Some servers write all versions of a page before all of its markers. That the order
//! among both is that of time shows only where a marker precedes a version of its key.

use std::cmp::Ordering;

use crate::bucket::Bucket;
use crate::list::versions::page_xml::{Kinds, Line};

fn kinds_of(lines: &[Line]) -> Kinds {
    let is_proof = |pair: &[Line]| match pair {
        [one, next] => one.is_marker && !next.is_marker && one.key == next.key,
        _ => false,
    };
    let markers = lines.iter().filter(|line| line.is_marker).count();
    if lines.windows(2).any(is_proof) {
        Kinds::Mixed
    } else if markers == 0 || markers == lines.len() {
        Kinds::One
    } else {
        Kinds::Apart
    }
}

/// Notes in each line of a page what the page shows. Where the kinds may be apart, puts the
/// lines of each key together, in the order of keys that each of the kinds has.
pub(crate) fn gather(lines: &mut [Line]) {
    let kinds = kinds_of(lines);
    for line in lines.iter_mut() {
        line.kinds = kinds;
    }
    if kinds != Kinds::Apart {
        return;
    }
    let is_that_of_both = |order: &&Order| {
        [true, false].iter().all(|&is_marker| {
            let kind = lines.iter().filter(|line| line.is_marker == is_marker);
            kind.is_sorted_by(|one, next| order(&one.key, &next.key).is_le())
        })
    };
    if let Some(order) = ORDERS.iter().find(is_that_of_both) {
        lines.sort_by(|one, other| order(&one.key, &other.key));
    }
}

/// Whether the markers of a server may be apart from its versions, from its lines in order.
#[derive(Debug)]
pub(crate) struct Tearing {
    is_known_not_to_be: bool,
}

impl Tearing {
    pub(crate) fn of(bucket: &Bucket) -> Self {
        Self {
            is_known_not_to_be: !bucket.endpoint.is_foreign(),
        }
    }

    /// Whether those of the page of the next line may be.
    pub(crate) fn is_torn(&mut self, line: &Line) -> bool {
        self.is_known_not_to_be |= line.kinds == Kinds::Mixed;
        !self.is_known_not_to_be && line.kinds == Kinds::Apart
    }
}

type Order = fn(&str, &str) -> Ordering;

/// The orders in which servers list keys: by bytes; by the names at each level of
/// directories; by the units of UTF-16.
const ORDERS: [Order; 3] = [by_bytes, by_directories, by_units];

fn by_bytes(one: &str, other: &str) -> Ordering {
    one.cmp(other)
}

fn by_directories(one: &str, other: &str) -> Ordering {
    let place = |byte| match byte {
        b'/' => 0,
        other => u16::from(other) + 1,
    };
    one.bytes().map(place).cmp(other.bytes().map(place))
}

fn by_units(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

/// Whether keys come in one of the orders in which servers list: in no order, further lines
/// of a key might come later.
#[derive(Debug)]
pub(crate) struct KeyOrder {
    is_possible: [bool; ORDERS.len()],
    last: Option<String>,
}

impl Default for KeyOrder {
    fn default() -> Self {
        Self {
            is_possible: [true; ORDERS.len()],
            last: None,
        }
    }
}

impl KeyOrder {
    /// Whether `key`, which comes next, is in order.
    pub(crate) fn has_next(&mut self, key: &str) -> bool {
        if let Some(last) = &self.last {
            for (is_possible, order) in self.is_possible.iter_mut().zip(ORDERS) {
                *is_possible = *is_possible && order(last, key).is_lt();
            }
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(key);
        self.is_possible.contains(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of lines like `a` and `-a`, which is a marker.
    fn lines(text: &str) -> Vec<Line> {
        let line = |text: &str| Line {
            key: text.trim_start_matches('-').to_owned(),
            is_marker: text.starts_with('-'),
            ..Line::default()
        };
        text.split_whitespace().map(line).collect()
    }

    fn gathered(text: &str) -> (Kinds, String) {
        let mut lines = lines(text);
        gather(&mut lines);
        let texts = lines
            .iter()
            .map(|line| format!("{}{}", if line.is_marker { "-" } else { "" }, line.key));
        let texts: Vec<_> = texts.collect();
        (lines[0].kinds, texts.join(" "))
    }

    #[test]
    fn markers_that_are_apart_are_put_to_their_versions() {
        for (page, kinds, expected) in [
            ("a a b", Kinds::One, "a a b"),
            ("-a -b", Kinds::One, "-a -b"),
            ("-a a b", Kinds::Mixed, "-a a b"),
            // A marker before the version of another key shows nothing.
            ("a -a b", Kinds::Apart, "a -a b"),
            ("a b c -a -c", Kinds::Apart, "a -a b c -c"),
            ("a a-b a/b -a -a/b", Kinds::Apart, "a -a a-b a/b -a/b"),
            // In the order of directories.
            ("a a/b a-b -a -a/b", Kinds::Apart, "a -a a/b -a/b a-b"),
            // In none.
            ("c a b -a", Kinds::Apart, "c a b -a"),
        ] {
            assert_eq!(gathered(page), (kinds, expected.to_owned()), "{page}");
        }
    }

    #[test]
    fn keys_are_in_order_as_long_as_they_are_in_one_of_those_that_servers_have() {
        let is_in_order = |keys: &[&str]| {
            let mut order = KeyOrder::default();
            keys.iter().all(|key| order.has_next(key))
        };
        assert!(is_in_order(&["a", "a-b", "a/b", "b"]));
        assert!(is_in_order(&["a", "a/b", "a-b", "b"]));
        assert!(is_in_order(&["\u{10000}", "\u{ffff}"]));
        assert!(!is_in_order(&["a/b", "a-b", "a/c"]));
        assert!(!is_in_order(&["a", "b", "a"]));
        assert!(!is_in_order(&["a", "a"]));
    }
}
