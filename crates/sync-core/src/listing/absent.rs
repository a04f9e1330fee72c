//! Follows a key list beside two joined listings, and notes the names that neither has.
//!
//! Both are in the order of keys, so one name is looked at at a time. What a listing skipped
//! may hide a name, and may come after keys that follow it (`a` after `a-b`, since `a/` does);
//! so a name waits as long as that is possible. A skip that comes later still, which only a listing
//! out of order has, is not considered.

use std::io;

use super::skipped_names::{SkippedNames, may_be_directory_of};
use crate::{
    entry::{SkipCause, Skipped},
    key::Key,
    key_list::{KeyList, KeyListItem, NotFound},
    key_range::KeyRange,
    select::Selection,
};

type Items = Box<dyn Iterator<Item = io::Result<KeyListItem>> + Send>;

/// Finds the names of a key list that neither of two listings has.
pub(super) struct Absent {
    range: KeyRange,
    items: Items,
    item: Option<KeyListItem>,
    /// Whether a listing has an entry of `item`.
    is_found: bool,
    /// Names that no entry has, and that something skipped may yet hide.
    waiting: Vec<KeyListItem>,
    skipped: SkippedNames,
    /// Whether something at the root was skipped, which may hide any name.
    is_root_hidden: bool,
    /// Listed names of directories.
    directories: SkippedNames,
    not_found: NotFound,
}

impl Absent {
    /// Follows `keys`, as far as they are in `range`.
    ///
    /// # Errors
    /// Those of reading the list.
    pub(super) fn new(keys: &KeyList, range: KeyRange) -> io::Result<Self> {
        let mut items: Items = Box::new(keys.items()?);
        Ok(Self {
            range,
            item: items.next().transpose()?,
            items,
            is_found: false,
            waiting: Vec::new(),
            skipped: SkippedNames::default(),
            is_root_hidden: false,
            directories: SkippedNames::default(),
            not_found: NotFound::default(),
        })
    }

    /// The next entry has this key.
    ///
    /// # Errors
    /// Those of reading the list.
    pub(super) fn entry(&mut self, key: &Key, selection: &Selection) -> io::Result<()> {
        let still_waits = |item: &mut KeyListItem| !may_be_directory_of(item.name(), key.as_str());
        let passed: Vec<_> = self.waiting.extract_if(.., still_waits).collect();
        for item in passed {
            self.judge(&item, selection);
        }
        while let Some(item) = &self.item {
            if item.names(key.as_str()) {
                self.is_found = true;
                break;
            }
            if item.text() > key.as_str() {
                break;
            }
            if let Some(item) = self.next()? {
                if may_be_directory_of(item.name(), key.as_str()) {
                    self.waiting.push(item);
                } else {
                    self.judge(&item, selection);
                }
            }
        }
        self.skipped.forget_before(key);
        Ok(())
    }

    /// A listing skipped this.
    pub(super) fn skipped(&mut self, skipped: &Skipped) {
        if skipped.name == Skipped::ROOT {
            self.is_root_hidden = true;
        } else if skipped.cause == SkipCause::Directory {
            self.directories.insert(&skipped.name, skipped.cause);
        } else {
            self.skipped.insert(&skipped.name, skipped.cause);
        }
    }

    /// Both listings have ended: what neither has.
    ///
    /// # Errors
    /// Those of reading the list.
    pub(super) fn end(&mut self, selection: &Selection) -> io::Result<NotFound> {
        for item in std::mem::take(&mut self.waiting) {
            self.judge(&item, selection);
        }
        while self.item.is_some() {
            if let Some(item) = self.next()? {
                self.judge(&item, selection);
            }
        }
        let not_found = std::mem::take(&mut self.not_found);
        Ok(if self.is_root_hidden {
            NotFound::default()
        } else {
            not_found
        })
    }

    /// Goes to the next item; returns the last one, if no listing has an entry of it.
    fn next(&mut self) -> io::Result<Option<KeyListItem>> {
        let next = self.items.next().transpose()?;
        let last = std::mem::replace(&mut self.item, next);
        let is_found = std::mem::take(&mut self.is_found);
        Ok(last.filter(|_| !is_found))
    }

    /// Notes `item`, of which no listing has an entry, unless it is hidden, a directory, or
    /// not concerned by the run.
    fn judge(&mut self, item: &KeyListItem, selection: &Selection) {
        // Of all keys it does not matter whether there are any.
        let Ok(name) = Key::new(item.name()) else {
            return;
        };
        let (is_excluded, has_skipped) = match item {
            KeyListItem::Key(key) => (!selection.selects(key.as_str()), false),
            KeyListItem::Below(_) => {
                let has_skipped = self.skipped.below(&name).is_some();
                (selection.prunes(name.as_str()), has_skipped)
            }
        };
        self.directories.forget_before(&name);
        let is_directory = self.directories.at(&name).is_some();
        let is_there = is_directory || has_skipped || self.skipped.cover(&name);
        if !is_there && !is_excluded && self.range.contains(item.text()) {
            self.not_found.add(item.text());
        }
    }
}
