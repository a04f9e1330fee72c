//! Time-outs and retries, each number with its reason.
//!
//! There is no read time-out: `transport` limits silence instead, which can
//! tell a slow upload from a dead server.

use std::time::Duration;

use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, StalledStreamProtectionConfig};

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

/// Those of every request.
pub(crate) fn usual() -> TimeoutConfig {
    timeouts(ATTEMPT_TIMEOUT)
}

/// Attempts, and the pauses between them.
pub(crate) fn retries(max_attempts: u32) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(max_attempts)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

pub(crate) fn stall_protection() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled()
        .grace_period(STALL_GRACE)
        .build()
}

pub(crate) fn retry_partition() -> RetryPartition {
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

    #[test]
    fn large_bodies_get_the_time_they_need() {
        assert!(for_upload(16 * 1024).is_none());
        assert!(for_upload(8 * 1024 * 1024).is_some());
    }
}
