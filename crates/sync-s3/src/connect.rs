//! From options to a client: credentials, region, endpoint, time-outs, retries.
//!
//! Nothing here sends a request; credentials are looked up with the first one.
//! The region is therefore not asked of the instance metadata service either:
//! on an EC2 machine without a configured region the error of the first
//! request names the right one.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::SdkConfig;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, Region, RequestChecksumCalculation, SharedCredentialsProvider,
    StalledStreamProtectionConfig,
};
use aws_types::service_config::ServiceConfigKey;

use crate::clock::Clock;
use crate::options::{Access, S3Options};
use crate::transport::Transport;

/// Region where none is known: the one that S3 itself assumes, and that other
/// servers take by default.
const FALLBACK_REGION: &str = "us-east-1";

/// A TCP and TLS handshake takes below a second nearly everywhere; 5 s leaves
/// room for two lost packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Backstop for one attempt whose answer drips: a page of a listing, a HEAD,
/// a deletion of 1,000 keys. They take seconds at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(120);

/// CompleteMultipartUpload "could take several minutes to finalize" (API
/// Reference); S3 sends white space meanwhile.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(900);

/// Bytes a second below which an upload is given up at last: 1 Mbit/s shared
/// by 30 requests. A dead server is noticed much earlier, by its silence.
const SLOWEST_UPLOAD: u64 = 4 * 1024;

/// The SDK's 5 s raise false alarms on slow links (aws-sdk-rust#1146, #1202).
const STALL_GRACE: Duration = Duration::from_secs(20);

/// First and longest pause between attempts: 10 attempts then span about a
/// minute, as long as S3 takes to make room for more requests.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// Retries cost 5 tokens (10 after a time-out). The SDK's bucket of 500 never
/// refills by time, so a storm of 503 on many connections ends the run. This
/// one allows 1,000 retries at once and 20 a second for good: enough to ride
/// out a storm, few enough not to feed it.
const RETRY_TOKENS: usize = 5_000;
const RETRY_TOKENS_PER_SECOND: f32 = 100.0;

/// A client, and what was found out while it was built.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Where requests go, for error messages.
    pub(crate) endpoint: Endpoint,
}

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// URL of a server other than AWS.
    pub(crate) url: Option<String>,
}

impl Endpoint {
    /// Whether bytes travel unprotected.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.url
            .as_deref()
            .is_some_and(|url| url.to_ascii_lowercase().starts_with("http://"))
    }

    /// Whether the server is another one than AWS, by its host.
    fn is_foreign(&self) -> bool {
        let Some(url) = self.url.as_deref() else {
            return false;
        };
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = host.split(['/', ':', '?']).next().unwrap_or(host);
        let host = host.to_ascii_lowercase();
        !["amazonaws.com", "amazonaws.com.cn"].iter().any(|aws| {
            host.strip_suffix(aws)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// Builds the client. `credentials` replace the usual sources (in tests).
pub(crate) async fn connect(
    options: &S3Options,
    credentials: Option<Credentials>,
    clock: Arc<Clock>,
) -> Connection {
    let shared = shared_config(options, credentials).await;
    let endpoint = Endpoint {
        url: endpoint_url(&shared),
    };
    let config = Builder::from(&shared)
        .http_client(Transport::new(clock))
        .force_path_style(options.path_style.decide(endpoint.is_foreign()))
        .retry_partition(retry_partition())
        // Uploads bring their own sums; the SDK adds one only where S3 demands it.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    let config = match options.access {
        Access::Signed => config,
        Access::Anonymous => config.allow_no_auth(),
    };
    Connection {
        client: Client::from_conf(config.build()),
        endpoint,
    }
}

async fn shared_config(options: &S3Options, credentials: Option<Credentials>) -> SdkConfig {
    let region = region(options);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts(ATTEMPT_TIMEOUT))
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(options.max_attempts.max(1))
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        )
        .stalled_stream_protection(stall_protection());
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader = match (options.access, credentials) {
        (Access::Anonymous, _) => loader.no_credentials(),
        (Access::Signed, Some(given)) => {
            loader.credentials_provider(SharedCredentialsProvider::new(given))
        }
        (Access::Signed, None) => loader.credentials_provider(credential_chain(options).await),
    };
    loader.region(region).load().await
}

/// Option, environment, profile, fallback.
fn region(options: &S3Options) -> RegionProviderChain {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(options.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(Region::new(FALLBACK_REGION))
}

/// The usual chain: environment, profile (SSO, roles, processes), web identity,
/// container, instance. The instance metadata service answers within
/// milliseconds where there is one, so it gets one attempt of one second; the
/// default would let everybody else wait for several.
async fn credential_chain(options: &S3Options) -> DefaultCredentialsChain {
    let metadata = imds::Client::builder()
        .max_attempts(1)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(2))
        .build();
    let mut chain = DefaultCredentialsChain::builder()
        .imds_client(metadata)
        .region(region(options));
    if let Some(profile) = &options.profile {
        chain = chain.profile_name(profile);
    }
    chain.build().await
}

/// What the SDK itself will use: the option, else `AWS_ENDPOINT_URL_S3` and
/// its likes, of which it tells nothing.
fn endpoint_url(config: &SdkConfig) -> Option<String> {
    let for_s3 = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    let general = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        general()
    } else {
        for_s3.or_else(general)
    }
}

/// The read time-out is missing on purpose: see `transport`.
fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

fn stall_protection() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled()
        .grace_period(STALL_GRACE)
        .build()
}

fn retry_partition() -> RetryPartition {
    RetryPartition::custom("s3mirror")
        .token_bucket(
            TokenBucket::builder()
                .capacity(RETRY_TOKENS)
                .refill_rate(RETRY_TOKENS_PER_SECOND)
                .build(),
        )
        .build()
}

/// Settings of a request that sends `len` bytes; `None` where the client's suffice.
pub(crate) fn for_upload(len: usize) -> Option<Builder> {
    let extra = Duration::from_secs(len as u64 / SLOWEST_UPLOAD);
    // Building a configuration for every small file would cost more than it helps.
    (extra > ATTEMPT_TIMEOUT / 4)
        .then(|| aws_sdk_s3::Config::builder().timeout_config(timeouts(ATTEMPT_TIMEOUT + extra)))
}

/// Settings of a CompleteMultipartUpload, whose answer drips by design.
pub(crate) fn for_complete() -> Builder {
    aws_sdk_s3::Config::builder()
        .timeout_config(timeouts(COMPLETE_TIMEOUT))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint {
            url: Some(url.to_owned()),
        }
    }

    #[test]
    fn only_hosts_of_aws_take_the_bucket_as_a_host_name() {
        for url in [
            "http://127.0.0.1:9000",
            "https://minio.example.com/path",
            "https://amazonaws.com.example.com",
            "https://notamazonaws.com",
            "http://[::1]:9000",
            "http://localhost",
        ] {
            assert!(endpoint(url).is_foreign(), "{url}");
        }
        for url in [
            "https://s3.eu-central-1.amazonaws.com",
            "https://S3.amazonaws.com:443/",
            "https://s3.cn-north-1.amazonaws.com.cn",
            "https://bucket.vpce-1a2b3c4d.s3.us-east-1.vpce.amazonaws.com",
        ] {
            assert!(!endpoint(url).is_foreign(), "{url}");
        }
        assert!(!Endpoint { url: None }.is_foreign());
    }

    #[test]
    fn only_plain_http_lacks_protection() {
        assert!(endpoint("HTTP://localhost:9000").is_plain_http());
        assert!(!endpoint("https://localhost:9000").is_plain_http());
        assert!(!Endpoint { url: None }.is_plain_http());
    }

    #[test]
    fn large_bodies_get_the_time_they_need() {
        assert!(for_upload(16 * 1024).is_none());
        assert!(for_upload(8 * 1024 * 1024).is_some());
    }
}
