//! What is known of a file or an object: name, size and time.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::times::{is_end_of_range, is_same_time, later};

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
    /// Where no time is finer than a whole second: how coarse `modified` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Coarse>,
    /// How a bucket keeps it, where that is not the usual way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<StorageClass>,
    /// Which version of the content this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Set where the entry is a symbolic link, listed as the file that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<Link>>,
}

impl Entry {
    /// An entry without a revision.
    #[must_use]
    pub fn new(key: Key, size: u64, modified: DateTime<Utc>) -> Self {
        Self {
            key,
            size,
            modified,
            coarse: None,
            class: None,
            revision: None,
            link: None,
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

    /// How much later than `modified` the content may have been changed.
    #[must_use]
    pub fn lag(&self) -> TimeDelta {
        self.coarse.map_or(TimeDelta::zero(), |coarse| {
            TimeDelta::nanoseconds(i64::from(coarse.unit.max(1)) - 1)
        })
    }

    /// Whether this file has the time of an object of `time`, as far as a file
    /// can have it: the mark of a restored file, which would otherwise be taken
    /// for an edit at every run.
    ///
    /// A file whose time was cut has all times of its unit. It was not restored
    /// if nothing has changed it since that time.
    #[must_use]
    pub fn bears(&self, time: DateTime<Utc>) -> bool {
        let has = match self.coarse {
            None => self.modified == time,
            Some(coarse) => {
                !coarse.is_change_time
                    && self.modified <= time
                    && time <= later(self.modified, self.lag())
            }
        };
        has || is_end_of_range(self.modified, time)
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

/// A storage class of S3, but that which is usual (`STANDARD`). It decides nothing; it
/// is what an object costs, to keep and to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// `STANDARD_IA`
    StandardIa,
    /// `ONEZONE_IA`
    OnezoneIa,
    /// `INTELLIGENT_TIERING`
    IntelligentTiering,
    /// `GLACIER_IR`
    GlacierIr,
    /// `GLACIER`
    Glacier,
    /// `DEEP_ARCHIVE`
    DeepArchive,
    /// `REDUCED_REDUNDANCY`
    ReducedRedundancy,
    /// One that is not known here.
    #[serde(other)]
    Other,
}

impl StorageClass {
    const KNOWN: [Self; 7] = [
        Self::StandardIa,
        Self::OnezoneIa,
        Self::IntelligentTiering,
        Self::GlacierIr,
        Self::Glacier,
        Self::DeepArchive,
        Self::ReducedRedundancy,
    ];

    /// The class of this name; `None` if it is the usual one.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let known = Self::KNOWN.into_iter().find(|class| class.name() == name);
        match name {
            "" | "STANDARD" => None,
            _ => Some(known.unwrap_or(Self::Other)),
        }
    }

    /// As S3 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StandardIa => "STANDARD_IA",
            Self::OnezoneIa => "ONEZONE_IA",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::GlacierIr => "GLACIER_IR",
            Self::Glacier => "GLACIER",
            Self::DeepArchive => "DEEP_ARCHIVE",
            Self::ReducedRedundancy => "REDUCED_REDUNDANCY",
            Self::Other => "OTHER",
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

/// How exactly the time of a file tells when its content was changed, where its
/// file system keeps whole seconds or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coarse {
    /// Times are cut to multiples of this, in nanoseconds; at most 4 seconds.
    pub unit: u32,
    /// Whether the file was last changed in any way at that very time, as far
    /// as this is told. Then the change has set the time, and no restore has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_change_time: bool,
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
    /// Set where it is a symbolic link that names no file now, but that will be
    /// an entry once there is a file at one of the names in `through`.
    #[serde(skip)]
    pub link: Option<Box<Link>>,
}

impl Skipped {
    /// The name of the root itself, which has none of its own: what is skipped there may
    /// hide any key.
    pub const ROOT: &'static str = ".";
}

/// Why something is left out of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipCause {
    /// A zero-byte object whose key ends with a slash.
    Placeholder,
    /// A key that is no possible path; see [`KeyError`](crate::key::KeyError).
    UnmappableKey,
    /// A link that leaves the root, dangles, loops or names a directory.
    Link,
    /// A socket, FIFO or device.
    SpecialFile,
    /// A file name that is not UTF-8.
    NotUtf8,
    /// A file or directory that could not be read.
    Unreadable,
    /// An entry of the target whose content could not be read, to be compared with that of the
    /// source: nobody knows whether they are equal.
    Uncompared,
    /// A key of the past of which the history does not tell what it was; or, at
    /// [`Skipped::ROOT`], that there may be such keys of which nothing is left.
    History,
    /// A directory, or something that is no file, that the run does not
    /// concern ([`Selection`](crate::select::Selection)); it was not looked at.
    NotSelected,
    /// A directory of which a key list has the name, and so looked at it alone: no entry, but
    /// there. It is in no plan.
    Directory,
}

impl SkipCause {
    /// Whether something may be at the skipped name, or below it, that the
    /// listing does not show. What the source skipped is not absent from it, so
    /// the target's entries there are neither overwritten nor deleted.
    ///
    /// Only a placeholder and a directory hide nothing: what is in them is listed by
    /// itself. A cause that is added
    /// later hides something unless it is exempted here.
    #[must_use]
    pub fn covers(self) -> bool {
        !matches!(self, Self::Placeholder | Self::Directory)
    }

    /// Whether a source that skipped this is only partly known, so that
    /// nothing may be deleted and the run ends as incomplete.
    #[must_use]
    pub fn hides_content(self) -> bool {
        match self {
            Self::UnmappableKey | Self::NotUtf8 | Self::Unreadable | Self::History => true,
            // The source is known.
            Self::Uncompared
            | Self::Placeholder
            | Self::Link
            | Self::SpecialFile
            | Self::NotSelected
            | Self::Directory => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_class_has_one_name_everywhere_and_costs_no_memory() {
        for class in StorageClass::KNOWN {
            assert_eq!(StorageClass::of(class.name()), Some(class));
            let written = serde_json::to_string(&class).unwrap();
            assert_eq!(written, format!("\"{}\"", class.name()));
            assert_eq!(
                serde_json::from_str::<StorageClass>(&written).unwrap(),
                class
            );
        }
        assert_eq!(StorageClass::of("STANDARD"), None);
        assert_eq!(StorageClass::of(""), None);
        assert_eq!(StorageClass::of("OUTPOSTS"), Some(StorageClass::Other));
        let later: StorageClass = serde_json::from_str("\"SOON_TO_COME\"").unwrap();
        assert_eq!(later, StorageClass::Other);
        assert!(size_of::<Entry>() <= 72, "{}", size_of::<Entry>());
    }
}
