//! Serves the in-memory S3 endpoint on a port, for people and for scripts.
//!
//! Prints `export` lines for the address and the credentials, then serves
//! until it is interrupted, terminated, or reads the line `quit`.

use std::{
    io::{BufRead as _, Write as _},
    path::PathBuf,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use s3_endpoint::{ACCESS_KEY, Config, Endpoint, ListOrder, SECRET_KEY};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// An S3 server in memory, for tests. Everything is gone when it ends.
#[derive(Debug, Parser)]
struct Options {
    /// The port on 127.0.0.1; 0 lets the system choose
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A bucket to create; may be repeated
    #[arg(long, value_name = "NAME")]
    bucket: Vec<String>,
    /// The order of listings
    #[arg(long, value_enum, default_value_t = Order::Bytes)]
    list_order: Order,
    /// A bucket of these that keeps versions; may be repeated
    #[arg(long, value_name = "NAME")]
    versioned: Vec<String>,
    /// The most keys on a page of a listing
    #[arg(long, value_name = "N", default_value_t = 1000)]
    page_size: usize,
    /// Append each request to this file as a JSON line
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Make ETags without MD5, which is most of the work
    #[arg(long)]
    fast_etags: bool,
    /// Wait so long before each request
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,
    /// Serve requests without a signature too
    #[arg(long)]
    anonymous: bool,
    /// Refuse requests that are signed for another region
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// By the bytes of the key, as AWS does
    Bytes,
    /// By the names at each directory level, as SeaweedFS does
    DirectoryWise,
    /// In no order, but always the same
    Shuffled,
}

impl From<Options> for Config {
    fn from(options: Options) -> Self {
        Self {
            port: options.port,
            buckets: options.bucket,
            list_order: match options.list_order {
                Order::Bytes => ListOrder::Bytes,
                Order::DirectoryWise => ListOrder::DirectoryWise,
                Order::Shuffled => ListOrder::Shuffled(1),
            },
            page_size: options.page_size,
            log_file: options.log,
            fast_etags: options.fast_etags,
            latency: Duration::from_millis(options.latency_ms),
            anonymous: options.anonymous,
            region: options.region,
            // It may serve for days, and nobody could read a log in memory.
            keep_log: false,
            ..Self::default()
        }
    }
}

fn main() -> anyhow::Result<()> {
    let mut options = Options::parse();
    let versioned = std::mem::take(&mut options.versioned);
    let config = Config::from(options);
    let region = config
        .region
        .clone()
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = Endpoint::start(config).context("the endpoint cannot start")?;
    for bucket in versioned {
        endpoint.create_bucket(&bucket);
        endpoint.set_versioning(&bucket, Some("Enabled"));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", endpoint.url())?;
    writeln!(out, "export AWS_ACCESS_KEY_ID={ACCESS_KEY}")?;
    writeln!(out, "export AWS_SECRET_ACCESS_KEY={SECRET_KEY}")?;
    writeln!(out, "export AWS_REGION={region}")?;
    out.flush()?;
    drop(out);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(until_told_to_stop())?;
    Ok(())
}

async fn until_told_to_stop() -> std::io::Result<()> {
    let (mut interrupted, mut terminated) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let (quit, told) = oneshot::channel();
    // A thread of its own, because a read of stdin cannot be taken back.
    thread::Builder::new().spawn(|| wait_for_quit(quit))?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        Ok(()) = told => {}
    }
    Ok(())
}

/// Tells of the line `quit`. The end of stdin means nothing: a service in the
/// background has none.
fn wait_for_quit(quit: oneshot::Sender<()>) {
    let lines = std::io::stdin().lock().lines();
    if lines
        .map_while(Result::ok)
        .any(|line| line.trim() == "quit")
    {
        // Nobody listens only if the end has come by another way.
        let _ = quit.send(());
    }
}
