//! Time-outs and retries, each number with its reason.
//!
//! Attempts have no time-out: `http::silence` limits silence instead, which
//! distinguishes a slow upload from a dead server.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::{TimeoutConfig, TimeoutConfigBuilder};

/// A TCP and TLS handshake takes below a second nearly everywhere; 4 s leaves
/// room for two lost packets, which are sent again after 1 and 3 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// CompleteMultipartUpload "could take several minutes to finalize" (API
/// Reference); S3 sends white space meanwhile.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(900);

/// The first and the longest pause between attempts: 10 attempts then span about a
/// minute, as long as S3 takes to scale up.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// A retry costs 5 tokens (10 after a time-out). The SDK's bucket of 500 is not
/// refilled by time, so a storm of 503 on many connections would end the run. This one
/// allows 1,000 retries at once and 20 a second permanently: enough to survive a
/// storm, few enough not to feed it.
const RETRY_TOKENS: usize = 5_000;
const RETRY_TOKENS_PER_SECOND: f32 = 100.0;

/// Attempts of the HEAD that settles a failure: the request before it has already
/// used its retries.
pub(crate) const SETTLE_ATTEMPTS: u32 = 2;

/// Which of the attempts of a request are made now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Share {
    #[default]
    All,
    /// A few, after which a failure is examined.
    First,
    /// The others.
    Rest,
}

/// The time-outs of every request.
pub(crate) fn usual() -> TimeoutConfig {
    timeouts().build()
}

fn timeouts() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT)
}

/// Overrides the attempts of one request.
pub(crate) fn at_most(attempts: u32) -> Builder {
    aws_sdk_s3::Config::builder().retry_config(retries(attempts))
}

/// Attempts, and the pauses between them.
pub(crate) fn retries(max_attempts: u32) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(max_attempts)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

/// Attempts after which the failure of a completion is examined, about a second and a
/// half after the first.
pub(crate) const FIRST_ATTEMPTS: u32 = 3;

/// The other attempts; the pauses grow as if there had been no interruption.
fn later_retries(max_attempts: u32) -> RetryConfig {
    retries(max_attempts.saturating_sub(FIRST_ATTEMPTS).max(1))
        .with_initial_backoff(FIRST_BACKOFF * (1 << FIRST_ATTEMPTS))
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

/// The settings of a CompleteMultipartUpload, whose answer is slow by design.
pub(crate) fn for_complete(share: Share, max_attempts: u32) -> Builder {
    let settings = aws_sdk_s3::Config::builder()
        .timeout_config(timeouts().read_timeout(COMPLETE_TIMEOUT).build());
    match share {
        Share::All => settings,
        Share::First => settings.retry_config(retries(FIRST_ATTEMPTS)),
        Share::Rest => settings.retry_config(later_retries(max_attempts)),
    }
}

/// The pause before attempt `round + 1`: 0.2 s, doubled each time up to 10 s, and up
/// to as much again at random, so that requests do not retry in step.
pub(crate) fn pause(round: u32) -> Duration {
    let base = 200_u64 << round.saturating_sub(1).min(6);
    let base = base.min(10_000);
    Duration::from_millis(base + fastrand::u64(..base))
}
