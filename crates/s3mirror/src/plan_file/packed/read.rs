//! Decompresses a plan, or a part of one. Every sum and length is checked before
//! what it is about is used, and no length that a file claims takes more memory
//! than a block may have.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use sync_core::{
    checksum::{Crc64, Crc64Hasher},
    plan::FORMAT_VERSION,
};
use zstd::bulk::Decompressor;

use super::{Block, FRAME, MAX_NOTE, MAX_PACKED, MAX_RAW, Note, SKIPPED, Span, Work, invalid};

/// Whether a file that begins with these bytes is packed.
pub(crate) fn is_packed(begin: &[u8]) -> bool {
    begin.starts_with(&SKIPPED)
}

/// The lines of a part of the plan in the file `path`.
pub(crate) fn span(path: &Path, span: &Span) -> io::Result<Unpacked<Take<File>>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(span.at))?;
    Unpacked::new(file.take(span.length), span.at, Scope::Part(span.clone()))
}

/// The lines of the plan in the file `path` but its header and those blocks that have
/// nothing but transfers, which are not decompressed. All of the file is checked.
pub(crate) fn others(path: &Path) -> io::Result<Unpacked<File>> {
    Unpacked::new(File::open(path)?, 0, Scope::Others)
}

/// The lines of a packed plan.
pub(crate) struct Unpacked<R> {
    frames: Frames<R>,
    decompressor: Decompressor<'static>,
    scope: Scope,
    /// What was read so far.
    blocks: u64,
    work: Work,
    /// The lines of the block, and how many bytes of them are read.
    lines: Vec<u8>,
    used: usize,
    is_at_end: bool,
}

/// What the blocks must be when all are read.
enum Scope {
    /// The file, from its first note to its last.
    Whole,
    /// As `Whole`, without blocks of transfers only.
    Others,
    Part(Span),
}

impl Scope {
    fn is_whole(&self) -> bool {
        !matches!(self, Self::Part(_))
    }
}

impl<R: Read> Unpacked<R> {
    /// All lines of a file, of which nothing is read yet.
    pub(crate) fn whole(file: R) -> io::Result<Self> {
        Self::new(file, 0, Scope::Whole)
    }

    fn new(file: R, at: u64, scope: Scope) -> io::Result<Self> {
        Ok(Self {
            frames: Frames::new(file, at),
            decompressor: Decompressor::new()?,
            scope,
            blocks: 0,
            work: Work::default(),
            lines: Vec::new(),
            used: 0,
            is_at_end: false,
        })
    }

    /// Reads the next block, or finds the end.
    fn advance(&mut self) -> io::Result<()> {
        let at = self.frames.at;
        let before = self.frames.sum.so_far();
        match (self.frames.note()?, &self.scope) {
            (Some(Note::S3mirrorPlan(version)), scope) if at == 0 && scope.is_whole() => {
                if version != FORMAT_VERSION {
                    // The reader of the lines says what to do about that.
                    self.set(format!("{{\"s3mirror_plan\":{version}}}\n").into_bytes());
                    self.is_at_end = true;
                }
                Ok(())
            }
            (Some(Note::Block(block)), scope) if at > 0 => {
                let work = block.work;
                let is_wanted = !matches!(scope, Scope::Others) || work.actions > work.transfers;
                let frame = self.frames.frame(at, &block)?;
                let lines = if is_wanted {
                    self.decompress(at, &block, &frame)?
                } else {
                    Vec::new()
                };
                self.blocks += 1;
                self.work += block.work;
                self.set(lines);
                Ok(())
            }
            (Some(Note::End { blocks, crc64 }), scope) if at > 0 && scope.is_whole() => {
                if blocks != self.blocks || crc64 != before.to_string() {
                    return Err(invalid(at, "the blocks are not those that it ends with"));
                }
                if self.frames.note()?.is_some() {
                    return Err(invalid(self.frames.at, "more comes after its end"));
                }
                self.is_at_end = true;
                Ok(())
            }
            (None, Scope::Part(span)) => {
                if span.work != self.work || span.crc64 != before.to_string() {
                    return Err(invalid(span.at, "a part is not what it was"));
                }
                self.is_at_end = true;
                Ok(())
            }
            (None, _) => Err(invalid(at, "it ends before its end")),
            (Some(_), _) => Err(invalid(at, "a block is expected there")),
        }
    }

    /// The lines of the block whose note began at `at`.
    fn decompress(&mut self, at: u64, block: &Block, frame: &[u8]) -> io::Result<Vec<u8>> {
        let raw = size(at, block.raw, MAX_RAW)?;
        let lines = self.decompressor.decompress(frame, raw);
        lines
            .ok()
            .filter(|lines| lines.len() == raw)
            .ok_or_else(|| invalid(at, "a block cannot be decompressed"))
    }

    fn set(&mut self, lines: Vec<u8>) {
        (self.lines, self.used) = (lines, 0);
    }
}

impl<R: Read> BufRead for Unpacked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.lines.len() && !self.is_at_end {
            self.advance()?;
        }
        Ok(&self.lines[self.used..])
    }

    fn consume(&mut self, bytes: usize) {
        self.used = self.lines.len().min(self.used + bytes);
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(to)?;
        self.consume(read);
        Ok(read)
    }
}

/// A length that a note claims, if a block may have it.
fn size(at: u64, bytes: u64, most: usize) -> io::Result<usize> {
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= most);
    bytes.ok_or_else(|| invalid(at, "a block is larger than any of a plan"))
}

/// The frames of a file, with the sum of what was read of it.
pub(super) struct Frames<R> {
    file: BufReader<R>,
    pub(super) at: u64,
    pub(super) sum: Crc64Hasher,
    /// The bytes of the last note.
    pub(super) last_note: Vec<u8>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(file: R, at: u64) -> Self {
        Self {
            file: BufReader::with_capacity(64 << 10, file),
            at,
            sum: Crc64Hasher::default(),
            last_note: Vec::new(),
        }
    }

    /// The compressed bytes of the block whose note began at `at`.
    pub(super) fn frame(&mut self, at: u64, block: &Block) -> io::Result<Vec<u8>> {
        let packed = size(at, block.packed, MAX_PACKED)?;
        if block.at != at {
            return Err(invalid(at, "a block is not where it was written"));
        }
        let frame = self.take(packed)?;
        if Crc64::of(&frame).to_string() != block.crc64 {
            return Err(invalid(at, "the checksum of a block is wrong"));
        }
        Ok(frame)
    }

    /// The next note; none at the end of the file.
    pub(super) fn note(&mut self) -> io::Result<Option<Note>> {
        if self.file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let head = self.take(FRAME)?;
        let (begin, length) = head.split_at(SKIPPED.len());
        let length = length.try_into().map_or(u32::MAX, u32::from_le_bytes);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if begin != SKIPPED || length > MAX_NOTE {
            return Err(invalid(at, "no block begins there"));
        }
        let text = self.take(length)?;
        let note = serde_json::from_slice(&text);
        self.last_note = [head, text].concat();
        note.map(Some)
            .map_err(|_| invalid(at, "what a block is cannot be read"))
    }

    /// The next `length` bytes, a bound that was checked.
    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                invalid(self.at, "it ends within a block")
            } else {
                error
            }
        })?;
        self.at += length as u64;
        self.sum.update(&bytes);
        Ok(bytes)
    }
}
