//! What can be done about a request that failed, in one sentence for people.
//!
//! The most exact source decides: the cause itself, the status of an answer that
//! is not one of S3, the text or the code of one that is, and last the kind of
//! the error.

use sync_core::{ErrorKind, text::printable};

use crate::client::endpoint::Endpoint;
use crate::client::proxy::Proxy;
use crate::error::{Attempted, Failure, Origin};

/// Names above this length in bytes are more than some servers can hold, whose
/// answers do not always say so (Garage: 511 bytes).
const LONG_NAME: usize = 500;

impl Failure {
    /// What to do about it, where that is known.
    pub(crate) fn hint(&self, attempted: Attempted<'_>, endpoint: &Endpoint) -> Option<String> {
        let advice = self.advice.as_deref().map(str::to_owned);
        let known = advice
            .or_else(|| self.hint_of_status(endpoint))
            .or_else(|| self.hint_of_name())
            .or_else(|| self.hint_of_code());
        known.or_else(|| match self.origin {
            Origin::Service => self.hint_of_kind(attempted, endpoint),
            Origin::Credentials => Some(no_credentials(endpoint)),
            origin => hint_of_origin(origin, endpoint),
        })
    }

    /// What an answer means that is not one of S3, but of a web server or a
    /// proxy on the way.
    fn hint_of_status(&self, endpoint: &Endpoint) -> Option<String> {
        if self.code.is_some() || self.origin != Origin::Service {
            return None;
        }
        match self.status? {
            _ if self.is_redirect() => {
                let to = self.redirect.as_deref().unwrap_or_default();
                Some(redirect_hint(to, endpoint))
            }
            401 => Some(format!(
                "the server asks for a login: check the access key, the secret key and --profile; \
                 {}",
                right_url(endpoint)
            )),
            413 => Some(
                "a proxy or web server in front of the storage limits the size of a request: \
                 raise that limit (nginx: client_max_body_size), or use a smaller --part-size"
                    .to_owned(),
            ),
            502..=504 => endpoint.proxy.as_ref().map(through),
            _ => None,
        }
    }

    /// What to do about a name that the server cannot hold.
    fn hint_of_name(&self) -> Option<String> {
        let hint = if self.is_blocked() {
            "the server cannot hold an object and others below its name: remove or rename one of \
             them"
        } else if self.is_too_long() {
            "the server takes no name this long: shorten it, or exclude it with --exclude"
        } else {
            return None;
        };
        Some(hint.to_owned())
    }

    fn hint_of_code(&self) -> Option<String> {
        let code = self.code.as_deref()?;
        hint_of_code(code).map(str::to_owned)
    }

    /// What to do about a refusal of the server whose code says no more than its
    /// kind.
    fn hint_of_kind(&self, attempted: Attempted<'_>, endpoint: &Endpoint) -> Option<String> {
        Some(match self.kind() {
            ErrorKind::RootMissing => {
                "create the bucket, or check --bucket and --endpoint-url".to_owned()
            }
            ErrorKind::WrongRegion => region_hint(self.region.as_deref()),
            ErrorKind::Denied if self.is_locked() => LOCKED.to_owned(),
            ErrorKind::Denied => permission_hint(attempted.permission, endpoint),
            ErrorKind::Credentials => {
                "check the access key, the secret key and --profile".to_owned()
            }
            ErrorKind::Archived => {
                "the object is archived: restore it from the archive first".to_owned()
            }
            ErrorKind::Throttled | ErrorKind::Unavailable if attempted.name.len() > LONG_NAME => {
                format!(
                    "its name has {} bytes, which may be more than the server takes",
                    attempted.name.len()
                )
            }
            ErrorKind::Throttled => "try again later, or with a lower --concurrency".to_owned(),
            ErrorKind::Timeout => {
                "the server waited too long for data: lower --concurrency, or check the network"
                    .to_owned()
            }
            ErrorKind::Unavailable => {
                "the server itself failed: run again later; its log or its provider can say why"
                    .to_owned()
            }
            ErrorKind::Unsupported if attempted.is_upload() => {
                "the server lacks something that the request asks for: try --checksum none"
                    .to_owned()
            }
            ErrorKind::Unsupported => format!(
                "the server does not know this kind of request: {}",
                right_url(endpoint)
            ),
            ErrorKind::NoSpace => {
                "the server has no room left: free some space there, or raise the quota".to_owned()
            }
            ErrorKind::Corrupt => DAMAGED.to_owned(),
            _ => return None,
        })
    }

    /// Whether the message says that a lock keeps the object as it is.
    fn is_locked(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        let message = message.to_ascii_lowercase();
        ["object lock", "worm protected"]
            .iter()
            .any(|phrase| message.contains(phrase))
    }
}

impl Attempted<'_> {
    /// Whether content was sent.
    fn is_upload(&self) -> bool {
        self.permission.starts_with("s3:PutObject")
    }
}

const LOCKED: &str = "an object lock protects it until its retention ends: exclude it with \
                      --exclude, or copy without deletions by --no-delete";

const DAMAGED: &str = "the data was damaged or cut on its way: run again; if that does not help, \
                       check the network, proxies, and the memory of this machine";

/// What the codes mean that say more than their kind.
fn hint_of_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessControlListNotSupported" => {
            "the bucket takes no ACLs: leave out --acl, or use bucket-owner-full-control"
        }
        "InvalidBucketName" => {
            "correct the name in --bucket: 3 to 63 lower-case letters, digits, dots and hyphens"
        }
        "NoSuchAccessPoint" => "check the access point in --bucket, and --region",
        "AllAccessDisabled" | "AccountProblem" | "InvalidPayer" | "NotSignedUp"
        | "UnauthorizedAccess" => {
            "the provider has disabled the account or the bucket: see its console, or ask its \
             support"
        }
        "ObjectLocked" => LOCKED,
        "ExpiredToken" | "TokenRefreshRequired" => {
            "the credentials have expired: get new ones, as with `aws sso login`"
        }
        "InvalidToken" => {
            "check AWS_SESSION_TOKEN, which belongs to the access key, or get new credentials, as \
             with `aws sso login`"
        }
        "RequestTimeTooSkewed" | "RequestExpired" => {
            "set this machine's clock, or that of the server, by NTP"
        }
        "SignatureDoesNotMatch" => {
            "check the access key, the secret key and --profile; a proxy that changes requests has \
             the same effect"
        }
        "MissingSecurityHeader" => {
            "a proxy may have removed a header: is one in front of the storage?"
        }
        "EntityTooLarge" => {
            "the server takes no object or part this large: use a smaller --part-size, or exclude \
             it with --max-size"
        }
        "EntityTooSmall" => "the server wants larger parts: use a larger --part-size",
        "InvalidPart" | "InvalidPartOrder" => "the server has lost parts of this upload: run again",
        "InvalidEncryptionAlgorithmError" => {
            "the server does not know this encryption: check --sse"
        }
        code if code.starts_with("KMS.") => {
            "check the key of --sse-kms-key-id, or that of the bucket's default encryption, in KMS"
        }
        _ => return None,
    })
}

/// What to do about a request that got no answer, or none that can be used.
fn hint_of_origin(origin: Origin, endpoint: &Endpoint) -> Option<String> {
    Some(match origin {
        Origin::Outage => {
            "the run ends here; run it again when the server works: it continues where it stopped"
                .to_owned()
        }
        Origin::Network | Origin::Answer | Origin::Timeout => endpoint
            .proxy
            .as_ref()
            .map_or_else(|| right_server(endpoint), through),
        Origin::Cut => {
            "connections break before the end of an answer: check the network and proxies, and run \
             again"
                .to_owned()
        }
        Origin::Request => "check --region, --bucket and --endpoint-url".to_owned(),
        Origin::Protocol | Origin::Foreign | Origin::Credentials | Origin::Service => return None,
    })
}

/// How to find out whether this is the server that was meant.
fn right_server(endpoint: &Endpoint) -> String {
    match &endpoint.url {
        Some(_) => right_url(endpoint),
        None => "check the network and --region".to_owned(),
    }
}

fn right_url(endpoint: &Endpoint) -> String {
    let url = endpoint.url.as_deref().unwrap_or("AWS");
    format!("is {} the right --endpoint-url?", printable(url))
}

fn region_hint(region: Option<&str>) -> String {
    match region.map(printable) {
        Some(region) => format!("the bucket is in {region}: use --region {region}"),
        None => "the bucket is in another region: set it with --region".to_owned(),
    }
}

fn permission_hint(permission: &str, endpoint: &Endpoint) -> String {
    if endpoint.is_anonymous {
        return format!(
            "the bucket does not let everybody do this ({permission}): give credentials instead of \
             --no-sign-request"
        );
    }
    let needs = format!("the credentials need the permission {permission}");
    match &endpoint.owner {
        None => needs,
        Some(owner) => format!(
            "{needs}; or the bucket is not that of {}, as --expected-bucket-owner says",
            printable(owner)
        ),
    }
}

/// What to do where no credentials could be had.
fn no_credentials(endpoint: &Endpoint) -> String {
    match endpoint.profile.as_deref().map(printable) {
        Some(profile) => {
            format!("does the profile exist? If it uses SSO: `aws sso login --profile {profile}`")
        }
        None => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a --profile, log in \
                 (`aws sso login`), or use --no-sign-request for a public bucket"
            .to_owned(),
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
        _ => right_url(endpoint),
    }
}

/// Which proxy is on the way.
fn through(proxy: &Proxy) -> String {
    let Proxy {
        shown, variable, ..
    } = proxy;
    format!("requests go through the proxy {shown} ({variable}); can it reach the server?")
}
