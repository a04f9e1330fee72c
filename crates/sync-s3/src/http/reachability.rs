//! Whether the server has ever answered, and why it cannot be reached.
//!
//! A connection that fails is tried again, since servers are restarted and
//! networks fail for a while. But what fails from the first request of a run on
//! is mostly wrong for good: a name, a port, a certificate, a proxy. Waiting
//! for a minute helps nobody then, so until the first answer connections are
//! tried for seconds only, and what no time can change is told at once.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::error::ConnectorError;
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;
use aws_smithy_types::retry::ErrorKind;
use chrono::{DateTime, SecondsFormat};
use http::Uri;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error as TlsError};
use sync_core::text::printable;

use crate::client::proxy::Proxy;
use crate::client::trust;
use crate::http::garbled::Garbled;

/// How long after the first failure a connection is tried once more, where
/// none has ever succeeded. With a last attempt that runs into the time-out of
/// a connection, an error comes within ten seconds.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// How long it is waited between these attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the server.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    answered: AtomicBool,
    failing_since: OnceLock<Instant>,
}

impl Contact {
    /// There was an answer of the server, whatever it says.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Relaxed);
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Relaxed)
    }

    /// Whether it makes no sense to try once more where nothing has ever
    /// been answered.
    fn is_lost(&self) -> bool {
        let since = self.failing_since.get_or_init(Instant::now);
        since.elapsed() >= PATIENCE
    }
}

/// The server was silent for too long: it may have much to do.
#[derive(Debug, thiserror::Error)]
#[error("the server was silent for {} seconds", .0.as_secs())]
pub(crate) struct Silent(pub(crate) Duration);

/// Why there is no connection, for people.
#[derive(Debug)]
pub(crate) struct Unreachable {
    pub(crate) reason: String,
    pub(crate) advice: Option<String>,
    /// Whether waiting cannot change it.
    is_final: bool,
    cause: Option<ConnectorError>,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl StdError for Unreachable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// Ends attempts that lead nowhere.
#[derive(Debug)]
pub(crate) struct GiveUp(pub(crate) std::sync::Arc<Contact>);

impl ClassifyRetry for GiveUp {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let Some(error) = error.and_then(|error| error.as_connector_error()) else {
            return RetryAction::NoActionIndicated;
        };
        let is_final = find::<Unreachable>(error).is_some_and(|why| why.is_final);
        let is_silent = find::<Silent>(error).is_some();
        let may_pass = error.is_io() || error.is_timeout() || error.as_other().is_some();
        if is_final {
            RetryAction::RetryForbidden
        } else if is_silent || !may_pass || self.0.has_answered() {
            RetryAction::NoActionIndicated
        } else if self.0.is_lost() {
            RetryAction::RetryForbidden
        } else {
            // The SDK's own pauses grow beyond what there is time for.
            RetryAction::retryable_error_with_explicit_delay(ErrorKind::TransientError, PAUSE)
        }
    }

    fn name(&self) -> &'static str {
        "GiveUp"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// The error of a request to `uri` with its reason in words.
pub(crate) async fn explained(
    error: ConnectorError,
    uri: &str,
    proxy: Option<&Proxy>,
    contact: &Contact,
) -> ConnectorError {
    let Ok(uri) = uri.parse::<Uri>() else {
        return error;
    };
    let server = Server { uri: &uri, proxy };
    let Some(why) = server.why(&error, contact).await else {
        return error;
    };
    let (is_io, is_timeout) = (error.is_io() || why.is_final, error.is_timeout());
    let kind = error.as_other();
    let why = Unreachable {
        cause: Some(error),
        ..why
    };
    if is_io {
        ConnectorError::io(why.into())
    } else if is_timeout {
        ConnectorError::timeout(why.into())
    } else {
        ConnectorError::other(why.into(), kind)
    }
}

/// The error of an answer in which a proxy asks who we are.
pub(crate) fn wants_password(proxy: &Proxy) -> ConnectorError {
    let why = proxy_wants_password(proxy);
    ConnectorError::io(why.into())
}

fn proxy_wants_password(proxy: &Proxy) -> Unreachable {
    let Proxy {
        shown, variable, ..
    } = proxy;
    Unreachable::for_good(
        format!("the proxy {shown} asks for a user name and a password (status 407)"),
        format!("write them into {variable}: http://USER:PASSWORD@HOST:PORT; {EXCEPT}"),
    )
}

const EXCEPT: &str = "or name the server in NO_PROXY, if it needs no proxy";

impl Unreachable {
    fn new(reason: String, advice: Option<String>) -> Self {
        Self {
            reason,
            advice,
            is_final: false,
            cause: None,
        }
    }

    fn for_good(reason: String, advice: impl Into<String>) -> Self {
        Self {
            is_final: true,
            ..Self::new(reason, Some(advice.into()))
        }
    }
}

/// Whom a request goes to.
struct Server<'a> {
    uri: &'a Uri,
    proxy: Option<&'a Proxy>,
}

impl Server<'_> {
    async fn why(&self, error: &ConnectorError, contact: &Contact) -> Option<Unreachable> {
        if let Some(tls) = find::<TlsError>(error) {
            return Some(self.why_not_secure(tls).await);
        }
        if find::<Silent>(error).is_some() {
            return None;
        }
        if let Some(proxy) = self.proxy {
            let tunnel = causes(error).map(ToString::to_string);
            let tunnel = tunnel
                .into_iter()
                .find(|text| text.starts_with("tunnel error"));
            match tunnel.as_deref() {
                Some("tunnel error: proxy authorization required") => {
                    return Some(proxy_wants_password(proxy));
                }
                Some("tunnel error: unsuccessful") => {
                    let reason = format!(
                        "the proxy {} refuses to connect to {}",
                        proxy.shown,
                        self.address()
                    );
                    let advice = format!("the proxy is that of {}; {EXCEPT}", proxy.variable);
                    return Some(Unreachable::new(reason, Some(advice)));
                }
                _ => {}
            }
            if is_connecting(error) {
                let cause = self.cause(error, None);
                let reason = format!("cannot reach the proxy {}: {cause}", proxy.shown);
                let advice = format!("the proxy is that of {}; {EXCEPT}", proxy.variable);
                return Some(Unreachable::new(reason, Some(advice)));
            }
        }
        if is_connecting(error) {
            let cause = self.cause(error, Some(&self.address()));
            return Some(Unreachable::new(cause, None));
        }
        if self.is_plain() && !contact.has_answered() && self.proxy.is_none() {
            let https = format!("https://{}", self.uri.authority()?);
            let advice = format!(
                "does the server speak https there? Then use --endpoint-url {}",
                printable(&https)
            );
            let address = self.address();
            let reason = if find::<Garbled>(error).is_some() {
                format!("{address} does not speak http ({})", innermost(error))
            } else {
                let cause = innermost(error);
                format!("{address} closed the connection without an answer: {cause}")
            };
            return Some(Unreachable::new(reason, Some(advice)));
        }
        None
    }

    /// What is wrong with an encrypted connection. None of it passes by itself.
    async fn why_not_secure(&self, error: &TlsError) -> Unreachable {
        let host = printable(self.uri.host().unwrap_or_default());
        let address = self.address();
        match error {
            TlsError::InvalidCertificate(error) => self.why_not_trusted(error, &host).await,
            TlsError::InvalidMessage(_) => Unreachable::for_good(
                format!("{address} does not speak https ({error})"),
                format!("use --endpoint-url http://{address}, if it is to be reached unencrypted"),
            ),
            _ => Unreachable::for_good(
                format!("no encrypted connection to {address}: {error}"),
                "check what the server offers, as with `openssl s_client -connect`",
            ),
        }
    }

    async fn why_not_trusted(&self, error: &CertificateError, host: &str) -> Unreachable {
        let reason = match error {
            CertificateError::UnknownIssuer => {
                let issuer = match self.proxy {
                    None => trust::issuer(self.uri.host().unwrap_or_default(), self.port()).await,
                    Some(_) => None,
                };
                let by = issuer.map_or(String::new(), |issuer| format!(" ({issuer})"));
                return Unreachable::for_good(
                    format!("the certificate of {host} is signed by an unknown issuer{by}"),
                    "if you trust that issuer, name a file with its certificate by --ca-bundle or \
                     AWS_CA_BUNDLE",
                );
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                format!(
                    "the certificate of {host} has expired at {}",
                    at(*not_after)
                )
            }
            CertificateError::Expired => format!("the certificate of {host} has expired"),
            CertificateError::NotValidYetContext { not_before, .. } => {
                let from = at(*not_before);
                format!("the certificate of {host} is not valid before {from}")
            }
            CertificateError::NotValidYet => {
                format!("the certificate of {host} is not valid yet")
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names = presented.iter().map(|name| printable(&plain_name(name)));
                let names: Vec<_> = names.collect();
                let names = match names.as_slice() {
                    [] => "no name".to_owned(),
                    names => names.join(", "),
                };
                return Unreachable::for_good(
                    format!("the certificate of the server is for {names}, not for {host}"),
                    "write a name of the certificate in --endpoint-url, or give the server \
                     another certificate",
                );
            }
            error if error.to_string().contains("CaUsedAsEndEntity") => {
                return Unreachable::for_good(
                    format!("the certificate of {host} is that of an authority, not of a server"),
                    "give the server a certificate that is signed by that authority \
                     (basicConstraints CA:FALSE)",
                );
            }
            error => {
                let error = printable(&error.to_string());
                return Unreachable::for_good(
                    format!("the certificate of {host} is not accepted: {error}"),
                    "give the server another certificate",
                );
            }
        };
        let advice = "renew the certificate; or is the clock of this machine wrong?";
        Unreachable::for_good(reason, advice)
    }

    /// Why there is no connection to `address`, or to the proxy.
    fn cause(&self, error: &ConnectorError, address: Option<&str>) -> String {
        let io = causes(error).filter_map(|it| it.downcast_ref::<io::Error>());
        let refused = io
            .into_iter()
            .any(|it| it.kind() == io::ErrorKind::ConnectionRefused);
        match address {
            Some(address) if refused => {
                return format!("nobody listens at {address} (connection refused)");
            }
            None if refused => return "nobody listens there (connection refused)".to_owned(),
            Some(address) if error.is_timeout() => {
                let what = if self.is_plain() { "a" } else { "an encrypted" };
                return format!("{address} did not accept {what} connection in time");
            }
            None if error.is_timeout() => return "no connection in time".to_owned(),
            _ => {}
        }
        if causes(error).any(|it| it.to_string() == "dns error") {
            let name = self.proxy.map_or(self.uri, |proxy| &proxy.url).host();
            let name = printable(name.unwrap_or_default());
            return format!(
                "the host name '{name}' cannot be resolved ({})",
                innermost(error)
            );
        }
        innermost(error)
    }

    fn is_plain(&self) -> bool {
        self.uri.scheme_str() == Some("http")
    }

    fn port(&self) -> u16 {
        let usual = if self.is_plain() { 80 } else { 443 };
        self.uri.port_u16().unwrap_or(usual)
    }

    fn address(&self) -> String {
        let host = self.uri.host().unwrap_or_default();
        printable(&format!("{host}:{}", self.port()))
    }
}

/// As in `DnsName("example.com")`.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('"')
        .and_then(|(_, rest)| rest.split_once('"'));
    inner.map_or(name, |(inner, _)| inner).to_owned()
}

fn at(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok();
    let time = time.and_then(|secs| DateTime::from_timestamp(secs, 0));
    time.map_or(String::new(), |time| {
        time.to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}

/// Whether the connection failed, not what came after it.
fn is_connecting(error: &ConnectorError) -> bool {
    let texts = ["client error (Connect)", "dns error", "tcp connect error"];
    causes(error).any(|it| texts.contains(&it.to_string().as_str()))
        || error.is_timeout() && causes(error).any(|it| it.to_string().contains("HTTP connect"))
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let last = causes(error).last();
    last.map_or(String::new(), |cause| printable(&cause.to_string()))
}

/// An error and what caused it. What an I/O error wraps is one of them, though
/// it does not say so itself.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
