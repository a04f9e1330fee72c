//! What can be done about a request that failed, in one sentence for people.
//!
//! The most exact source decides: the cause itself, the status of an answer that
//! is not one of S3, the text or the code of one that is, and last the kind of
//! the error.

use sync_core::setting::Setting;
use sync_core::{ErrorKind, hint, hint::Hint, text::printable};

use crate::client::endpoint::Endpoint;
use crate::client::proxy::Proxy;
use crate::error::{Attempted, Failure, Origin};

/// Names above this length in bytes are more than some servers can hold, whose
/// answers do not always say so (Garage: 511 bytes).
const LONG_NAME: usize = 500;

impl Failure {
    /// What to do about it, where that is known.
    pub(crate) fn hint(&self, attempted: Attempted<'_>, endpoint: &Endpoint) -> Option<Hint> {
        let known = self
            .advice
            .clone()
            .or_else(|| self.hint_of_status(endpoint))
            .or_else(|| self.hint_of_key(attempted))
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
    fn hint_of_status(&self, endpoint: &Endpoint) -> Option<Hint> {
        if self.code.is_some() || self.origin != Origin::Service {
            return None;
        }
        match self.status? {
            _ if self.is_redirect() => {
                let to = self.redirect.as_deref().unwrap_or_default();
                Some(redirect_hint(to, endpoint))
            }
            401 => Some(hint!(
                "the server asks for a login: check the access key, the secret key and {}; {}",
                Setting::Profile,
                right_url(endpoint)
            )),
            413 => Some(hint!(
                "a proxy or web server in front of the storage limits the size of a request: \
                 raise that limit (nginx: client_max_body_size), or use a smaller {}",
                Setting::PartSize
            )),
            502..=504 => endpoint.proxy.as_ref().map(through),
            _ => None,
        }
    }

    /// What to do about an object that needs a key of SSE-C. Only a GET says so; a HEAD has
    /// no message.
    fn hint_of_key(&self, attempted: Attempted<'_>) -> Option<Hint> {
        let message = self.message.as_deref().unwrap_or_default();
        let message = message.to_ascii_lowercase();
        let needs_key = message.contains("stored using a form of server side encryption")
            || message.contains("must provide the customer key");
        let is_mute = self.code.is_none() && self.region.is_none() && attempted.is_look_up();
        if !self.may_be_due_to_key() || self.status != Some(400) {
            return None;
        }
        if needs_key {
            return Some(hint!(
                "the object is encrypted by a key that the server does not keep: give it with {}",
                Setting::CustomerKey
            ));
        }
        is_mute.then(|| {
            hint!(
                "if it is encrypted by a key that the server does not keep (SSE-C), give that with {}",
                Setting::CustomerKey
            )
        })
    }

    /// What to do about a name that the server cannot hold.
    fn hint_of_name(&self) -> Option<Hint> {
        if self.is_blocked() {
            Some(hint!(
                "the server cannot hold an object and others below its name: remove or rename one \
                 of them"
            ))
        } else if self.is_too_long() {
            Some(hint!(
                "the server takes no name this long: shorten it, or exclude it with {}",
                Setting::Exclude
            ))
        } else {
            None
        }
    }

    fn hint_of_code(&self) -> Option<Hint> {
        hint_of_code(self.code.as_deref()?)
    }

    /// What to do about a refusal of the server whose code says no more than its
    /// kind.
    fn hint_of_kind(&self, attempted: Attempted<'_>, endpoint: &Endpoint) -> Option<Hint> {
        Some(match self.kind() {
            ErrorKind::RootMissing => hint!(
                "create the bucket, or check {} and {}",
                Setting::Bucket,
                Setting::EndpointUrl
            ),
            ErrorKind::WrongRegion => region_hint(self.region.as_deref()),
            ErrorKind::Denied if self.is_locked() => locked(),
            ErrorKind::Denied => permission_hint(attempted.permission, endpoint),
            ErrorKind::Credentials => hint!(
                "check the access key, the secret key and {}",
                Setting::Profile
            ),
            ErrorKind::Archived => {
                "the object is archived: restore it from the archive first".into()
            }
            ErrorKind::Throttled | ErrorKind::Unavailable if attempted.name.len() > LONG_NAME => {
                hint!(
                    "its name has {} bytes, which may be more than the server takes",
                    attempted.name.len().to_string()
                )
            }
            ErrorKind::Throttled => {
                hint!("try again later, or with a lower {}", Setting::Concurrency)
            }
            ErrorKind::Timeout => hint!(
                "the server waited too long for data: lower {}, or check the network",
                Setting::Concurrency
            ),
            ErrorKind::Unavailable => {
                "the server itself failed: run again later; its log or its provider can say why"
                    .into()
            }
            ErrorKind::Unsupported if attempted.is_upload() => hint!(
                "the server lacks something that the request asks for: try {} none",
                Setting::Checksums
            ),
            ErrorKind::Unsupported => hint!(
                "the server does not know this kind of request: {}",
                right_url(endpoint)
            ),
            ErrorKind::NoSpace => {
                "the server has no room left: free some space there, or raise the quota".into()
            }
            ErrorKind::Corrupt => DAMAGED.into(),
            _ => return None,
        })
    }

    /// Whether the message says that a lock keeps the object as it is.
    pub(crate) fn is_locked(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        let message = message.to_ascii_lowercase();
        ["object lock", "worm protected"]
            .iter()
            .any(|phrase| message.contains(phrase))
    }
}

impl Attempted<'_> {
    /// Whether it was a HEAD.
    fn is_look_up(&self) -> bool {
        self.what == "look up"
    }

    /// Whether content was sent.
    pub(crate) fn is_upload(&self) -> bool {
        self.permission.starts_with("s3:PutObject")
    }
}

fn locked() -> Hint {
    hint!(
        "an object lock protects it until its retention ends: exclude it with {}, or copy without \
         deletions by {}",
        Setting::Exclude,
        Setting::NoDelete
    )
}

const DAMAGED: &str = "the data was damaged or cut on its way: run again; if that does not help, \
                       check the network, proxies, and the memory of this machine";

/// What the codes mean that say more than their kind.
fn hint_of_code(code: &str) -> Option<Hint> {
    Some(match code {
        "AccessControlListNotSupported" => hint!(
            "the bucket takes no ACLs: leave out {}, or use bucket-owner-full-control",
            Setting::Acl
        ),
        "InvalidBucketName" => hint!(
            "correct the name in {}: 3 to 63 lower-case letters, digits, dots and hyphens",
            Setting::Bucket
        ),
        "NoSuchAccessPoint" => hint!(
            "check the access point in {}, and {}",
            Setting::Bucket,
            Setting::Region
        ),
        "ObjectLocked" => locked(),
        "SignatureDoesNotMatch" => hint!(
            "check the access key, the secret key and {}; a proxy that changes requests has the \
             same effect",
            Setting::Profile
        ),
        "EntityTooLarge" => hint!(
            "the server takes no object or part this large: use a smaller {}, or exclude it with {}",
            Setting::PartSize,
            Setting::MaxSize
        ),
        "EntityTooSmall" => hint!(
            "the server wants larger parts: use a larger {}",
            Setting::PartSize
        ),
        "InvalidEncryptionAlgorithmError" => hint!(
            "the server does not know this encryption: check {}",
            Setting::Encryption
        ),
        code if code.starts_with("KMS.") => hint!(
            "check the key of {}, or that of the bucket's default encryption, in KMS",
            Setting::KmsKey
        ),
        code => return meaning(code).map(Hint::from),
    })
}

/// What the codes mean about which no setting does anything.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "AllAccessDisabled" | "AccountProblem" | "InvalidPayer" | "NotSignedUp"
        | "UnauthorizedAccess" => {
            "the provider has disabled the account or the bucket: see its console, or ask its \
             support"
        }
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
        "MissingSecurityHeader" => {
            "a proxy may have removed a header: is one in front of the storage?"
        }
        "InvalidPart" | "InvalidPartOrder" => "the server has lost parts of this upload: run again",
        _ => return None,
    })
}

/// What to do about a request that got no answer, or none that can be used.
fn hint_of_origin(origin: Origin, endpoint: &Endpoint) -> Option<Hint> {
    Some(match origin {
        Origin::Outage => {
            "the run ends here; run it again when the server works: it continues where it stopped"
                .into()
        }
        Origin::Network | Origin::Answer | Origin::Timeout => endpoint
            .proxy
            .as_ref()
            .map_or_else(|| right_server(endpoint), through),
        Origin::Truncated => {
            "connections break before the end of an answer: check the network and proxies, and run \
             again"
                .into()
        }
        Origin::Request => hint!(
            "check {}, {} and {}",
            Setting::Region,
            Setting::Bucket,
            Setting::EndpointUrl
        ),
        Origin::Protocol | Origin::Foreign | Origin::Credentials | Origin::Service => return None,
    })
}

/// How to find out whether this is the server that was meant.
fn right_server(endpoint: &Endpoint) -> Hint {
    match &endpoint.url {
        Some(_) => right_url(endpoint),
        None => hint!("check the network and {}", Setting::Region),
    }
}

fn right_url(endpoint: &Endpoint) -> Hint {
    let url = endpoint.url.as_deref().unwrap_or("AWS");
    hint!("is {} the right {}?", printable(url), Setting::EndpointUrl)
}

fn region_hint(region: Option<&str>) -> Hint {
    match region.map(printable) {
        Some(region) => hint!(
            "the bucket is in {}: use {} {}",
            region.clone(),
            Setting::Region,
            region
        ),
        None => hint!(
            "the bucket is in another region: set it with {}",
            Setting::Region
        ),
    }
}

fn permission_hint(permission: &str, endpoint: &Endpoint) -> Hint {
    let permission = permission.to_owned();
    if endpoint.is_anonymous {
        return hint!(
            "the bucket does not let everybody do this ({}): give credentials instead of {}",
            permission,
            Setting::Anonymous
        );
    }
    let needs = hint!("the credentials need the permission {}", permission);
    match &endpoint.owner {
        None => needs,
        Some(owner) => hint!(
            "{}; or the bucket is not that of {}, as {} says",
            needs,
            printable(owner),
            Setting::ExpectedOwner
        ),
    }
}

/// What to do where no credentials could be had.
fn no_credentials(endpoint: &Endpoint) -> Hint {
    match endpoint.profile.as_deref().map(printable) {
        Some(profile) => hint!(
            "does the profile exist? If it uses SSO: `aws sso login --profile {}`",
            profile
        ),
        None => hint!(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a {}, log in (`aws sso \
             login`), or use {} for a public bucket",
            Setting::Profile,
            Setting::Anonymous
        ),
    }
}

/// Where to send requests instead: to the server of `to`.
fn redirect_hint(to: &str, endpoint: &Endpoint) -> Hint {
    let server = to.parse::<http::Uri>().ok().and_then(|to| {
        let (scheme, authority) = (to.scheme_str()?, to.authority()?);
        Some(format!("{scheme}://{authority}"))
    });
    let url = endpoint.url.as_deref().unwrap_or("AWS");
    match server {
        Some(server) if url.trim_end_matches('/') != server => hint!(
            "if that is the server, use {} {}",
            Setting::EndpointUrl,
            printable(&server)
        ),
        _ => right_url(endpoint),
    }
}

/// Which proxy is on the way.
fn through(proxy: &Proxy) -> Hint {
    hint!(
        "requests go through the proxy {} ({}); can it reach the server?",
        proxy.shown.clone(),
        proxy.variable
    )
}
