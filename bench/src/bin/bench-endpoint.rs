//! `bench-endpoint`: the S3 server of the benchmark. Prints its URL, serves
//! until standard input ends, then prints what was asked for.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Parser;
use s3mirror_bench::{endpoint, layout::Layout, pin::pin};

#[derive(Parser)]
struct Options {
    /// The files that the bucket holds; none without
    #[arg(long)]
    seed: Option<Layout>,
    /// How much later than possible each answer comes, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Serve https, and write the certificate to trust to this file
    #[arg(long)]
    tls: Option<PathBuf>,
    /// The cores to keep to: numbers with commas between them, or 'any'
    #[arg(long, default_value = "any")]
    cores: String,
}

fn main() -> Result<()> {
    let options = Options::parse();
    pin(&options.cores)?;
    endpoint::run(&endpoint::Options {
        seed: options.seed,
        latency: Duration::from_millis(options.latency),
        tls: options.tls,
    })
}
