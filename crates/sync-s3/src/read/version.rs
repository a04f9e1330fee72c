//! One version of an object: how it is asked for, and how an answer is
//! recognised as its.

use std::fmt;
use std::ops::Range;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use sync_core::{Entry, ErrorKind, Result, StoreError, rule::is_same_time, text::printable};

use crate::bucket::Bucket;
use crate::client::customer_key::Keyed;
use crate::client::retry::SETTLE_ATTEMPTS;
use crate::error::{Attempted, Failure, Origin};
use crate::etag::ETag;
use crate::head::HeadRequest;
use crate::http::accept_encoding::AcceptEncoding;
use crate::http::clock;
use crate::options::Conditions;
use crate::past::{self, Answered};
use crate::quirks::Quirk;
use crate::read::archived;
use crate::version_check::Look;
use crate::write::conditional::changed;

/// The version that `entry` describes.
pub(super) struct Version<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) entry: &'a Entry,
    pub(super) known: Known,
}

/// What answers have told about the version.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The ETag of this version in answers, where it is another one than the
    /// listing showed.
    etag: Option<String>,
    /// The content coding that the object is stored with, once it has come
    /// decoded.
    coding: Option<String>,
    /// Whether it is read with the key of SSE-C.
    keyed: Keyed,
}

/// Why an answer cannot be used.
pub(super) enum Unusable {
    /// Another request would end alike.
    Final(StoreError),
    /// The bytes are others than those that are stored.
    Altered(StoreError),
}

impl<'a> Version<'a> {
    pub(super) fn new(bucket: &'a Bucket, entry: &'a Entry) -> Self {
        let known = Known::default();
        Self {
            bucket,
            entry,
            known,
        }
    }

    /// The answer to a request for `range`, whose headers are right.
    pub(super) async fn get(&mut self, range: &Range<u64>) -> Result<GetObjectOutput, Unusable> {
        let answer = self.open(range).await.map_err(Unusable::Final)?;
        self.check(&answer, range).await?;
        Ok(answer)
    }

    /// Asks from now on with the content coding that the object is stored with, if
    /// there is one: then it was decoded on the way, and some servers (Google
    /// Cloud Storage) send the stored bytes to those only who say that they
    /// can decode them. Fails if that has been tried, or is not the reason of
    /// `error`.
    pub(super) async fn ask_for_coding(&mut self, error: StoreError) -> Result<()> {
        if let Some(coding) = &self.known.coding {
            return Err(decoded(self.entry, coding));
        }
        match self.stored_coding().await {
            Some(coding) => {
                self.known.coding = Some(coding);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// The content coding that the object is stored with.
    async fn stored_coding(&self) -> Option<String> {
        let request = HeadRequest {
            label: self.bucket.key_label(&self.entry.key),
            version_id: self.bucket.version_id(self.entry),
            mode: None,
            attempts: self.bucket.max_attempts,
        };
        let head = self.bucket.send_head(&request).await.ok()?;
        let codings = head.content_encoding()?.split(',').map(str::trim);
        let stored = codings.filter(|coding| is_coding(coding));
        let stored: Vec<_> = stored.collect();
        (!stored.is_empty()).then(|| stored.join(","))
    }

    /// Asks for `range`. Where the server refuses the condition, a look decides
    /// whether that is because another version is there.
    async fn open(&mut self, range: &Range<u64>) -> Result<GetObjectOutput> {
        loop {
            let if_match = self.if_match();
            let error = match self.request(range, if_match.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let mut failure = Failure::from(&error);
            if self.known.keyed == Keyed::Yes && self.bucket.may_be_due_to_key(&failure) {
                self.known.keyed = Keyed::No;
                match self.request(range, if_match.clone()).await {
                    Ok(answer) => {
                        self.bucket.quirks.note(Quirk::ReadWithoutKey);
                        return Ok(answer);
                    }
                    Err(unkeyed) => {
                        self.known.keyed = Keyed::Yes;
                        failure = failure.explained_by(&Failure::from(&unkeyed));
                    }
                }
            }
            if let Some(refused) = if_match
                && failure.is_precondition()
                && self.may_read_otherwise(&refused).await
            {
                continue;
            }
            return Err(
                if failure.is_precondition() || failure.status == Some(416) {
                    changed(&self.entry.key, "it is not the version that was listed")
                } else if failure.kind() == ErrorKind::Archived {
                    let why = error.as_service_error();
                    let hint = archived::hint(self.bucket, self.entry, why);
                    self.fail(failure).with_hint(hint)
                } else {
                    self.fail(failure)
                },
            );
        }
    }

    async fn request(
        &self,
        range: &Range<u64>,
        if_match: Option<String>,
    ) -> Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> {
        let bucket = self.bucket;
        let at_once = self.is_whole(range);
        bucket
            .client
            .get_object()
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(&self.entry.key))
            .set_version_id(bucket.version_id(self.entry))
            .set_if_match(if_match)
            // The sum is that of the whole, so only a whole body can be verified.
            .set_checksum_mode(bucket.checksum_mode().filter(|_| at_once))
            .set_range((!at_once).then(|| format!("bytes={}-{}", range.start, range.end - 1)))
            .customize()
            .interceptor(AcceptEncoding(self.known.coding.clone()))
            .interceptor(self.known.keyed)
            .send()
            .await
    }

    /// The ETag to demand. Whatever the server does with it, each answer is
    /// checked for its version.
    fn if_match(&self) -> Option<String> {
        let quirks = &self.bucket.quirks;
        if self.bucket.conditions == Conditions::Client
            || quirks.has(Quirk::RefusesConditionalReads)
        {
            return None;
        }
        let etag = match &self.known.etag {
            Some(answered) => ETag::parse(answered),
            None if quirks.has(Quirk::OtherETagsListed) => None,
            None => self.listed_etag(),
        };
        etag.map(ETag::quoted)
    }

    /// The ETag that the listing showed. In the past only of what may be replaced: another
    /// version never changes.
    fn listed_etag(&self) -> Option<ETag<'_>> {
        match self.bucket.past {
            Some(_) => past::parts(self.entry.revision.as_ref()?).1,
            None => ETag::of(self.entry),
        }
    }

    /// Whether the object is there as it was listed although the server has
    /// refused the condition `refused`, and there is another way to ask.
    async fn may_read_otherwise(&mut self, refused: &str) -> bool {
        let look = self.bucket.look(self.entry, SETTLE_ATTEMPTS).await;
        let Ok(Look::Same { etag, .. }) = look else {
            return false;
        };
        let form = etag.as_deref().and_then(ETag::parse).map(ETag::quoted);
        if form.is_none_or(|form| form == refused) {
            self.bucket.quirks.note(Quirk::RefusesConditionalReads);
        }
        self.known.etag = etag;
        true
    }

    /// Whether the answer is what was asked for, of the version listed.
    async fn check(
        &mut self,
        answer: &GetObjectOutput,
        range: &Range<u64>,
    ) -> Result<(), Unusable> {
        if !self.is_version(answer) && !self.is_still_listed(answer).await {
            let why = "it is not the version that was listed";
            return Err(Unusable::Final(changed(&self.entry.key, why)));
        }
        let expected = range.end - range.start;
        let len = answer
            .content_length()
            .and_then(|len| u64::try_from(len).ok());
        let at_once = self.is_whole(range);
        let right = match answer.content_range().map(parse_content_range) {
            None => at_once && len.is_none_or(|len| len == expected),
            Some(Some((first, last, size))) => {
                first == range.start
                    && last.checked_add(1) == Some(range.end)
                    && size.is_none_or(|size| size == self.entry.size)
                    && len.is_none_or(|len| len == expected)
            }
            Some(None) => false,
        };
        if right {
            return Ok(());
        }
        let error = if let Some(coding) = answer.content_encoding().filter(|it| is_coding(it)) {
            encoded(self.entry, coding)
        } else if answer.e_tag().is_none() && answer.last_modified().is_none() {
            // As the page by which a network asks who is there.
            failed(self.entry, ErrorKind::Unavailable)
                .with_source("the answer is not that of an S3 server: it has no ETag and no time")
        } else if at_once {
            changed(&self.entry.key, "its size is not the one that was listed")
        } else {
            failed(self.entry, ErrorKind::Unsupported)
                .with_source("the server sends another range than was asked for")
        };
        Err(Unusable::Altered(error))
    }

    /// By ETag, else by time; the size is checked with the range.
    fn is_version(&self, answer: &GetObjectOutput) -> bool {
        let modified = answer.last_modified().and_then(clock::exact);
        if self.bucket.past.is_some() {
            let answered = Answered {
                id: answer.version_id(),
                etag: answer.e_tag(),
                modified,
            };
            return answered.is_of(self.entry);
        }
        let seen = match &self.known.etag {
            Some(answered) => ETag::parse(answered),
            None => ETag::of(self.entry),
        };
        match (seen, answer.e_tag().and_then(ETag::parse)) {
            (Some(seen), Some(found)) => seen.revision() == found.revision(),
            _ => modified.is_none_or(|found| is_same_time(found, self.entry.modified)),
        }
    }

    /// Whether only the ETag differs, and the listing still shows the one of
    /// `entry`: then this is how the server is. What follows is held to the
    /// ETag of this answer.
    async fn is_still_listed(&mut self, answer: &GetObjectOutput) -> bool {
        if self.bucket.past.is_some() {
            return false;
        }
        let (None, Some(etag)) = (&self.known.etag, answer.e_tag()) else {
            return false;
        };
        let Some(modified) = answer.last_modified().and_then(clock::exact) else {
            return false;
        };
        // The size is checked with the range.
        let mut found = Entry::new(self.entry.key.clone(), self.entry.size, modified);
        found.revision = ETag::parse(etag).map(ETag::revision);
        let is_listed = self.bucket.is_still_listed(self.entry, &found).await;
        if is_listed {
            self.known.etag = Some(etag.to_owned());
        }
        is_listed
    }

    /// Whether it may be encrypted by the key of SSE-C.
    pub(super) fn is_keyed(&self) -> bool {
        self.bucket.customer_key.is_some() && self.known.keyed == Keyed::Yes
    }

    fn is_whole(&self, range: &Range<u64>) -> bool {
        *range == (0..self.entry.size)
    }

    pub(super) fn fail(&self, failure: Failure) -> StoreError {
        self.bucket.fail(
            failure,
            Attempted {
                what: "download",
                name: self.entry.key.as_str(),
                permission: match self.bucket.past {
                    Some(_) => "s3:GetObjectVersion",
                    None => "s3:GetObject",
                },
            },
        )
    }
}

/// The error of an object that does not come as it is stored.
fn decoded(entry: &Entry, coding: &str) -> StoreError {
    let why = format!(
        "it is stored with 'Content-Encoding: {}', and the server, or a proxy or CDN before it, \
         decodes it on the way",
        printable(coding)
    );
    failed(entry, ErrorKind::Unsupported)
        .with_source(why)
        .with_hint(
            "switch the decompression off there, use an endpoint without it, or store the object \
             without Content-Encoding",
        )
}

/// The error of an object that comes with a coding that it is not stored with.
fn encoded(entry: &Entry, coding: &str) -> StoreError {
    let why = format!(
        "it comes with 'Content-Encoding: {}' and another size than was listed: the server, or a \
         proxy or CDN before it, encodes it on the way",
        printable(coding)
    );
    failed(entry, ErrorKind::Unsupported)
        .with_source(why)
        .with_hint("switch the compression off there, or use an endpoint without it")
}

/// Whether a value of Content-Encoding means other bytes.
fn is_coding(coding: &str) -> bool {
    !["", "identity", "aws-chunked"].contains(&coding.trim())
}

/// The failure of a body that broke after `got` of `all` bytes.
pub(super) fn broken(origin: Origin, got: u64, all: u64, cause: &dyn fmt::Display) -> Failure {
    Failure {
        origin,
        message: Some(format!(
            "the transfer broke after {got} of {all} bytes: {cause}"
        )),
        ..Failure::default()
    }
}

/// The error of a body that has more than the `wanted` bytes.
pub(super) fn too_long(entry: &Entry, wanted: u64) -> StoreError {
    failed(entry, ErrorKind::Corrupt).with_source(format!(
        "the server sends more than the {wanted} bytes that were asked for"
    ))
}

pub(super) fn failed(entry: &Entry, kind: ErrorKind) -> StoreError {
    StoreError::new(kind, format!("cannot download '{}'", entry.key))
}

/// `bytes 0-9/100` or `bytes 0-9/*`: first, last, size.
fn parse_content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let size = match size {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(
            parse_content_range("bytes 0-9/100"),
            Some((0, 9, Some(100)))
        );
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5, 9, None)));
        for text in ["", "bytes */100", "0-9/100", "bytes 0-9", "bytes a-b/c"] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
