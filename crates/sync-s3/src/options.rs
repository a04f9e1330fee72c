//! The options of a bucket and of its server.
//!
//! Values are not checked: an option with its default is taken from the usual AWS sources
//! (environment, config and credentials files, SSO, roles) or decided by
//! [`S3Store::connect`](crate::S3Store::connect). Options never contain a secret.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Utc};

use crate::http::concurrency;
use crate::{Bandwidth, Location, ObjectSettings, UploadJournal};

/// The most attempts of a request, the first one included. Ten with exponential back-off
/// survive about a minute of errors, which covers the ramp-up that S3 asks for with 503
/// (User Guide, "Best practices design patterns").
pub const DEFAULT_MAX_ATTEMPTS: u32 = 10;

/// The most requests at once where [`S3Options::concurrency`] is not set: more concurrent
/// callers do not make a store faster.
pub const MAX_CONCURRENCY: usize = concurrency::WIDEST;

/// Where the bucket is and how it is accessed.
///
/// ```
/// use sync_s3::{Checksums, S3Options};
///
/// let mut options = S3Options::new("photos/2024".parse()?);
/// options.endpoint_url = Some("http://127.0.0.1:9000".to_owned());
/// options.checksums = Checksums::None;
/// # Ok::<(), sync_s3::LocationError>(())
/// ```
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Bucket and prefix.
    pub location: Location,
    /// Region, as in `eu-central-1`. By default that of the environment or of
    /// the profile, else `us-east-1`.
    pub region: Option<String>,
    /// Profile of the AWS config and credentials files. By default
    /// `AWS_PROFILE`, else `default`.
    pub profile: Option<String>,
    /// URL of a server other than AWS. By default `AWS_ENDPOINT_URL_S3`,
    /// `AWS_ENDPOINT_URL` or what the profile says.
    pub endpoint_url: Option<String>,
    /// A file, or a directory of files, with the certificates that a server's
    /// may be signed by, instead of those of the system. By default that of
    /// `AWS_CA_BUNDLE` or of the profile.
    pub ca_bundle: Option<PathBuf>,
    /// Whether the bucket is part of the path of a URL rather than of its host.
    /// `Auto`: for every endpoint outside of `amazonaws.com`.
    pub path_style: Choice,
    /// Whether requests are signed with credentials.
    pub access: Access,
    /// Who checks that writes, reads and deletions meet the version that was listed.
    pub conditions: Conditions,
    /// The checksum of uploads.
    pub checksums: Checksums,
    /// Whether the body of an upload is part of the signature. `Auto`: only
    /// over plain http, because TLS protects it already and the sum costs a
    /// second pass over every byte.
    pub sign_payload: Choice,
    /// Whether the server lists in byte order for sure (`s3mirror doctor` tries it): then
    /// excluded directories and keys outside of a range are not listed. `Auto`: AWS does, but
    /// for directory buckets.
    pub lists_in_order: Choice,
    /// What shows that an object of a key list is absent.
    pub absence: Absence,
    /// Properties of uploaded objects beside their name and content.
    pub objects: ObjectSettings,
    /// The file of a key of 256 bits by which the server encrypts and decrypts objects
    /// without keeping it (SSE-C): 32 bytes, or their base64 or hexadecimal digits. By default
    /// none.
    pub customer_key_file: Option<PathBuf>,
    /// Who pays for requests and traffic.
    pub payer: Payer,
    /// The account that must own the bucket, by its twelve digits: S3 refuses every request
    /// if another one does.
    pub expected_owner: Option<String>,
    /// The limit of bandwidth. By default none.
    pub bandwidth: Option<Bandwidth>,
    /// The moment at which the bucket is listed and read, as it was then: nothing is
    /// written. It takes a bucket that keeps versions. A time without a fraction means the
    /// end of its second. By default the present.
    pub at: Option<DateTime<Utc>>,
    /// The most attempts of a request, the first included; at least 1.
    pub max_attempts: u32,
    /// The most requests at once. By default as many as increase the throughput, between 1
    /// and [`MAX_CONCURRENCY`]. Fewer while the server asks to slow down.
    pub concurrency: Option<usize>,
    /// The most threads that drive requests, the caller's among them; at least 1. By
    /// default as many as this process has processors. The others are started when one
    /// does not suffice.
    pub threads: usize,
    /// Where open uploads are recorded. By default nowhere: then
    /// [`S3Store::abort_left_uploads`] does not find those of a killed run.
    ///
    /// [`S3Store::abort_left_uploads`]: crate::S3Store::abort_left_uploads
    pub journal: Option<Arc<dyn UploadJournal>>,
}

impl S3Options {
    /// The defaults for the bucket and prefix of `location`.
    #[must_use]
    pub fn new(location: Location) -> Self {
        Self {
            location,
            region: None,
            profile: None,
            endpoint_url: None,
            ca_bundle: None,
            path_style: Choice::Auto,
            access: Access::Signed,
            conditions: Conditions::Auto,
            checksums: Checksums::Auto,
            sign_payload: Choice::Auto,
            lists_in_order: Choice::Auto,
            absence: Absence::Listed,
            objects: ObjectSettings::default(),
            customer_key_file: None,
            payer: Payer::Owner,
            expected_owner: None,
            bandwidth: None,
            at: None,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            concurrency: None,
            threads: thread::available_parallelism().map_or(1, NonZero::get),
            journal: None,
        }
    }
}

/// A choice that is made automatically unless it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Automatically.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Choice {
    pub(crate) fn decide(self, auto: bool) -> bool {
        match self {
            Self::Auto => auto,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// What shows that an object of a [`KeyList`](sync_core::KeyList) is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Absence {
    /// A LIST, which says itself what it is about: for a source, whose absences become
    /// deletions. It costs as much as 12.5 HEADs.
    #[default]
    Listed,
    /// The answer 404 to a HEAD: for a target, whose absences become writes that fail if
    /// something is there.
    Looked,
}

/// How requests are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Requests are signed with credentials from the usual AWS sources.
    #[default]
    Signed,
    /// Requests are not signed: a public bucket.
    Anonymous,
}

/// Who pays for requests and traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Payer {
    /// The owner of the bucket, as usual.
    #[default]
    Owner,
    /// The requester, where the owner has configured that.
    Requester,
}

/// Who checks that an object is still the one that was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conditions {
    /// The server, atomically: `If-Match` and `If-None-Match`. A server other than AWS is
    /// tried first; where it ignores or refuses them, the client checks by a HEAD shortly
    /// before ([`S3Store::notes`] says so).
    ///
    /// [`S3Store::notes`]: crate::S3Store::notes
    #[default]
    Auto,
    /// The server, which is trusted to obey them.
    Server,
    /// The client, by a HEAD shortly before: for servers without conditional requests.
    /// A change in between is not noticed.
    Client,
}

/// Which checksum accompanies an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// The best one: today always CRC64NVME.
    #[default]
    Auto,
    /// CRC64NVME of the whole object, as S3 computes it by itself.
    Crc64Nvme,
    /// CRC32 of each part, for servers without CRC64NVME. Objects of several parts then have
    /// no checksum of the whole.
    Crc32,
    /// `Content-MD5` of each request, for servers and object locks without newer checksums.
    /// The server stores only the ETag.
    Md5,
    /// None, for servers that refuse checksums.
    None,
}
