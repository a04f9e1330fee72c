//! The floors: what the same requests cost when nothing is around them. No
//! files, no names, no rule, no checksum; content from memory, and forgotten.
//!
//! [`http`] is a bare HTTP client whose requests are made in advance. What it
//! takes is the kernel's and the wire's. [`sdk`] is the AWS SDK in one thread.
//! A tool that is built on it cannot take less.

pub mod http;
pub mod sdk;

use std::{ops::Range, str::FromStr};

use anyhow::{Error, bail};

use crate::{layout::Layout, sums::PART};

/// Requests in flight.
pub const CONCURRENCY: usize = 32;

/// What is done with the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Every file is uploaded.
    Put,
    /// Every file is downloaded.
    Get,
    /// All pages of the listing are read.
    List,
}

impl FromStr for Action {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "put" => Self::Put,
            "get" => Self::Get,
            "list" => Self::List,
            _ => bail!("'{text}' is neither put nor get nor list"),
        })
    }
}

/// A part of a file, as one request has it.
#[derive(Debug, Clone)]
struct Piece {
    index: u64,
    key: String,
    size: u64,
    range: Range<u64>,
}

impl Piece {
    fn is_whole(&self) -> bool {
        self.range == (0..self.size)
    }

    /// As S3 counts parts.
    fn number(&self) -> u64 {
        self.range.start / PART + 1
    }
}

/// All files, the large ones in parts.
fn pieces(layout: Layout) -> impl Iterator<Item = Piece> {
    (0..layout.count).flat_map(move |index| {
        let size = layout.size(index);
        (0..size.div_ceil(PART).max(1)).map(move |part| Piece {
            index,
            key: layout.key(index),
            size,
            range: part * PART..size.min((part + 1) * PART),
        })
    })
}
