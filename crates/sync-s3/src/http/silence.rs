//! Limits how long a server may neither take a byte nor answer.

use std::pin::pin;
use std::time::{Duration, Instant};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ConnectorError;
use aws_smithy_runtime_api::client::http::HttpConnectorFuture;

use crate::http::backlog::Backlog;
use crate::http::request_body::Sent;

/// The server was silent for too long: it may be overloaded.
#[derive(Debug, thiserror::Error)]
#[error("the server was silent for {} seconds", .0.as_secs())]
pub(crate) struct Silent(Duration);

/// Waits for the answer as long as chunks of the body are taken or our bandwidth
/// limit delays them, then as long as the bytes in flight may take, and then for
/// `silence`.
pub(crate) async fn within_silence(
    answer: HttpConnectorFuture,
    sent: &Sent,
    backlog: &Backlog,
    silence: Duration,
) -> Result<HttpResponse, ConnectorError> {
    let mut answer = pin!(answer);
    let (mut seen, mut quiet) = (0, Instant::now());
    loop {
        // Checked often: a request that began a moment after a check would
        // otherwise have nearly twice the time.
        if let Ok(result) = tokio::time::timeout(silence / 12, answer.as_mut()).await {
            return result;
        }
        let now = sent.chunks();
        if now != seen || sent.is_delayed() {
            (seen, quiet) = (now, Instant::now());
        } else if quiet.elapsed() >= silence + backlog.time() {
            return Err(ConnectorError::timeout(Silent(silence).into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    fn never() -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let result = within_silence(never(), &Sent::default(), &Backlog::default(), SHORT).await;
        assert!(result.unwrap_err().is_timeout());
    }

    #[tokio::test]
    async fn a_slow_upload_is_not_silence() {
        let sent = Arc::new(Sent::default());
        let counter = Arc::clone(&sent);
        tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(SHORT / 2).await;
                counter.count(1);
            }
        });
        let start = Instant::now();
        let result = within_silence(never(), &sent, &Backlog::default(), SHORT).await;
        assert!(result.unwrap_err().is_timeout());
        assert!(start.elapsed() >= SHORT * 5);
    }

    #[tokio::test]
    async fn what_our_bandwidth_limit_delays_is_not_silence() {
        let sent = Arc::new(Sent::default());
        sent.set_delayed(true);
        let holder = Arc::clone(&sent);
        tokio::spawn(async move {
            tokio::time::sleep(SHORT * 7 / 2).await;
            holder.set_delayed(false);
        });
        let start = Instant::now();
        let result = within_silence(never(), &sent, &Backlog::default(), SHORT).await;
        assert!(result.unwrap_err().is_timeout());
        assert!(start.elapsed() >= SHORT * 3);
    }

    #[tokio::test]
    async fn bytes_in_flight_are_not_silence() {
        let backlog = Backlog::default();
        // Another body, which takes a second at the assumed rate.
        let other = backlog.request();
        other.add(16 * 1024);
        let start = Instant::now();
        let result = within_silence(never(), &Sent::default(), &backlog, SHORT).await;
        assert!(result.unwrap_err().is_timeout());
        assert!(start.elapsed() >= SHORT * 8, "{:?}", start.elapsed());
    }
}
