//! What an error code means and what can be done about it: the tables.
//!
//! Codes are those of the S3 API Reference, "Error responses", and a few that
//! other servers add. Where an answer has no code, as that of a HEAD, its
//! status decides.

use sync_core::{ErrorKind, printable};

use crate::connect::Endpoint;
use crate::error::{Attempted, Failure, Origin};
use crate::proxy::Proxy;

/// Names above this length in bytes are more than some servers can hold, whose
/// answers do not always say so (Garage: 511 bytes).
const LONG_NAME: usize = 500;

impl Failure {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.origin {
            Origin::Network | Origin::Answer | Origin::Cut | Origin::Protocol | Origin::Foreign => {
                ErrorKind::Unavailable
            }
            Origin::Timeout => ErrorKind::Timeout,
            Origin::Credentials => ErrorKind::Credentials,
            Origin::Request => ErrorKind::Other,
            Origin::Outage => ErrorKind::Outage,
            Origin::Service => self.service_kind(),
        }
    }

    fn service_kind(&self) -> ErrorKind {
        if self.is_blocked() {
            return ErrorKind::Blocked;
        }
        if self.is_too_long() {
            return ErrorKind::Other;
        }
        // Garage gives all refusals one code.
        if self.has_code(&["AccessDenied"]) && self.is_about_keys() {
            return ErrorKind::Credentials;
        }
        if let Some(kind) = self.code.as_deref().and_then(kind_of_code) {
            return kind;
        }
        match self.status {
            _ if self.is_redirect() => ErrorKind::Other,
            Some(301 | 307) => ErrorKind::WrongRegion,
            Some(400) if self.region.is_some() => ErrorKind::WrongRegion,
            Some(401 | 403) => ErrorKind::Denied,
            Some(408) => ErrorKind::Timeout,
            Some(409 | 412 | 416) => ErrorKind::Changed,
            Some(405 | 501) => ErrorKind::Unsupported,
            Some(429 | 503) => ErrorKind::Throttled,
            Some(507) => ErrorKind::NoSpace,
            Some(500..) => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        }
    }

    /// Whether we are sent elsewhere by something that does not speak S3.
    fn is_redirect(&self) -> bool {
        self.redirect.is_some() && self.code.is_none() && self.region.is_none()
    }

    /// Whether the message is about the keys that a request was signed with.
    fn is_about_keys(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        let message = message.to_ascii_lowercase();
        ["signature", "no such key", "access key"]
            .iter()
            .any(|phrase| message.contains(phrase))
    }

    /// What to do about it.
    pub(crate) fn hint(&self, attempted: Attempted<'_>, endpoint: &Endpoint) -> Option<String> {
        if let Some(advice) = &self.advice {
            return Some(advice.to_string());
        }
        if self.code.is_none() && self.origin == Origin::Service {
            let hint = self.hint_of_status(endpoint);
            if hint.is_some() {
                return hint;
            }
        }
        let code = self.code.as_deref().unwrap_or_default();
        let hint = match self.kind() {
            ErrorKind::RootMissing => {
                "create the bucket, or check --bucket and --endpoint-url".to_owned()
            }
            ErrorKind::WrongRegion => match &self.region {
                Some(region) => {
                    format!("the bucket is in {0}: use --region {0}", printable(region))
                }
                None => "the bucket is in another region: set it with --region".to_owned(),
            },
            ErrorKind::Denied => {
                let permission = attempted.permission;
                match &endpoint.owner {
                    None => format!("the credentials need the permission {permission}"),
                    Some(owner) => format!(
                        "the credentials need the permission {permission}; or the bucket is not \
                         that of {}, as --expected-bucket-owner says",
                        printable(owner)
                    ),
                }
            }
            ErrorKind::Blocked => {
                "the server cannot hold an object and others below its name: remove or rename one \
                 of them"
                    .to_owned()
            }
            _ if self.is_too_long() => {
                "the server takes no name this long: shorten it, or exclude it with --exclude"
                    .to_owned()
            }
            _ if code == "AccessControlListNotSupported" => {
                "the bucket takes no ACLs: leave out --acl, or use bucket-owner-full-control"
                    .to_owned()
            }
            ErrorKind::Credentials => match (&endpoint.profile, self.origin) {
                (Some(profile), Origin::Credentials) => {
                    let profile = printable(profile);
                    format!(
                        "does the profile exist? If it uses SSO: `aws sso login --profile {profile}`"
                    )
                }
                _ => credentials_hint(self.origin, code).to_owned(),
            },
            ErrorKind::Archived => {
                "the object is archived: restore it from the archive first".to_owned()
            }
            ErrorKind::Throttled | ErrorKind::Unavailable
                if self.origin == Origin::Service && attempted.name.len() > LONG_NAME =>
            {
                format!(
                    "its name has {} bytes, which may be more than the server takes",
                    attempted.name.len()
                )
            }
            ErrorKind::Throttled => "try again later, or with a lower --concurrency".to_owned(),
            ErrorKind::Unsupported if attempted.permission.starts_with("s3:ListBucket") => {
                // Nothing of such a request can be left out.
                let url = endpoint.url.as_deref()?;
                format!("is {} the right --endpoint-url?", printable(url))
            }
            ErrorKind::Unsupported => {
                "the server lacks something that the request asks for: try --checksum none"
                    .to_owned()
            }
            ErrorKind::Outage => {
                "the run ends here; begin it again when the server works, and it goes on".to_owned()
            }
            ErrorKind::Timeout | ErrorKind::Unavailable
                if !matches!(
                    self.origin,
                    Origin::Service | Origin::Cut | Origin::Protocol | Origin::Foreign
                ) =>
            {
                match &endpoint.url {
                    _ if endpoint.proxy.is_some() => {
                        return endpoint.proxy.as_ref().map(through);
                    }
                    Some(url) => format!("is {} the right --endpoint-url?", printable(url)),
                    None => "check the network and --region".to_owned(),
                }
            }
            _ => return None,
        };
        Some(hint)
    }
}

impl Failure {
    /// What an answer means that is not one of S3, but of a web server or a
    /// proxy on the way.
    fn hint_of_status(&self, endpoint: &Endpoint) -> Option<String> {
        match self.status? {
            _ if self.is_redirect() => {
                let to = self.redirect.as_deref().unwrap_or_default();
                Some(redirect_hint(to, endpoint))
            }
            413 => Some(
                "a proxy or web server in front of the storage limits the size of a request: \
                 raise that limit (nginx: client_max_body_size), or use a smaller --part-size"
                    .to_owned(),
            ),
            502..=504 => endpoint.proxy.as_ref().map(through),
            _ => None,
        }
    }
}

/// Where to send requests instead: to the server of `to`.
fn redirect_hint(to: &str, endpoint: &Endpoint) -> String {
    let server = to.parse::<http::Uri>().ok().and_then(|to| {
        let (scheme, authority) = (to.scheme_str()?, to.authority()?);
        Some(format!("{scheme}://{authority}"))
    });
    let url = endpoint.url.as_deref().unwrap_or("AWS");
    match server {
        Some(server) if url.trim_end_matches('/') != server => {
            format!(
                "if that is the server, use --endpoint-url {}",
                printable(&server)
            )
        }
        _ => format!("is {} the right --endpoint-url?", printable(url)),
    }
}

/// Which proxy is on the way.
fn through(proxy: &Proxy) -> String {
    let Proxy {
        shown, variable, ..
    } = proxy;
    format!("requests go through the proxy {shown} ({variable}); can it reach the server?")
}

fn credentials_hint(origin: Origin, code: &str) -> &'static str {
    match (origin, code) {
        (Origin::Credentials, _) => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a --profile, log in \
             (`aws sso login`), or use --no-sign-request for a public bucket"
        }
        (_, "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired") => {
            "the credentials have expired: get new ones, as with `aws sso login`"
        }
        (_, "RequestTimeTooSkewed") => "set this machine's clock",
        _ => "check the access key, the secret key and --profile",
    }
}

/// The codes that tell more than their status.
fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchBucket" | "NoSuchAccessPoint" | "InvalidBucketName" => ErrorKind::RootMissing,
        "NoSuchKey" | "NotFound" | "NoSuchVersion" => ErrorKind::NotFound,
        "PreconditionFailed"
        | "NoSuchUpload"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "InvalidRange" => ErrorKind::Changed,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "Forbidden" | "ObjectLocked"
        | "InvalidPayer" | "UnauthorizedAccess" => ErrorKind::Denied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "NotSignedUp"
        | "InvalidSecurity"
        | "MissingSecurityHeader" => ErrorKind::Credentials,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "IncorrectEndpoint" => ErrorKind::WrongRegion,
        "InvalidObjectState" => ErrorKind::Archived,
        "SlowDown"
        | "ServiceUnavailable"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "TooManyRequests"
        | "Busy"
        | "Throttling"
        | "ThrottlingException" => ErrorKind::Throttled,
        "RequestTimeout" => ErrorKind::Timeout,
        "InternalError" | "BadGateway" | "GatewayTimeout" => ErrorKind::Unavailable,
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch"
        | "IncompleteBody"
        | "InvalidPart" => ErrorKind::Corrupt,
        "NotImplemented" | "UnsupportedOperation" => ErrorKind::Unsupported,
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" => ErrorKind::NoSpace,
        _ => return None,
    })
}
