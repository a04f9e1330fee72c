//! Spools in temporary files without a name: they disappear with the process,
//! however it ends.
//!
//! A spool is a chain of segments. It begins in the directory for temporary
//! files (`TMPDIR`). When that is full, the next bytes go to another directory
//! for such files, and at last into memory, up to a bound: a backup must not
//! fail because its plan has no room in the first directory. At a limit on the
//! size of files (`ulimit -f`), another file in the same directory is used.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};
use rustix::io::Errno;
use sync_core::{
    spool::{Spool, Spools},
    text::printable,
};

use crate::machine::memory;

/// Bytes that are buffered before they are written.
const BUFFER: usize = 64 << 10;

/// Files of one spool: under a very small limit on their size there would be
/// more than a process may have open.
const MOST_FILES: usize = 64;

/// Bytes that are allocated at a time.
const CHUNK: usize = 1 << 20;

/// The most memory for all spools together: the list of about a million files.
/// Less where the memory of this process is limited.
const MOST_MEMORY: usize = 256 << 20;

/// Memory in use by all spools.
static IN_MEMORY: AtomicUsize = AtomicUsize::new(0);

/// Makes spools in the directory for temporary files (`TMPDIR`).
#[derive(Debug, Clone, Copy)]
pub struct TempSpools;

impl Spools for TempSpools {
    fn create(&self) -> io::Result<Box<dyn Spool>> {
        let others = ["/var/tmp", "/dev/shm"].map(PathBuf::from);
        let directories = [std::env::temp_dir()].into_iter().chain(others);
        Ok(Box::new(Chain::new(directories)))
    }
}

/// A spool.
struct Chain {
    segments: Arc<RwLock<Vec<Segment>>>,
    tail: Mutex<Tail>,
}

/// What is not written yet, and where it can be written.
struct Tail {
    bytes: Vec<u8>,
    /// Where the next segments can be; the first is in use.
    directories: VecDeque<PathBuf>,
    /// Why other directories are not used, or no longer.
    failures: Vec<String>,
    most_memory: usize,
}

/// Some of the bytes of a spool, from `start` on.
struct Segment {
    start: u64,
    length: usize,
    storage: Storage,
}

enum Storage {
    File(File),
    Memory(Chunk),
}

/// Memory that counts as in use until it is dropped.
struct Chunk(Vec<u8>);

impl Chain {
    fn new(directories: impl Iterator<Item = PathBuf>) -> Self {
        let limit = memory::content_limit().and_then(|limit| usize::try_from(limit).ok());
        Self {
            segments: Arc::default(),
            tail: Mutex::new(Tail {
                bytes: Vec::new(),
                directories: directories.collect(),
                failures: Vec::new(),
                most_memory: limit.map_or(MOST_MEMORY, |limit| limit.min(MOST_MEMORY)),
            }),
        }
    }
}

impl Spool for Chain {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let tail = self.tail.get_mut();
        tail.bytes.extend_from_slice(bytes);
        if tail.bytes.len() < BUFFER {
            return Ok(());
        }
        tail.write(&mut self.segments.write())
    }

    fn reader(&self) -> io::Result<Box<dyn BufRead + Send>> {
        self.reader_at(0)
    }

    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn BufRead + Send>> {
        let mut tail = self.tail.lock();
        tail.write(&mut self.segments.write())?;
        let segments = Arc::clone(&self.segments);
        Ok(Box::new(BufReader::new(ByPosition { segments, offset })))
    }
}

impl Tail {
    /// Writes all that is not written yet.
    fn write(&mut self, segments: &mut Vec<Segment>) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            let rest = &self.bytes[written..];
            if rest.is_empty() {
                break Ok(());
            }
            let outcome = match segments.last_mut() {
                None => Err(Errno::NOENT.into()),
                Some(segment) => segment.append(rest),
            };
            match outcome {
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if let Err(error) = self.next_segment(segments, &error) {
                        break Err(error);
                    }
                }
            }
        };
        self.bytes.drain(..written);
        result
    }

    /// Begins another segment, because the last one cannot grow, for the reason
    /// `why`.
    fn next_segment(&mut self, segments: &mut Vec<Segment>, why: &io::Error) -> io::Result<()> {
        let start = segments.last().map_or(0, Segment::end);
        if let Some(last) = segments.last()
            && let Storage::File(_) = last.storage
        {
            let is_too_long = Errno::from_io_error(why) == Some(Errno::FBIG) && last.length > 0;
            if (!is_too_long || segments.len() >= MOST_FILES)
                && let Some(full) = self.directories.pop_front()
            {
                self.fails(&full, why);
            }
        }
        while let Some(directory) = self.directories.front() {
            match tempfile::tempfile_in(directory) {
                Ok(file) => {
                    segments.push(Segment::new(start, Storage::File(file)));
                    return Ok(());
                }
                Err(error) => {
                    let directory = self.directories.pop_front().unwrap_or_default();
                    self.fails(&directory, &error);
                }
            }
        }
        match Chunk::take(self.most_memory) {
            Some(chunk) => {
                segments.push(Segment::new(start, Storage::Memory(chunk)));
                Ok(())
            }
            None => Err(self.no_room(start)),
        }
    }

    fn fails(&mut self, directory: &Path, why: &io::Error) {
        let shown = printable(&directory.to_string_lossy());
        tracing::info!("no room for lists in '{shown}': {why}");
        self.failures.push(format!("'{shown}': {why}"));
    }

    fn no_room(&self, length: u64) -> io::Error {
        let tried = self.failures.join(", ");
        let text = format!(
            "no room for temporary files after {length} bytes ({tried}); free some space there, or set \
             TMPDIR to a directory with more"
        );
        io::Error::new(io::ErrorKind::StorageFull, text)
    }
}

impl Segment {
    fn new(start: u64, storage: Storage) -> Self {
        Self {
            start,
            length: 0,
            storage,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.length as u64
    }

    /// Appends some of `bytes`; how many.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = match &mut self.storage {
            Storage::File(file) => file.write_at(bytes, self.length as u64)?,
            Storage::Memory(chunk) => chunk.append(bytes),
        };
        if length == 0 {
            return Err(Errno::NOSPC.into());
        }
        self.length += length;
        Ok(length)
    }

    /// Reads from `offset` bytes of this segment on.
    fn read(&self, offset: usize, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.length.saturating_sub(offset));
        let buffer = &mut buffer[..length];
        match &self.storage {
            Storage::File(file) => file.read_at(buffer, offset as u64),
            Storage::Memory(chunk) => {
                buffer.copy_from_slice(&chunk.0[offset..offset + length]);
                Ok(length)
            }
        }
    }
}

impl Chunk {
    /// One more, unless all spools together would have more than `most` bytes.
    fn take(most: usize) -> Option<Self> {
        let more = |used: usize| used.checked_add(CHUNK).filter(|used| *used <= most);
        IN_MEMORY.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Self(Vec::with_capacity(CHUNK)))
    }

    fn append(&mut self, bytes: &[u8]) -> usize {
        let length = bytes.len().min(CHUNK - self.0.len());
        self.0.extend_from_slice(&bytes[..length]);
        length
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        IN_MEMORY.fetch_sub(CHUNK, Relaxed);
    }
}

/// Reads by position, so that readers do not disturb each other.
struct ByPosition {
    segments: Arc<RwLock<Vec<Segment>>>,
    offset: u64,
}

impl Read for ByPosition {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let segments = self.segments.read();
        let after = segments.partition_point(|segment| segment.start <= self.offset);
        let Some(segment) = after.checked_sub(1).and_then(|at| segments.get(at)) else {
            return Ok(0);
        };
        let within = usize::try_from(self.offset - segment.start).unwrap_or(usize::MAX);
        let read = segment.read(within, buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A spool whose first file is full from the beginning.
    fn begun_on_a_full_disk(directories: &[&Path]) -> Chain {
        let full = Path::new("/dev/full");
        let directories = [full].into_iter().chain(directories.iter().copied());
        let chain = Chain::new(directories.map(Path::to_owned));
        let file = File::options().write(true).open(full).unwrap();
        let segment = Segment::new(0, Storage::File(file));
        chain.segments.write().push(segment);
        chain
    }

    fn lines(spool: &dyn Spool) -> Vec<String> {
        let lines = spool.reader().unwrap().lines();
        lines.map(Result::unwrap).collect()
    }

    #[test]
    fn a_spool_goes_on_elsewhere_when_a_disk_is_full() {
        let directory = tempfile::tempdir().unwrap();
        for elsewhere in [&[directory.path()][..], &[], &[Path::new("/dev/null/none")]] {
            let mut spool = begun_on_a_full_disk(elsewhere);
            let expected: Vec<String> = (0..300_000).map(|n| format!("line {n}")).collect();
            for line in &expected {
                spool.append(format!("{line}\n").as_bytes()).unwrap();
            }
            assert_eq!(lines(&spool), expected);
            let mut last = String::new();
            let offset = expected[..299_999].iter().map(|line| line.len() as u64 + 1);
            let mut reader = spool.reader_at(offset.sum()).unwrap();
            reader.read_line(&mut last).unwrap();
            assert_eq!(last, "line 299999\n");
        }
    }

    #[test]
    fn what_finds_no_room_anywhere_names_the_directories_and_what_to_do() {
        let mut spool = begun_on_a_full_disk(&[Path::new("/dev/null/none")]);
        spool.tail.get_mut().most_memory = 0;
        let error = spool.append(&[b'x'; BUFFER]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let text = error.to_string();
        for said in [
            "'/dev/full': No space left",
            "'/dev/null/none': Not a directory",
            "set TMPDIR",
        ] {
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn readers_are_independent_and_see_everything_appended() {
        let mut spool = TempSpools.create().unwrap();
        spool.append(b"one\n").unwrap();
        let mut first = spool.reader().unwrap();
        let mut line = String::new();
        first.read_line(&mut line).unwrap();
        spool.append(b"two\n").unwrap();
        assert_eq!(lines(&*spool), ["one", "two"]);
        assert_eq!(line, "one\n");
    }
}
