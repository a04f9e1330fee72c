//! A whole object, collected and verified.
//!
//! One that comes in one go is verified by the SDK, whatever sum it carries. One
//! that was continued is verified here by its CRC64NVME; if it carries only
//! another sum, it is read from its start instead of being continued.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{Entry, ErrorKind, Result, StoreError, checksum::Crc64, hint, setting::Setting};

use crate::bucket::Bucket;
use crate::checksum;
use crate::client::retry::pause;
use crate::error::cause_chain::last_cause;
use crate::error::{Failure, Origin, is_checksum_mismatch, origin_of_body};
use crate::etag::ETag;
use crate::options::Checksums;
use crate::quirks::Md5ETags;
use crate::read::buffer::Buffer;
use crate::read::version::{Unusable, Version, broken, failed, too_long};
use crate::write::answer_check::is_by_kms;

/// How often an object that arrived damaged is read again.
const REREADS: u32 = 2;

/// Reads all of the version that `entry` describes.
pub(crate) async fn read(bucket: &Bucket, entry: &Entry) -> Result<Bytes> {
    let Ok(len) = usize::try_from(entry.size) else {
        return Err(failed(entry, ErrorKind::Other).with_source("the range exceeds the memory"));
    };
    Reading {
        version: Version::new(bucket, entry),
        got: Buffer::new(&bucket.buffers, len),
        continued: false,
        sum: Sum::Unknown,
        md5: None,
    }
    .run()
    .await
}

/// One read under way.
struct Reading<'a> {
    version: Version<'a>,
    got: Buffer,
    /// Whether more than one answer contributed.
    continued: bool,
    sum: Sum,
    /// The MD5 that the ETag is, where there is no checksum.
    md5: Option<[u8; 16]>,
}

/// What the object's checksum allows.
#[derive(Clone, Copy)]
enum Sum {
    /// There is none, so there is nothing to verify.
    Unknown,
    Crc64(Crc64),
    /// One that only the SDK can verify, and only over the whole body.
    Other,
}

/// Why an attempt did not bring the rest.
enum Broken {
    /// It makes no sense to go on.
    Final(StoreError),
    /// Neither does it here: the bytes are others than those that are stored.
    Other(StoreError),
    /// The bytes that came do not match their checksum.
    Damaged,
    /// The body stopped midway.
    Midway(Failure),
}

impl From<Unusable> for Broken {
    fn from(why: Unusable) -> Self {
        match why {
            Unusable::Final(error) => Self::Final(error),
            Unusable::Altered(error) => Self::Other(error),
        }
    }
}

impl Reading<'_> {
    async fn run(mut self) -> Result<Bytes> {
        let mut attempts = 0;
        let mut rereads = 0;
        loop {
            let broken = match self.attempt().await {
                Ok(()) if self.matches() => {
                    let empty = Buffer::new(&self.version.bucket.buffers, self.got.wanted());
                    let bytes = std::mem::replace(&mut self.got, empty).into_bytes();
                    if self.fits_etag(&bytes).await {
                        return Ok(bytes);
                    }
                    Broken::Damaged
                }
                Ok(()) => Broken::Damaged,
                Err(broken) => broken,
            };
            attempts += 1;
            match broken {
                Broken::Final(error) => return Err(error),
                Broken::Other(error) => self.ask_for_coding(error).await?,
                Broken::Damaged if rereads < REREADS => {
                    rereads += 1;
                    self.restart();
                }
                Broken::Damaged if self.md5.is_some() => {
                    let error = failed(self.version.entry, ErrorKind::Corrupt)
                        .with_source("its bytes do not match its ETag, which is to be their MD5")
                        .with_hint(hint!(
                            "if the server's ETags are no MD5s, use {} none",
                            Setting::Checksums
                        ));
                    self.ask_for_coding(error).await?;
                }
                Broken::Damaged => {
                    let error = failed(self.version.entry, ErrorKind::Corrupt)
                        .with_source("its bytes do not match the checksum kept with it");
                    self.ask_for_coding(error).await?;
                }
                Broken::Midway(failure) if attempts >= self.version.bucket.max_attempts => {
                    return Err(self.version.fail(failure));
                }
                Broken::Midway(_) => {
                    if matches!(self.sum, Sum::Other) {
                        self.restart();
                    }
                }
            }
            tokio::time::sleep(pause(attempts)).await;
        }
    }

    /// Reads from the start again, with the coding that the object is stored with.
    async fn ask_for_coding(&mut self, error: StoreError) -> Result<()> {
        self.version.ask_for_coding(error).await?;
        self.restart();
        Ok(())
    }

    fn restart(&mut self) {
        self.got.clear();
        self.continued = false;
    }

    /// One request, for all that is still missing.
    async fn attempt(&mut self) -> Result<(), Broken> {
        if self.got.is_full() && self.version.entry.size > 0 {
            return Ok(());
        }
        self.continued = !self.got.is_empty();
        let missing = self.got.len() as u64..self.version.entry.size;
        let answer = self.version.get(&missing).await?;
        if !self.continued {
            self.sum = sum_of(&answer);
            self.md5 = self.md5_of(&answer);
        }
        self.collect(answer.body).await
    }

    async fn collect(&mut self, mut body: ByteStream) -> Result<(), Broken> {
        loop {
            let piece = match body.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) if is_checksum_mismatch(&error) => {
                    return Err(Broken::Damaged);
                }
                Some(Err(error)) => {
                    return Err(self.midway(origin_of_body(&error), &last_cause(&error)));
                }
                None if self.got.is_full() => return Ok(()),
                None => return Err(self.midway(Origin::Network, &"it ended")),
            };
            if !self.got.push(piece) {
                let wanted = self.got.wanted() as u64;
                return Err(Broken::Other(too_long(self.version.entry, wanted)));
            }
        }
    }

    fn midway(&self, origin: Origin, cause: &dyn std::fmt::Display) -> Broken {
        let (got, all) = (self.got.len() as u64, self.got.wanted() as u64);
        Broken::Midway(broken(origin, got, all, cause))
    }

    /// Whether a body that came in several pieces is what it should be.
    fn matches(&self) -> bool {
        match self.sum {
            Sum::Crc64(sum) if self.continued => sum == Crc64::of(self.got.bytes()),
            _ => true,
        }
    }

    /// The MD5 that the ETag is, where no better sum is kept of the whole object.
    fn md5_of(&self, answer: &GetObjectOutput) -> Option<[u8; 16]> {
        let is_encrypted = self.version.is_keyed()
            || is_by_kms(answer.server_side_encryption())
            || answer.sse_customer_algorithm().is_some();
        let is_wanted = matches!(self.sum, Sum::Unknown)
            && !is_encrypted
            && self.version.bucket.checksums != Checksums::None;
        answer
            .e_tag()
            .filter(|_| is_wanted)
            .and_then(ETag::parse)
            .and_then(ETag::md5)
    }

    /// Whether the bytes have the MD5 that their ETag is, if it is one.
    async fn fits_etag(&self, bytes: &Bytes) -> bool {
        let quirks = &self.version.bucket.quirks;
        let Some(md5) = self.md5.filter(|_| quirks.md5_etags() != Md5ETags::No) else {
            return true;
        };
        if checksum::md5_of(bytes).await == md5 {
            quirks.compared_etag(true);
            return true;
        }
        !self
            .version
            .bucket
            .has_md5_etags(&self.version.entry.key)
            .await
    }
}

fn sum_of(answer: &GetObjectOutput) -> Sum {
    if let Some(sum) = checksum::whole(answer.checksum_crc64_nvme(), answer.checksum_type()) {
        return Sum::Crc64(sum);
    }
    let others = [
        answer.checksum_crc32(),
        answer.checksum_crc32_c(),
        answer.checksum_sha1(),
        answer.checksum_sha256(),
    ];
    if others.iter().any(Option::is_some) {
        Sum::Other
    } else {
        Sum::Unknown
    }
}
