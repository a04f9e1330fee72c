//! Answers that are not HTTP, or never end: a garbled one counts as lost, and
//! none fills the memory.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use s3_endpoint::{Action, Config, Fault};
use sync_core::store::read_bytes;
use sync_core::{Entry, ErrorKind, Expected, Listed, Store as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::list::names;
use super::{BUCKET, Fixture, bytes, store};
use crate::S3Store;

/// What a proxy says instead of the server's answer.
#[derive(Debug, Clone)]
enum Instead {
    Bytes(Vec<u8>),
    /// A head, and then a body without an end.
    Endless(&'static str),
}

/// Which requests are answered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Those that come for the first time.
    First,
    Always,
}

/// A proxy on a bad day: the server carries each request out, but its answer
/// does not arrive as it was.
struct Proxy {
    server: SocketAddr,
    instead: Instead,
    when: When,
    seen: Mutex<HashSet<String>>,
}

/// A server behind such a proxy, and the store that sees it through the proxy.
async fn fixture(instead: Instead, when: When) -> Fixture {
    let direct = Fixture::with(Config::with_bucket(BUCKET), |_| {}).await;
    direct.server.put(BUCKET, "there", bytes(2_000), None);
    let server = direct.server.url();
    let proxy = Arc::new(Proxy {
        server: server.trim_start_matches("http://").parse().unwrap(),
        instead,
        when,
        seen: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let proxy = Arc::clone(&proxy);
            tokio::spawn(async move {
                // The client may go away in the middle.
                let _ = proxy.serve(client).await;
            });
        }
    });
    let store: S3Store = store(&direct.server, |options| options.endpoint_url = Some(url)).await;
    Fixture {
        store,
        server: direct.server,
    }
}

impl Proxy {
    /// One request and its answer.
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let request = whole_request(&mut client).await?;
        let line = request
            .split(|&byte| byte == b'\r')
            .next()
            .unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        // A HEAD has no body to be garbled.
        let is_spared = line.starts_with("HEAD ") && self.garbles_bodies();
        let is_new = self.seen.lock().unwrap().insert(line) && !is_spared;
        let answer = self.forward(&request).await?;
        if self.when == When::First && !is_new {
            return client.write_all(&answer).await;
        }
        match &self.instead {
            Instead::Bytes(bytes) => client.write_all(bytes).await,
            Instead::Endless(head) => {
                client.write_all(head.as_bytes()).await?;
                loop {
                    client.write_all(&[b' '; 16 * 1024]).await?;
                }
            }
        }
    }

    fn garbles_bodies(&self) -> bool {
        matches!(&self.instead, Instead::Bytes(bytes)
            if bytes.windows(7).any(|seven| seven == b"chunked"))
    }

    async fn forward(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(self.server).await?;
        let at = request.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
        server.write_all(&request[..at]).await?;
        server.write_all(b"connection: close\r\n").await?;
        server.write_all(&request[at..]).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

async fn whole_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let len = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let len: usize = len.map_or(0, |len| len.trim().parse().unwrap());
    while request.len() < head + len {
        client.read_buf(&mut request).await?;
    }
    Ok(request)
}

fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let ok = "HTTP/1.1 200 OK\r\n";
    let with = |rest: &str| format!("{ok}{rest}").into_bytes();
    vec![
        ("not HTTP", b"\x15\x03\x01\x00\x02\x02\x16".to_vec()),
        ("another protocol", b"HTP/1.1 200 OK\r\n\r\n".to_vec()),
        ("no status", b"HTTP/1.1 2x0 OK\r\n\r\n".to_vec()),
        ("a bad header", with("Bad Header\x01: x\r\n\r\n")),
        ("no length", with("Content-Length: x\r\n\r\n")),
        (
            "two lengths",
            with("Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        ),
        (
            "a bad chunk",
            with("Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ),
        (
            "a huge chunk",
            with("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        ),
        (
            "a huge header",
            with(&format!("X: {}\r\n\r\n", "y".repeat(900_000))),
        ),
        ("many headers", with(&"X: y\r\n".repeat(10_000))),
        ("half a head", with("Content-Le")),
        ("nothing", Vec::new()),
    ]
}

async fn listed_entry(fixture: &Fixture, name: &str) -> Entry {
    let listed = fixture.list().await.unwrap();
    let entries = listed.into_iter().filter_map(|item| match item {
        Listed::Entry(entry) => Some(entry),
        Listed::Skipped(_) => None,
    });
    let mut named = entries.filter(|entry| entry.key.as_str() == name);
    named.next().unwrap()
}

#[tokio::test]
async fn a_garbled_answer_counts_as_a_lost_one() {
    for (what, bytes) in garbage() {
        let fixture = fixture(Instead::Bytes(bytes), When::First).await;
        let listed = fixture.list().await;
        assert_eq!(names(&listed.expect(what)), ["there"], "{what}");
        fixture.stat("there").await.expect(what);
        let there = listed_entry(&fixture, "there").await;
        let read = read_bytes(&fixture.store, &there, 0..there.size).await;
        assert_eq!(read.expect(what).len(), 2_000, "{what}");
        // The first attempt was carried out, so the second is refused.
        fixture
            .put("new", "hello", Expected::Absent)
            .await
            .expect(what);
        assert_eq!(fixture.body("new").unwrap(), "hello", "{what}");
        let new = listed_entry(&fixture, "new").await;
        let deleted = fixture.store.delete(&[new]).await;
        assert!(deleted[0].is_ok(), "{what}: {deleted:?}");
        assert!(fixture.body("new").is_none(), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_stays_garbled_is_an_error_that_says_so() {
    let garbled = Instead::Bytes(b"HTP/1.1 200 OK\r\n\r\n".to_vec());
    let fixture = fixture(garbled, When::Always).await;
    let error = fixture.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("not valid HTTP"), "{error}");
}

/// What is gone on with for ever is broken off long before the memory is full.
#[tokio::test]
async fn answers_without_an_end_are_broken_off() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Length: 99999999999999\r\n\r\n",
    ] {
        let fixture = fixture(Instead::Endless(head), When::Always).await;
        let work = async {
            let listed = fixture.list().await;
            assert!(listed.is_err(), "{head}");
            let body = bytes(5);
            let put = fixture.put("new", body, Expected::Absent);
            let error = put.await.unwrap_err().to_string();
            // What is said of a refusal is its status.
            let told = ["longer than 1048576 bytes", "status"];
            assert!(told.iter().any(|told| error.contains(told)), "{error}");
        };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, work).await.expect(head);
    }
}

/// It would be as long again.
#[tokio::test]
async fn an_answer_that_is_too_long_is_asked_for_once() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let fixture = fixture(Instead::Endless(head), When::Always).await;
    let error = fixture.list().await.unwrap_err().to_string();
    assert!(error.contains("longer than"), "{error}");
    assert_eq!(fixture.server.count("ListObjectsV2"), 1);
}

#[tokio::test]
async fn a_body_that_is_not_valid_http_is_an_error_that_says_so() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n<zz\r\n";
    let garbled = Instead::Bytes(head.as_bytes().to_vec());
    let fixture = fixture(garbled, When::Always).await;
    let error = fixture.list().await.unwrap_err().to_string();
    assert!(error.contains("cannot be read to its end"), "{error}");
}

/// A server that carries the first request out whatever its condition says,
/// whose answer is lost: what is there then is ours.
#[tokio::test]
async fn a_lost_answer_to_a_request_that_was_to_be_refused_is_settled_by_a_look() {
    let fixture = Fixture::new().await;
    let carry_out = Action::run(|state| {
        state.put(BUCKET, "new", "hello", None);
    });
    fixture.server.inject(Fault::on("PutObject").act(carry_out));
    fixture
        .server
        .inject(Fault::on("PutObject").act(Action::Reset));
    let put = fixture.put("new", "hello", Expected::Absent).await;
    assert!(put.is_ok(), "{put:?}");
    assert_eq!(fixture.body("new").unwrap(), "hello");
}
