//! `bench-floor sdk|http put|get|list LAYOUT URL`: one of the floors.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use s3mirror_bench::{
    floor::{self, Action},
    layout::Layout,
};

#[derive(Parser)]
struct Options {
    client: Client,
    action: Action,
    layout: Layout,
    url: String,
    /// The bucket
    #[arg(long, default_value = "bench")]
    bucket: String,
    /// Leave content unsigned, as is usual over https
    #[arg(long)]
    unsigned: bool,
    /// The certificate to trust
    #[arg(long)]
    ca: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Client {
    /// The AWS SDK
    Sdk,
    /// A bare HTTP client
    Http,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let Options { url, bucket, .. } = &options;
    match options.client {
        Client::Sdk => {
            let signing = if options.unsigned {
                floor::sdk::Signing::Unsigned
            } else {
                floor::sdk::Signing::Payload
            };
            let work = floor::sdk::run(options.action, options.layout, url, bucket, signing);
            runtime.block_on(work)
        }
        Client::Http => {
            let ca = options.ca.as_deref();
            let work = floor::http::run(options.action, options.layout, url, bucket, ca);
            runtime.block_on(work)
        }
    }
}
