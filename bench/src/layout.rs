//! Which files a work has: a rule instead of a list, so that the directory and
//! the endpoint's listing agree without a word between the two, and a million
//! entries cost nothing to describe.

use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// Files in one directory.
const IN_DIRECTORY: u64 = 1_000;

/// `10000x4096`: ten thousand files of 4 KiB. `100000x3~100`: every hundredth
/// has changed: it is one byte longer, and later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How many files there are.
    pub count: u64,
    size: u64,
    changed: Option<u64>,
}

impl Layout {
    /// The path of a file, which is its key. Ascending in byte order; it needs
    /// no escaping, neither in XML nor in a URL.
    #[must_use]
    pub fn key(&self, index: u64) -> String {
        format!("d{:05}/f{index:08}", index / IN_DIRECTORY)
    }

    /// The size of a file.
    #[must_use]
    pub fn size(&self, index: u64) -> u64 {
        self.size + u64::from(self.is_changed(index))
    }

    /// Whether the file is one of those that have changed.
    #[must_use]
    pub fn is_changed(&self, index: u64) -> bool {
        self.changed.is_some_and(|step| index.is_multiple_of(step))
    }

    /// All files: index, key and size.
    pub fn files(&self) -> impl Iterator<Item = (u64, String, u64)> {
        (0..self.count).map(|index| (index, self.key(index), self.size(index)))
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let usage = || format!("invalid layout '{text}' (examples: 10000x4096, 100000x3~100)");
        let (count, rest) = text.split_once('x').with_context(usage)?;
        let (size, changed) = match rest.split_once('~') {
            Some((size, step)) => (size, Some(step.parse().with_context(usage)?)),
            None => (rest, None),
        };
        Ok(Self {
            count: count.parse().with_context(usage)?,
            size: size.parse().with_context(usage)?,
            changed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ascend_and_every_nth_file_is_longer() -> Result<()> {
        let layout: Layout = "2500x3~1000".parse()?;
        let files: Vec<_> = layout.files().collect();
        assert!(files.is_sorted_by(|a, b| a.1 < b.1));
        assert_eq!(files[1_000], (1_000, "d00001/f00001000".to_owned(), 4));
        assert_eq!(files.iter().filter(|file| file.2 == 4).count(), 3);
        Ok(())
    }

    #[test]
    fn what_is_no_layout_is_refused() {
        for text in ["", "10", "10x", "x3", "10x3~", "10x3~x"] {
            assert!(text.parse::<Layout>().is_err(), "{text}");
        }
    }
}
