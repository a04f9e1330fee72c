//! Receiving a body: gathered, hashed on the way, and compared with every
//! digest that the request announced. Nothing is stored that fails here.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::StreamExt as _;
use http::HeaderMap;
use s3s::{
    S3Error, S3Result, StdError, TrailingHeaders,
    crypto::{Checksum as _, Md5},
    dto::StreamingBlob,
    s3_error,
};

use crate::{
    announced::{Announced, verify},
    checksum::{Algorithm, Checksum, Hasher},
    error::bad_request,
    object::fast_digest,
    rope::{Gatherer, Rope},
};

/// The most that one PUT or one part may hold.
const MAX_BODY: u64 = 5 << 30;

/// A body that is what its sender says it is.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: Rope,
    /// What the ETag is made of: the MD5, or something cheaper.
    pub(crate) digest: [u8; 16],
    /// Always computed, as S3 does.
    pub(crate) crc64: Checksum,
    /// The checksum that the client sent, if it was another.
    pub(crate) announced: Option<Checksum>,
}

impl Received {
    /// What the client sent, or else what S3 adds.
    pub(crate) fn checksum(&self) -> Checksum {
        self.announced.unwrap_or(self.crc64)
    }
}

/// What a request says about its body.
pub(crate) struct Promise<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) trailers: Option<&'a TrailingHeaders>,
    pub(crate) length: Option<i64>,
    pub(crate) md5: Option<&'a str>,
    pub(crate) fast_etags: bool,
    /// Whether what is announced is compared with what arrived.
    pub(crate) is_checked: bool,
}

/// Reads `body` to its end.
pub(crate) async fn receive(
    body: Option<StreamingBlob>,
    promise: Promise<'_>,
) -> S3Result<Received> {
    let announced = Announced::from_headers(promise.headers)?;
    let length = promise
        .length
        .and_then(|length| u64::try_from(length).ok())
        .unwrap_or_default();
    if length > MAX_BODY {
        return Err(s3_error!(
            EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed size"
        ));
    }
    let expected_md5 = promise.md5.map(parse_md5).transpose()?;
    let algorithm = announced.as_ref().map(|announced| announced.algorithm);
    let mut digests = Digests::new(algorithm, !promise.fast_etags || expected_md5.is_some());
    let mut gatherer = Gatherer::new(length);
    if let Some(mut body) = body {
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| broken_body(&error))?;
            digests.update(&bytes);
            gatherer.push(&bytes);
        }
    }

    let body = gatherer.finish();
    let md5 = digests.md5.map(Md5::finalize);
    if expected_md5.is_some() && expected_md5 != md5 {
        return Err(s3_error!(
            BadDigest,
            "The Content-MD5 you specified did not match what we received."
        ));
    }
    let (crc64, other) = (digests.crc64.finish(), digests.other.map(Hasher::finish));
    if let Some(announced) = announced.as_ref().filter(|_| promise.is_checked) {
        verify(&announced.value(promise.trailers)?, &other.unwrap_or(crc64))?;
    }
    let digest = md5
        .filter(|_| !promise.fast_etags)
        .unwrap_or_else(|| fast_digest(&crc64, body.len()));
    Ok(Received {
        body,
        digest,
        crc64,
        announced: other,
    })
}

/// All that is computed while a body passes.
struct Digests {
    crc64: Hasher,
    other: Option<Hasher>,
    md5: Option<Md5>,
}

impl Digests {
    fn new(announced: Option<Algorithm>, md5: bool) -> Self {
        let other = announced.filter(|algorithm| *algorithm != Algorithm::Crc64Nvme);
        Self {
            crc64: Hasher::new(Algorithm::Crc64Nvme),
            other: other.map(Hasher::new),
            md5: md5.then(Md5::new),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.crc64.update(bytes);
        if let Some(other) = &mut self.other {
            other.update(bytes);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }
}

fn parse_md5(value: &str) -> S3Result<[u8; 16]> {
    let bytes = BASE64_STANDARD.decode(value).ok();
    let digest = bytes.and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))
}

/// The S3 error for a body that could not be read. `s3s` keeps the types of
/// these errors to itself, so their text has to tell.
fn broken_body(error: &StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return bad_request("XAmzContentSHA256Mismatch", message);
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(
            SignatureDoesNotMatch,
            "The signature of a chunk does not match what was computed."
        );
    }
    if text.contains("FormatError") {
        return bad_request("InvalidChunkSizeError", "The chunked body is malformed.");
    }
    s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header"
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    use super::*;

    async fn code(
        body: &'static [u8],
        headers: &[(&'static str, &'static str)],
        md5: Option<&str>,
    ) -> String {
        let map = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let headers: HeaderMap = map.collect();
        let promise = Promise {
            headers: &headers,
            trailers: None,
            length: Some(body.len() as i64),
            md5,
            fast_etags: false,
            is_checked: true,
        };
        let blob = StreamingBlob::from(s3s::Body::from(Bytes::from_static(body)));
        match receive(Some(blob), promise).await {
            Ok(received) => {
                assert_eq!(received.body.to_bytes(), body);
                "ok".to_owned()
            }
            Err(error) => error.code().as_str().to_owned(),
        }
    }

    #[tokio::test]
    async fn what_is_announced_is_compared() {
        assert_eq!(code(b"123456789", &[], None).await, "ok");
        assert_eq!(
            code(b"123456789", &[("x-amz-checksum-crc32", "y/Q5Jg==")], None).await,
            "ok"
        );
        assert_eq!(
            code(b"123456788", &[("x-amz-checksum-crc32", "y/Q5Jg==")], None).await,
            "BadDigest"
        );
        assert_eq!(
            code(
                b"123456789",
                &[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")],
                None
            )
            .await,
            "ok"
        );
        assert_eq!(
            code(
                b"123456788",
                &[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")],
                None
            )
            .await,
            "BadDigest"
        );
        assert_eq!(
            code(b"abc", &[], Some("kAFQmDzST7DWlj99KOF/cg==")).await,
            "ok"
        );
        assert_eq!(
            code(b"abd", &[], Some("kAFQmDzST7DWlj99KOF/cg==")).await,
            "BadDigest"
        );
        assert_eq!(code(b"abc", &[], Some("AAAA")).await, "InvalidDigest");
        assert_eq!(
            code(b"abc", &[("x-amz-trailer", "x-amz-checksum-crc32")], None).await,
            "MalformedTrailerError"
        );
    }
}
