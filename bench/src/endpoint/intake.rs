//! The body of an upload on its way in: counted, and forgotten at once unless
//! it is small.

use anyhow::{Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use md5::{Digest, Md5};

use super::{chunked::Chunked, state::Headers};

/// Of a larger body, no MD5 is computed.
const HASHED: u64 = 64 * 1024;

/// What is known of a body that was read.
pub(super) struct Received {
    pub(super) size: u64,
    /// Sent along, or computed of a small body.
    pub(super) md5: Option<[u8; 16]>,
    /// The checksum that came with it, before it or after.
    pub(super) checksum: Headers,
}

/// Reads `body` to its end.
pub(super) async fn receive(headers: &HeaderMap, mut body: Incoming) -> Result<Received> {
    let content_sha = headers.get("x-amz-content-sha256");
    let streaming = content_sha.is_some_and(|sum| sum.as_bytes().starts_with(b"STREAMING-"));
    let announced = announced_md5(headers);
    let mut chunked = streaming.then(Chunked::default);
    let mut size = 0;
    let mut hash = Md5::new();
    let mut take = |bytes: &[u8]| {
        size += bytes.len() as u64;
        if announced.is_none() && size <= HASHED {
            hash.update(bytes);
        }
    };
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else {
            continue;
        };
        match &mut chunked {
            Some(chunked) => chunked.read(&piece, &mut take)?,
            None => take(&piece),
        }
    }
    let decoded = headers.get("x-amz-decoded-content-length");
    if let Some(decoded) = decoded.and_then(|value| value.to_str().ok()) {
        ensure!(decoded == size.to_string(), "{size} bytes, not {decoded}");
    }
    let computed = (size <= HASHED).then(|| hash.finalize().into());
    let mut checksum = checksum_headers(headers);
    let trailers = chunked.iter().flat_map(|chunked| &chunked.trailers);
    checksum.extend(trailers.filter_map(|line| trailer(line)));
    Ok(Received {
        size,
        md5: announced.or(computed),
        checksum,
    })
}

fn announced_md5(headers: &HeaderMap) -> Option<[u8; 16]> {
    let text = headers.get(HeaderName::from_static("content-md5"))?;
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

/// The headers that hold a checksum, or say what kind it is.
pub(super) fn checksum_headers(headers: &HeaderMap) -> Headers {
    let is_sum = |name: &HeaderName| {
        name.as_str().starts_with("x-amz-checksum-") && name != "x-amz-checksum-algorithm"
    };
    let sums = headers.iter().filter(|(name, _)| is_sum(name));
    let sums = sums.map(|(name, value)| (name.clone(), value.clone()));
    sums.collect()
}

/// The headers that are given back as they are.
pub(super) fn metadata(headers: &HeaderMap) -> Headers {
    let kept = |name: &HeaderName| {
        name.as_str().starts_with("x-amz-meta-") || *name == header::CONTENT_ENCODING
    };
    let kept = headers.iter().filter(|(name, value)| {
        // The coding of the transfer is none of the object.
        kept(name) && value.as_bytes() != b"aws-chunked"
    });
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn trailer(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    if !name.starts_with("x-amz-checksum-") {
        return None;
    }
    Some((name.parse().ok()?, value.trim().parse().ok()?))
}
