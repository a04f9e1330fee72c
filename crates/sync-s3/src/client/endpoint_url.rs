//! The URL of a server, and which part of a URL may be shown.
//!
//! Secrets often occur where a URL should have none: a password before the host, a
//! signature in the query, with the scheme missing or in the wrong option. So
//! whatever is refused is shown by [`without_secrets`].

use http::Uri;
use sync_core::hint::Hint;
use sync_core::{hint, setting::Setting, text::printable};

/// Replaces a hidden part.
const HIDDEN: &str = "***";

/// Why a text is not the URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A user name or a password before the host.
    #[error("the URL '{0}' holds a user name or a password")]
    Password(String),
    /// A query or a fragment, which the bucket cannot be added behind.
    #[error("the URL '{0}' holds a query or a fragment")]
    Query(String),
    /// Something else.
    #[error("'{0}' is not the URL of a server")]
    NoUrl(String),
}

impl AddressError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        match self {
            Self::Password(_) => {
                "set the keys by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or in a profile".into()
            }
            Self::Query(_) => {
                "write only http://HOST:PORT or https://HOST, perhaps with a path".into()
            }
            Self::NoUrl(_) => hint!(
                "write {} http://HOST:PORT or https://HOST",
                Setting::EndpointUrl
            ),
        }
    }
}

/// The normalised URL of a server, to which a bucket can be added: without white
/// space around it, its path without empty segments and ending with a slash, as the
/// AWS command line, rclone and s5cmd accept it.
///
/// ```
/// # use sync_s3::endpoint_address;
/// let url = endpoint_address(" https://host/storage/v1/s3\n")?;
/// assert_eq!(url, "https://host/storage/v1/s3/");
/// assert_eq!(endpoint_address("http://host:9000/")?, "http://host:9000");
/// # Ok::<(), sync_s3::AddressError>(())
/// ```
///
/// # Errors
/// A text that is not a URL of `http` or `https`, or contains more than the address
/// of a server.
pub fn endpoint_address(text: &str) -> Result<String, AddressError> {
    let text = text.trim();
    let shown = || printable(&without_secrets(text));
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || hides_password(text) {
        return Err(AddressError::Password(shown()));
    }
    if text.contains(['?', '#']) {
        return Err(AddressError::Query(shown()));
    }
    let url: Uri = text.parse().map_err(|_| AddressError::NoUrl(shown()))?;
    let scheme = url.scheme_str().map(str::to_ascii_lowercase);
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (scheme.as_deref(), url.authority())
    else {
        return Err(AddressError::NoUrl(shown()));
    };
    // The parser leaves a port that is not a number in the text.
    let has_port = !authority.as_str().ends_with(']') && authority.as_str().contains("]:")
        || !authority.as_str().contains(']') && authority.as_str().contains(':');
    let is_named = !authority.host().is_empty() && authority.host() != "[]";
    if !is_named || has_port && authority.port_u16().is_none() {
        return Err(AddressError::NoUrl(shown()));
    }
    let segments = url.path().split('/').filter(|part| !part.is_empty());
    let path: String = segments.map(|part| format!("/{part}")).collect();
    let slash = if path.is_empty() { "" } else { "/" };
    let authority = authority.as_str().to_ascii_lowercase();
    Ok(format!("{scheme}://{authority}{path}{slash}"))
}

/// `text` without the parts of a URL that may be secret: what precedes an `@`, the
/// query and the fragment.
///
/// For refused values of any option. A valid name of a bucket or of an object may
/// contain such characters, and is shown unchanged.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let host = rest.rfind('@').filter(|&at| {
        let before = &rest[..at];
        before.contains(':') || !before.contains('/')
    });
    let (user, rest) = match host {
        Some(at) => (format!("{HIDDEN}@"), &rest[at + 1..]),
        None => (String::new(), rest),
    };
    let shown = match rest.find(['?', '#']) {
        Some(at) => format!("{}{}{HIDDEN}", &rest[..at], &rest[at..=at]),
        None => rest.to_owned(),
    };
    scheme + &user + &shown
}

/// Whether it contains a password, even one with a slash, with or without a scheme.
fn hides_password(text: &str) -> bool {
    without_secrets(text).contains(&format!("{HIDDEN}@"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_an_address_are_normalised() {
        for (text, url) in [
            ("http://host", "http://host"),
            ("http://host/", "http://host"),
            ("http://host//", "http://host"),
            (" http://host:9000\n", "http://host:9000"),
            ("\thttps://host/\r\n", "https://host"),
            ("HTTPS://Host/Path", "https://host/Path/"),
            ("https://host/storage/v1/s3", "https://host/storage/v1/s3/"),
            ("https://host/storage/v1/s3/", "https://host/storage/v1/s3/"),
            (
                "https://host//storage//v1/s3//",
                "https://host/storage/v1/s3/",
            ),
            ("https://host:8443/a", "https://host:8443/a/"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://[2001:db8::1]/s3", "http://[2001:db8::1]/s3/"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("https://host/a@b", "https://host/a@b/"),
        ] {
            assert_eq!(endpoint_address(text).as_deref(), Ok(url), "{text:?}");
            let again = endpoint_address(url).unwrap();
            assert_eq!(again, url, "of itself");
        }
    }

    #[test]
    fn an_invalid_address_is_refused() {
        for text in [
            "",
            "  ",
            "foo",
            "http://",
            "https:///x",
            "ftp://host",
            "host:9000",
            "//host",
            "http://a b",
            "http://hö",
            "http://h\u{1}",
            "http://:9000",
            "http://host:port",
            "http://host:99999",
            "http://[::1",
            "ht\ntp://host",
        ] {
            let refused = endpoint_address(text);
            assert!(matches!(refused, Err(AddressError::NoUrl(_))), "{text:?}");
        }
        for text in ["http://a?b", "http://a/b?c=d", "http://a#b", "http://a/?"] {
            let refused = endpoint_address(text);
            assert!(matches!(refused, Err(AddressError::Query(_))), "{text:?}");
        }
    }

    #[test]
    fn a_secret_in_a_url_is_neither_accepted_nor_shown() {
        for text in [
            "http://user:geheim@host",
            "https://user:geheim@host:9000/path",
            "user:geheim@host:9000",
            "geheim@host",
            "http://geheim@host",
            "http://u:ge@geheim@host/",
            "http://u:x/geheim@host",
            "u:geheim@",
            "http://host/?X-Amz-Signature=geheim",
            "http://host/#geheim",
            "host?key=geheim",
            "s3://u:geheim@bucket/x",
            "HTTP://host/a?b#geheim",
        ] {
            let error = endpoint_address(text).unwrap_err();
            assert!(!error.to_string().contains("geheim"), "{error}");
            assert!(!without_secrets(text).contains("geheim"), "{text}");
        }
    }

    #[test]
    fn a_text_without_a_secret_is_shown() {
        for text in ["http://host:9000/a", "bucket/a@b", "tenant:bucket", "x", ""] {
            assert_eq!(without_secrets(text), text);
        }
    }
}
