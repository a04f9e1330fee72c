//! The connections to a server: direct, or through a proxy.

use std::sync::Arc;

use aws_sdk_s3::config::RuntimeComponents;
use aws_sdk_s3::config::http::HttpRequest;
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

/// A connector for each way to a server.
#[derive(Debug)]
pub(crate) struct Routes {
    direct: Connector,
    http: Option<Connector>,
    https: Option<Connector>,
    proxies: Arc<Proxies>,
}

impl Routes {
    pub(crate) fn new(
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
        trust: &Trust,
        proxies: Arc<Proxies>,
    ) -> Self {
        let route = |proxy: &Proxy| {
            // A URL that cannot be parsed was refused before.
            let proxy = ProxyConfig::all(proxy.url.clone()).ok()?;
            Some(connector(settings, components, trust, proxy))
        };
        Self {
            direct: connector(settings, components, trust, ProxyConfig::disabled()),
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

impl HttpConnector for Routes {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri().to_owned();
        self.to(&uri).0.call(request)
    }
}

/// The SDK's own default (rustls with aws-lc), but with a pool that holds at most
/// one connection for each request: more than about 200 idle ones led to failing
/// name look-ups (aws-sdk-rust#1136).
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
