//! What can be chosen about a bucket and how it is reached.
//!
//! Values without invariants: whatever is left at its default is taken
//! from the usual AWS sources (environment, config and credentials files, SSO,
//! roles) or decided by [`S3Store::connect`](crate::S3Store::connect). No
//! secret is ever part of the options.

use std::path::PathBuf;
use std::sync::Arc;

use crate::http::concurrency;
use crate::{Bandwidth, Location, ObjectSettings, UploadJournal};

/// Attempts a request may take, the first one included. Ten with exponential
/// back-off ride out about a minute of errors, which covers the ramp-up that
/// S3 asks for with 503 (User Guide, "Best practices design patterns").
pub const DEFAULT_MAX_ATTEMPTS: u32 = 10;

/// Most requests at once where [`S3Options::concurrency`] does not say: what a
/// caller must have under way at most to make full use of the store.
pub const MAX_CONCURRENCY: usize = concurrency::WIDEST;

/// Where the bucket is and how to talk to it.
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
    /// Whether the bucket stands in the path of a URL rather than in its host.
    /// `Auto`: for every endpoint outside of `amazonaws.com`.
    pub path_style: Choice,
    /// Whether requests are signed with credentials.
    pub access: Access,
    /// Whether writes, reads and deletions carry what the planner saw.
    pub conditions: Conditions,
    /// Which checksum goes with an upload.
    pub checksums: Checksums,
    /// Whether the body of an upload is part of the signature. `Auto`: only
    /// over plain http, because TLS protects it already and the sum costs a
    /// second pass over every byte.
    pub sign_payload: Choice,
    /// What objects are made with, beside their name and content.
    pub objects: ObjectSettings,
    /// Who pays for requests and traffic.
    pub payer: Payer,
    /// The account that is to own the bucket, by its twelve digits: S3 refuses
    /// every request if it is another one.
    pub expected_owner: Option<String>,
    /// How many bytes a second may travel each way. By default as many as can.
    pub bandwidth: Option<Bandwidth>,
    /// Attempts a request may take, the first included; at least 1.
    pub max_attempts: u32,
    /// Most requests at once. By default as many as pay, between 1 and
    /// [`MAX_CONCURRENCY`]. Fewer while the server asks to slow down.
    pub concurrency: Option<usize>,
    /// Where open uploads are noted. By default nowhere: then what a killed
    /// run leaves is not found by [`S3Store::abort_left_uploads`].
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
            objects: ObjectSettings::default(),
            payer: Payer::Owner,
            expected_owner: None,
            bandwidth: None,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            concurrency: None,
            journal: None,
        }
    }
}

/// Something that is decided by circumstances unless it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// As the circumstances suggest.
    #[default]
    Auto,
    /// In every case.
    Always,
    /// In no case.
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

/// Who asks.
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
    /// We, where the owner has left it to those who ask.
    Requester,
}

/// Who checks that an object is still the one that was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conditions {
    /// The server, in the same instant: `If-Match` and `If-None-Match`. Any
    /// other server than AWS is tried out first; where it ignores or refuses
    /// them, we do, by a HEAD shortly before ([`S3Store::notes`] says so).
    ///
    /// [`S3Store::notes`]: crate::S3Store::notes
    #[default]
    Auto,
    /// The server, which is trusted to obey them.
    Server,
    /// We, by a HEAD shortly before: for servers without conditional requests. A
    /// change in between goes unseen.
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
    /// CRC32 of each part, for servers that know no CRC64NVME. Objects of
    /// several parts then carry no sum of the whole.
    Crc32,
    /// `Content-MD5` of each request, for servers and object locks that know
    /// nothing newer. Nothing of it is kept but the ETag.
    Md5,
    /// None, for servers that refuse checksums.
    None,
}
