//! Ends a run as it is, though attempts are at work: a mark stops them, and the end waits for
//! a while until they have aborted their uploads and noted what they have done.

use std::future::Future;
use std::pin::pin;

use super::attempts::LOOK;
use super::deletions::End;
use super::directory::RunDirectory;
use super::error::{ClusterError, Result};
use super::files::{ENDING, EndingFile};
use super::life::Liveness;
use super::run::ClusterRun;
use super::shard::{Shard, Task};

/// For so many looks attempts are waited for: a little longer than one that works needs to look
/// for the mark, on NFS too, and to abort what is in flight.
const LOOKS: u32 = 12;

impl ClusterRun {
    /// Marks the run as one that ends as it is: no attempt begins any more, and those at work
    /// stop. Waits until they have, unless `stop` is ready before; `waits` is called with
    /// their number. Returns how many may be at work all the same.
    ///
    /// # Errors
    /// [`ClusterError`]; then the run is not marked.
    pub async fn stop_attempts(
        &self,
        stop: impl Future<Output = ()>,
        waits: impl FnOnce(usize),
    ) -> Result<usize> {
        self.is_at_its_directory()?;
        // Without it the run cannot be ended either.
        self.header()?;
        // Whoever was the first: the mark is there.
        self.directory
            .publish(ENDING, &EndingFile::of(&self.run.id))?;
        let (mut stop, mut waits) = (pin!(stop), Some(waits));
        for _ in 0..LOOKS {
            let at_work = self.at_work();
            if at_work == 0 {
                return Ok(0);
            }
            if let Some(waits) = waits.take() {
                waits(at_work);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = &mut stop => break,
            }
        }
        Ok(self.at_work())
    }

    /// Where the process runs that ends this run as it is, or has tried to; none if the run has
    /// come to its end, or nobody has.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn ending(&self) -> Result<Option<String>> {
        if self.is_ended()? {
            return Ok(None);
        }
        let wrong = |why| ClusterError::NotEnding {
            run: self.path().to_owned(),
            path: self.directory.join(ENDING),
            why,
        };
        match self.directory.read::<EndingFile>(ENDING) {
            Ok(None) => Ok(None),
            Ok(Some(ending)) if ending.value.run == self.run.id => Ok(Some(ending.value.place())),
            Ok(Some(_)) => Err(wrong("it is not of this run".to_owned())),
            Err(ClusterError::Foreign { why, .. }) => Err(wrong(why)),
            Err(error) => Err(error),
        }
    }

    /// Whether no attempt may begin any more.
    pub(super) fn is_closed(&self) -> Result<bool> {
        Ok(self.is_ended()? || self.ending()?.is_some())
    }

    /// How many attempts at shards that are not done, and to make the deletions, may be at
    /// work.
    fn at_work(&self) -> usize {
        let shards = (0..self.shards()).map(Shard);
        let shards = shards.filter(|shard| !self.directory.has(&shard.done()));
        let at_shards: usize = shards.map(|shard| at_work(shard, &self.directory)).sum();
        at_shards + at_work(End, &self.directory)
    }
}

/// How many attempts at `task` may be at work.
fn at_work(task: impl Task, directory: &RunDirectory) -> usize {
    let attempts = 1..=task.last_attempt(directory);
    attempts
        .filter(|attempt| task.liveness(*attempt, directory) != Liveness::Ended)
        .count()
}
