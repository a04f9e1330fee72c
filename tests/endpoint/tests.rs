//! The endpoint seen through the real SDK, the way the product sees it.

mod checksums;
mod clock;
mod deletions;
mod faults;
mod listings;
mod multipart;
mod objects;
mod parts;
mod security;
mod versions;

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use std::time::Duration;

use crate::{ACCESS_KEY, Config, Endpoint, SECRET_KEY};

const BUCKET: &str = "bucket";

/// Keys that S3 accepts and that servers built on paths don't. Keys of nothing
/// but white space are missing: the SDK itself takes them for no key at all.
const ODD_KEYS: [&str; 27] = [
    "a",
    "a/b",
    "a//b",
    "a/./b",
    "a/../b",
    "../x",
    "..",
    ".",
    "/",
    "//",
    "/x",
    "/etc/passwd",
    "dir/",
    "dir//",
    " a",
    " a ",
    "a+b",
    "a%2Fb",
    "a&b<c>\"d'e",
    "a?b=c#d",
    "é\u{301}",
    "😀",
    "\u{1}",
    "\na\r\t",
    "a\u{7f}b",
    "\\",
    "*",
];

fn start() -> Endpoint {
    Endpoint::start(Config::with_bucket(BUCKET)).unwrap()
}

fn settings(endpoint: &Endpoint) -> Builder {
    anonymous_settings(endpoint)
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
}

fn anonymous_settings(endpoint: &Endpoint) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(60))
        .build();
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint.url())
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
}

fn client(endpoint: &Endpoint) -> Client {
    Client::from_conf(settings(endpoint).build())
}

/// A client that adds no checksum of its own.
fn bare_client(endpoint: &Endpoint) -> Client {
    let settings = settings(endpoint);
    Client::from_conf(
        settings
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build(),
    )
}

fn body(text: impl Into<Vec<u8>>) -> ByteStream {
    ByteStream::from(text.into())
}

/// Bytes that differ everywhere, for a given length.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

/// The status and the code of a failed request.
fn failure<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> (u16, String) {
    match result {
        Ok(_) => (200, "success".to_owned()),
        Err(error) => {
            let status = error
                .raw_response()
                .map_or(0, |response| response.status().as_u16());
            (status, error.code().unwrap_or("none").to_owned())
        }
    }
}
