//! What can be chosen before an endpoint starts. The defaults are AWS's ways.

use std::{path::PathBuf, time::Duration};

/// How an endpoint behaves; start from [`Config::default`] and change fields.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port on 127.0.0.1; 0 lets the system choose one.
    pub port: u16,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// The order in which listings arrive.
    pub list_order: ListOrder,
    /// The order in which the versions and delete markers of a key are listed.
    pub version_order: VersionOrder,
    /// Where a page of versions begins that is to follow a key, but no version of it.
    pub key_marker: KeyMarker,
    /// The most keys on one page of a listing; S3's own limit is 1,000.
    pub page_size: usize,
    /// The precision of `LastModified`.
    pub precision: Precision,
    /// What becomes of the rest of a second, where times are whole seconds.
    pub rounding: Rounding,
    /// Which moment a multipart upload gets as its `LastModified`.
    pub multipart_time: MultipartTime,
    /// Whether parts other than the last must have 5 MiB.
    pub min_part_size: bool,
    /// Whether requests without a signature are served.
    pub anonymous: bool,
    /// The region to which the buckets belong. With `Some`, a request signed
    /// for another region is refused with the right one, as AWS does.
    pub region: Option<String>,
    /// Whether a request signed more than 15 minutes off the endpoint's own
    /// (shifted) clock is refused.
    pub check_skew: bool,
    /// Whether `If-Match` and `If-None-Match` of writes and deletions are
    /// obeyed. Some servers pass over them.
    pub conditions: bool,
    /// How an `If-Match` of a write or deletion is understood, where conditions
    /// are obeyed.
    pub if_match: IfMatch,
    /// Whether keys of SSE-C are obeyed. Some servers pass over them.
    pub customer_keys: bool,
    /// Whether uploads and DeleteObjects must carry `Content-MD5`.
    pub needs_md5: bool,
    /// What becomes of checksums.
    pub checksums: Sums,
    /// ETags from a CRC instead of MD5, for benchmarks: MD5 is most of what the
    /// endpoint computes. Clients that compare ETags with MD5 sums will object.
    pub fast_etags: bool,
    /// Whether objects have ETags, in listings and in answers. Some servers
    /// give none.
    pub etags: bool,
    /// A wait before each request is looked at.
    pub latency: Duration,
    /// Whether the log is kept in memory for [`crate::Endpoint::log`].
    pub keep_log: bool,
    /// A file to which each finished request is appended as a JSON line.
    pub log_file: Option<PathBuf>,
    /// Threads that serve requests.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            buckets: Vec::new(),
            list_order: ListOrder::Bytes,
            version_order: VersionOrder::default(),
            key_marker: KeyMarker::default(),
            page_size: 1000,
            precision: Precision::Second,
            rounding: Rounding::Down,
            multipart_time: MultipartTime::Initiation,
            min_part_size: true,
            anonymous: false,
            region: None,
            check_skew: true,
            conditions: true,
            if_match: IfMatch::default(),
            customer_keys: true,
            needs_md5: false,
            checksums: Sums::default(),
            fast_etags: false,
            etags: true,
            latency: Duration::ZERO,
            keep_log: true,
            log_file: None,
            threads: 2,
        }
    }
}

impl Config {
    /// The ETag that is reported of an object.
    pub(crate) fn etag(&self, etag: crate::object::ETag) -> Option<s3s::dto::ETag> {
        self.etags.then(|| etag.into())
    }

    /// The defaults, with one empty bucket.
    #[must_use]
    pub fn with_bucket(name: &str) -> Self {
        Self {
            buckets: vec![name.to_owned()],
            ..Self::default()
        }
    }
}

/// The order of keys in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// By the bytes of the key, as AWS promises.
    #[default]
    Bytes,
    /// By the names at each directory level, as SeaweedFS does: `a/x` comes
    /// before `a-b/y`, because `a` is less than `a-b`.
    DirectoryWise,
    /// In no order that means anything, but the same one every time, as
    /// directory buckets (S3 Express One Zone) do. The number is the seed.
    Shuffled(u64),
}

/// The order of the versions and delete markers of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionOrder {
    /// The newest first, markers among versions (AWS).
    #[default]
    NewestFirst,
    /// On each page all versions, then all markers (moto, old MinIO).
    Torn,
    /// The oldest first.
    OldestFirst,
}

/// Where a page of versions begins that is to follow a key, but no version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyMarker {
    /// After all versions of that key (AWS).
    #[default]
    Excluded,
    /// With the versions of that key.
    Included,
    /// With the second line that is not before that key, whatever its key is (moto).
    SkipsOneLine,
}

/// The precision of `LastModified`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Cut to the second (AWS).
    #[default]
    Second,
    /// Cut to the millisecond (MinIO, Ceph).
    Millisecond,
}

/// What becomes of the rest of a second in `LastModified`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// It is cut off (AWS).
    #[default]
    Down,
    /// It counts as a whole one.
    Up,
    /// It counts as a whole one from its half on.
    Nearest,
}

/// Which moment becomes the `LastModified` of a multipart upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultipartTime {
    /// When the upload was initiated (AWS).
    #[default]
    Initiation,
    /// When it was completed (most other servers).
    Completion,
}

/// How an `If-Match` is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfMatch {
    /// As HTTP has it (AWS).
    #[default]
    Standard,
    /// The quotes are taken for a part of the ETag (Ceph 16), and lists of keys
    /// to delete have no ETags.
    Unquoted,
    /// No ETag ever matches (SeaweedFS, where versioning is suspended).
    Never,
    /// It is answered with 501, and `If-None-Match` as well (Swift).
    Unknown,
}

/// What becomes of the checksums that clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sums {
    /// They are checked, stored and reported (AWS).
    #[default]
    Kept,
    /// They are checked, and never told.
    Checked,
    /// They are not looked at, and the list of an upload's parts must have none
    /// (Swift).
    Ignored,
}
