//! The settings that texts for people name. Each program writes them in its own
//! way: a command line as options, a library as fields.

use std::fmt;
use std::sync::OnceLock;

/// How this process writes settings, if it has said so.
static WRITTEN: OnceLock<fn(Setting) -> &'static str> = OnceLock::new();

macro_rules! settings {
    ($($(#[$doc:meta])* $setting:ident = $name:literal,)*) => {
        /// Something that can be set and that a text names, mostly a
        /// [`Hint`](crate::hint::Hint). Shown, it is its [`name`](Self::name), or
        /// what [`Setting::write_as`] makes of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Setting {
            $($(#[$doc])* $setting,)*
        }

        impl Setting {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$setting,)*];

            /// The name of the field of the options, where there is one.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$setting => $name,)*
                }
            }
        }
    };
}

settings! {
    /// The canned ACL of new objects.
    Acl = "acl",
    /// That requests are not signed.
    Anonymous = "anonymous access",
    /// The bucket, perhaps with a prefix.
    Bucket = "bucket",
    /// The certificates that are trusted.
    CaBundle = "ca_bundle",
    /// The `Cache-Control` of new objects.
    CacheControl = "cache_control",
    /// The checksum that goes with an upload.
    Checksums = "checksums",
    /// How entries of the same size are compared.
    Compare = "compare",
    /// Most requests in flight.
    Concurrency = "concurrency",
    /// The `Content-Type` of new objects.
    ContentType = "content_type",
    /// The file of the key by which the server encrypts objects without keeping it.
    CustomerKey = "customer_key_file",
    /// When a written file is on disk.
    Durability = "durability",
    /// How new objects are encrypted.
    Encryption = "encryption",
    /// The server.
    EndpointUrl = "endpoint_url",
    /// A glob over the keys that are excluded.
    Exclude = "exclude",
    /// An ignore file.
    ExcludeFrom = "ignore_files",
    /// The account that is to own the bucket.
    ExpectedOwner = "expected_owner",
    /// That change times are not relied upon.
    IgnoreCtime = "ignore_ctime",
    /// That inode numbers are not relied upon.
    IgnoreInode = "ignore_inode",
    /// A glob over the keys that are selected.
    Include = "include",
    /// The list of keys that a run is restricted to.
    Keys = "keys",
    /// The key of KMS for new objects.
    KmsKey = "kms_key",
    /// The largest size that is selected.
    MaxSize = "max_size",
    /// The metadata of new objects.
    Metadata = "metadata",
    /// The smallest size that is selected.
    MinSize = "min_size",
    /// The time from which on entries are selected.
    NewerThan = "newer_than",
    /// That the server is not asked for conditions.
    NoConditions = "no_conditions",
    /// That nothing is deleted.
    NoDelete = "no_delete",
    /// The time before which entries are selected.
    OlderThan = "older_than",
    /// The size of the parts of large files.
    PartSize = "part_size",
    /// Whether the bucket is in the path of a URL.
    PathStyle = "path_style",
    /// The profile of the AWS configuration.
    Profile = "profile",
    /// That a diagnosis writes nothing.
    ReadOnly = "read-only scope",
    /// The region of the bucket.
    Region = "region",
    /// The state directory.
    StateDir = "state_dir",
    /// The storage class of new objects.
    StorageClass = "storage_class",
    /// The tags of new objects.
    Tags = "tags",
    /// A verification that reads all bytes.
    VerifyBytes = "a verification of all bytes",
}

impl Setting {
    /// Settings are written by `write` in every text of this process. A program
    /// says so once, at its beginning; later calls have no effect.
    pub fn write_as(write: fn(Self) -> &'static str) {
        // The first one counts.
        let _ = WRITTEN.set(write);
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = WRITTEN.get().copied().unwrap_or(Self::name);
        f.write_str(write(*self))
    }
}
