//! Servers that cannot be reached: how soon that is told, with which reason,
//! and what is survived all the same.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sync_core::{ErrorKind, Store as _, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{BUCKET, key};
use crate::{Access, S3Options, S3Store};

/// What is promised for what waiting cannot change.
const SOON: Duration = Duration::from_secs(10);

/// An authority, and what it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// A bundle with its certificate.
    bundle: PathBuf,
    _directory: Directory,
}

/// A directory that goes away with the test.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let unique = format!("s3mirror-reach-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&directory).unwrap();
        let bundle = directory.join("ca.pem");
        std::fs::write(&bundle, own.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            bundle,
            _directory: Directory(directory),
        }
    }

    /// The TLS of a server whose certificate is for `names`.
    fn server(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), &key)
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers every request with a 404 of S3, and what is none with a 400.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        seen.extend_from_slice(&buffer[..read]);
        if !seen[0].is_ascii_uppercase() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            return;
        }
        if seen.ends_with(b"\r\n\r\n") {
            seen.clear();
            let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

async fn serve(tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_on(listener, tls));
    address
}

async fn serve_on(listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls {
                None => answer(stream).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        answer(stream).await;
                    }
                }
            }
        });
    }
}

/// A store with the usual number of attempts.
async fn store(url: &str, bundle: Option<&PathBuf>) -> S3Store {
    S3Store::connect(options(url, bundle)).await.unwrap()
}

fn options(url: &str, bundle: Option<&PathBuf>) -> S3Options {
    let mut options = S3Options::new(BUCKET.parse().unwrap());
    options.endpoint_url = Some(url.to_owned());
    options.region = Some("us-east-1".to_owned());
    options.access = Access::Anonymous;
    options.ca_bundle = bundle.cloned();
    options
}

#[track_caller]
fn says(error: &StoreError, parts: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

async fn fails(url: &str, bundle: Option<&PathBuf>, parts: &[&str]) {
    let store = store(url, bundle).await;
    let since = Instant::now();
    let error = store.stat(&key("a")).await.unwrap_err();
    says(&error, parts);
    assert!(since.elapsed() < SOON, "{:?}: {error}", since.elapsed());
}

#[tokio::test]
async fn a_server_whose_authority_is_named_is_trusted_and_no_other() {
    let ours = Authority::new("our authority");
    let other = Authority::new("other authority");
    let server = serve(Some(ours.server(&["localhost"], |_| {}))).await;
    let url = format!("https://localhost:{}", server.port());
    let trusting = store(&url, Some(&ours.bundle)).await;
    assert_eq!(trusting.stat(&key("a")).await.unwrap(), None);
    // The directory with the bundle is a bundle too.
    let directory = ours.bundle.parent().unwrap().to_owned();
    let trusting = store(&url, Some(&directory)).await;
    assert_eq!(trusting.stat(&key("a")).await.unwrap(), None);
    let parts = ["unknown issuer (CN=our authority)", "ca_bundle"];
    let since = Instant::now();
    fails(&url, Some(&other.bundle), &parts).await;
    assert!(since.elapsed() < Duration::from_secs(4), "told at once");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told_at_once() {
    let ours = Authority::new("authority of dates");
    let long_ago = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 2, 3);
    };
    let not_yet = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2201, 1, 1);
        params.not_after = rcgen::date_time_ymd(2202, 1, 1);
    };
    let since = Instant::now();
    for (tls, parts) in [
        (
            ours.server(&["localhost"], long_ago),
            ["expired", "2002-02-03"],
        ),
        (
            ours.server(&["localhost"], not_yet),
            ["not valid before", "2201-01-01"],
        ),
        (
            ours.server(&["s3.example.com", "b.example"], |_| {}),
            ["s3.example.com", "not for localhost"],
        ),
    ] {
        let server = serve(Some(tls)).await;
        let url = format!("https://localhost:{}", server.port());
        fails(&url, Some(&ours.bundle), &parts).await;
    }
    assert!(since.elapsed() < Duration::from_secs(4), "told at once");
}

#[tokio::test]
async fn a_wrong_scheme_is_told_with_the_right_one() {
    let plain = serve(None).await;
    let url = format!("https://{plain}");
    let hint = format!("endpoint_url http://{plain}");
    let ours = Authority::new("authority of schemes");
    fails(&url, Some(&ours.bundle), &["does not speak https", &hint]).await;
    let tls = serve(Some(ours.server(&["127.0.0.1"], |_| {}))).await;
    let hint = format!("endpoint_url https://{tls}");
    fails(&format!("http://{tls}"), None, &[&hint]).await;
}

#[tokio::test]
async fn what_cannot_be_reached_from_the_first_is_told_soon_whatever_the_attempts() {
    let free = StdListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let url = format!("http://{address}");
    fails(&url, None, &["nobody listens at", &address.to_string()]).await;
    let url = "http://no-such-host.invalid:9000";
    fails(url, None, &["'no-such-host.invalid' cannot be resolved"]).await;
}

/// As a restarted server is, longer than an address may be wrong at first.
#[tokio::test]
async fn a_server_that_has_answered_once_is_waited_for() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().unwrap();
    let store = store(&format!("http://{address}"), None).await;
    let once = tokio::spawn(async move {
        let (stream, _) = first.accept().await.unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(500), answer(stream)).await;
    });
    assert_eq!(store.stat(&key("a")).await.unwrap(), None);
    once.await.unwrap();
    let asked = tokio::spawn({
        let store = store.clone();
        async move { store.stat(&key("a")).await }
    });
    tokio::time::sleep(SOON).await;
    assert!(!asked.is_finished(), "it is still tried");
    let again = TcpListener::bind(address).await.unwrap();
    tokio::spawn(serve_on(again, None));
    assert_eq!(asked.await.unwrap().unwrap(), None);
}

/// The address was right.
#[tokio::test]
async fn a_server_that_has_gone_is_not_taken_for_a_wrong_address() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options(&format!("http://{}", server.local_addr().unwrap()), None);
    options.max_attempts = 2;
    let store = S3Store::connect(options).await.unwrap();
    let once = tokio::spawn(async move {
        let (stream, _) = server.accept().await.unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(500), answer(stream)).await;
    });
    assert_eq!(store.stat(&key("a")).await.unwrap(), None);
    once.await.unwrap();
    let error = store.stat(&key("a")).await.unwrap_err();
    says(&error, &["nobody listens at", "has answered before"]);
    assert!(!error.to_string().contains("the right"), "{error}");
}
