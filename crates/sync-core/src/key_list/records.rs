//! How the items of a key list are kept in a spool: each followed by a NUL, which no key
//! has.

use std::io::{self, BufRead};

use crate::merged_runs::Run;
use crate::spool::Spool;

/// What follows each item.
pub(super) const END: u8 = 0;

/// The items in `spool`, in their order.
pub(super) fn run(spool: &dyn Spool) -> io::Result<Run<String, io::Error>> {
    Ok(Box::new(read(spool.reader()?)))
}

/// The items that `reader` has.
pub(super) fn read(
    mut reader: Box<dyn BufRead + Send>,
) -> impl Iterator<Item = io::Result<String>> + Send {
    std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        match reader.read_until(END, &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
        if bytes.pop_if(|last| *last == END).is_none() {
            return Some(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Some(text(bytes))
    })
}

/// `bytes` as an item.
pub(super) fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
