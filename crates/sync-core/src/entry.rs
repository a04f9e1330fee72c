//! What is known of a file or an object: name, size and time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::times::is_same_time;
use crate::{Crc64, Key};

/// One file or object, as a listing showed it.
///
/// ```
/// use sync_core::{Entry, Key};
///
/// let modified = "2024-05-01T12:00:00Z".parse()?;
/// let entry = Entry::new(Key::new("a.txt")?, 5, modified);
/// assert!(entry.revision.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path below the root or the prefix.
    pub key: Key,
    /// Length in bytes.
    pub size: u64,
    /// Last modification, UTC. Of a file to the nanosecond; of an object as
    /// the server keeps it, mostly cut to the second.
    pub modified: DateTime<Utc>,
    /// Which version of the content this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Set where the entry is a symbolic link, listed as the file that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<Link>>,
    /// Sum of the whole content, where the store knows it without reading.
    /// Never filled by a listing, only by [`Store::stat`](crate::Store::stat).
    #[serde(skip)]
    pub checksum: Option<Crc64>,
}

impl Entry {
    /// An entry without revision and checksum.
    #[must_use]
    pub fn new(key: Key, size: u64, modified: DateTime<Utc>) -> Self {
        Self {
            key,
            size,
            modified,
            revision: None,
            link: None,
            checksum: None,
        }
    }

    /// The same entry with `revision`.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        self.revision = Some(revision);
        self
    }

    /// The same entry, which is a symbolic link.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        self.link = Some(Box::new(link));
        self
    }

    /// Whether `other` is the very version that `self` describes: the same
    /// size and revision or, where one of them has no revision, the same time
    /// ([`is_same_time`]).
    #[must_use]
    pub fn is_same_version(&self, other: &Entry) -> bool {
        self.size == other.size
            && match (&self.revision, &other.revision) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => is_same_time(self.modified, other.modified),
            }
    }
}

/// What makes an entry depend on others: it is a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Which version of the link itself this is; the revision of the entry is
    /// that of the file that it names.
    pub mark: Revision,
    /// The names that it leads through, and at last that of the file: if one of
    /// them is replaced or removed, so is the content of this entry.
    pub through: Vec<Key>,
}

/// An opaque mark of one version of an entry: an ETag, or the identity of a file.
///
/// It guards an action against a change since the listing; it never decides
/// what is to be done (design, promise 10). Revisions of different stores
/// have nothing in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(Box<str>);

impl Revision {
    /// Keeps `mark` as it is.
    #[must_use]
    pub fn new(mark: impl Into<Box<str>>) -> Self {
        Self(mark.into())
    }

    /// The mark, as the store gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One item of a listing: an entry, or something that is left out and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A file or an object.
    Entry(Entry),
    /// Something that is no entry.
    Skipped(Skipped),
}

/// Something that a listing met and left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name below the root or prefix, with replacement characters where
    /// it is not UTF-8.
    pub name: String,
    /// What kind of thing it is.
    pub cause: SkipCause,
    /// More for people, such as the system's error message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Why something is left out of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipCause {
    /// A zero-byte object whose key ends with a slash.
    Placeholder,
    /// A key that is no possible path; see [`KeyError`](crate::KeyError).
    UnmappableKey,
    /// A link that leaves the root, dangles, loops or names a directory.
    Link,
    /// A socket, FIFO or device.
    SpecialFile,
    /// A file name that is not UTF-8.
    NotUtf8,
    /// A file or directory that could not be read.
    Unreadable,
    /// A directory, or something that is no file, that the run does not
    /// concern ([`Selection`](crate::Selection)); it was not looked at.
    NotSelected,
}

impl SkipCause {
    /// Whether something may be at the skipped name, or below it, that the
    /// listing does not show. What the source skipped is not absent from it, so
    /// the target's entries there are neither overwritten nor deleted.
    ///
    /// Only a placeholder hides nothing: it is a mark that says "directory",
    /// and what is in that directory is listed by itself. A cause that is added
    /// later hides something unless it is exempted here.
    #[must_use]
    pub fn covers(self) -> bool {
        self != Self::Placeholder
    }

    /// Whether a source that skipped this is only partly known, so that
    /// nothing may be deleted and the run ends as incomplete.
    #[must_use]
    pub fn hides_content(self) -> bool {
        match self {
            Self::UnmappableKey | Self::NotUtf8 | Self::Unreadable => true,
            Self::Placeholder | Self::Link | Self::SpecialFile | Self::NotSelected => false,
        }
    }
}
