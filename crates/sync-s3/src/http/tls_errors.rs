//! What is wrong with an encrypted connection, in words. Waiting changes none of
//! it.

use chrono::{DateTime, SecondsFormat};
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error as TlsError};
use sync_core::{hint, setting::Setting, text::printable};

use crate::client::trust;
use crate::http::unreachable::{Server, Unreachable};

pub(super) async fn why_not_secure(server: &Server<'_>, error: &TlsError) -> Unreachable {
    let address = server.address();
    match error {
        TlsError::InvalidCertificate(error) => why_not_trusted(server, error).await,
        TlsError::InvalidMessage(_) => Unreachable::for_good(
            format!("{address} does not speak https ({error})"),
            hint!(
                "use {} http://{}, if it is to be reached unencrypted",
                Setting::EndpointUrl,
                address
            ),
        ),
        _ => Unreachable::for_good(
            format!("no encrypted connection to {address}: {error}"),
            "check what the server offers, as with `openssl s_client -connect`",
        ),
    }
}

async fn why_not_trusted(server: &Server<'_>, error: &CertificateError) -> Unreachable {
    let host = printable(server.host());
    match error {
        CertificateError::UnknownIssuer => {
            let issuer = match server.proxy {
                None => trust::issuer(server.host(), server.port()).await,
                Some(_) => None,
            };
            let by = issuer.map_or(String::new(), |issuer| format!(" ({issuer})"));
            Unreachable::for_good(
                format!("the certificate of {host} is signed by an unknown issuer{by}"),
                hint!(
                    "if you trust that issuer, name a file with its certificate by {} or \
                     AWS_CA_BUNDLE",
                    Setting::CaBundle
                ),
            )
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            outdated(&host, &format!("has expired at {}", at(*not_after)))
        }
        CertificateError::Expired => outdated(&host, "has expired"),
        CertificateError::NotValidYetContext { not_before, .. } => {
            outdated(&host, &format!("is not valid before {}", at(*not_before)))
        }
        CertificateError::NotValidYet => outdated(&host, "is not valid yet"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented
                .iter()
                .map(|it| printable(plain_name(it)))
                .collect();
            let names = match names.as_slice() {
                [] => "no name".to_owned(),
                names => names.join(", "),
            };
            Unreachable::for_good(
                format!("the certificate of the server is for {names}, not for {host}"),
                hint!(
                    "write a name of the certificate in {}, or give the server another certificate",
                    Setting::EndpointUrl
                ),
            )
        }
        error if error.to_string().contains("CaUsedAsEndEntity") => Unreachable::for_good(
            format!("the certificate of {host} is that of an authority, not of a server"),
            "give the server a certificate that is signed by that authority (basicConstraints \
             CA:FALSE)",
        ),
        error => {
            let error = printable(&error.to_string());
            Unreachable::for_good(
                format!("the certificate of {host} is not accepted: {error}"),
                "give the server another certificate",
            )
        }
    }
}

fn outdated(host: &str, how: &str) -> Unreachable {
    Unreachable::for_good(
        format!("the certificate of {host} {how}"),
        "renew the certificate; or is the clock of this machine wrong?",
    )
}

/// As in `DnsName("example.com")`.
fn plain_name(name: &str) -> &str {
    let inner = name
        .split_once('"')
        .and_then(|(_, rest)| rest.split_once('"'));
    inner.map_or(name, |(inner, _)| inner)
}

fn at(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok();
    let time = time.and_then(|secs| DateTime::from_timestamp(secs, 0));
    time.map_or(String::new(), |time| {
        time.to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}
