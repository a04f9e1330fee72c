//! Removing what an earlier execution of a saved plan has left in a directory.
//!
//! A restore that lists its directory finds the unfinished files of killed runs by that. One
//! by a saved plan lists nothing: it looks into the directories that it writes to, if an
//! earlier execution of the plan has not ended in order.

use std::io;

use futures::stream::{self, TryChunksError, TryStreamExt as _};
use sync_core::plan::{Action, Plan};
use sync_fs::FsStore;

/// Directories that are looked into by one job.
const BATCH: usize = 64;

/// Jobs at once: on a network file system each directory takes a round trip or two.
const BATCHES: usize = 16;

/// Removes the unfinished files in the directories that the transfers of `plan` are written
/// to. What cannot be removed is left: nothing is made of it, and no run lists it.
pub(super) async fn sweep(plan: &Plan, directory: &FsStore) -> io::Result<()> {
    let directories = Directories {
        actions: plan.actions()?,
        last: None,
    };
    let batches = stream::iter(directories).try_chunks(BATCH);
    let swept = batches.try_for_each_concurrent(BATCHES, |batch| async {
        directory.sweep_temporaries_in(batch).await;
        Ok(())
    });
    swept.await.map_err(|TryChunksError(_, error)| error)
}

/// The directories of the transfers among `actions`. One may come several times, though not
/// one after the other: keys are in order.
struct Directories<A> {
    actions: A,
    last: Option<String>,
}

impl<A: Iterator<Item = io::Result<Action>>> Iterator for Directories<A> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let transfer = match self.actions.next()? {
                Ok(Action::Transfer(transfer)) => transfer,
                Ok(_) => continue,
                Err(error) => return Some(Err(error)),
            };
            let directory = transfer.source.key.directory();
            if self.last.as_deref() != Some(directory) {
                self.last = Some(directory.to_owned());
                return Some(Ok(directory.to_owned()));
            }
        }
    }
}
