//! Which files a work has: a rule instead of a list, so that the directory and
//! the endpoint's listing agree without a word between the two, and a million
//! entries cost nothing to describe.

use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// Files in one directory, unless a layout says otherwise.
const IN_DIRECTORY: u64 = 1_000;

/// `10000x4096`: ten thousand files of 4 KiB. `10000x4096@100`: the same, a
/// hundred of them in each directory. `100000x3~100`: every hundredth has
/// changed: it is one byte longer, and later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How many files there are.
    pub count: u64,
    size: u64,
    in_directory: u64,
    changed: Option<u64>,
}

impl Layout {
    /// The path of a file, which is its key. Ascending in byte order; it needs
    /// no escaping, neither in XML nor in a URL.
    #[must_use]
    pub fn key(&self, index: u64) -> String {
        format!("d{:05}/f{index:08}", index / self.in_directory)
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
        parse(text).with_context(|| {
            format!("invalid layout '{text}' (examples: 10000x4096, 10000x3@100, 100000x3~100)")
        })
    }
}

fn parse(text: &str) -> Option<Layout> {
    let (count, rest) = text.split_once('x')?;
    let (rest, changed) = with_number(rest, '~')?;
    let (size, in_directory) = with_number(rest, '@')?;
    Some(Layout {
        count: count.parse().ok()?,
        size: size.parse().ok()?,
        in_directory: in_directory.unwrap_or(IN_DIRECTORY),
        changed,
    })
}

/// What comes before `mark`, and the number after it, which is none of zero.
fn with_number(text: &str, mark: char) -> Option<(&str, Option<u64>)> {
    let Some((before, number)) = text.split_once(mark) else {
        return Some((text, None));
    };
    let number = number.parse().ok().filter(|&number| number > 0)?;
    Some((before, Some(number)))
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
    fn directories_hold_as_many_files_as_the_layout_says() -> Result<()> {
        let layout: Layout = "10000x3@100~7".parse()?;
        assert_eq!(layout.key(99), "d00000/f00000099");
        assert_eq!(layout.key(100), "d00001/f00000100");
        assert_eq!((layout.size(6), layout.size(7)), (3, 4));
        Ok(())
    }

    #[test]
    fn what_is_no_layout_is_refused() {
        for text in [
            "", "10", "10x", "x3", "10x3~", "10x3~x", "10x3~0", "10x3@0", "10x3@",
        ] {
            assert!(text.parse::<Layout>().is_err(), "{text}");
        }
    }
}
