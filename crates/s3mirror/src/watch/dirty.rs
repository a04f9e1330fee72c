//! What may have changed since it was last looked at: keys, and directories for all keys
//! below them. An item below another one is not kept, and what would take too much memory
//! becomes everything.

use std::collections::BTreeSet;

use sync_core::key::MAX_KEY_BYTES;

/// Memory of an item beside its text, in bytes; about what the set takes.
pub(super) const OVERHEAD: usize = 64;

/// Keys and directories that have to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Changes {
    /// Keys, and directories, which end with a slash.
    Items(BTreeSet<String>),
    /// More than was remembered.
    Everything,
}

/// Collects changes in bounded memory.
#[derive(Debug)]
pub(super) struct Dirty {
    items: BTreeSet<String>,
    bytes: usize,
    /// The most that the items may take, in bytes.
    most: usize,
    overflowed: bool,
}

impl Dirty {
    pub(super) fn new(most: usize) -> Self {
        Self {
            items: BTreeSet::new(),
            bytes: 0,
            most,
            overflowed: false,
        }
    }

    /// Adds a key, or a directory, which ends with a slash.
    pub(super) fn add(&mut self, item: &str) {
        let item = listable(item);
        if self.overflowed || covers(&self.items, item) {
            return;
        }
        if item.is_empty() {
            self.overflow();
            return;
        }
        if item.ends_with('/') {
            self.drop_below(item);
        }
        if self.items.insert(item.to_owned()) {
            self.bytes += item.len() + OVERHEAD;
        }
        if self.bytes > self.most {
            self.overflow();
        }
    }

    /// Adds what was taken and could not be dealt with.
    pub(super) fn put_back(&mut self, changes: Changes) {
        match changes {
            Changes::Items(items) => items.iter().for_each(|item| self.add(item)),
            Changes::Everything => self.overflow(),
        }
    }

    /// All of it; then there is none.
    pub(super) fn take(&mut self) -> Changes {
        let items = std::mem::take(&mut self.items);
        self.bytes = 0;
        if std::mem::take(&mut self.overflowed) {
            Changes::Everything
        } else {
            Changes::Items(items)
        }
    }

    /// Whether there is more than is remembered.
    pub(super) fn is_everything(&self) -> bool {
        self.overflowed
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    fn drop_below(&mut self, directory: &str) {
        let below = self.items.range(directory.to_owned()..);
        let below = below.take_while(|item| item.starts_with(directory));
        for item in below.cloned().collect::<Vec<_>>() {
            self.bytes -= item.len() + OVERHEAD;
            self.items.remove(&item);
        }
    }

    fn overflow(&mut self) {
        self.items.clear();
        self.bytes = 0;
        self.overflowed = true;
    }
}

/// Whether `items` has `item`, or a directory above it.
pub(super) fn covers(items: &BTreeSet<String>, item: &str) -> bool {
    let mut ends = item.match_indices('/').map(|(at, _)| at + 1);
    items.contains(item) || ends.any(|end| items.contains(&item[..end]))
}

/// The item to look at for `item`: a name that is too long for a key is found, and reported,
/// by the listing of a directory above it.
fn listable(item: &str) -> &str {
    if item.len() <= MAX_KEY_BYTES {
        return item;
    }
    let mut ends = item.match_indices('/').map(|(at, _)| at + 1);
    let end = ends.rfind(|end| *end <= MAX_KEY_BYTES);
    &item[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirty(items: &[&str]) -> Dirty {
        let mut dirty = Dirty::new(1 << 20);
        items.iter().for_each(|item| dirty.add(item));
        dirty
    }

    fn items(names: &[&str]) -> Changes {
        Changes::Items(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_directory_covers_all_below_it_whichever_comes_first() {
        for order in [
            ["a/", "a/b", "a/b/", "a/b/c"],
            ["a/b/c", "a/b/", "a/b", "a/"],
        ] {
            assert_eq!(dirty(&order).take(), items(&["a/"]));
        }
        // Neither its own name nor one that only begins alike.
        let names = ["a", "a-b", "a/", "ab/"];
        assert_eq!(dirty(&names).take(), items(&names));
    }

    #[test]
    fn what_takes_too_much_memory_becomes_everything_until_it_is_taken() {
        let mut dirty = Dirty::new(3 * (OVERHEAD + 1));
        for name in ["a", "b", "c", "c"] {
            dirty.add(name);
        }
        assert!(!dirty.is_everything());
        dirty.add("d");
        assert!(dirty.is_everything());
        dirty.add("e");
        assert_eq!(dirty.len(), 0);
        assert_eq!(dirty.take(), Changes::Everything);
        dirty.add("f");
        assert_eq!(dirty.take(), items(&["f"]));
        assert_eq!(dirty.take(), items(&[]));
    }

    #[test]
    fn memory_is_given_back_by_a_directory_that_covers_others() {
        let mut dirty = Dirty::new(3 * (OVERHEAD + 4));
        for number in 0..100 {
            dirty.add(&format!("a/{number}"));
            dirty.add("a/");
        }
        assert_eq!(dirty.take(), items(&["a/"]));
    }

    #[test]
    fn what_is_put_back_joins_what_came_since() {
        let mut dirty = dirty(&["a/b", "c"]);
        let taken = dirty.take();
        dirty.add("a/");
        dirty.put_back(taken);
        assert_eq!(dirty.take(), items(&["a/", "c"]));
        dirty.put_back(Changes::Everything);
        assert!(dirty.is_everything());
    }

    #[test]
    fn a_name_too_long_for_a_key_is_left_to_a_directory_above_it() {
        let (above, name) = ("d/".repeat(500), "n".repeat(255));
        let changes = dirty(&["a", &format!("{above}{name}")]).take();
        assert_eq!(changes, items(&["a", &above]));
        let nowhere = "n".repeat(MAX_KEY_BYTES + 1);
        assert_eq!(dirty(&[&nowhere]).take(), Changes::Everything);
    }

    #[test]
    fn the_root_is_everything() {
        assert_eq!(dirty(&["a", ""]).take(), Changes::Everything);
    }
}
