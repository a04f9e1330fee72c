//! The connections to a server: direct, or through a proxy.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{RuntimeComponents, SharedAsyncSleep};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
};
use http::Uri;

use crate::client::proxy::{Proxies, Proxy};
use crate::client::trust::Trust;
use crate::http::concurrency::WIDEST;
use crate::lanes;

/// A connector for each way to a server.
#[derive(Debug)]
pub(crate) struct Routes {
    direct: Connector,
    http: Option<Connector>,
    https: Option<Connector>,
    proxies: Arc<Proxies>,
}

/// What connections take from the client that they serve. They must not hold more of
/// it: the client holds them.
#[derive(Debug, Clone)]
pub(crate) struct ConnectSettings {
    timeout: Option<Duration>,
    sleep: Option<SharedAsyncSleep>,
}

impl ConnectSettings {
    pub(crate) fn of(settings: &HttpConnectorSettings, components: &RuntimeComponents) -> Self {
        Self {
            timeout: settings.connect_timeout(),
            sleep: components.sleep_impl(),
        }
    }
}

impl Routes {
    pub(crate) fn new(settings: &ConnectSettings, trust: &Trust, proxies: Arc<Proxies>) -> Self {
        let route = |proxy: &Proxy| {
            // A URL that cannot be parsed was refused before.
            let proxy = ProxyConfig::all(proxy.url.clone()).ok()?;
            Some(connector(settings, trust, proxy))
        };
        Self {
            direct: connector(settings, trust, ProxyConfig::disabled()),
            http: proxies.http.as_ref().and_then(route),
            https: proxies.https.as_ref().and_then(route),
            proxies,
        }
    }

    /// The connector of a request to `uri`, and its proxy.
    pub(crate) fn to(&self, uri: &str) -> (&Connector, Option<&Proxy>) {
        let uri = uri.parse::<Uri>().ok();
        let proxy = uri.as_ref().and_then(|uri| self.proxies.of(uri));
        let route = match uri.as_ref().and_then(Uri::scheme_str) {
            _ if proxy.is_none() => None,
            Some("https") => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        (route.unwrap_or(&self.direct), proxy)
    }
}

/// The connections of each lane: they are driven by the thread that has made them.
#[derive(Debug)]
pub(crate) struct LaneRoutes {
    settings: ConnectSettings,
    trust: Trust,
    proxies: Arc<Proxies>,
    made: [OnceLock<Box<Routes>>; lanes::MOST],
}

impl LaneRoutes {
    pub(crate) fn new(settings: ConnectSettings, trust: &Trust, proxies: Arc<Proxies>) -> Self {
        Self {
            settings,
            trust: trust.clone(),
            proxies,
            made: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    /// Those of the current thread.
    pub(crate) fn here(&self) -> &Routes {
        let lane = &self.made[lanes::current().min(lanes::MOST - 1)];
        lane.get_or_init(|| {
            let proxies = Arc::clone(&self.proxies);
            Box::new(Routes::new(&self.settings, &self.trust, proxies))
        })
    }
}

impl HttpConnector for Routes {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri().to_owned();
        self.to(&uri).0.call(request)
    }
}

/// The SDK's own default (rustls with aws-lc), but with a pool that holds at most
/// one connection for each request: more than about 200 idle ones led to failing
/// name look-ups (aws-sdk-rust#1136).
fn connector(settings: &ConnectSettings, trust: &Trust, proxy: ProxyConfig) -> Connector {
    let mut connect = HttpConnectorSettings::builder();
    connect.set_connect_timeout(settings.timeout);
    let mut builder = ConnectorBuilder::default()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .pool_max_idle_per_host(WIDEST);
    if let Some(context) = trust.context() {
        builder = builder.tls_context(context);
    }
    builder.set_connector_settings(Some(connect.build()));
    builder.set_sleep_impl(settings.sleep.clone());
    builder.set_proxy_config(Some(proxy));
    builder.build()
}
