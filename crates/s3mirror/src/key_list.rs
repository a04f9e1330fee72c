//! Key lists as text, as other programs write them: a key a line, or before each NUL.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use sync_core::{
    KeyList,
    key_list::{KeyListBuilder, KeyListItem},
    text::printable,
};

use crate::options::sort_memory;
use crate::state::TempSpools;

/// Memory for sorting a list; what is larger is sorted in temporary files. The allocator keeps
/// what a sort gives back, and what grows is for a moment there twice: with 8 MiB here, a run by a
/// list of a million keys took 50 MiB rather than 33.
const MEMORY: usize = 2 << 20;

/// The longest line: more than any file system has for a path, so it is no key.
const LONGEST: u64 = 16 << 10;

/// Invalid lines that are named.
const NAMED: usize = 10;

/// What ends each item of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Separator {
    /// The end of a line; a carriage return before it does not count.
    #[default]
    Line,
    /// A NUL, so that keys with ends of lines in them can be listed.
    Nul,
}

/// Why there is no key list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyListError {
    /// The text cannot be read.
    #[error("cannot read the list: {0}")]
    Read(#[source] io::Error),
    /// The list cannot be sorted.
    #[error("cannot keep the list in a temporary file (see TMPDIR): {0}")]
    Spool(#[source] io::Error),
    /// Lines that name neither a key nor a directory. The list is not used at all.
    #[error("{0}")]
    Lines(InvalidLines),
}

/// Lines that name neither a key nor a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidLines {
    /// How many there are.
    pub count: u64,
    /// The first of them: their numbers, counted from 1, and what is wrong.
    pub first: Vec<(u64, String)>,
}

impl fmt::Display for InvalidLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (number, wrong)) in self.first.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}line {number}: {wrong}")?;
        }
        match self.count.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// The key list of `items`, in any order.
///
/// ```
/// use s3mirror::{KeyListItem, Mirror, key_list};
///
/// let changed = key_list([KeyListItem::parse("photos/a.jpg")?, KeyListItem::parse("new/")?])?;
/// let backup = Mirror::backup("/srv/data", "my-bucket/data".parse()?).only(changed);
/// # let _ = backup;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of writing a temporary file.
pub fn key_list(items: impl IntoIterator<Item = KeyListItem>) -> io::Result<KeyList> {
    let mut builder = builder();
    for item in items {
        builder.add(&item)?;
    }
    builder.finish()
}

fn builder() -> KeyListBuilder {
    KeyListBuilder::new(Arc::new(TempSpools), sort_memory(MEMORY))
}

/// Reads a key list: on each line a key, or `dir/` for all keys below that directory; see
/// [`KeyListItem::parse`]. Empty lines mean nothing.
///
/// # Errors
/// [`KeyListError`]; a list with invalid lines is no list.
pub fn read_key_list(
    mut input: impl BufRead,
    separator: Separator,
) -> Result<KeyList, KeyListError> {
    let mut builder = builder();
    let mut invalid = InvalidLines::default();
    let mut number = 0;
    while let Some(line) = next(&mut input, separator).map_err(KeyListError::Read)? {
        number += 1;
        let text = match number {
            1 => line
                .text
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(&line.text),
            _ => &line.text,
        };
        match line.check_end(separator).and_then(|()| item(text)) {
            Ok(Some(item)) => builder.add(&item).map_err(KeyListError::Spool)?,
            Ok(None) => {}
            Err(wrong) => invalid.add(number, wrong),
        }
    }
    if invalid.count > 0 {
        return Err(KeyListError::Lines(invalid));
    }
    builder.finish().map_err(KeyListError::Spool)
}

impl InvalidLines {
    fn add(&mut self, number: u64, wrong: String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push((number, wrong));
        }
    }
}

/// A line without its end; of one that is too long, only its beginning.
struct Line {
    text: Vec<u8>,
    has_end: bool,
}

impl Line {
    /// Refuses a last line of which the end may be missing: what is left of it could name more
    /// than all of it did, as `photos/` of `photos/2024/a.jpg` does.
    fn check_end(&self, separator: Separator) -> Result<(), String> {
        if self.has_end || self.text.len() as u64 > LONGEST {
            return Ok(());
        }
        let shown = printable(&String::from_utf8_lossy(&self.text));
        match separator {
            Separator::Nul => Err(format!(
                "'{shown}' has no NUL at its end: the list is cut off"
            )),
            Separator::Line if self.text.ends_with(b"/") => Err(format!(
                "'{shown}' has no line feed at its end: the list may be cut off"
            )),
            Separator::Line => Ok(()),
        }
    }
}

/// The next line.
fn next(input: &mut impl BufRead, separator: Separator) -> io::Result<Option<Line>> {
    let end = match separator {
        Separator::Line => b'\n',
        Separator::Nul => 0,
    };
    let mut text = Vec::new();
    let read = input
        .by_ref()
        .take(LONGEST + 2)
        .read_until(end, &mut text)?;
    if read == 0 {
        return Ok(None);
    }
    let has_end = text.pop_if(|last| *last == end).is_some();
    if !has_end && text.len() as u64 > LONGEST {
        input.skip_until(end)?;
    }
    if separator == Separator::Line {
        text.pop_if(|last| *last == b'\r');
    }
    Ok(Some(Line { text, has_end }))
}

/// What `line` names, if anything; or what is wrong with it.
fn item(line: &[u8]) -> Result<Option<KeyListItem>, String> {
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() as u64 > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    let Ok(text) = str::from_utf8(line) else {
        return Err(format!("'{}' is not UTF-8", line.escape_ascii()));
    };
    if text == "." {
        let why = "'.' is the directory itself: write './' for all that is below it, or list files \
                   only";
        return Err(why.to_owned());
    }
    let item = KeyListItem::parse(text);
    item.map(Some)
        .map_err(|why| format!("'{}' {why}", printable(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], separator: Separator) -> Result<Vec<String>, String> {
        let list = read_key_list(text, separator).map_err(|wrong| wrong.to_string())?;
        let items = list.items().unwrap().map(|item| match item.unwrap() {
            KeyListItem::Key(key) => key.as_str().to_owned(),
            KeyListItem::Below(directory) => directory,
        });
        Ok(items.collect())
    }

    #[test]
    fn lines_name_keys_and_directories_in_any_order() {
        let text = b"\xef\xbb\xbfb\r\n./a\n\nc/\nb\nc/d\nwith space \n.x";
        let listed = read(text, Separator::Line).unwrap();
        assert_eq!(listed, [".x", "a", "b", "c/", "with space "]);
        assert!(read(b"", Separator::Line).unwrap().is_empty());
        assert!(read(b"\n", Separator::Line).unwrap().is_empty());
    }

    #[test]
    fn names_that_end_with_a_nul_may_have_anything_else_in_them() {
        let listed = read(b"a\nb\0./c\r\0\0d/\0", Separator::Nul).unwrap();
        assert_eq!(listed, ["a\nb", "c\r", "d/"]);
    }

    #[test]
    fn every_line_that_is_no_key_is_named_by_its_number() {
        let text = b"good\n/etc/x\n../y\na//b\n\xff\n.\nnul\0\nfine\n";
        let told = read(text, Separator::Line).unwrap_err();
        let expected = "line 2: '/etc/x' begins with a slash; line 3: '../y' has a `.` or `..` \
                        segment; line 4: 'a//b' has an empty segment; line 5: '\\xff' is not UTF-8; \
                        line 6: '.' is the directory itself: write './' for all that is below it, or \
                        list files only; line 7: 'nul\\u{0}' has a NUL byte";
        assert_eq!(told, expected);
        let many = "/\n".repeat(NAMED + 5);
        let told = read(many.as_bytes(), Separator::Line).unwrap_err();
        assert!(told.ends_with("; and 5 more"), "{told}");
    }

    /// What is left of `photos/2024/a.jpg` may name a directory.
    #[test]
    fn a_list_that_is_cut_off_is_not_used() {
        for (text, told) in [
            (&b"a\0photos/"[..], "line 2: 'photos/' has no NUL"),
            (b"a\0photos/20", "line 2: 'photos/20' has no NUL"),
            (b"a\0\n", "line 2: '\\n' has no NUL"),
        ] {
            let wrong = read(text, Separator::Nul).unwrap_err();
            assert!(wrong.starts_with(told), "{wrong}");
            assert!(wrong.ends_with("the list is cut off"), "{wrong}");
        }
        for text in [&b"a\nphotos/"[..], b"a\nphotos/\r"] {
            let wrong = read(text, Separator::Line).unwrap_err();
            let told = "line 2: 'photos/' has no line feed at its end: the list may be cut off";
            assert_eq!(wrong, told);
        }
        let listed = read(b"b/\na", Separator::Line).unwrap();
        assert_eq!(listed, ["a", "b/"]);
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let longest = "x".repeat(LONGEST as usize);
        let text = format!("{longest}\n{longest}y\n{longest}{longest}\nz\n");
        let told = read(text.as_bytes(), Separator::Line).unwrap_err();
        assert_eq!(
            told,
            "line 2: is longer than 16384 bytes; line 3: is longer than 16384 bytes"
        );
    }
}
