//! `bench-data make|check LAYOUT DIR`: makes the files of a layout, or checks
//! that a directory holds them.

use std::{fs, path::PathBuf};

use anyhow::Result;
use clap::Parser;
use s3mirror_bench::{data, layout::Layout};

#[derive(Parser)]
enum Command {
    /// Makes the files; the directory must not exist
    Make { layout: Layout, dir: PathBuf },
    /// Checks that the directory holds the files, byte for byte
    Check { layout: Layout, dir: PathBuf },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Make { layout, dir } => {
            fs::create_dir(&dir)?;
            data::make(layout, &dir)
        }
        Command::Check { layout, dir } => data::check(layout, &dir),
    }
}
