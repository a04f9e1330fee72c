//! Time-outs and retries, each number with its reason.
//!
//! Attempts have no time-out: `transport` limits silence instead, which can
//! tell a slow upload from a dead server.

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

/// Attempts of the HEAD that settles a failure: the request before it has
/// already waited out what retries can.
pub(crate) const SETTLE_ATTEMPTS: u32 = 2;

/// Which of the attempts that a request has are made at a stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Share {
    #[default]
    All,
    /// A few, after which a failure is looked into.
    First,
    /// Those that are left then.
    Rest,
}

/// Those of every request.
pub(crate) fn usual() -> TimeoutConfig {
    timeouts().build()
}

fn timeouts() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT)
}

/// Attempts, and the pauses between them.
pub(crate) fn retries(max_attempts: u32) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(max_attempts)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

/// Attempts after which the failure of a completion is looked into, about a
/// second and a half after the first.
pub(crate) const FIRST_ATTEMPTS: u32 = 3;

/// The attempts that are left then; the pauses grow as if nothing had been
/// between.
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

/// Settings of a CompleteMultipartUpload, whose answer drips by design.
pub(crate) fn for_complete(share: Share, max_attempts: u32) -> Builder {
    let settings = aws_sdk_s3::Config::builder()
        .timeout_config(timeouts().read_timeout(COMPLETE_TIMEOUT).build());
    match share {
        Share::All => settings,
        Share::First => settings.retry_config(retries(FIRST_ATTEMPTS)),
        Share::Rest => settings.retry_config(later_retries(max_attempts)),
    }
}

/// How long to wait before attempt `round + 1`: 0.2 s, doubled each time up
/// to 10 s, and up to as much again at random, lest all wait alike.
pub(crate) fn pause(round: u32) -> Duration {
    let base = 200_u64 << round.saturating_sub(1).min(6);
    let base = base.min(10_000);
    Duration::from_millis(base + fastrand::u64(..base))
}
