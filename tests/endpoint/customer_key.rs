//! Keys that customers provide (SSE-C): checked in every request that S3 takes one for, and
//! never kept. What is kept of a key is its MD5, which S3 tells as well.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use s3s::{
    S3Result,
    crypto::{Checksum as _, Md5},
    s3_error,
};

use crate::{config::Config, error::bad_request};

/// The headers of a request.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) algorithm: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) md5: Option<&'a str>,
}

/// The headers of an input of s3s.
macro_rules! sent {
    ($input:expr) => {
        $crate::customer_key::Sent {
            algorithm: $input.sse_customer_algorithm.as_deref(),
            key: $input.sse_customer_key.as_deref(),
            md5: $input.sse_customer_key_md5.as_deref(),
        }
    };
}

/// Fills the fields of an output of s3s that say by which key it is encrypted.
macro_rules! set_key {
    ($output:expr, $md5:expr) => {
        let md5: Option<String> = $md5;
        $output.sse_customer_algorithm = md5.as_ref().map(|_| "AES256".to_owned());
        $output.sse_customer_key_md5 = md5;
    };
}

pub(crate) use {sent, set_key};

impl Config {
    /// The MD5 of the key of a request, if there is a key and it is a valid one.
    pub(crate) fn key(&self, sent: Sent<'_>) -> S3Result<Option<String>> {
        if !self.customer_keys {
            return Ok(None);
        }
        let (algorithm, key, md5) = match (sent.algorithm, sent.key, sent.md5) {
            (None, None, None) => return Ok(None),
            (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
            _ => {
                return Err(s3_error!(
                    InvalidArgument,
                    "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key."
                ));
            }
        };
        if algorithm != "AES256" {
            return Err(bad_request(
                "InvalidEncryptionAlgorithmError",
                "The encryption request you specified is not valid.",
            ));
        }
        let key = STANDARD.decode(key).unwrap_or_default();
        if key.len() != 32 {
            return Err(s3_error!(
                InvalidArgument,
                "The secret key was invalid for the specified algorithm."
            ));
        }
        if STANDARD.encode(Md5::checksum(&key)) != md5 {
            return Err(s3_error!(
                InvalidArgument,
                "The calculated MD5 hash of the key did not match the hash that was provided."
            ));
        }
        Ok(Some(md5.to_owned()))
    }

    /// The same of an upload that may name another encryption.
    pub(crate) fn only_key(
        &self,
        sent: Sent<'_>,
        encryption: Option<&str>,
    ) -> S3Result<Option<String>> {
        let key = self.key(sent)?;
        if key.is_some() && encryption.is_some() {
            return Err(s3_error!(
                InvalidArgument,
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
            ));
        }
        Ok(key)
    }
}

/// Whether what is encrypted by the key `kept` may be read with the key `sent`.
pub(crate) fn check_read(kept: Option<&str>, sent: Option<&str>) -> S3Result<()> {
    match (kept, sent) {
        (Some(_), None) => Err(s3_error!(
            InvalidRequest,
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
        )),
        (None, Some(_)) => Err(s3_error!(
            InvalidRequest,
            "The encryption parameters are not applicable to this object."
        )),
        (Some(kept), Some(sent)) if kept != sent => Err(s3_error!(AccessDenied, "Access Denied")),
        _ => Ok(()),
    }
}

/// Whether a request about an upload has the key `kept` with which it was begun.
pub(crate) fn check_upload(kept: Option<&str>, sent: Option<&str>) -> S3Result<()> {
    match (kept, sent) {
        (Some(_), None) => Err(s3_error!(
            InvalidRequest,
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
        )),
        (kept, sent) if kept != sent => Err(s3_error!(
            InvalidRequest,
            "The provided encryption parameters did not match the ones used originally."
        )),
        _ => Ok(()),
    }
}
