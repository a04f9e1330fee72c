//! From options to a client.
//!
//! Nothing here sends a request; credentials are looked up with the first one. So the
//! instance metadata service is not asked for the region either: on an EC2 machine
//! without a configured region the error of the first request names the right one.

use std::borrow::Cow;
use std::sync::Arc;

use aws_config::profile::ProfileSet;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::ServiceConfigKey;
use sync_core::{ErrorKind, Result, StoreError, setting::Setting};

use crate::client::amend::Amended;
use crate::client::blank_keys::BlankKeys;
use crate::client::counters::RequestCounters;
use crate::client::credentials::{self, Checked};
use crate::client::customer_key::CustomerKey;
use crate::client::deadline::Deadline;
use crate::client::endpoint::{Endpoint, is_plain};
use crate::client::endpoint_url::endpoint_address;
use crate::client::environment::{self, variable};
use crate::client::headers::ExtraHeaders;
use crate::client::proxy::Proxies;
use crate::client::retry;
use crate::client::trust::Trust;
use crate::error::permanent::Permanent;
use crate::http::credentials_client::CredentialsClient;
use crate::http::reachability::GiveUp;
use crate::http::throttle::BandwidthLimiter;
use crate::http::transport::Transport;
use crate::options::{Access, S3Options};

/// A client, and what was determined while it was built.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Where requests go, for error messages.
    pub(crate) endpoint: Endpoint,
    /// The key of SSE-C.
    pub(crate) customer_key: Option<CustomerKey>,
    /// The source of credentials; `None` if requests are not signed.
    pub(crate) identity: Option<SharedCredentialsProvider>,
}

/// Builds the client. `credentials` replace the usual sources (in tests).
///
/// Every value from outside is checked first: parts of the SDK panic at invalid
/// values, or do not say where they come from.
pub(crate) async fn connect(
    options: &S3Options,
    credentials: Option<Credentials>,
    mut transport: Transport,
    limiter: Option<Arc<BandwidthLimiter>>,
    counters: RequestCounters,
) -> Result<Connection> {
    environment::check()?;
    let region = Region::new(credentials::region(options).await?);
    let profile = profile(options).await?;
    let url = endpoint_url(options, &region).await?;
    let proxies = Proxies::from_env()?;
    let bundle = profile.as_ref().and_then(|all| all.get("ca_bundle"));
    let trust = if url.as_deref().is_some_and(is_plain) && !proxies.need_tls() {
        Trust::Nobody
    } else {
        Trust::find(options.ca_bundle.as_deref(), bundle)?
    };
    let credentials_client = CredentialsClient::new(options.ca_bundle.clone(), bundle, &proxies);
    let endpoint = Endpoint {
        profile: credentials::chosen_profile(options).map(str::to_owned),
        owner: owner(options)?,
        proxy: proxies
            .of_endpoint(url.as_deref(), region.as_ref())
            .cloned(),
        url,
        is_anonymous: options.access == Access::Anonymous,
    };
    endpoint.check_bucket(options)?;
    let file = options.customer_key_file.as_deref();
    let customer_key = file.map(|file| CustomerKey::find(file, &endpoint));
    let customer_key = customer_key.transpose()?;
    let shared =
        shared_config(options, credentials, &region, &endpoint, credentials_client).await?;
    let contact = transport.reach(proxies, trust);
    let mut config = client_config(options, &shared, &endpoint)
        .http_client(transport)
        .retry_classifier(GiveUp(contact))
        .interceptor(Deadline::new(limiter))
        .interceptor(counters);
    if let Some(key) = &customer_key {
        config = config.interceptor(key.clone());
    }
    Ok(Connection {
        client: Client::from_conf(config.build()),
        endpoint,
        customer_key,
        identity: shared.credentials_provider(),
    })
}

fn client_config(options: &S3Options, shared: &SdkConfig, endpoint: &Endpoint) -> Builder {
    let is_path_style = options.path_style.decide(endpoint.is_foreign());
    let mut config = Builder::from(shared)
        .interceptor(Amended(BlankKeys))
        .force_path_style(is_path_style || options.location.has_tenant())
        .retry_partition(retry::retry_partition())
        .retry_classifier(Permanent)
        // Uploads have their own checksums, and downloads are verified where that is
        // possible: of whole objects. The SDK would ask for checksums of ranges too,
        // which some servers answer with that of the whole.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    // Otherwise the SDK would read the variables itself, without trimming them.
    config.set_endpoint_url(endpoint.url.clone());
    if options.access == Access::Anonymous {
        config = config.allow_no_auth();
    }
    match ExtraHeaders::of(options.payer, endpoint.owner.as_deref()) {
        Some(headers) => config.interceptor(Amended(headers)),
        None => config,
    }
}

async fn shared_config(
    options: &S3Options,
    credentials: Option<Credentials>,
    region: &Region,
    endpoint: &Endpoint,
    credentials_client: CredentialsClient,
) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .timeout_config(retry::usual())
        .retry_config(retry::retries(options.max_attempts.max(1)))
        // `transport` limits silence instead, for uploads too.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(profile) = credentials::profile_name(options)? {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &endpoint.url {
        loader = loader.endpoint_url(url);
    }
    let provider = match (options.access, credentials) {
        (Access::Anonymous, _) => return Ok(loader.no_credentials().load().await),
        (Access::Signed, Some(given)) => {
            SharedCredentialsProvider::new(Checked::new(given, "the credentials given".to_owned()))
        }
        (Access::Signed, None) => {
            let config = ProviderConfig::default().with_http_client(credentials_client);
            credentials::credentials(options, region, config).await?
        }
    };
    Ok(loader.credentials_provider(provider).load().await)
}

/// The profiles of the configuration files, with the chosen one selected; `None` if
/// they cannot be read, which the search for credentials reports if it needs them.
async fn profile(options: &S3Options) -> Result<Option<ProfileSet>> {
    let name = credentials::profile_name(options)?.map(Cow::Owned);
    let (fs, env, files) = (Fs::real(), Env::real(), EnvConfigFiles::default());
    let profiles = aws_config::profile::load(&fs, &env, &files, name);
    Ok(profiles.await.ok())
}

/// The URL of the server: that of the option, else of `AWS_ENDPOINT_URL_S3` or
/// `AWS_ENDPOINT_URL`, else of the profile. `None` means AWS.
async fn endpoint_url(options: &S3Options, region: &Region) -> Result<Option<String>> {
    let chosen = options.endpoint_url.as_deref().map(str::trim);
    if let Some(url) = chosen.filter(|url| !url.is_empty()) {
        return address(url, "").map(Some);
    }
    let ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?;
    if ignored.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        if let Some(url) = variable(name)? {
            return address(&url, &format!("{name}: ")).map(Some);
        }
    }
    // The configuration files remain, whose sections the SDK knows.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .no_credentials();
    if let Some(profile) = credentials::profile_name(options)? {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let for_s3 = key
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    let url = for_s3.or_else(|| config.endpoint_url().map(str::to_owned));
    let url = url.filter(|url| !url.trim().is_empty());
    url.map(|url| address(&url, "endpoint_url in the profile: "))
        .transpose()
}

fn address(url: &str, source: &str) -> Result<String> {
    endpoint_address(url).map_err(|error| {
        let hint = error.hint();
        StoreError::new(ErrorKind::Other, format!("{source}{error}")).with_hint(hint)
    })
}

fn owner(options: &S3Options) -> Result<Option<String>> {
    let owner = options.expected_owner.as_deref();
    owner
        .map(|owner| {
            let source = format!("the account of {}", Setting::ExpectedOwner);
            environment::word(owner, &source)
        })
        .transpose()
}
