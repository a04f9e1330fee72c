//! The identity of a place in a bucket: server, bucket and prefix.

use serde::{Deserialize, Serialize};
use sync_core::text::printable;

/// All of AWS; its buckets have one name each.
const AWS: &str = "aws";

/// A place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketPlace {
    /// `aws`, or the server's URL in one form.
    server: String,
    bucket: String,
    /// Empty, or ending with a slash.
    prefix: String,
}

impl BucketPlace {
    /// The place at the server `endpoint_url`; none means AWS.
    #[must_use]
    pub fn new(endpoint_url: Option<&str>, bucket: &str, prefix: &str) -> Self {
        Self {
            server: endpoint_url.map_or(AWS.to_owned(), server),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    /// `NAME/PREFIX`, as a [`Location`](sync_s3::Location) is parsed.
    #[must_use]
    pub fn location(&self) -> String {
        let place = format!("{}/{}", self.bucket, self.prefix);
        printable(place.strip_suffix('/').unwrap_or(&place))
    }

    /// The URL of its server, unless that is AWS.
    #[must_use]
    pub fn endpoint_url(&self) -> Option<&str> {
        (self.server != AWS).then_some(&*self.server)
    }

    /// What identifies it.
    pub(crate) fn identity(&self) -> Vec<u8> {
        format!("{} s3://{}/{}", self.server, self.bucket, self.prefix).into_bytes()
    }

    /// The same bucket at the same server.
    pub(crate) fn is_same_bucket(&self, other: &Self) -> bool {
        self.server == other.server && self.bucket == other.bucket
    }

    /// What the prefix of `other` adds to this one; nothing if they are the
    /// same place, none if `other` is not below.
    #[must_use]
    pub fn rest_of<'o>(&self, other: &'o Self) -> Option<&'o str> {
        self.is_same_bucket(other)
            .then(|| other.prefix.strip_prefix(&self.prefix))?
    }

    /// Whether both have the same keys, or one of them contains the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.rest_of(other).is_some() || other.rest_of(self).is_some()
    }
}

impl std::fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "s3://{}/{}",
            printable(&self.bucket),
            printable(&self.prefix)
        )
    }
}

/// A URL in one form: without a password, a final slash, capitals in the
/// scheme and host or the port that the scheme has anyway.
fn server(url: &str) -> String {
    let lower = |text: &str| text.to_ascii_lowercase();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.trim_end_matches('/').to_owned();
    };
    let scheme = lower(scheme);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let mut host = lower(host);
    let default = if scheme == "https" { ":443" } else { ":80" };
    if let Some(bare) = host.strip_suffix(default) {
        host = bare.to_owned();
    }
    for (name, address) in [("localhost", "127.0.0.1"), ("[::1]", "127.0.0.1")] {
        if let Some(port) = host.strip_prefix(name)
            && (port.is_empty() || port.starts_with(':'))
        {
            host = format!("{address}{port}");
        }
    }
    if host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") {
        return AWS.to_owned();
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{}", path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_one_however_it_is_written() {
        for (one, other) in [
            ("http://Host:80/", "http://host"),
            ("https://host:443/a/", "HTTPS://host/a"),
            ("http://user:secret@host:9000", "http://host:9000"),
            ("http://localhost:9000", "http://127.0.0.1:9000/"),
            (
                "https://s3.eu-west-1.amazonaws.com",
                "https://s3.amazonaws.com",
            ),
        ] {
            assert_eq!(server(one), server(other));
        }
        assert_ne!(server("http://host/a"), server("http://host/b"));
        assert_ne!(server("http://localhosts"), server("http://127.0.0.1s"));
    }

    #[test]
    fn prefixes_are_nested_at_their_slashes() {
        let at = |bucket: &str, prefix: &str| BucketPlace::new(None, bucket, prefix);
        assert_eq!(at("b", "").rest_of(&at("b", "x/")), Some("x/"));
        assert_eq!(at("b", "x/").rest_of(&at("b", "x/")), Some(""));
        assert_eq!(at("b", "x/").rest_of(&at("b", "")), None);
        assert!(at("b", "x/y/").overlaps(&at("b", "x/")));
        assert!(!at("b", "x/").overlaps(&at("b", "xy/")));
        assert!(!at("b", "").overlaps(&at("c", "")));
        assert_eq!(at("b", "x/").location(), "b/x");
        assert_eq!(at("b", "").location(), "b");
    }
}
