//! Why a request got no answer, in words.

use aws_sdk_s3::error::ConnectorError;
use http::Uri;
use rustls::Error as TlsError;
use sync_core::{hint, setting::Setting, text::printable};

use crate::client::proxy::Proxy;
use crate::error::cause_chain::{causes, find, last_cause};
use crate::http::invalid_http::InvalidHttp;
use crate::http::outcome::is_refused;
use crate::http::silence::Silent;
use crate::http::tls_errors::why_not_secure;
use crate::http::unreachable::{Server, Unreachable};

/// What is said of a server that can be reached no more.
const WAS_THERE: &str = "the server has answered before: run this again when it does again";

/// The end of each advice about a proxy.
const EXCEPT: &str = "or name the server in NO_PROXY, if it needs no proxy";

/// Adds the reason in words to the error of a request to `uri`. `has_answered`
/// tells whether the server has ever answered.
pub(crate) async fn explained(
    error: ConnectorError,
    uri: &str,
    proxy: Option<&Proxy>,
    has_answered: bool,
) -> ConnectorError {
    let Ok(uri) = uri.parse::<Uri>() else {
        return error;
    };
    let server = Server { uri: &uri, proxy };
    let Some(why) = why(&server, &error, has_answered).await else {
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

/// The error of an answer in which a proxy asks for a password.
pub(crate) fn wants_password(proxy: &Proxy) -> ConnectorError {
    ConnectorError::io(proxy_wants_password(proxy).into())
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

async fn why(
    server: &Server<'_>,
    error: &ConnectorError,
    has_answered: bool,
) -> Option<Unreachable> {
    if let Some(tls) = find::<TlsError>(error) {
        return Some(why_not_secure(server, tls).await);
    }
    if find::<Silent>(error).is_some() {
        return None;
    }
    if let Some(why) = why_not_proxied(server, error) {
        return Some(why);
    }
    if is_connecting(error) {
        // Else the address is doubted.
        let is_gone = has_answered && server.proxy.is_none();
        let advice = is_gone.then(|| WAS_THERE.to_owned().into());
        return Some(Unreachable::new(cause(server, error), advice));
    }
    if !server.is_plain() || has_answered || server.proxy.is_some() {
        return None;
    }
    let https = format!("https://{}", server.uri.authority()?);
    let advice = hint!(
        "does the server speak https there? Then use {} {}",
        Setting::EndpointUrl,
        printable(&https)
    );
    let (address, cause) = (server.address(), shown_cause(error));
    let reason = if find::<InvalidHttp>(error).is_some() {
        format!("{address} does not speak http ({cause})")
    } else {
        format!("{address} closed the connection without an answer: {cause}")
    };
    Some(Unreachable::new(reason, Some(advice)))
}

/// What is wrong with the proxy, if there is one and it is to blame.
fn why_not_proxied(server: &Server<'_>, error: &ConnectorError) -> Option<Unreachable> {
    let proxy = server.proxy?;
    let shown = &proxy.shown;
    let tunnel = causes(error).map(ToString::to_string);
    let tunnel = { tunnel }.find(|text| text.starts_with("tunnel error"));
    let reason = match tunnel.as_deref() {
        Some("tunnel error: proxy authorization required") => {
            return Some(proxy_wants_password(proxy));
        }
        Some("tunnel error: unsuccessful") => {
            format!(
                "the proxy {shown} refuses to connect to {}",
                server.address()
            )
        }
        _ if is_connecting(error) => {
            format!("cannot reach the proxy {shown}: {}", cause(server, error))
        }
        _ => return None,
    };
    let advice = format!("the proxy is that of {}; {EXCEPT}", proxy.variable);
    Some(Unreachable::new(reason, Some(advice.into())))
}

/// Why there is no connection to the server, or to its proxy.
fn cause(server: &Server<'_>, error: &ConnectorError) -> String {
    let to_server = server.proxy.is_none();
    if is_refused(error) {
        let place = if to_server {
            format!("at {}", server.address())
        } else {
            "there".to_owned()
        };
        return format!("nobody listens {place} (connection refused)");
    }
    if error.is_timeout() && to_server {
        let what = if server.is_plain() {
            "a"
        } else {
            "an encrypted"
        };
        let address = server.address();
        return format!("{address} did not accept {what} connection in time");
    }
    if error.is_timeout() {
        return "no connection in time".to_owned();
    }
    if causes(error).any(|it| it.to_string() == "dns error") {
        let name = server.proxy.map_or(server.uri, |proxy| &proxy.url).host();
        let name = printable(name.unwrap_or_default());
        let cause = shown_cause(error);
        return format!("the host name '{name}' cannot be resolved ({cause})");
    }
    shown_cause(error)
}

/// Whether the connection failed, not what came after it.
fn is_connecting(error: &ConnectorError) -> bool {
    let texts = ["client error (Connect)", "dns error", "tcp connect error"];
    causes(error).any(|it| texts.contains(&it.to_string().as_str()))
        || error.is_timeout() && causes(error).any(|it| it.to_string().contains("HTTP connect"))
}

fn shown_cause(error: &ConnectorError) -> String {
    printable(&last_cause(error))
}
