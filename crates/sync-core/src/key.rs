//! The name of an entry: a relative path of plain segments, checked once.
//!
//! Whoever holds a [`Key`] knows that joining it to a root cannot lead outside
//! that root (design, promise 12). What S3 accepts as a key but no file system
//! can hold as a path (`a//b`, `../x`, `/x`, `dir/`) is refused here and is
//! never mapped onto another path.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::printable;

/// Longest key that S3 itself accepts, in bytes of UTF-8
/// (S3 User Guide, "Naming Amazon S3 objects").
pub const MAX_KEY_BYTES: usize = 1024;

/// A relative path with `/` between its segments, in UTF-8.
///
/// It is not empty, has no empty, `.` or `..` segment (so neither a leading
/// nor a trailing slash) and no NUL. Keys are ordered by their bytes, as S3
/// lists them.
///
/// ```
/// use sync_core::{Key, key::KeyError};
///
/// let key = Key::new("photos/2024/a.jpg")?;
/// assert_eq!(key.as_str(), "photos/2024/a.jpg");
/// assert_eq!(Key::new("../x"), Err(KeyError::DotSegment));
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Box<str>);

/// Why a name is no [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing at all.
    #[error("is empty")]
    Empty,
    /// `/x`
    #[error("begins with a slash")]
    LeadingSlash,
    /// `dir/`
    #[error("ends with a slash")]
    TrailingSlash,
    /// `a//b`
    #[error("has an empty segment")]
    EmptySegment,
    /// `a/./b`, `../x`
    #[error("has a `.` or `..` segment")]
    DotSegment,
    /// A NUL byte, which no path can hold.
    #[error("has a NUL byte")]
    Nul,
}

impl Key {
    /// Checks `name` and keeps it as it is.
    ///
    /// # Errors
    /// The first rule of [`KeyError`] that `name` breaks.
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, KeyError> {
        let name = name.into();
        check(&name)?;
        Ok(Self(name))
    }

    /// The key as it stands in the bucket, below the prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the directory that it is in; empty for the top.
    #[must_use]
    pub fn directory(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
    }

    /// Whether `self` is a path below `ancestor`, if `ancestor` were a directory.
    #[must_use]
    pub fn is_below(&self, ancestor: &Key) -> bool {
        self.0
            .strip_prefix(&*ancestor.0)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

fn check(name: &str) -> Result<(), KeyError> {
    if name.is_empty() {
        return Err(KeyError::Empty);
    }
    if name.starts_with('/') {
        return Err(KeyError::LeadingSlash);
    }
    if name.ends_with('/') {
        return Err(KeyError::TrailingSlash);
    }
    if name.contains('\0') {
        return Err(KeyError::Nul);
    }
    for segment in name.split('/') {
        match segment {
            "" => return Err(KeyError::EmptySegment),
            "." | ".." => return Err(KeyError::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(name: String) -> Result<Self, KeyError> {
        Self::new(name)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_path_are_refused() {
        let cases = [
            ("", KeyError::Empty),
            ("/x", KeyError::LeadingSlash),
            ("/", KeyError::LeadingSlash),
            ("dir/", KeyError::TrailingSlash),
            ("a//b", KeyError::EmptySegment),
            ("a/./b", KeyError::DotSegment),
            ("../x", KeyError::DotSegment),
            ("a/../../x", KeyError::DotSegment),
            (".", KeyError::DotSegment),
            ("a\0b", KeyError::Nul),
        ];
        for (name, error) in cases {
            assert_eq!(Key::new(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn odd_but_possible_names_are_kept_as_they_are() {
        for name in [
            "a", "...", "a b", "%2F", "a\nb", "é", "e\u{301}", ".a", "a.", "~",
        ] {
            assert_eq!(Key::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn below_means_a_whole_segment() {
        let key = |name: &str| Key::new(name).unwrap();
        assert!(key("a/b").is_below(&key("a")));
        assert!(!key("ab").is_below(&key("a")));
        assert!(!key("a").is_below(&key("a")));
    }
}
