//! From options to a client.
//!
//! Nothing here sends a request; credentials are looked up with the first one.
//! The region is therefore not asked of the instance metadata service either:
//! on an EC2 machine without a configured region the error of the first
//! request names the right one.

use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Builder, Credentials, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_types::service_config::ServiceConfigKey;
use sync_core::{ErrorKind, Result, StoreError, printable};

use crate::blank::BlankKeys;
use crate::credentials;
use crate::deadline::Deadline;
use crate::limiter::Limiter;
use crate::options::{Access, S3Options};
use crate::requests::Made;
use crate::stamp::Stamp;
use crate::timing;
use crate::transport::Transport;

/// A client, and what was found out while it was built.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Where requests go, for error messages.
    pub(crate) endpoint: Endpoint,
    /// Who asks; nobody if requests are not signed.
    pub(crate) identity: Option<SharedCredentialsProvider>,
}

/// Where requests go, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// URL of a server other than AWS.
    pub(crate) url: Option<String>,
    /// The profile that an option names.
    pub(crate) profile: Option<String>,
    /// The account that is to own the bucket.
    pub(crate) owner: Option<String>,
}

impl Endpoint {
    /// Refuses what is plainly no URL of a server, so that this is not told
    /// by every request, and a password in it, so that none is ever told.
    fn check(&self) -> Result<()> {
        let Some(url) = self.url.as_deref() else {
            return Ok(());
        };
        if url.contains('@') {
            let message = "the URL of the endpoint holds a user name or a password";
            return Err(StoreError::new(ErrorKind::Other, message)
                .with_hint("keep them in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
        }
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#');
        let lower = url.to_ascii_lowercase();
        let host = lower
            .strip_prefix("http://")
            .or_else(|| lower.strip_prefix("https://"))
            .filter(|host| !host.is_empty() && !host.starts_with(['/', ':']));
        if host.is_some_and(|host| !host.contains(odd)) {
            return Ok(());
        }
        let message = format!("'{}' is no URL of a server", printable(url));
        Err(StoreError::new(ErrorKind::Other, message)
            .with_hint("write --endpoint-url http://HOST:PORT or https://HOST"))
    }

    /// Whether bytes travel unprotected.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.url
            .as_deref()
            .is_some_and(|url| url.to_ascii_lowercase().starts_with("http://"))
    }

    /// Whether the order of the bucket's listings is sure to be that of bytes:
    /// so in the general purpose buckets of AWS. The suffixes are reserved for
    /// other kinds, and for aliases of whatever lists itself (User Guide,
    /// "General purpose bucket naming rules").
    pub(crate) fn lists_in_order(&self, bucket: &str) -> bool {
        !self.is_foreign() && !is_alias(bucket)
    }

    /// Whether the server is another one than AWS, by its host.
    fn is_foreign(&self) -> bool {
        !is_aws(self.url.as_deref())
    }
}

/// Whether the name of a bucket is, by AWS's rules, that of another kind than
/// the general purpose buckets, or an alias of whatever is behind it.
pub(crate) fn is_alias(bucket: &str) -> bool {
    let suffixes = ["-s3", "-s3alias", ".mrap"];
    bucket.starts_with("arn:") || suffixes.iter().any(|suffix| bucket.ends_with(suffix))
}

/// Whether the server at `url` is AWS, by its host; no URL means AWS.
#[must_use]
pub fn is_aws(url: Option<&str>) -> bool {
    let Some(url) = url else {
        return true;
    };
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':', '?']).next().unwrap_or(host);
    let host = host.to_ascii_lowercase();
    ["amazonaws.com", "amazonaws.com.cn"].iter().any(|aws| {
        host.strip_suffix(aws)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Builds the client. `credentials` replace the usual sources (in tests).
pub(crate) async fn connect(
    options: &S3Options,
    credentials: Option<Credentials>,
    transport: Transport,
    limiter: Option<Arc<Limiter>>,
    made: Made,
) -> Result<Connection> {
    let shared = shared_config(options, credentials).await;
    let endpoint = Endpoint {
        url: endpoint_url(&shared),
        profile: options.profile.clone(),
        owner: options.expected_owner.clone(),
    };
    endpoint.check()?;
    let mut config = Builder::from(&shared)
        .http_client(transport)
        .interceptor(Deadline::new(limiter))
        .interceptor(made)
        .interceptor(BlankKeys)
        .force_path_style(options.path_style.decide(endpoint.is_foreign()))
        .retry_partition(timing::retry_partition())
        // Uploads bring their own sums, and downloads are verified where a
        // sum can be: of whole objects. The SDK would ask for sums of ranges
        // too, which some servers answer with those of the whole.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if options.access == Access::Anonymous {
        config = config.allow_no_auth();
    }
    if let Some(stamp) = Stamp::of(options) {
        config = config.interceptor(stamp);
    }
    Ok(Connection {
        client: Client::from_conf(config.build()),
        endpoint,
        identity: shared.credentials_provider(),
    })
}

async fn shared_config(options: &S3Options, credentials: Option<Credentials>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(credentials::region(options))
        .timeout_config(timing::usual())
        .retry_config(timing::retries(options.max_attempts.max(1)))
        // `transport` does this, and sees uploads too.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader = match (options.access, credentials) {
        (Access::Anonymous, _) => loader.no_credentials(),
        (Access::Signed, Some(given)) => {
            loader.credentials_provider(SharedCredentialsProvider::new(given))
        }
        (Access::Signed, None) => {
            loader.credentials_provider(credentials::credentials(options).await)
        }
    };
    loader.load().await
}

/// What the SDK itself will use: the option, else `AWS_ENDPOINT_URL_S3` and
/// its likes, of which it tells nothing.
fn endpoint_url(config: &SdkConfig) -> Option<String> {
    let for_s3 = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    let general = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        general()
    } else {
        for_s3.or_else(general)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint {
            url: Some(url.to_owned()),
            profile: None,
            owner: None,
        }
    }

    fn aws() -> Endpoint {
        Endpoint {
            url: None,
            profile: None,
            owner: None,
        }
    }

    #[test]
    fn only_hosts_of_aws_take_the_bucket_as_a_host_name() {
        for url in [
            "http://127.0.0.1:9000",
            "https://minio.example.com/path",
            "https://amazonaws.com.example.com",
            "https://notamazonaws.com",
            "http://[::1]:9000",
            "http://localhost",
        ] {
            assert!(endpoint(url).is_foreign(), "{url}");
        }
        for url in [
            "https://s3.eu-central-1.amazonaws.com",
            "https://S3.amazonaws.com:443/",
            "https://s3.cn-north-1.amazonaws.com.cn",
            "https://bucket.vpce-1a2b3c4d.s3.us-east-1.vpce.amazonaws.com",
        ] {
            assert!(!endpoint(url).is_foreign(), "{url}");
        }
        assert!(!aws().is_foreign());
    }

    #[test]
    fn only_plain_buckets_of_aws_surely_list_in_order() {
        assert!(aws().lists_in_order("bucket"));
        assert!(!endpoint("http://127.0.0.1:9000").lists_in_order("bucket"));
        for other in [
            "bucket--usw2-az1--x-s3",
            "name-1a2b-s3alias",
            "name-1a2b-ext-s3alias",
            "name--ol-s3",
            "name.mrap",
            "arn:aws:s3:us-east-1:123456789012:accesspoint/name",
        ] {
            assert!(!aws().lists_in_order(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "",
            "foo",
            "http://",
            "https:///x",
            "ftp://host",
            "host:9000",
            "http://a b",
            "http://a?b",
        ] {
            assert!(endpoint(url).check().is_err(), "{url}");
        }
        let error = endpoint("http://user:geheim@host").check().unwrap_err();
        assert!(!error.to_string().contains("geheim"), "{error}");
        for url in ["http://host:9000", "HTTPS://host/path", "http://[::1]:9000"] {
            assert!(endpoint(url).check().is_ok(), "{url}");
        }
    }

    #[test]
    fn only_plain_http_lacks_protection() {
        assert!(endpoint("HTTP://localhost:9000").is_plain_http());
        assert!(!endpoint("https://localhost:9000").is_plain_http());
        assert!(!aws().is_plain_http());
    }
}
