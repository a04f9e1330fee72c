//! The directory that was opened last.

use std::os::fd::OwnedFd;

/// The directory that was opened last: entries of one directory follow each
/// other, so its handle serves most of them. It lives no longer than one batch.
#[derive(Debug, Default)]
pub(crate) struct LastDirectory(Option<(Vec<u8>, OwnedFd)>);

impl LastDirectory {
    /// The directory at `path`, which `open` opens if it is another one.
    pub(crate) fn get<E>(
        &mut self,
        path: &[u8],
        open: impl FnOnce() -> Result<OwnedFd, E>,
    ) -> Result<&OwnedFd, E> {
        let last = self.0.take().filter(|(last, _)| last == path);
        let (_, dir) = match last {
            Some(last) => self.0.insert(last),
            None => self.0.insert((path.to_vec(), open()?)),
        };
        Ok(dir)
    }
}
