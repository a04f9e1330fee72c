//! The HTTP client beneath the SDK: a pool that is bounded, requests in turn,
//! a limit on silence and perhaps one of bandwidth, and a look at the server's
//! clock.
//!
//! The SDK's read time-out counts from the start of a request to the head of
//! its answer, so it includes the time that the body takes on a slow uplink;
//! its time-out of an attempt would count the wait for a turn; and its
//! stalled-stream protection sees a body from memory as one piece that is gone
//! at once. None tells a slow transfer from a dead server. Here the body is
//! handed over in small pieces, and only the time in which nothing at all
//! happens is limited.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

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
use http::Uri;

use crate::client::proxy::{Proxies, Proxy};
use crate::client::trust::Trust;
use crate::http::accept_encoding;
use crate::http::answer_limits;
use crate::http::backlog::Backlog;
use crate::http::clock::Clock;
use crate::http::concurrency::{Outcome, Pace, WIDEST};
use crate::http::garbled::{chain, garbled, with_sound_length};
use crate::http::in_flight::InFlight;
use crate::http::reachability::{self, Contact, Silent, causes};
use crate::http::request_body::{Pieces, Sent};
use crate::http::response_body::{Incoming, Limited};
use crate::http::throttle::{Flow, Limiter, Way};

/// How long a server may neither take a byte nor answer. S3 answers within
/// seconds; 60 s is what the AWS command line allows. What the system's socket
/// buffer still holds counts as handed over, which the margin covers too.
const SILENCE: Duration = Duration::from_secs(60);

/// How long the body of an answer may take for each 32 KiB, which is 1 kB/s.
const DRIP: Duration = Duration::from_secs(30);

/// The status of a proxy that asks for a user name and a password.
const ASKS_WHO: u16 = 407;

/// The client of one store; its connections are shared by all requests.
#[derive(Debug)]
pub(crate) struct Transport {
    shared: OnceLock<Shared>,
    clock: Arc<Clock>,
    pace: Arc<Pace>,
    limiter: Option<Arc<Limiter>>,
    under_way: InFlight,
    contact: Arc<Contact>,
    backlog: Arc<Backlog>,
    proxies: Arc<Proxies>,
    trust: Trust,
}

/// One connector for all requests: a second one would be a second pool.
#[derive(Debug)]
struct Shared {
    inner: Arc<Roads>,
    /// What nearly all requests use.
    usual: SharedHttpConnector,
}

impl Transport {
    pub(crate) fn new(
        clock: Arc<Clock>,
        pace: Arc<Pace>,
        limiter: Option<Arc<Limiter>>,
        under_way: InFlight,
    ) -> Self {
        Self {
            shared: OnceLock::new(),
            clock,
            pace,
            limiter,
            under_way,
            contact: Arc::default(),
            backlog: Arc::default(),
            proxies: Arc::default(),
            trust: Trust::default(),
        }
    }

    /// By which proxies, and trusting whom, a server is reached; what will be
    /// known of it.
    pub(crate) fn reach(&mut self, proxies: Proxies, trust: Trust) -> Arc<Contact> {
        self.proxies = Arc::new(proxies);
        self.trust = trust;
        Arc::clone(&self.contact)
    }

    fn watched(&self, inner: &Arc<Roads>, silence: Duration, drip: Duration) -> Watched {
        Watched {
            inner: Arc::clone(inner),
            clock: Arc::clone(&self.clock),
            pace: Arc::clone(&self.pace),
            limiter: self.limiter.clone(),
            under_way: self.under_way.clone(),
            contact: Arc::clone(&self.contact),
            backlog: Arc::clone(&self.backlog),
            silence,
            drip,
        }
    }
}

impl HttpClient for Transport {
    /// A read time-out, which few operations have, stands in for both limits.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let shared = self.shared.get_or_init(|| {
            let proxies = Arc::clone(&self.proxies);
            let inner = Arc::new(Roads::new(settings, components, &self.trust, proxies));
            let usual = SharedHttpConnector::new(self.watched(&inner, SILENCE, DRIP));
            Shared { inner, usual }
        });
        match settings.read_timeout() {
            None => shared.usual.clone(),
            Some(limit) => SharedHttpConnector::new(self.watched(&shared.inner, limit, limit)),
        }
    }
}

/// The ways to a server: straight, or through a proxy.
#[derive(Debug)]
struct Roads {
    direct: Connector,
    http: Option<Connector>,
    https: Option<Connector>,
    proxies: Arc<Proxies>,
}

impl Roads {
    fn new(
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
        trust: &Trust,
        proxies: Arc<Proxies>,
    ) -> Self {
        let road = |proxy: &Proxy| {
            // What cannot be parsed was refused before.
            let proxy = ProxyConfig::all(proxy.url.clone()).ok()?;
            Some(connector(settings, components, trust, proxy))
        };
        Self {
            direct: connector(settings, components, trust, ProxyConfig::disabled()),
            http: proxies.http.as_ref().and_then(road),
            https: proxies.https.as_ref().and_then(road),
            proxies,
        }
    }

    /// How a request to `uri` goes, and through which proxy.
    fn to(&self, uri: &str) -> (&Connector, Option<&Proxy>) {
        let uri = uri.parse::<Uri>().ok();
        let proxy = uri.as_ref().and_then(|uri| self.proxies.of(uri));
        let road = match uri.as_ref().and_then(Uri::scheme_str) {
            _ if proxy.is_none() => None,
            Some("https") => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        (road.unwrap_or(&self.direct), proxy)
    }
}

/// The client that asks AWS for credentials: with the same trust as that of the
/// store, and the same proxy for https. By plain http only what is on this
/// machine or beside it lends credentials.
///
/// The SDK's default reads the certificates of the system at every start; this
/// one does not before somebody asks.
#[derive(Debug)]
pub(crate) struct Lender {
    ca_bundle: Option<PathBuf>,
    of_profile: Option<String>,
    proxies: Arc<Proxies>,
    connector: OnceLock<SharedHttpConnector>,
}

impl Lender {
    /// The bundles are those of an option and of the profile.
    pub(crate) fn new(
        ca_bundle: Option<PathBuf>,
        of_profile: Option<&str>,
        proxies: &Proxies,
    ) -> Self {
        Self {
            ca_bundle,
            of_profile: of_profile.map(str::to_owned),
            proxies: Arc::new(proxies.only_https()),
            connector: OnceLock::new(),
        }
    }
}

impl HttpClient for Lender {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = || {
            let proxies = Arc::clone(&self.proxies);
            let trust = Trust::find(self.ca_bundle.as_deref(), self.of_profile.as_deref());
            // The store itself has complained, if it needs any.
            let trust = trust.unwrap_or(Trust::System);
            SharedHttpConnector::new(Roads::new(settings, components, &trust, proxies))
        };
        self.connector.get_or_init(connector).clone()
    }
}

impl HttpConnector for Roads {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri().to_owned();
        self.to(&uri).0.call(request)
    }
}

/// The SDK's own default (rustls with aws-lc), but with a pool that holds a
/// connection for each request and no more: more than about 200 idle ones led
/// to failing look-ups (aws-sdk-rust#1136).
fn connector(
    settings: &HttpConnectorSettings,
    components: &RuntimeComponents,
    trust: &Trust,
    proxy: ProxyConfig,
) -> Connector {
    let mut connect = HttpConnectorSettings::builder();
    connect.set_connect_timeout(settings.connect_timeout());
    let mut builder = ConnectorBuilder::default()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .pool_max_idle_per_host(WIDEST);
    if let Some(context) = trust.context() {
        builder = builder.tls_context(context);
    }
    builder.set_connector_settings(Some(connect.build()));
    builder.set_sleep_impl(components.sleep_impl());
    builder.set_proxy_config(Some(proxy));
    builder.build()
}

#[derive(Debug)]
struct Watched {
    inner: Arc<Roads>,
    clock: Arc<Clock>,
    pace: Arc<Pace>,
    limiter: Option<Arc<Limiter>>,
    under_way: InFlight,
    contact: Arc<Contact>,
    backlog: Arc<Backlog>,
    silence: Duration,
    drip: Duration,
}

impl HttpConnector for Watched {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        // The stored bytes are wanted, not what a server or a proxy makes of
        // them. The AWS command line asks for them so, too.
        if !request.headers().contains_key(accept_encoding::HEADER) {
            let headers = request.headers_mut();
            headers.insert(accept_encoding::HEADER, accept_encoding::IDENTITY);
        }
        let most = answer_limits::most_of_answer(request.method(), request.uri());
        let sent = Arc::new(Sent::new(self.under_way.request(), self.backlog.request()));
        let limiter = self.limiter.clone();
        if request.body().content_length() != Some(0) {
            let body = mem::replace(request.body_mut(), SdkBody::taken());
            let flow = limiter.as_ref().map(|limiter| Flow::new(limiter, Way::Up));
            *request.body_mut() =
                SdkBody::from_body_1_x(Pieces::new(body, Arc::clone(&sent), flow));
        }
        let clock = Arc::clone(&self.clock);
        let pace = Arc::clone(&self.pace);
        let inner = Arc::clone(&self.inner);
        let contact = Arc::clone(&self.contact);
        let backlog = Arc::clone(&self.backlog);
        let (silence, drip) = (self.silence, self.drip);
        let received = self.under_way.request();
        let told = Told::of(&request);
        HttpConnectorFuture::new(async move {
            // Before its turn: a window is not to be judged by who waits here.
            let pass = match &limiter {
                Some(limiter) if moves_much(&request) => limiter.enter().await,
                _ => None,
            };
            let turn = pace
                .turn()
                .await
                .map_err(|outage| ConnectorError::other(outage.into(), None))?;
            let begun = SystemTime::now();
            let since = Instant::now();
            let uri = request.uri().to_owned();
            let (road, proxy) = inner.to(&uri);
            let answer = within_silence(road.call(request), &sent, &backlog, silence).await;
            let answer = answer
                .map_err(or_shortage)
                .map_err(garbled)
                .and_then(with_sound_length);
            let answer = match (answer, proxy) {
                (Ok(answer), Some(proxy)) if answer.status().as_u16() == ASKS_WHO => {
                    Err(reachability::wants_password(proxy))
                }
                (Ok(answer), _) => {
                    contact.answered();
                    backlog.answered(sent.bytes(), since.elapsed());
                    Ok(answer)
                }
                (Err(error), _) if is_shortage(&error) => Err(error),
                (Err(error), proxy) => {
                    Err(reachability::explained(error, &uri, proxy, &contact).await)
                }
            };
            let outcome = match outcome(&answer) {
                Outcome::Served if limiter.as_ref().is_some_and(|it| it.is_in_force()) => {
                    Outcome::HeldBack
                }
                outcome => outcome,
            };
            told.answered(&answer, outcome, since.elapsed());
            turn.note(outcome);
            let mut response = answer?;
            // Nobody here wants it, and the SDK panics where it is no text.
            response.headers_mut().remove("expires");
            let (date, server) = (
                response.headers().get("date"),
                response.headers().get("server"),
            );
            clock.observe(begun, SystemTime::now(), date, server);
            if response.body().content_length() != Some(0) {
                let body = mem::replace(response.body_mut(), SdkBody::taken());
                let most = if response.status().is_success() {
                    most
                } else {
                    Some(answer_limits::SHORT)
                };
                let limited = limiter.map(|limiter| Limited {
                    flow: Flow::new(&limiter, Way::Down),
                    _pass: pass,
                });
                *response.body_mut() = SdkBody::from_body_1_x(
                    Incoming::new(body, turn, limited, received, drip).at_most(most),
                );
            }
            Ok(response)
        })
    }
}

/// Whether a request moves more than a few bytes, or may. Those that do not
/// need not wait until others have moved theirs.
fn moves_much(request: &HttpRequest) -> bool {
    matches!(request.method(), "GET" | "PUT")
}

/// A request as the log names it: by its method and its address without the
/// query. Headers and queries may hold secrets.
struct Told(Option<String>);

impl Told {
    fn of(request: &HttpRequest) -> Self {
        let wanted = tracing::enabled!(tracing::Level::INFO);
        Self(wanted.then(|| {
            let uri = request.uri();
            let path = uri.split(['?', '#']).next().unwrap_or_default();
            format!("{} {path}", request.method())
        }))
    }

    fn answered(
        &self,
        answer: &Result<HttpResponse, ConnectorError>,
        outcome: Outcome,
        took: Duration,
    ) {
        let Some(request) = &self.0 else {
            return;
        };
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match (answer, outcome) {
            (Ok(answer), Outcome::Served | Outcome::HeldBack) => {
                tracing::debug!(request, status = answer.status().as_u16(), ms, "answered");
            }
            (Ok(answer), _) => {
                tracing::info!(request, status = answer.status().as_u16(), ms, "refused");
            }
            (Err(error), _) => tracing::info!(request, error = %chain(error), ms, "no answer"),
        }
    }
}

fn outcome(answer: &Result<HttpResponse, ConnectorError>) -> Outcome {
    match answer {
        Ok(response) => match response.status().as_u16() {
            429 | 502..=504 => Outcome::Overcharged,
            500.. => Outcome::Failed,
            _ => Outcome::Served,
        },
        Err(error) if error.is_timeout() => Outcome::Overcharged,
        Err(error) if error.is_io() && !is_refused(error) => Outcome::Overcharged,
        Err(_) => Outcome::Failed,
    }
}

/// That no handle is free for a connection (EMFILE, ENFILE), wherever it is
/// noticed, says nothing about the request: it is tried again, and fewer are
/// made at once.
fn or_shortage(error: ConnectorError) -> ConnectorError {
    if is_shortage(&error) && !error.is_io() {
        ConnectorError::io(error.into())
    } else {
        error
    }
}

fn is_shortage(error: &ConnectorError) -> bool {
    causes(error).any(|cause| {
        let error = cause.downcast_ref::<io::Error>();
        let number = error.and_then(io::Error::raw_os_error);
        number.is_some_and(|number| NO_HANDLE.contains(&number))
    })
}

/// ENFILE and EMFILE, the same on all systems that we run on.
const NO_HANDLE: [i32; 2] = [23, 24];

/// Nobody listens there, which has nothing to do with load.
fn is_refused(error: &ConnectorError) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    })
}

/// Waits for the answer as long as pieces are taken or held back by us, then
/// for as long as what is under way may take, and for `silence` after that (up
/// to twice as long, as they are looked at once in that time).
async fn within_silence(
    answer: HttpConnectorFuture,
    sent: &Sent,
    backlog: &Backlog,
    silence: Duration,
) -> Result<HttpResponse, ConnectorError> {
    let mut answer = pin!(answer);
    let (mut seen, mut quiet) = (0, Instant::now());
    loop {
        // Looked at often, or a request that began a moment after a look would
        // have nearly twice the time.
        if let Ok(result) = tokio::time::timeout(silence / 12, answer.as_mut()).await {
            return result;
        }
        let now = sent.pieces();
        if now != seen || sent.is_held() {
            (seen, quiet) = (now, Instant::now());
        } else if quiet.elapsed() >= silence + backlog.time() {
            return Err(ConnectorError::timeout(Silent(silence).into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    #[test]
    fn a_connection_without_a_handle_is_tried_again_with_fewer_at_once() {
        for number in NO_HANDLE {
            let cause = io::Error::from_raw_os_error(number);
            let error = or_shortage(ConnectorError::other(Box::new(cause), None));
            assert!(error.is_io());
            assert_eq!(outcome(&Err(error)), Outcome::Overcharged);
        }
        let other = io::Error::from_raw_os_error(5);
        let error = or_shortage(ConnectorError::other(Box::new(other), None));
        assert_eq!(outcome(&Err(error)), Outcome::Failed);
    }

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
    async fn what_we_hold_back_ourselves_is_not_silence() {
        let sent = Arc::new(Sent::default());
        sent.hold(true);
        let holder = Arc::clone(&sent);
        tokio::spawn(async move {
            tokio::time::sleep(SHORT * 7 / 2).await;
            holder.hold(false);
        });
        let start = Instant::now();
        let result = within_silence(never(), &sent, &Backlog::default(), SHORT).await;
        assert!(result.unwrap_err().is_timeout());
        assert!(start.elapsed() >= SHORT * 3);
    }

    #[tokio::test]
    async fn what_the_line_has_yet_to_carry_is_not_silence() {
        let backlog = Backlog::default();
        // Another body, which takes as long on the slowest line.
        let other = backlog.request();
        other.add(16 * 1024);
        let start = Instant::now();
        let result = within_silence(never(), &Sent::default(), &backlog, SHORT).await;
        assert!(result.unwrap_err().is_timeout());
        assert!(start.elapsed() >= SHORT * 8, "{:?}", start.elapsed());
    }
}
