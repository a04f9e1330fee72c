//! Bucket and prefix, as people write them.
//!
//! The prefix is what follows `NAME/`. Unless it is empty it ends with a slash, added
//! where it is missing: `photos` must never touch `photos-old/`. Names are checked
//! leniently, since other servers accept names that AWS refuses today (capitals,
//! underscores); names that no server accepts are refused here with the reason.

use std::fmt;
use std::str::FromStr;

use sync_core::{key::MAX_KEY_BYTES, setting::Setting, text::printable};

use crate::client::endpoint_url::without_secrets;

/// The suffix of the names of directory buckets (User Guide, "Directory bucket naming rules").
const DIRECTORY_BUCKET: &str = "--x-s3";

/// A bucket and the prefix below which it is used.
///
/// Written `NAME`, `NAME/PREFIX` or `s3://NAME/PREFIX`; instead of a name also the ARN of
/// an access point or, with Ceph, `TENANT:NAME`. `s3://NAME//` has the prefix `/`: a bucket
/// that go-s3sync wrote, all of whose keys begin with a slash.
///
/// ```
/// use sync_s3::Location;
///
/// let location: Location = "photos/2024".parse()?;
/// assert_eq!(location.bucket(), "photos");
/// assert_eq!(location.prefix(), "2024/");
/// assert_eq!(location.to_string(), "s3://photos/2024/");
/// # Ok::<(), sync_s3::LocationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    prefix: String,
}

/// Why a text is not a [`Location`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// No bucket name.
    #[error("the name of the bucket is missing; write NAME, NAME/PREFIX or s3://NAME/PREFIX")]
    Empty,
    /// A URL of another scheme.
    #[error(
        "'{0}' is a URL; give the bucket's name here and the server with {setting}, or write \
         s3://NAME/PREFIX",
        setting = Setting::EndpointUrl
    )]
    Url(String),
    /// A name that no server accepts.
    #[error("invalid bucket name '{name}': it {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An ARN of something other than an access point.
    #[error("'{0}' is not the ARN of an access point")]
    Arn(String),
    /// A prefix that is too long, or that no key can have.
    #[error("the prefix {0}")]
    Prefix(&'static str),
    /// A URL that gives its holder access to an object.
    #[error("this is a signed URL, which is a secret; write s3://NAME/PREFIX without its query")]
    Signed,
}

impl Location {
    /// The bucket's name, or the ARN of an access point.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Whether the bucket is that of a tenant of Ceph, as in `tenant:bucket`.
    #[must_use]
    pub fn has_tenant(&self) -> bool {
        self.bucket.contains(':') && !self.bucket.starts_with("arn:")
    }

    /// Whether it is a directory bucket of AWS, which keeps no versions and lists only whole
    /// directories.
    pub(crate) fn is_directory_bucket(&self) -> bool {
        self.bucket.ends_with(DIRECTORY_BUCKET)
    }

    /// The prefix of every key: empty, or ending with a slash. Its length
    /// counts towards the limit of a key.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, printable(&self.prefix))
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        // `echo` and others add a line feed; no bucket begins with white space.
        let text = text.trim_start().trim_end_matches(['\r', '\n', '\t']);
        let rest = text.strip_prefix("s3://").unwrap_or(text);
        if is_signed(rest) {
            return Err(LocationError::Signed);
        }
        if rest.contains("://") {
            return Err(LocationError::Url(printable(&without_secrets(text))));
        }
        let (bucket, prefix) = if rest.starts_with("arn:") {
            split_arn(rest)?
        } else {
            let (name, prefix) = rest.split_once('/').unwrap_or((rest.trim_end(), ""));
            // A colon that belongs to a secret is followed by an `@`.
            let (name, prefix) = if without_secrets(name) == name {
                (name, prefix)
            } else {
                (rest, "")
            };
            let bare = match name.split_once(':') {
                Some((tenant, bucket)) if is_tenant(tenant) => bucket,
                _ => name,
            };
            check_name(bare).map_err(|error| error.of(name))?;
            (name, prefix)
        };
        let mut prefix = prefix.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        check_prefix(&prefix)?;
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix,
        })
    }
}

/// Whether it contains the query of a signed URL.
fn is_signed(text: &str) -> bool {
    let (_, query) = text.split_once('?').unwrap_or_default();
    let query = query.to_ascii_lowercase();
    let names = [
        "x-amz-signature=",
        "x-amz-credential=",
        "x-amz-security-token=",
        "awsaccesskeyid=",
    ];
    names.iter().any(|name| query.contains(name))
}

/// Ceph takes letters, digits and underscores (Ceph Object Gateway, "RGW
/// Multi-tenancy"); the tenant of the users before there were tenants is empty.
fn is_tenant(text: &str) -> bool {
    text.bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'))
}

impl LocationError {
    /// The error with the whole name, of which only a part was checked.
    fn of(self, whole: &str) -> Self {
        match self {
            Self::Name { reason, .. } => Self::Name {
                name: printable(&without_secrets(whole)),
                reason,
            },
            other => other,
        }
    }
}

/// S3's rules without those of case and underscore
/// (User Guide, "General purpose bucket naming rules").
fn check_name(name: &str) -> Result<(), LocationError> {
    let edge = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let bytes = name.as_bytes();
    let reason = if name.is_empty() {
        return Err(LocationError::Empty);
    } else if !(3..=63).contains(&bytes.len()) {
        "must have 3 to 63 characters"
    } else if !name
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
    {
        "may hold only letters, digits, dots, hyphens and underscores"
    } else if !edge(bytes.first().copied()) || !edge(bytes.last().copied()) {
        "must begin and end with a letter or a digit"
    } else if name.contains("..") {
        "must not hold two dots in a row"
    } else {
        return Ok(());
    };
    Err(LocationError::Name {
        name: printable(name),
        reason,
    })
}

/// Splits `ARN/PREFIX` after the name of the access point, which follows `accesspoint/` or
/// `accesspoint:`. The SDK checks the rest of the ARN.
fn split_arn(text: &str) -> Result<(&str, &str), LocationError> {
    const RESOURCE: &str = "accesspoint";
    let error = || LocationError::Arn(printable(&without_secrets(text)));
    let start = text.find(RESOURCE).ok_or_else(error)? + RESOURCE.len();
    let name = text
        .get(start..)
        .and_then(|rest| rest.strip_prefix(['/', ':']))
        .ok_or_else(error)?;
    let end = name.find('/').unwrap_or(name.len());
    if end == 0 {
        return Err(error());
    }
    let arn_end = start + 1 + end;
    Ok((
        &text[..arn_end],
        text[arn_end..].strip_prefix('/').unwrap_or(""),
    ))
}

fn check_prefix(prefix: &str) -> Result<(), LocationError> {
    if prefix.len() >= MAX_KEY_BYTES {
        return Err(LocationError::Prefix("leaves no room for a key"));
    }
    if prefix.contains('\0') {
        return Err(LocationError::Prefix("holds a NUL byte"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String, String) {
        let location: Location = text.parse().unwrap();
        (
            location.bucket().to_owned(),
            location.prefix().to_owned(),
            location.to_string(),
        )
    }

    #[test]
    fn every_form_of_a_location() {
        let cases = [
            ("photos", "photos", "", "s3://photos/"),
            ("photos/", "photos", "", "s3://photos/"),
            ("photos/a", "photos", "a/", "s3://photos/a/"),
            ("photos/a/b/", "photos", "a/b/", "s3://photos/a/b/"),
            ("s3://photos", "photos", "", "s3://photos/"),
            ("s3://photos/a", "photos", "a/", "s3://photos/a/"),
            ("s3://photos//", "photos", "/", "s3://photos//"),
            ("s3://photos//a", "photos", "/a/", "s3://photos//a/"),
            ("Old_Bucket.x", "Old_Bucket.x", "", "s3://Old_Bucket.x/"),
            (
                "a-bucket--usw2-az1--x-s3",
                "a-bucket--usw2-az1--x-s3",
                "",
                "s3://a-bucket--usw2-az1--x-s3/",
            ),
        ];
        for (text, bucket, prefix, shown) in cases {
            let expected = (bucket.to_owned(), prefix.to_owned(), shown.to_owned());
            assert_eq!(parsed(text), expected, "{text}");
            assert_eq!(parsed(shown), expected, "{shown}");
        }
    }

    #[test]
    fn an_access_point_is_kept_as_it_is() {
        let arn = "arn:aws:s3:us-west-2:123456789012:accesspoint/ap";
        assert_eq!(parsed(arn).0, arn);
        assert_eq!(parsed(&format!("{arn}/a/b")).1, "a/b/");
        assert_eq!(parsed(&format!("s3://{arn}//")).1, "/");
        assert!(matches!(
            "arn:aws:s3:::bucket".parse::<Location>(),
            Err(LocationError::Arn(_))
        ));
    }

    #[test]
    fn a_secret_in_a_refused_text_is_not_shown() {
        for text in [
            "http://u:geheim@host/x",
            "s3://http://u:geheim@host",
            "u:geheim@host/x",
            "https://bucket/x?key=geheim",
        ] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn an_invalid_bucket_is_refused_with_the_reason() {
        let long = "a".repeat(64);
        for text in ["", "s3://", "/tmp/dir", "s3:///a"] {
            assert_eq!(
                text.parse::<Location>(),
                Err(LocationError::Empty),
                "{text}"
            );
        }
        for text in ["ab", &long, "a b c", "-abc", "abc.", "a..b", "../x", "büro"] {
            assert!(
                matches!(text.parse::<Location>(), Err(LocationError::Name { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            "https://photos.s3.amazonaws.com".parse::<Location>(),
            Err(LocationError::Url(_))
        ));
        let endless = format!("photos/{}", "a".repeat(1024));
        assert!(matches!(
            endless.parse::<Location>(),
            Err(LocationError::Prefix(_))
        ));
    }
}
