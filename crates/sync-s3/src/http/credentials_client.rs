//! The HTTP client that asks AWS for credentials.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};

use crate::client::proxy::Proxies;
use crate::client::trust::Trust;
use crate::http::routes::{ConnectSettings, Routes};

/// Asks with the same trusted certificates as the store, and the same proxy for
/// https. Over plain http, only this machine or one beside it gives credentials,
/// so no proxy is used there.
///
/// The SDK's default reads the certificates of the system at every start; this
/// client reads them with the first request.
#[derive(Debug)]
pub(crate) struct CredentialsClient {
    ca_bundle: Option<PathBuf>,
    profile_bundle: Option<String>,
    proxies: Arc<Proxies>,
    connector: OnceLock<SharedHttpConnector>,
}

impl CredentialsClient {
    /// The bundles are those of an option and of the profile.
    pub(crate) fn new(
        ca_bundle: Option<PathBuf>,
        profile_bundle: Option<&str>,
        proxies: &Proxies,
    ) -> Self {
        Self {
            ca_bundle,
            profile_bundle: profile_bundle.map(str::to_owned),
            proxies: Arc::new(proxies.only_https()),
            connector: OnceLock::new(),
        }
    }
}

impl HttpClient for CredentialsClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = || {
            let proxies = Arc::clone(&self.proxies);
            let trust = Trust::find(self.ca_bundle.as_deref(), self.profile_bundle.as_deref());
            // If the store needs any certificates, its own connection reports the error.
            let trust = trust.unwrap_or(Trust::System);
            let connect = ConnectSettings::of(settings, components);
            SharedHttpConnector::new(Routes::new(&connect, &trust, proxies))
        };
        self.connector.get_or_init(connector).clone()
    }
}
