//! Keys of nothing but white space.
//!
//! S3 takes them, but the SDK takes such a key for a missing one and refuses to
//! build a request. So it is given the key with a mark behind it, which is
//! taken off the address again before the request is signed. The mark is a
//! NUL, which no path can hold, so no other key is touched.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::error::BoxError;

use crate::client::amend::Amend;

const MARK: char = '\0';

/// The mark at the end of a path.
const ENCODED: &str = "%00";

/// `key` as the SDK takes it where it becomes part of an address.
pub(crate) fn label(mut key: String) -> String {
    if key.trim().is_empty() {
        key.push(MARK);
    }
    key
}

/// Takes the mark off addresses.
#[derive(Debug)]
pub(crate) struct BlankKeys;

impl Amend for BlankKeys {
    const NAME: &'static str = "BlankKeys";

    fn amend(&self, request: &mut HttpRequest) -> Result<(), BoxError> {
        if let Some(uri) = unmarked(request.uri()) {
            request.set_uri(uri)?;
        }
        Ok(())
    }
}

/// `uri` without the mark at the end of its path, if it has one.
fn unmarked(uri: &str) -> Option<String> {
    let end = uri.find('?').unwrap_or(uri.len());
    let (path, query) = uri.split_at_checked(end)?;
    let path = path.strip_suffix(ENCODED)?;
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
    fn only_the_mark_is_taken_off() {
        assert_eq!(unmarked("/%20%00").unwrap(), "/%20");
        assert_eq!(
            unmarked("/%20%00?x-id=GetObject").unwrap(),
            "/%20?x-id=GetObject"
        );
        for uri in ["/%20", "/a?marker=%00", "/%00/a", "/"] {
            assert_eq!(unmarked(uri), None, "{uri}");
        }
    }
}
