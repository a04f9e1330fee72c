//! One plan, executed by many machines.
//!
//! The machines share a run directory, on a file system that all of them mount,
//! beside the directory that is mirrored and never in it. Whatever starts processes
//! on them (Slurm, Kubernetes, AWS Batch, GNU parallel) schedules; each phase here
//! is safe to run twice, also at the same time.
//!
//! ```text
//! NewRun::create     a plan is judged and divided into shards that cost the same
//! ClusterRun::begin  the transfers of one shard; never a deletion
//! ClusterRun::finish all shards done? then the deletions, and one report
//! ```
//!
//! # The run directory
//!
//! | file | written by | holds |
//! |---|---|---|
//! | `run.json` | split, exclusively | the run's id, direction, both places, versions |
//! | `plan/0000.plan` | split | the plan |
//! | `sealed.json` | split, last | sums of the files before, all counts, the shards as parts of the plan |
//! | `shard/0042/began.1`, `beat.1` | an attempt | where it runs; how far it is, and that it lives |
//! | `shard/0042/uploads.1` | an attempt | its open uploads; when it is dead, the next attempt resumes them |
//! | `shard/0042/done`, `failed.1` | an attempt | the report of the first that has done all; what failed |
//! | `finished.json` | finish | the report of all; nothing is done from here on |
//!
//! What state a run is in follows from the files that exist. Only `link(2)` and
//! `O_EXCL` decide which process was the first; what `stat` says may be old on NFS.
//! The directory belongs to the user and nobody else may enter it, because who can
//! write there can choose what is done. It holds no credentials.

mod apply;
mod attempts;
mod directory;
mod engine;
mod error;
mod files;
mod finish;
mod missing;
mod queue;
mod run;
mod script;
mod shard;
mod split;
mod status;
mod watch;

pub use apply::{Attempt, Ended};
pub use engine::{Engine, EngineError};
pub use error::ClusterError;
pub use finish::{Ending, Finished};
pub use missing::Missing;
pub use queue::{Queue, Turn};
pub use run::ClusterRun;
pub use script::{Script, ScriptOptions};
pub use split::{MAX_SHARDS, NewRun};
pub use status::{FailedShard, RunningShard, State, Status};
