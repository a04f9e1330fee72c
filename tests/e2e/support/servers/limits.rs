//! What a server does otherwise than S3, as declared beside its recipe.
//!
//! A test asks for these where S3 would succeed and this server cannot; it then
//! expects a clear message instead, and so nothing is skipped silently. That
//! they are true is tested too (`servers/names.rs`, `servers/doctors.rs`).

use std::time::Duration;

/// What a server cannot do. The names in the fields are keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Characters that it does not keep in keys.
    pub(crate) loses: &'static [char],
    /// The longest key, in bytes.
    pub(crate) key_bytes: usize,
    /// The longest part of a key between slashes, in bytes.
    pub(crate) segment_bytes: usize,
    /// Whether `a` and `a/b` can both be objects.
    pub(crate) file_beside_directory: bool,
    /// The same of an object that is sent in parts when `a/b` is there.
    pub(crate) parts_beside_directory: bool,
    /// Whether it stores objects in other classes than STANDARD, or says that it
    /// does.
    pub(crate) storage_classes: bool,
    /// Whether it encrypts by keys that customers provide.
    pub(crate) customer_keys: bool,
    /// Whether it keeps versions where asked to.
    pub(crate) versions: bool,
    /// Whether it says in the words of S3 that it does.
    pub(crate) tells_versioning: bool,
    /// Whether a bucket may be created in which a default retention holds.
    pub(crate) object_lock: bool,
    /// How many small files it takes within a minute or so: more than a page of
    /// a listing and a batch of deletions.
    pub(crate) many: u32,
    /// Whether it rounds the times of objects up to a second.
    pub(crate) rounds_times_up: bool,
    /// Whether it refuses requests for another region.
    pub(crate) checks_region: bool,
    /// Whether it refuses wrong access keys and secrets.
    pub(crate) checks_credentials: bool,
}

impl Limits {
    /// As AWS is.
    pub(crate) const S3: Self = Self {
        loses: &[],
        key_bytes: 1024,
        segment_bytes: 1024,
        file_beside_directory: true,
        parts_beside_directory: true,
        storage_classes: true,
        customer_keys: true,
        versions: true,
        tells_versioning: true,
        object_lock: true,
        many: 2500,
        rounds_times_up: false,
        checks_region: false,
        checks_credentials: true,
    };

    /// How long a run over many files may take: longer where fewer are many.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(120) * Self::S3.many / self.many
    }

    /// Whether an object can be kept under this key.
    pub(crate) fn keeps(&self, key: &str) -> bool {
        key.len() <= self.key_bytes
            && key
                .split('/')
                .all(|segment| segment.len() <= self.segment_bytes)
            && !key.contains(self.loses)
    }
}
