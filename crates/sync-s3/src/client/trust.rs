//! The certificate authorities that are trusted: those of the system, or of a file that
//! an option, a variable or the profile names, as with the AWS command line.
//!
//! The HTTP client panics at invalid certificates, so files are parsed and checked
//! here.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sync_core::{Result, setting::Setting, text::printable};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::environment::{unfit, variable};

/// How long the issuer of a certificate is looked up for an error message.
const ISSUER_TIMEOUT: Duration = Duration::from_secs(3);

/// Where systems have the certificates that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The trusted authorities.
#[derive(Debug, Clone, Default)]
pub(crate) enum Trust {
    /// None: no connection is encrypted.
    #[default]
    Nobody,
    /// Those of the system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    System,
    /// Only these.
    Bundle(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// Those of the file that an option names. Else those of all files that the
    /// environment and the profile name (`profile` is its `ca_bundle`). Else those of
    /// the system.
    ///
    /// # Errors
    /// A file that cannot be read or contains no certificate.
    pub(crate) fn find(option: Option<&Path>, profile: Option<&str>) -> Result<Self> {
        if let Some(path) = option {
            let source = format!("the file of {}", Setting::CaBundle);
            return bundle(path, &source).map(Self::Bundle);
        }
        let profile = profile.map(str::trim).filter(|path| !path.is_empty());
        let named = [
            ("AWS_CA_BUNDLE", variable("AWS_CA_BUNDLE")?),
            ("ca_bundle in the profile", profile.map(str::to_owned)),
        ];
        let mut all = Vec::new();
        for (name, path) in named {
            if let Some(path) = path {
                all.extend(bundle(&at_home(&path), &format!("the file of {name}"))?);
            }
        }
        let file = env::var_os("SSL_CERT_FILE");
        let is_file = file.as_ref().is_none_or(|path| Path::new(path).is_file());
        if all.is_empty() && is_file {
            // The HTTP client finds these, and SSL_CERT_DIR, by itself.
            return Ok(Self::System);
        }
        match file.and(variable("SSL_CERT_FILE")?) {
            Some(path) => all.extend(bundle(Path::new(&path), "the file of SSL_CERT_FILE")?),
            None if all.is_empty() => {
                // The HTTP client takes an empty variable for no certificate at all.
                let system = SYSTEM.iter().find(|path| Path::new(path).is_file());
                let Some(system) = system else {
                    return Ok(Self::System);
                };
                all.extend(bundle(Path::new(system), "the file of the system")?);
            }
            None => {}
        }
        Ok(Self::Bundle(all))
    }

    pub(crate) fn context(&self) -> Option<TlsContext> {
        let store = match self {
            Self::Nobody => TrustStore::empty(),
            Self::System => TrustStore::default(),
            Self::Bundle(certificates) => {
                let add = |store: TrustStore, certificate| {
                    store.with_pem_certificate(pem(certificate).into_bytes())
                };
                certificates.iter().fold(TrustStore::empty(), add)
            }
        };
        TlsContext::builder().with_trust_store(store).build().ok()
    }
}

/// `~/` is the home directory, as in the configuration files of AWS.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// The certificates of a file, or of the files of a directory.
fn bundle(path: &Path, source: &str) -> Result<Vec<CertificateDer<'static>>> {
    let shown = path.to_string_lossy();
    let named = format!("{source}, '{}',", printable(&shown));
    let pem = read(path).map_err(|error| unfit(&named, &format!("cannot be read: {error}")))?;
    let mut store = RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem).flatten() {
        if store.add(certificate.clone()).is_ok() {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unfit(&named, "holds no certificate in PEM form"));
    }
    Ok(certificates)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !path.is_dir() {
        return fs::read(path);
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_file() {
            all.extend(fs::read(path)?);
            all.push(b'\n');
        }
    }
    Ok(all)
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// The issuer of the certificate of the server at `host`, as in `CN=Our CA`: for an
/// error message, after it has been refused.
pub(crate) async fn issuer(host: &str, port: u16) -> Option<String> {
    tokio::time::timeout(ISSUER_TIMEOUT, ask_issuer(host, port))
        .await
        .ok()
        .flatten()
}

async fn ask_issuer(host: &str, port: u16) -> Option<String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let seen = Arc::new(KeepCertificate::default());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let stream = TcpStream::connect((host, port)).await.ok()?;
    // Nothing is sent over this connection: the verifier always refuses it.
    let _ = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let certificate = seen.0.lock().take()?;
    let certificate = webpki::EndEntityCert::try_from(&certificate).ok()?;
    let name = distinguished_name(certificate.issuer());
    (!name.is_empty()).then(|| printable(&name))
}

/// Keeps the certificate and refuses it.
#[derive(Debug, Default)]
struct KeepCertificate(Mutex<Option<CertificateDer<'static>>>);

impl ServerCertVerifier for KeepCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Some(end_entity.clone().into_owned());
        *self.0.lock() = seen;
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The well-known parts of an X.501 name, with their abbreviations (RFC 4514). Ends at
/// the first part that cannot be parsed.
fn distinguished_name(der: &[u8]) -> String {
    let mut shown = Vec::new();
    let mut sets = der;
    while let Some((_, set, rest)) = element(sets) {
        sets = rest;
        let part = element(set).and_then(|(_, pair, _)| {
            let (_, kind, rest) = element(pair)?;
            let (_, value, _) = element(rest)?;
            // The arcs below 2.5.4, the attributes of X.520.
            let kind = match kind {
                [0x55, 0x04, 3] => "CN",
                [0x55, 0x04, 6] => "C",
                [0x55, 0x04, 10] => "O",
                [0x55, 0x04, 11] => "OU",
                _ => return None,
            };
            Some(format!("{kind}={}", String::from_utf8_lossy(value)))
        });
        shown.extend(part);
    }
    shown.reverse();
    shown.join(", ")
}

/// The tag and the content of the first element of DER, and the rest.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let len = digits.iter().fold(0, |len, &b| len << 8 | usize::from(b));
            (len, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_parsed_as_far_as_possible() {
        let name = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x0c\x02Us\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03a b";
        assert_eq!(distinguished_name(name), "CN=a b, O=Us");
        for end in 0..name.len() {
            let short = distinguished_name(&name[..end]);
            assert!(["", "O=Us"].contains(&short.as_str()), "{short}");
        }
        assert_eq!(distinguished_name(b"\x31\x84\xff\xff\xff\xff"), "");
        assert_eq!(distinguished_name(b"\x31\x82\xff"), "");
    }

    #[test]
    fn an_invalid_bundle_is_refused_with_its_source() {
        let directory = std::env::temp_dir().join("s3mirror-no-such-bundle");
        let error = bundle(&directory, "the file of X").unwrap_err().to_string();
        assert!(
            error.contains("the file of X") && error.contains("cannot be read"),
            "{error}"
        );
        let error = bundle(Path::new("/dev/null"), "the file of X").unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error}");
    }
}
