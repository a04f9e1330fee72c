//! What a verification tells, and how it is added up.

use crate::{
    checksum::Algorithm,
    entry::Entry,
    error::{ErrorKind, StoreError},
    plan::Tally,
};

/// By what contents are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Evidence {
    /// By the checksum of the whole that the bucket keeps, where it keeps one.
    #[default]
    StoredChecksum,
    /// By all bytes of both.
    Bytes,
}

/// What is said of one name.
#[derive(Debug)]
pub struct Finding {
    /// The key, or what stands for one that cannot be a key.
    pub name: String,
    /// The file, as it was listed.
    pub file: Option<Entry>,
    /// The object, as it was listed.
    pub object: Option<Entry>,
    /// What was found.
    pub verdict: Verdict,
}

/// How a file and an object compare.
#[derive(Debug)]
pub enum Verdict {
    /// The same content, by a checksum that the bucket keeps or, without one,
    /// by all bytes.
    Equal(Option<Algorithm>),
    /// The bucket lacks it.
    OnlyInDirectory,
    /// The directory lacks it.
    OnlyInBucket,
    /// An object at or below a name that the listing of the directory skipped,
    /// such as a link that is not followed: it is not looked for.
    BelowSkipped,
    /// The sizes differ.
    SizeDiffers,
    /// The sizes are equal, the contents are not.
    ContentDiffers,
    /// The object's bytes are not those that its own checksum was made of.
    Damaged(StoreError),
    /// The file or the object became another one meanwhile.
    Changed(StoreError),
    /// The file or the object could not be read.
    Unreadable(StoreError),
    /// There is nothing to compare it with, or no way to.
    NotComparable(StoreError),
}

impl Verdict {
    /// What an error in comparing means.
    pub(super) fn of_error(error: StoreError) -> Self {
        match error.kind() {
            ErrorKind::Changed | ErrorKind::NotFound => Self::Changed(error),
            ErrorKind::Corrupt => Self::Damaged(error),
            ErrorKind::Archived | ErrorKind::Unsupported => Self::NotComparable(error),
            _ => Self::Unreadable(error),
        }
    }

    /// Whether both have the same content.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        matches!(self, Self::Equal(_))
    }

    /// Why it is not known whether they have; nothing if it is.
    #[must_use]
    pub fn unknown(&self) -> Option<&StoreError> {
        match self {
            Self::Changed(error) | Self::Unreadable(error) | Self::NotComparable(error) => {
                Some(error)
            }
            _ => None,
        }
    }
}

/// What a verification has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Equal, by a checksum that the bucket keeps.
    pub equal_by_checksum: Tally,
    /// Equal, by their bytes.
    pub equal_by_bytes: Tally,
    /// Files that the bucket lacks.
    pub only_in_directory: Tally,
    /// Objects that the directory lacks.
    pub only_in_bucket: Tally,
    /// Objects at or below a name that the listing of the directory skipped.
    pub below_skipped: Tally,
    /// Files whose object has another size.
    pub size_differs: Tally,
    /// Files whose object has another content.
    pub content_differs: Tally,
    /// Objects whose bytes are not those that their checksum was made of.
    pub damaged: Tally,
    /// How many changed meanwhile.
    pub changed: u64,
    /// How many could not be read.
    pub unreadable: u64,
    /// How many could not be compared.
    pub not_comparable: u64,
}

impl Verified {
    /// Counts one more finding.
    pub fn add(&mut self, finding: &Finding) {
        let entry = finding.file.as_ref().or(finding.object.as_ref());
        let size = entry.map_or(0, |entry| entry.size);
        match &finding.verdict {
            Verdict::Equal(Some(_)) => self.equal_by_checksum.add(size),
            Verdict::Equal(None) => self.equal_by_bytes.add(size),
            Verdict::OnlyInDirectory => self.only_in_directory.add(size),
            Verdict::OnlyInBucket => self.only_in_bucket.add(size),
            Verdict::BelowSkipped => self.below_skipped.add(size),
            Verdict::SizeDiffers => self.size_differs.add(size),
            Verdict::ContentDiffers => self.content_differs.add(size),
            Verdict::Damaged(_) => self.damaged.add(size),
            Verdict::Changed(_) => self.changed += 1,
            Verdict::Unreadable(_) => self.unreadable += 1,
            Verdict::NotComparable(_) => self.not_comparable += 1,
        }
    }

    /// How many are equal.
    #[must_use]
    pub fn equal(&self) -> Tally {
        self.equal_by_checksum + self.equal_by_bytes
    }

    /// How many differ for certain.
    #[must_use]
    pub fn different(&self) -> u64 {
        let all = [
            self.only_in_directory,
            self.only_in_bucket,
            self.size_differs,
            self.content_differs,
            self.damaged,
        ];
        all.iter().map(|tally| tally.entries).sum()
    }

    /// Of how many it is not known.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.changed + self.unreadable + self.not_comparable
    }
}
