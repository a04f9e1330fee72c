//! The S3 server that all tools are measured with: as little work per request
//! as it can be, so that the tool is what takes the time.
//!
//! One thread. No signature is checked and no content is kept: what is
//! uploaded is read, its name, size, metadata and sums are remembered. What is
//! downloaded comes out of [`crate::content`] without a copy. ETags are the
//! MD5 that the client sent along (`Content-MD5`) or, for bodies of at most
//! 64 KiB, computed; a larger body without one gets a made-up ETag, because
//! an MD5 of a gigabyte would take longer than its upload, and of the tools
//! compared only those that send a `Content-MD5` look at it. An object's
//! checksum is the one that the client gave; the seeded files have a
//! CRC64NVME, which S3 itself would have added.

// `server` and `tls` hold the connections; `answer` chooses the operation, which is in
// `list`, `read`, `write` or `delete` and replies by `reply`; `intake` and `chunked` read bodies.
mod answer;
mod chunked;
mod delete;
mod intake;
mod list;
mod read;
mod reply;
mod server;
mod state;
mod tally;
mod target;
mod tls;
mod write;

use std::{io::Read as _, path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    layout::Layout,
    usage::{Usage, Who},
};
use server::Server;
use state::State;

/// What the endpoint is to be like.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The files that the bucket holds.
    pub seed: Option<Layout>,
    /// How much later than possible each answer comes.
    pub latency: Duration,
    /// Serve https, and write the certificate of the authority here.
    pub tls: Option<PathBuf>,
}

/// Serves until standard input ends, then prints the count of requests.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, serve(options))
}

async fn serve(options: &Options) -> Result<()> {
    let state = State::seeded(options.seed);
    let tls = options.tls.as_deref().map(tls::acceptor).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();

    let server = Rc::new(Server::new(state, options.latency));
    let before = Usage::of(Who::Own)?;
    println!("{scheme}://127.0.0.1:{port}");
    tokio::task::spawn_local(Rc::clone(&server).accept(listener, tls));
    stdin_ended().await?;
    // Nobody waits for what is still in flight on the clients' connections.
    let after = Usage::of(Who::Own)?;
    let cpu = after.user + after.system - before.user - before.system;
    print!("{}", server.report());
    print!("cpu {cpu:.3}\npeak {}\n", after.peak);
    Ok(())
}

async fn stdin_ended() -> Result<()> {
    let (sender, ended) = oneshot::channel();
    // tokio's own standard input would be a thread all the same.
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = sender.send(());
    });
    ended.await.context("nobody watches standard input")
}
