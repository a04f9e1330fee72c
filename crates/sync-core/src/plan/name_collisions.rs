//! Finds names that are one and the same on a file system that folds case or
//! Unicode forms.
//!
//! Only a restore onto such a file system needs it, and only then are the
//! names of a listing remembered. What a file system folds differs in detail;
//! lower case of the composed form catches what the common ones do.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::key::Key;

/// The names so far, directories among them, by their folded form.
#[derive(Default)]
pub(crate) struct NameCollisions(HashMap<String, Box<str>>);

impl NameCollisions {
    /// The earlier name that `key`, or a directory of it, would collide with;
    /// a key that collides is not remembered.
    pub(crate) fn collision(&mut self, key: &Key) -> Option<Key> {
        let name = key.as_str();
        let ends = name.match_indices('/').map(|(at, _)| at);
        for path in ends.chain([name.len()]).map(|end| &name[..end]) {
            let folded: String = path.nfc().flat_map(char::to_lowercase).collect();
            let known = self.0.entry(folded).or_insert_with(|| path.into());
            if **known != *path {
                return Key::new(known.clone()).ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collisions(names: &[&str]) -> Vec<Option<String>> {
        let mut folding = NameCollisions::default();
        let mut collision = |name: &&str| {
            let key = Key::new(*name).unwrap();
            folding.collision(&key).map(String::from)
        };
        names.iter().map(&mut collision).collect()
    }

    #[test]
    fn case_and_unicode_forms_collide_and_nothing_else() {
        let found = collisions(&["Read", "read", "e\u{301}", "\u{e9}", "reads", "x/Read"]);
        let expected = [None, Some("Read"), None, Some("e\u{301}"), None, None];
        assert_eq!(found, expected.map(|name| name.map(str::to_owned)));
    }

    #[test]
    fn directories_collide_too() {
        let found = collisions(&["A/x", "A/y", "a/z"]);
        assert_eq!(found, [None, None, Some("A".to_owned())]);
    }
}
