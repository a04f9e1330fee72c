//! One mirror by many machines: they execute the plan of one of them, or plan as well.
//!
//! The machines share a run directory, on a file system that all of them mount,
//! beside the directory that is mirrored and never in it. Whatever starts processes
//! on them (Slurm, Kubernetes, AWS Batch, GNU parallel) schedules; each phase here
//! is safe to run twice, also at the same time.
//!
//! ```text
//! NewRun::create     a plan is judged and divided into shards that cost the same; or else
//! NewRun::create_ranges    the keys are divided into ranges
//! RangeRun::begin          the plan of one range
//! RangeRun::all_plans      the plans are judged together, and divided into shards
//!
//! ClusterRun::begin  the transfers of one shard; never a deletion
//! ClusterRun::finish all shards done? then the deletions, and one report
//! ```
//!
//! # The run directory
//!
//! | file | written by | holds |
//! |---|---|---|
//! | `splitting.json` | split by ranges, first | where it runs |
//! | `run.json` | split, exclusively | the run's id, direction, both places, versions, ranges |
//! | `range/0042/began.1`, `beat.1`, `failed.1` | an attempt to plan | as those of shards |
//! | `range/0042/unread` | the attempt whose plan counts | what could not be read, if anything |
//! | `plan/0042.plan` | split, or the first attempt | the plan, or that of a range |
//! | `refused.json` | seal | why the plans were refused last |
//! | `sealed.json` | split, last, or seal | sums of the files before, all counts, the shards as parts of the plans |
//! | `shard/0042/began.1`, `beat.1` | an attempt | where it runs; how far it is, as a heartbeat |
//! | `shard/0042/uploads.1` | an attempt | its open uploads; when it is dead, the next attempt resumes them |
//! | `ending.json` | finish without deletions, first | who ends the run as it is; no attempt begins, and those at work stop |
//! | `shard/0042/done`, `failed.1` | an attempt | the report of the first that has done all; what failed |
//! | `end/began.1`, `beat.1`, `failed.1` | finish, before its first deletion | as those of shards |
//! | `finished.json` | finish | the report of all; nothing is done from here on |
//!
//! What state a run is in follows from the files that exist. Only `link(2)` and
//! `O_EXCL` decide which process was the first; what `stat` says may be old on NFS.
//! The directory belongs to the user and nobody else may enter it, because who can
//! write there can choose what is done. It holds no credentials.

mod apply;
mod attempts;
mod conclude;
mod cost;
mod deletions;
mod directory;
mod ending;
mod engine;
mod error;
mod estimate;
mod failure;
mod files;
mod finish;
mod life;
mod missing;
mod noting;
mod opened;
mod other_lines;
mod planning;
mod planning_status;
mod queue;
mod range_queue;
mod ranges;
mod run;
mod script;
mod seal;
mod shard;
mod split;
mod status;
mod unfinished;
mod unread;
mod unread_ranges;
mod watch;

pub use apply::{Attempt, Ended};
pub use conclude::{Concluded, StillOpen};
pub use cost::{shard_costs, transfer_cost};
pub(crate) use directory::exists;
pub use engine::{Engine, EngineError};
pub use error::ClusterError;
pub use finish::{Ending, Finished};
pub use life::Life;
pub use missing::{Missing, Remedy, Unfinished};
pub use planning::{RangeAttempt, RangeRun};
pub use queue::{NextShard, Queue};
pub use range_queue::RangeQueue;
pub use run::ClusterRun;
pub use script::{PhaseOptions, Script, ScriptOptions};
pub use seal::Sealing;
pub use split::{MAX_SHARDS, NewRun};
pub use status::{BeingEnded, FailedShard, RunningShard, Splitting, State, Status, UnknownShard};
pub use unread::Unread;
