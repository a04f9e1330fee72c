//! A server that cannot be reached: who it is, and why.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::error::ConnectorError;
use http::Uri;
use sync_core::{hint::Hint, text::printable};

use crate::client::proxy::Proxy;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Unreachable {
    pub(crate) reason: String,
    pub(crate) advice: Option<Hint>,
    /// Whether waiting cannot change it.
    pub(super) is_final: bool,
    pub(super) cause: Option<ConnectorError>,
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

impl Unreachable {
    /// A reason that may pass.
    pub(super) fn new(reason: String, advice: Option<Hint>) -> Self {
        Self {
            reason,
            advice,
            is_final: false,
            cause: None,
        }
    }

    /// A reason that waiting cannot change.
    pub(super) fn for_good(reason: String, advice: impl Into<Hint>) -> Self {
        Self {
            is_final: true,
            ..Self::new(reason, Some(advice.into()))
        }
    }
}

/// Where a request goes.
pub(super) struct Server<'a> {
    pub(super) uri: &'a Uri,
    pub(super) proxy: Option<&'a Proxy>,
}

impl Server<'_> {
    pub(super) fn is_plain(&self) -> bool {
        self.uri.scheme_str() == Some("http")
    }

    pub(super) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    pub(super) fn port(&self) -> u16 {
        let usual = if self.is_plain() { 80 } else { 443 };
        self.uri.port_u16().unwrap_or(usual)
    }

    /// Host and port, as they may be shown.
    pub(super) fn address(&self) -> String {
        printable(&format!("{}:{}", self.host(), self.port()))
    }
}
