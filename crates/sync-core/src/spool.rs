//! Where a plan, or the runs of a sort, wait without being held in memory.
//!
//! The core does no I/O: whoever embeds it gives it [`Spools`], on disk as
//! `s3mirror` does, or [`MemorySpools`].

use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;

use parking_lot::Mutex;

/// Makes spools.
pub trait Spools: Send + Sync {
    /// A new, empty spool. It is gone when it is dropped.
    ///
    /// # Errors
    /// Those of creating a temporary file.
    fn create(&self) -> io::Result<Box<dyn Spool>>;
}

/// Bytes that are first appended and then read, several times if need be.
pub trait Spool: Send + Sync {
    /// Adds `bytes` at the end.
    ///
    /// # Errors
    /// Those of writing, a full disk first of all.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Reads everything from the beginning, independently of other readers. A
    /// reader stays usable when the spool is dropped.
    ///
    /// # Errors
    /// Those of reading.
    fn reader(&self) -> io::Result<Box<dyn BufRead + Send>>;

    /// As [`Spool::reader`], but from `offset` bytes on. Whoever can go there
    /// at once should: this reads all that comes before.
    ///
    /// # Errors
    /// Those of reading.
    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn BufRead + Send>> {
        let mut reader = self.reader()?;
        io::copy(&mut (&mut reader).take(offset), &mut io::sink())?;
        Ok(reader)
    }
}

/// Spools in memory: for tests, and for programs whose trees are small.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemorySpools;

impl Spools for MemorySpools {
    fn create(&self) -> io::Result<Box<dyn Spool>> {
        Ok(Box::<MemorySpool>::default())
    }
}

#[derive(Default)]
struct MemorySpool {
    bytes: Vec<u8>,
    /// The bytes as readers share them, made at the first read after a change.
    frozen: Mutex<Option<Arc<[u8]>>>,
}

impl Spool for MemorySpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.frozen.get_mut().take();
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn reader(&self) -> io::Result<Box<dyn BufRead + Send>> {
        self.reader_at(0)
    }

    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn BufRead + Send>> {
        let mut frozen = self.frozen.lock();
        let bytes = frozen.get_or_insert_with(|| self.bytes.as_slice().into());
        let mut reader = Cursor::new(Arc::clone(bytes));
        reader.set_position(offset);
        Ok(Box::new(reader))
    }
}
