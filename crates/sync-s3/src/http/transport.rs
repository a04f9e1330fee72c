//! The HTTP client beneath the SDK: a bounded pool, permits for requests, a limit
//! on silence and perhaps one on bandwidth, and the server's clock.
//!
//! The SDK's read time-out counts from the start of a request to the head of
//! its answer, so it includes the time that the body takes on a slow uplink;
//! its time-out of an attempt would count the wait for a permit; and its
//! stalled-stream protection sees a body from memory as one chunk that is gone
//! at once. None distinguishes a slow transfer from a dead server. Here the body
//! is handed over in small chunks, and only the time in which nothing at all
//! happens is limited.

use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{HttpClient, RuntimeComponents};
use aws_sdk_s3::error::ConnectorError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};

use crate::client::proxy::Proxies;
use crate::client::trust::Trust;
use crate::http::accept_encoding;
use crate::http::answer_limits;
use crate::http::backlog::Backlog;
use crate::http::clock::Clock;
use crate::http::concurrency::{ConcurrencyLimiter, ConcurrencyPermit, Outcome};
use crate::http::connection_errors::{explained, wants_password};
use crate::http::in_flight::{InFlight, Moved};
use crate::http::invalid_http::{invalid_http, with_valid_length};
use crate::http::line::Line;
use crate::http::outcome::{descriptors_as_io, is_out_of_descriptors, outcome};
use crate::http::reachability::Contact;
use crate::http::request_body::{RequestBody, Sent};
use crate::http::request_log::RequestLog;
use crate::http::response_body::{Limited, ResponseBody};
use crate::http::routes::{ConnectSettings, LaneRoutes};
use crate::http::silence::within_silence;
use crate::http::throttle::{BandwidthLimiter, BandwidthPermit, RequestDirection, Throttle};

/// How long a server may neither take a byte nor answer. S3 answers within
/// seconds; 60 s is what the AWS command line allows. What the system's socket
/// buffer still holds counts as handed over, which the margin covers too.
const SILENCE: Duration = Duration::from_secs(60);

/// How long the body of an answer may take for each 32 KiB, which is 1 kB/s.
const PATIENCE: Duration = Duration::from_secs(30);

/// The status of a proxy that asks for a user name and a password.
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// The client of one store; its connections are shared by all requests.
#[derive(Debug)]
pub(crate) struct Transport {
    shared: OnceLock<Shared>,
    limits: Limits,
    proxies: Arc<Proxies>,
    trust: Trust,
}

/// One connector for all requests; each lane has a pool of its own.
#[derive(Debug)]
struct Shared {
    routes: Arc<LaneRoutes>,
    /// What nearly all requests use.
    usual: SharedHttpConnector,
}

/// What all requests of a store have in common.
#[derive(Debug, Clone)]
struct Limits {
    clock: Arc<Clock>,
    concurrency: Arc<ConcurrencyLimiter>,
    bandwidth: Option<Arc<BandwidthLimiter>>,
    in_flight: InFlight,
    contact: Arc<Contact>,
    backlog: Arc<Backlog>,
    line: Arc<Line>,
}

impl Transport {
    pub(crate) fn new(
        clock: Arc<Clock>,
        concurrency: Arc<ConcurrencyLimiter>,
        bandwidth: Option<Arc<BandwidthLimiter>>,
        in_flight: InFlight,
        line: Arc<Line>,
    ) -> Self {
        Self {
            shared: OnceLock::new(),
            limits: Limits {
                clock,
                concurrency,
                bandwidth,
                in_flight,
                contact: Arc::default(),
                backlog: Arc::default(),
                line,
            },
            proxies: Arc::default(),
            trust: Trust::default(),
        }
    }

    /// Sets the proxies and the trusted certificates; returns what will be known
    /// of the server.
    pub(crate) fn reach(&mut self, proxies: Proxies, trust: Trust) -> Arc<Contact> {
        self.proxies = Arc::new(proxies);
        self.trust = trust;
        Arc::clone(&self.limits.contact)
    }

    fn connector(
        &self,
        routes: &Arc<LaneRoutes>,
        silence: Duration,
        patience: Duration,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(LimitingConnector {
            routes: Arc::clone(routes),
            limits: self.limits.clone(),
            silence,
            patience,
        })
    }
}

impl HttpClient for Transport {
    /// A read time-out, which few operations have, replaces both limits.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let shared = self.shared.get_or_init(|| {
            let proxies = Arc::clone(&self.proxies);
            let connect = ConnectSettings::of(settings, components);
            let routes = Arc::new(LaneRoutes::new(connect, &self.trust, proxies));
            let usual = self.connector(&routes, SILENCE, PATIENCE);
            Shared { routes, usual }
        });
        match settings.read_timeout() {
            None => shared.usual.clone(),
            Some(limit) => self.connector(&shared.routes, limit, limit),
        }
    }
}

/// Sends requests within the limits.
#[derive(Debug, Clone)]
struct LimitingConnector {
    routes: Arc<LaneRoutes>,
    limits: Limits,
    silence: Duration,
    patience: Duration,
}

impl HttpConnector for LimitingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl LimitingConnector {
    async fn send(self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let limits = &self.limits;
        // The stored bytes are wanted, not what a server or a proxy makes of
        // them. The AWS command line asks for them so, too.
        if !request.headers().contains_key(accept_encoding::HEADER) {
            let headers = request.headers_mut();
            headers.insert(accept_encoding::HEADER, accept_encoding::IDENTITY);
        }
        let most = answer_limits::most_of_answer(request.method(), request.uri());
        let sent = self.count_body(&mut request);
        let received = limits.in_flight.request();
        let log = RequestLog::of(&request);
        // Before the other permit: those who wait here must not fill the window.
        let bandwidth_permit = match &limits.bandwidth {
            Some(limiter) if moves_much(&request) => limiter.acquire().await,
            _ => None,
        };
        let permit = limits
            .concurrency
            .acquire()
            .await
            .map_err(|outage| ConnectorError::other(outage.into(), None))?;
        let (begun, since) = (SystemTime::now(), Instant::now());
        let wait = limits.in_flight.wait();
        let answer = self.answer(request, &sent).await;
        wait.end(answer.is_ok());
        let outcome = match outcome(&answer) {
            Outcome::Served if self.is_bandwidth_limited() => Outcome::BandwidthLimited,
            outcome => outcome,
        };
        log.answered(&answer, outcome, since.elapsed());
        permit.record(outcome);
        let mut response = answer?;
        // Nobody here wants it, and the SDK panics where it is not text.
        response.headers_mut().remove("expires");
        let (date, server) = (
            response.headers().get("date"),
            response.headers().get("server"),
        );
        limits.clock.observe(begun, SystemTime::now(), date, server);
        if response.body().content_length() != Some(0) {
            self.limit_body(&mut response, most, permit, bandwidth_permit, received);
        }
        Ok(response)
    }

    /// Has the body of a request handed over in chunks, which are counted.
    fn count_body(&self, request: &mut HttpRequest) -> Arc<Sent> {
        let limits = &self.limits;
        let sent = Arc::new(Sent::new(
            limits.in_flight.request(),
            limits.backlog.request(),
        ));
        if request.body().content_length() != Some(0) {
            let body = mem::replace(request.body_mut(), SdkBody::taken());
            let limiter = limits.bandwidth.as_ref();
            let throttle = limiter.map(|it| Throttle::new(it, RequestDirection::Upload));
            let body = RequestBody::new(body, Arc::clone(&sent), throttle);
            *request.body_mut() = SdkBody::from_body_1_x(body);
        }
        sent
    }

    /// Sends a request; why it could not be answered is an error in words.
    async fn answer(
        &self,
        request: HttpRequest,
        sent: &Sent,
    ) -> Result<HttpResponse, ConnectorError> {
        let Limits {
            contact,
            backlog,
            line,
            ..
        } = &self.limits;
        let since = Instant::now();
        let uri = request.uri().to_owned();
        let (route, proxy) = self.routes.here().to(&uri);
        let answer = within_silence(route.call(request), sent, backlog, self.silence).await;
        let answer = answer
            .map_err(descriptors_as_io)
            .map_err(invalid_http)
            .and_then(with_valid_length);
        match (answer, proxy) {
            (Ok(answer), Some(proxy))
                if answer.status().as_u16() == PROXY_AUTHENTICATION_REQUIRED =>
            {
                Err(wants_password(proxy))
            }
            (Ok(answer), _) => {
                contact.answered();
                let took = since.elapsed();
                backlog.answered(sent.bytes(), took);
                line.answered(took);
                Ok(answer)
            }
            (Err(error), _) if is_out_of_descriptors(&error) => Err(error),
            (Err(error), proxy) => Err(explained(error, &uri, proxy, contact.has_answered()).await),
        }
    }

    fn is_bandwidth_limited(&self) -> bool {
        let limiter = self.limits.bandwidth.as_ref();
        limiter.is_some_and(|limiter| limiter.is_in_force())
    }

    /// Limits the body of an answer; its request is in flight until it ends.
    fn limit_body(
        &self,
        response: &mut HttpResponse,
        most: Option<u64>,
        permit: ConcurrencyPermit,
        bandwidth_permit: Option<BandwidthPermit>,
        received: Moved,
    ) {
        let most = if response.status().is_success() {
            most
        } else {
            Some(answer_limits::SHORT)
        };
        let limiter = self.limits.bandwidth.as_ref();
        let limited = limiter.map(|limiter| Limited {
            throttle: Throttle::new(limiter, RequestDirection::Download),
            _permit: bandwidth_permit,
        });
        let body = mem::replace(response.body_mut(), SdkBody::taken());
        let body = ResponseBody::new(body, permit, limited, received, self.patience).at_most(most);
        *response.body_mut() = SdkBody::from_body_1_x(body);
    }
}

/// Whether a request moves more than a few bytes, or may. Those that do not
/// need not wait until others have moved theirs.
fn moves_much(request: &HttpRequest) -> bool {
    matches!(request.method(), "GET" | "PUT")
}
