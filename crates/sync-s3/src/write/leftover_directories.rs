//! Removes directories that a server keeps where deleted objects were.
//!
//! Servers that store keys in directories (JuiceFS, SeaweedFS) may keep a directory
//! after its last object is deleted, and then refuse an object of its name, for ever. A
//! listing shows such a directory only level by level, or as an empty object whose name
//! ends with a slash. So after such a refusal the keys below the object's name are
//! listed. If there is no object, the directories are removed, the deepest first, by
//! deleting `name/`. A server that has stored an object in one meanwhile keeps both; on
//! one without directories, `name/` is at most the placeholder that some client left.

use sync_core::Key;

use crate::bucket::Bucket;
use crate::client::blank_keys;
use crate::client::retry::SETTLE_ATTEMPTS;
use crate::error::Failure;
use crate::list;

/// The most directories that are removed for one object, each by one request.
const MOST: usize = 10_000;

/// The result of removing the directories below a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vacated {
    /// There is neither an object nor a directory any more.
    Empty,
    /// There are objects, or too many directories. Nothing was removed.
    Occupied,
}

impl Bucket {
    /// Removes the directory of the name of `key` and all directories below, unless
    /// there are objects below.
    pub(crate) async fn vacate(&self, key: &Key) -> Result<Vacated, Failure> {
        let mut open = vec![self.full_key(key) + "/"];
        // Each directory before those in it.
        let mut found = Vec::new();
        while let Some(directory) = open.pop() {
            let most = MOST - found.len();
            let Some(inner) = list::empty_level(self, &directory, most).await? else {
                return Ok(Vacated::Occupied);
            };
            open.extend(inner);
            found.push(directory);
            if found.len() + open.len() > MOST {
                return Ok(Vacated::Occupied);
            }
        }
        for directory in found.into_iter().rev() {
            self.remove_directory(directory).await?;
        }
        Ok(Vacated::Empty)
    }

    async fn remove_directory(&self, directory: String) -> Result<(), Failure> {
        let sent = self
            .client
            .delete_object()
            .bucket(self.location.bucket())
            .key(blank_keys::label(directory))
            .send()
            .await;
        match sent.map_err(Failure::from) {
            Err(failure) if !failure.is_missing_key() => Err(failure),
            _ => Ok(()),
        }
    }

    /// Whether the server has a directory of the name of `key` and shows it, as SeaweedFS
    /// does.
    pub(crate) async fn shows_directory(&self, key: &Key) -> Result<bool, Failure> {
        let directory = blank_keys::label(self.full_key(key) + "/");
        let found = self.head_at(directory, SETTLE_ATTEMPTS).await?;
        Ok(found.is_some())
    }
}
