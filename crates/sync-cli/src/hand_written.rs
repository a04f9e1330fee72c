//! Reads files that people write: configuration, patterns, prices.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A longer file is refused: it may be a device without an end.
const LONGEST: u64 = 64 << 20;

/// The bytes of the file at `path`.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        let text = "it has more than 64 MiB";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The text of the file at `path`.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/null")).unwrap(), b"");
        assert_eq!(read_text(Path::new("/dev/null")).unwrap(), "");
    }
}
