//! Keys that consist of white space.
//!
//! S3 takes them, but the SDK takes such a key for a missing one and refuses to build
//! a request. So it is given the key with a marker at its end, which is removed from
//! the address before the request is signed. The marker is a NUL, which no path
//! contains, so no other key is changed.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::error::BoxError;

use crate::client::amend::Amend;

const MARKER: char = '\0';

/// The marker at the end of a path.
const ENCODED_MARKER: &str = "%00";

/// `key` in a form that the SDK accepts as part of an address.
pub(crate) fn label(mut key: String) -> String {
    if key.trim().is_empty() {
        key.push(MARKER);
    }
    key
}

/// Removes the marker from addresses.
#[derive(Debug)]
pub(crate) struct BlankKeys;

impl Amend for BlankKeys {
    const NAME: &'static str = "BlankKeys";

    fn amend(&self, request: &mut HttpRequest) -> Result<(), BoxError> {
        if let Some(uri) = without_marker(request.uri()) {
            request.set_uri(uri)?;
        }
        Ok(())
    }
}

/// `uri` without the marker at the end of its path; `None` if there is none.
fn without_marker(uri: &str) -> Option<String> {
    let end = uri.find('?').unwrap_or(uri.len());
    let (path, query) = uri.split_at_checked(end)?;
    let path = path.strip_suffix(ENCODED_MARKER)?;
    Some([path, query].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blank_keys_are_marked() {
        for key in [" ", "\t", "\u{3000}\n", "\u{85}"] {
            assert_eq!(label(key.to_owned()), format!("{key}\0"));
        }
        for key in [" a", "p/ ", "\u{200b}"] {
            assert_eq!(label(key.to_owned()), key);
        }
    }

    #[test]
    fn only_the_marker_is_removed() {
        assert_eq!(without_marker("/%20%00").unwrap(), "/%20");
        assert_eq!(
            without_marker("/%20%00?x-id=GetObject").unwrap(),
            "/%20?x-id=GetObject"
        );
        for uri in ["/%20", "/a?marker=%00", "/%00/a", "/"] {
            assert_eq!(without_marker(uri), None, "{uri}");
        }
    }
}
