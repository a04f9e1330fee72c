//! Spools in temporary files without a name: they vanish with the process,
//! however it ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sync_core::{Spool, Spools};

/// Makes spools in the directory for temporary files (`TMPDIR`).
#[derive(Debug, Clone, Copy)]
pub struct TempSpools;

impl Spools for TempSpools {
    fn create(&self) -> io::Result<Box<dyn Spool>> {
        let file = nameless_file(&std::env::temp_dir())?;
        let reader = Arc::new(file.try_clone()?);
        let writer = Mutex::new(BufWriter::new(file));
        Ok(Box::new(TempSpool { writer, reader }))
    }
}

/// A file without a name in `directory`; where none can be made, as in a
/// container whose root is read-only, in another directory for such files, and
/// at last in memory: a backup must not fail for want of a place for its list.
fn nameless_file(directory: &Path) -> io::Result<File> {
    let others = ["/var/tmp", "/dev/shm"].map(Path::new);
    let mut first = None;
    for directory in [directory].into_iter().chain(others) {
        match tempfile::tempfile_in(directory) {
            Ok(file) => return Ok(file),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    in_memory().map_err(|other| first.unwrap_or(other))
}

#[cfg(target_os = "linux")]
fn in_memory() -> io::Result<File> {
    tracing::info!("no temporary file can be made; lists are kept in memory (see TMPDIR)");
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(rustix::fs::memfd_create("s3mirror", flags)?.into())
}

/// There is no such call.
#[cfg(not(target_os = "linux"))]
fn in_memory() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

struct TempSpool {
    writer: Mutex<BufWriter<File>>,
    reader: Arc<File>,
}

impl Spool for TempSpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let writer = self
            .writer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        writer.write_all(bytes)
    }

    fn reader(&self) -> io::Result<Box<dyn BufRead + Send>> {
        self.reader_at(0)
    }

    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn BufRead + Send>> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.flush()?;
        let file = Arc::clone(&self.reader);
        Ok(Box::new(BufReader::new(ByPosition { file, offset })))
    }
}

/// Reads by position, so that readers do not disturb each other.
struct ByPosition {
    file: Arc<File>,
    offset: u64,
}

impl Read for ByPosition {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_directory_for_temporary_files_it_is_kept_elsewhere() {
        for mut file in [nameless_file(Path::new("/nonexistent")), in_memory()].map(Result::unwrap)
        {
            file.write_all(b"text").unwrap();
            let mut start = [0; 4];
            file.read_exact_at(&mut start, 0).unwrap();
            assert_eq!(&start, b"text");
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
        let all: Vec<String> = spool
            .reader()
            .unwrap()
            .lines()
            .map(Result::unwrap)
            .collect();
        assert_eq!(all, ["one", "two"]);
        assert_eq!(line, "one\n");
    }
}
