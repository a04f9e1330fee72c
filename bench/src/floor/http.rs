//! A bare HTTP client: sockets, and requests made in advance.
//!
//! It knows of HTTP what the endpoint of the benchmark needs, and checks no
//! more than status and length.

use std::{path::Path, rc::Rc, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use futures::future::try_join_all;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::{Action, CONCURRENCY, Piece, pieces};
use crate::{content::Content, layout::Layout};

const BUFFER: usize = 256 * 1024;

/// Does `action` with all files of `layout`.
pub async fn run(
    action: Action,
    layout: Layout,
    url: &str,
    bucket: &str,
    ca: Option<&Path>,
) -> Result<()> {
    let server = Server::new(url, bucket, ca)?;
    if action == Action::List {
        return server.list(layout).await;
    }
    // Whichever connection is free takes the next.
    let work = Rc::new(std::cell::RefCell::new(pieces(layout)));
    let connections = (0..CONCURRENCY).map(|_| {
        let work = Rc::clone(&work);
        let server = &server;
        async move {
            let mut connection = server.connect().await?;
            loop {
                let Some(piece) = work.borrow_mut().next() else {
                    return anyhow::Ok(());
                };
                match action {
                    Action::Put => connection.put(server, &piece).await?,
                    _ => connection.get(server, &piece).await?,
                }
            }
        }
    });
    try_join_all(connections).await?;
    Ok(())
}

struct Server<'a> {
    host: &'a str,
    bucket: &'a str,
    tls: Option<TlsConnector>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

struct Connection {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
}

impl<'a> Server<'a> {
    fn new(url: &'a str, bucket: &'a str, ca: Option<&Path>) -> Result<Self> {
        let (scheme, host) = url.split_once("://").context("no URL")?;
        let tls = (scheme == "https").then(|| connector(ca)).transpose()?;
        Ok(Self { host, bucket, tls })
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.host).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = self.host.split(':').next().unwrap_or_default().to_owned();
                Box::new(tls.connect(ServerName::try_from(name)?, stream).await?)
            }
        };
        Ok(Connection {
            stream,
            buffer: BytesMut::with_capacity(BUFFER),
        })
    }

    async fn list(&self, layout: Layout) -> Result<()> {
        let mut connection = self.connect().await?;
        let mut token = String::new();
        let mut count = 0;
        loop {
            let query = format!("?list-type=2&continuation-token={token}");
            connection.send(&self.head("GET", &query, ""), &[]).await?;
            let page = connection.text().await?;
            count += page.matches("<Key>").count() as u64;
            let Some((_, next)) = page.split_once("<NextContinuationToken>") else {
                break;
            };
            token = next.split('<').next().unwrap_or_default().to_owned();
        }
        ensure!(count == layout.count, "the listing has {count} entries");
        Ok(())
    }

    /// The first lines of a request, as long as an SDK's.
    fn head(&self, method: &str, path: &str, more: &str) -> Vec<u8> {
        let Self { host, bucket, .. } = self;
        let padding = "x".repeat(400);
        format!(
            "{method} /{bucket}{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {padding}\r\n\
             {more}\r\n"
        )
        .into()
    }
}

impl Connection {
    async fn put(&mut self, server: &Server<'_>, piece: &Piece) -> Result<()> {
        let Piece { index, size, .. } = *piece;
        let path = if piece.is_whole() {
            format!("/{}", piece.key)
        } else {
            // An upload is begun before its parts and completed after them;
            // two requests a file are not what this floor is about.
            format!("/{}.part{}", piece.key, piece.number())
        };
        let len = piece.range.end - piece.range.start;
        let more = format!("content-length: {len}\r\ncontent-md5: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
        let head = server.head("PUT", &path, &more);
        let content: Vec<Bytes> = Content { index, size }
            .pieces(piece.range.clone())
            .collect();
        self.send(&head, &content).await?;
        self.skip().await.map(drop)
    }

    async fn get(&mut self, server: &Server<'_>, piece: &Piece) -> Result<()> {
        let range = &piece.range;
        let more = if piece.is_whole() {
            String::new()
        } else {
            format!("range: bytes={}-{}\r\n", range.start, range.end - 1)
        };
        let head = server.head("GET", &format!("/{}", piece.key), &more);
        self.send(&head, &[]).await?;
        let len = self.skip().await?;
        ensure!(len == range.end - range.start, "{len} bytes");
        Ok(())
    }

    async fn send(&mut self, head: &[u8], content: &[Bytes]) -> Result<()> {
        // What is small goes out at once.
        if let [small] = content
            && small.len() < BUFFER
        {
            self.stream.write_all(&[head, small].concat()).await?;
        } else {
            self.stream.write_all(head).await?;
            for piece in content {
                self.stream.write_all(piece).await?;
            }
        }
        Ok(self.stream.flush().await?)
    }

    /// Reads an answer, and forgets its content; how long it was.
    async fn skip(&mut self) -> Result<u64> {
        let len = self.answer().await?;
        let mut left = len;
        loop {
            let here = self.buffer.len().min(usize::try_from(left)?);
            left -= here as u64;
            if left == 0 {
                self.buffer.clear();
                return Ok(len);
            }
            self.buffer.clear();
            self.fill().await?;
        }
    }

    async fn text(&mut self) -> Result<String> {
        let len = usize::try_from(self.answer().await?)?;
        while self.buffer.len() < len {
            self.fill().await?;
        }
        Ok(String::from_utf8(self.buffer.split_to(len).to_vec())?)
    }

    /// Reads the first lines of an answer; how long its content is.
    async fn answer(&mut self) -> Result<u64> {
        const END: &[u8] = b"\r\n\r\n";
        let end = loop {
            let end = self.buffer.windows(END.len()).position(|four| four == END);
            match end {
                Some(end) => break end + END.len(),
                None => self.fill().await?,
            }
        };
        let head = self.buffer.split_to(end);
        let head = std::str::from_utf8(&head)?;
        ensure!(head.starts_with("HTTP/1.1 2"), "an answer: {head}");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then_some(value)
        });
        Ok(length.map_or(Ok(0), str::parse)?)
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.reserve(BUFFER);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection ended early");
        }
        Ok(())
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let ca = ca.context("https takes a certificate to trust: --ca")?;
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
