//! Where requests go: to AWS or to another server, and what follows from that.

use sync_core::{ErrorKind, Result, StoreError, hint, setting::Setting, text::printable};

use crate::client::proxy::Proxy;
use crate::options::{Choice, S3Options};

/// The server, and as whom it is used.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The URL of a server other than AWS.
    pub(crate) url: Option<String>,
    /// The profile that an option names.
    pub(crate) profile: Option<String>,
    /// The account that must own the bucket.
    pub(crate) owner: Option<String>,
    /// The proxy on the way there.
    pub(crate) proxy: Option<Proxy>,
    /// Whether requests are sent without credentials.
    pub(crate) is_anonymous: bool,
}

impl Endpoint {
    /// Whether bytes are sent unencrypted.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.url.as_deref().is_some_and(is_plain)
    }

    /// Refuses a name of a bucket that is not possible at this server.
    pub(crate) fn check_bucket(&self, options: &S3Options) -> Result<()> {
        if !options.location.has_tenant() {
            return Ok(());
        }
        let bucket = printable(options.location.bucket());
        if !self.is_foreign() {
            let message = format!("'{bucket}' names a bucket of a tenant, which AWS does not have");
            return Err(StoreError::new(ErrorKind::Other, message).with_hint(hint!(
                "name the server with {}, or correct {}",
                Setting::EndpointUrl,
                Setting::Bucket
            )));
        }
        if options.path_style == Choice::Never {
            let message =
                format!("the bucket '{bucket}' of a tenant cannot be part of a host name");
            return Err(StoreError::new(ErrorKind::Other, message)
                .with_hint(hint!("leave {} at auto", Setting::PathStyle)));
        }
        Ok(())
    }

    /// Whether the bucket's listings are known to be in byte order: those of the
    /// general purpose buckets of AWS. The suffixes are reserved for other kinds, and
    /// for aliases, whose order is unknown (User Guide, "General purpose bucket naming
    /// rules").
    pub(crate) fn lists_in_order(&self, bucket: &str) -> bool {
        !self.is_foreign() && !is_alias(bucket)
    }

    /// Whether the server is not AWS, by its host.
    pub(crate) fn is_foreign(&self) -> bool {
        !is_aws(self.url.as_deref())
    }
}

/// Whether, by AWS's rules, a name of a bucket is an alias or belongs to another kind
/// than the general purpose buckets.
pub(crate) fn is_alias(bucket: &str) -> bool {
    let suffixes = ["-s3", "-s3alias", ".mrap"];
    bucket.starts_with("arn:") || suffixes.iter().any(|suffix| bucket.ends_with(suffix))
}

pub(crate) fn is_plain(url: &str) -> bool {
    url.to_ascii_lowercase().starts_with("http://")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint {
            url: Some(url.to_owned()),
            profile: None,
            owner: None,
            proxy: None,
            is_anonymous: false,
        }
    }

    fn aws() -> Endpoint {
        Endpoint {
            url: None,
            profile: None,
            owner: None,
            proxy: None,
            is_anonymous: false,
        }
    }

    #[test]
    fn only_hosts_of_aws_are_aws() {
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
    fn only_plain_buckets_of_aws_are_known_to_list_in_order() {
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
    fn only_plain_http_is_unencrypted() {
        assert!(endpoint("HTTP://localhost:9000").is_plain_http());
        assert!(!endpoint("https://localhost:9000").is_plain_http());
        assert!(!aws().is_plain_http());
    }
}
