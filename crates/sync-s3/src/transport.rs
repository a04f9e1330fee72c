//! The HTTP client beneath the SDK: a pool that is bounded, a limit on
//! silence, and a look at the server's clock.
//!
//! The SDK's read time-out counts from the start of a request to the head of
//! its answer, so it includes the time that the body takes on a slow uplink;
//! and its stalled-stream protection sees a body from memory as one piece that
//! is gone at once. Neither tells a slow upload from a dead server. Here the
//! body is handed over in small pieces, and only the time in which nothing at
//! all happens is limited.

use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{HttpClient, RuntimeComponents};
use aws_sdk_s3::error::ConnectorError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::clock::Clock;

/// How long a server may neither take a byte nor answer. S3 answers within
/// seconds; 60 s is what the AWS command line allows. What the system's socket
/// buffer still holds counts as handed over, which the margin covers too.
const SILENCE: Duration = Duration::from_secs(60);

/// Size of the pieces in which a body is handed over: at 10 kB/s one still
/// leaves within seven seconds.
const PIECE: usize = 64 * 1024;

/// Idle connections that are kept. The SDK keeps any number; more than about
/// 200 led to failing look-ups (aws-sdk-rust#1136), and no run needs more at once.
const MAX_IDLE: usize = 128;

/// The client of one store; its connections are shared by all requests.
#[derive(Debug)]
pub(crate) struct Transport {
    connector: OnceLock<SharedHttpConnector>,
    clock: Arc<Clock>,
}

impl Transport {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self {
            connector: OnceLock::new(),
            clock,
        }
    }
}

impl HttpClient for Transport {
    /// One connector for all: no request has connect or read time-outs of its
    /// own, and a second connector would be a second pool.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.connector.get_or_init(|| {
            SharedHttpConnector::new(Watched {
                inner: connector(settings, components),
                clock: Arc::clone(&self.clock),
            })
        });
        connector.clone()
    }
}

/// The SDK's own default (rustls with aws-lc, proxies from the environment),
/// but with a bounded pool.
fn connector(settings: &HttpConnectorSettings, components: &RuntimeComponents) -> Connector {
    let mut builder = ConnectorBuilder::default()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .pool_max_idle_per_host(MAX_IDLE);
    builder.set_connector_settings(Some(settings.clone()));
    builder.set_sleep_impl(components.sleep_impl());
    builder.set_proxy_config(Some(ProxyConfig::from_env()));
    builder.build()
}

#[derive(Debug)]
struct Watched {
    inner: Connector,
    clock: Arc<Clock>,
}

impl HttpConnector for Watched {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let handed_over = Arc::new(AtomicU64::new(0));
        if request.body().content_length() != Some(0) {
            let body = mem::replace(request.body_mut(), SdkBody::taken());
            *request.body_mut() = SdkBody::from_body_1_x(Pieces {
                body,
                rest: Bytes::new(),
                handed_over: Arc::clone(&handed_over),
            });
        }
        let clock = Arc::clone(&self.clock);
        let sent = SystemTime::now();
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let response = within_silence(answer, &handed_over, SILENCE).await?;
            clock.observe(sent, SystemTime::now(), response.headers().get("date"));
            Ok(response)
        })
    }
}

/// Waits for the answer as long as pieces are taken, and for `silence` after
/// that (up to twice as long, as the pieces are looked at once in that time).
async fn within_silence(
    answer: HttpConnectorFuture,
    handed_over: &AtomicU64,
    silence: Duration,
) -> Result<HttpResponse, ConnectorError> {
    let mut answer = pin!(answer);
    let mut seen = 0;
    loop {
        if let Ok(result) = tokio::time::timeout(silence, answer.as_mut()).await {
            return result;
        }
        let now = handed_over.load(Ordering::Relaxed);
        if now == seen {
            let text = format!("the server was silent for {} seconds", silence.as_secs());
            return Err(ConnectorError::timeout(text.into()));
        }
        seen = now;
    }
}

/// A body that is handed over in pieces, which are counted.
struct Pieces {
    body: SdkBody,
    rest: Bytes,
    handed_over: Arc<AtomicU64>,
}

impl Pieces {
    fn next_piece(&mut self) -> Bytes {
        self.handed_over.fetch_add(1, Ordering::Relaxed);
        let len = self.rest.len().min(PIECE);
        self.rest.split_to(len)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    fn never() -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let result = within_silence(never(), &AtomicU64::new(0), SHORT).await;
        assert!(result.unwrap_err().is_timeout());
    }

    #[tokio::test]
    async fn a_slow_upload_is_not_silence() {
        let handed_over = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&handed_over);
        tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(SHORT / 2).await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let start = Instant::now();
        let result = within_silence(never(), &handed_over, SHORT).await;
        assert!(result.unwrap_err().is_timeout());
        assert!(start.elapsed() >= SHORT * 5);
    }

    #[tokio::test]
    async fn a_body_is_handed_over_whole_and_in_pieces() {
        let data: Bytes = (0..PIECE * 2 + 5).map(|n| (n % 251) as u8).collect();
        let handed_over = Arc::new(AtomicU64::new(0));
        let mut body = Pieces {
            body: SdkBody::from(data.clone()),
            rest: Bytes::new(),
            handed_over: Arc::clone(&handed_over),
        };
        let mut got = Vec::new();
        loop {
            let left = (data.len() - got.len()) as u64;
            assert_eq!(body.size_hint().exact(), Some(left));
            let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let Some(frame) = frame else { break };
            got.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert!(body.is_end_stream());
        assert_eq!(got, data);
        assert_eq!(handed_over.load(Ordering::Relaxed), 3);
    }
}
