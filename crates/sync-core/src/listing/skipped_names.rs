//! Names that a listing skipped, as far as keys to come may lie at or below
//! them.
//!
//! In key order everything at or below `a` comes before the first key that is
//! greater and does not begin with `a` followed by a byte up to `/`. After that
//! a name is dropped, so what is held is what was skipped around the current
//! key, however much was skipped in all.

use std::collections::BTreeMap;

use crate::{entry::SkipCause, key::Key};

/// What was skipped, by name.
#[derive(Default)]
pub(crate) struct SkippedNames(BTreeMap<String, SkipCause>);

impl SkippedNames {
    pub(crate) fn insert(&mut self, name: &str, cause: SkipCause) {
        self.0.insert(name.to_owned(), cause);
    }

    /// The skipped name at `key`.
    pub(crate) fn at(&self, key: &Key) -> Option<(&str, SkipCause)> {
        let found = self.0.get_key_value(key.as_str());
        found.map(|(name, cause)| (name.as_str(), *cause))
    }

    /// A skipped name above `key`: the nearest to the root.
    pub(crate) fn above(&self, key: &Key) -> Option<(&str, SkipCause)> {
        if self.0.is_empty() {
            return None;
        }
        let key = key.as_str();
        let mut above = key.match_indices('/').map(|(end, _)| &key[..end]);
        let found = above.find_map(|name| self.0.get_key_value(name));
        found.map(|(name, cause)| (name.as_str(), *cause))
    }

    /// The first skipped name below `key`.
    pub(crate) fn below(&self, key: &Key) -> Option<(&str, SkipCause)> {
        if self.0.is_empty() {
            return None;
        }
        let below = format!("{key}/", key = key.as_str());
        let (name, cause) = self.0.range(below.clone()..).next()?;
        name.starts_with(&below).then_some((name, *cause))
    }

    /// Whether `key` is at or below a skipped name.
    pub(crate) fn cover(&self, key: &Key) -> bool {
        !self.0.is_empty() && (self.at(key).is_some() || self.above(key).is_some())
    }

    /// Drops names at or below which neither `key` nor a later key can lie.
    pub(crate) fn forget_before(&mut self, key: &Key) {
        while let Some(first) = self.0.first_entry()
            && first.key().as_str() < key.as_str()
            && !may_be_directory_of(first.key(), key.as_str())
        {
            first.remove();
        }
    }
}

/// Whether `key`, which is not before `name`, or a later key can lie below
/// `name`.
pub(crate) fn may_be_directory_of(name: &str, key: &str) -> bool {
    let rest = key.strip_prefix(name);
    rest.is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte <= b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new(name).unwrap()
    }

    #[test]
    fn a_name_covers_itself_and_what_is_below_it_and_nothing_else() {
        let mut names = SkippedNames::default();
        assert!(!names.cover(&key("a")));
        names.insert("a", SkipCause::Link);
        for (name, covered) in [
            ("a", true),
            ("a/b", true),
            ("a/b/c", true),
            ("a-b", false),
            ("aa", false),
            ("b/a", false),
        ] {
            assert_eq!(names.cover(&key(name)), covered, "{name}");
        }
        assert!(names.below(&key("a")).is_none());
        names.insert("b/a/c", SkipCause::Link);
        assert!(names.below(&key("b")).is_some());
        assert!(names.below(&key("b/a")).is_some());
        assert!(names.below(&key("b/a/c")).is_none());
    }

    #[test]
    fn a_name_is_held_until_all_keys_below_it_have_passed() {
        let mut names = SkippedNames::default();
        names.insert("a", SkipCause::Link);
        for name in ["a", "a-b", "a.txt", "a/x"] {
            names.forget_before(&key(name));
            assert!(names.cover(&key("a/y")), "{name}");
        }
        names.forget_before(&key("a0"));
        assert!(!names.cover(&key("a/y")));
    }
}
