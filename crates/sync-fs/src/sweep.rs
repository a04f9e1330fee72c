//! Removing what killed runs have left below a directory.

use std::sync::Arc;

use sync_core::StoreError;

use crate::store::FsStore;
use crate::sys::root::Root;
use crate::write::temporary::sweep::{called_so, sweep};

/// What a sweep of left-over temporaries did.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many were removed.
    pub removed: u64,
    /// Those that could not be removed, and directories that could not be looked into.
    pub failed: Vec<StoreError>,
}

impl FsStore {
    /// Removes the unfinished files of earlier runs that the last complete
    /// listing of this store found: only regular files that are proved to be ours
    /// (a name is no proof), and none that another run is still writing. They
    /// are never listed, with or without this.
    pub async fn sweep_temporaries(&self) -> Swept {
        let directory = Arc::clone(&self.directory);
        self.sweeping(move |swept| swept.remove(&directory.root, directory.take_temporaries()))
            .await
    }

    /// As [`FsStore::sweep_temporaries`], of what is directly in these directories, relative
    /// to the root, for a run that lists nothing. Those that are not there are skipped.
    pub async fn sweep_temporaries_in(&self, directories: Vec<String>) -> Swept {
        let directory = Arc::clone(&self.directory);
        self.sweeping(move |swept| {
            for path in directories {
                match called_so(&directory.root, &path) {
                    Ok(paths) => swept.remove(&directory.root, paths),
                    Err(error) => swept.failed.push(error),
                }
            }
        })
        .await
    }

    async fn sweeping(&self, work: impl FnOnce(&mut Swept) + Send + 'static) -> Swept {
        let swept = self
            .run(move || {
                let mut swept = Swept::default();
                work(&mut swept);
                Ok(swept)
            })
            .await;
        swept.unwrap_or_else(|error| Swept {
            removed: 0,
            failed: vec![error],
        })
    }
}

impl Swept {
    fn remove(&mut self, root: &Root, paths: Vec<String>) {
        for path in paths {
            match sweep(root, &path) {
                Ok(removed) => self.removed += u64::from(removed),
                Err(error) => self.failed.push(error),
            }
        }
    }
}
