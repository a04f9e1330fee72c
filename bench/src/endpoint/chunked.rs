//! `aws-chunked`: content in chunks with a line before each, and trailers at
//! the end. The content of the chunks is skipped, not copied.

use anyhow::{Context, Result, ensure};

/// No line of this format is longer: a chunk's signature needs less.
const LONGEST_LINE: usize = 4_096;

/// Reads a body piece by piece, wherever it is cut.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: At,
    line: Vec<u8>,
    /// As they came: `name:value`.
    pub(super) trailers: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In the line that says how long the next chunk is.
    #[default]
    Size,
    /// In a chunk of which so much is left.
    Content(u64),
    /// In the empty line after a chunk.
    Gap,
    Trailers,
    End,
}

impl Chunked {
    /// Reads on, and gives the content of `piece` to `content`.
    pub(super) fn read(&mut self, mut piece: &[u8], mut content: impl FnMut(&[u8])) -> Result<()> {
        while !piece.is_empty() && self.at != At::End {
            if let At::Content(left) = self.at {
                let here = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (inside, rest) = piece.split_at(here);
                content(inside);
                piece = rest;
                self.at = match left - here as u64 {
                    0 => At::Gap,
                    left => At::Content(left),
                };
            } else {
                piece = self.read_line(piece)?;
            }
        }
        Ok(())
    }

    fn read_line<'p>(&mut self, piece: &'p [u8]) -> Result<&'p [u8]> {
        let end = piece.iter().position(|&byte| byte == b'\n');
        let (here, rest) = piece.split_at(end.map_or(piece.len(), |end| end + 1));
        self.line.extend_from_slice(here);
        ensure!(self.line.len() <= LONGEST_LINE, "an endless line");
        if end.is_some() {
            let line = String::from_utf8(std::mem::take(&mut self.line))?;
            self.take_line(line.trim_end())?;
        }
        Ok(rest)
    }

    fn take_line(&mut self, line: &str) -> Result<()> {
        self.at = match self.at {
            At::Size => {
                let digits = line.split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(digits, 16);
                match size.with_context(|| format!("invalid size of a chunk: '{line}'"))? {
                    0 => At::Trailers,
                    size => At::Content(size),
                }
            }
            At::Trailers if line.is_empty() => At::End,
            At::Trailers => {
                self.trailers.push(line.to_owned());
                At::Trailers
            }
            At::Gap => At::Size,
            other => other,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0\r\n\
                        x-amz-checksum-crc32:AAAA\r\n\r\n";

    #[test]
    fn wherever_a_body_is_cut_its_content_is_the_same() {
        for len in 1..BODY.len() {
            let mut chunked = Chunked::default();
            let mut content = Vec::new();
            for piece in BODY.as_bytes().chunks(len) {
                let read = chunked.read(piece, |bytes| content.extend_from_slice(bytes));
                read.unwrap();
            }
            assert_eq!(content, b"hello world", "{len}");
            assert_eq!(chunked.trailers, ["x-amz-checksum-crc32:AAAA"]);
            assert_eq!(chunked.at, At::End);
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        assert!(Chunked::default().read(b"hello\r\n", |_| ()).is_err());
    }
}
