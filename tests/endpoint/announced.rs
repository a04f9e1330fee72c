//! The checksum that a request promises for its body, and whether it is kept.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderMap;
use s3s::{S3Result, TrailingHeaders, s3_error};

use crate::{
    checksum::{Algorithm, Checksum},
    error::bad_request,
};

/// The checksum that a request promises for its body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) algorithm: Algorithm,
    /// In base64; `None` if it follows the body as a trailer.
    value: Option<String>,
}

impl Announced {
    /// Reads the checksum headers of a request; at most one is allowed.
    pub(crate) fn from_headers(headers: &HeaderMap) -> S3Result<Option<Self>> {
        let trailer = headers
            .get("x-amz-trailer")
            .map_or(&b""[..], http::HeaderValue::as_bytes);
        let mut found = Vec::new();
        for algorithm in Algorithm::ALL {
            let name = algorithm.header();
            if let Some(value) = headers.get(&name) {
                let value = value
                    .to_str()
                    .map_err(|_| invalid_value(algorithm))?
                    .to_owned();
                found.push(Self {
                    algorithm,
                    value: Some(value),
                });
            } else if trailer
                .trim_ascii()
                .eq_ignore_ascii_case(name.as_str().as_bytes())
            {
                found.push(Self {
                    algorithm,
                    value: None,
                });
            }
        }
        if found.len() > 1 {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            ));
        }
        let found = found.pop();
        if found.is_none() && headers.contains_key("x-amz-sdk-checksum-algorithm") {
            return Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
            ));
        }
        Ok(found)
    }

    /// The announced value, once the body has been read to its end.
    pub(crate) fn value(&self, trailers: Option<&TrailingHeaders>) -> S3Result<String> {
        if let Some(value) = &self.value {
            return Ok(value.clone());
        }
        let name = self.algorithm.header();
        let value = trailers.and_then(|trailers| {
            trailers.read(|headers| {
                headers
                    .get(&name)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            })
        });
        value.flatten().ok_or_else(|| bad_request("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema."))
    }
}

/// Compares what was announced, in base64, with what was computed.
pub(crate) fn verify(announced: &str, computed: &Checksum) -> S3Result<()> {
    let algorithm = computed.algorithm;
    let bytes = BASE64_STANDARD
        .decode(announced)
        .map_err(|_| invalid_value(algorithm))?;
    if bytes.len() != algorithm.width() {
        return Err(invalid_value(algorithm));
    }
    if bytes != computed.bytes() {
        let name = algorithm.name();
        return Err(s3_error!(
            BadDigest,
            "The {name} you specified did not match the calculated checksum."
        ));
    }
    Ok(())
}

fn invalid_value(algorithm: Algorithm) -> s3s::S3Error {
    s3_error!(
        InvalidRequest,
        "Value for {} header is invalid.",
        algorithm.header()
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::checksum::checksum;

    #[test]
    fn a_wrong_value_is_a_bad_digest_and_nonsense_is_invalid() {
        let right = checksum(Algorithm::Crc32, b"abc");
        let code =
            |value: &str| verify(value, &right).map_err(|error| error.code().as_str().to_owned());
        assert_eq!(code(&right.base64()), Ok(()));
        assert_eq!(
            code(&checksum(Algorithm::Crc32, b"abd").base64()),
            Err("BadDigest".into())
        );
        assert_eq!(code("AAAA"), Err("InvalidRequest".into()));
        assert_eq!(code("not base64!"), Err("InvalidRequest".into()));
    }

    #[test]
    fn headers_announce_at_most_one_checksum() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect()
        };
        let of = |pairs| {
            Announced::from_headers(&headers(pairs))
                .map_err(|error| error.code().as_str().to_owned())
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(
            of(&[("x-amz-checksum-crc32", "AAAAAA==")]),
            Ok(Some(Announced {
                algorithm: Algorithm::Crc32,
                value: Some("AAAAAA==".into())
            }))
        );
        assert_eq!(
            of(&[("x-amz-trailer", "x-amz-checksum-crc64nvme")]),
            Ok(Some(Announced {
                algorithm: Algorithm::Crc64Nvme,
                value: None
            }))
        );
        assert_eq!(
            of(&[("x-amz-checksum-crc32", "a"), ("x-amz-checksum-sha1", "b")]),
            Err("InvalidRequest".into())
        );
        assert_eq!(
            of(&[("x-amz-sdk-checksum-algorithm", "CRC32")]),
            Err("InvalidRequest".into())
        );
    }
}
