//! Keeps a directory and an S3 bucket equal: by name, size and time, safely.
//!
//! A [`Mirror`] is opened, makes a plan, and executes it. A plan is a value: it
//! can be looked at, saved, refused or executed, and a preview shows the very
//! plan that a run executes.
//!
//! ```no_run
//! use s3mirror::{Location, Mirror};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mirror = Mirror::backup("/srv/data", "s3://my-bucket/data".parse::<Location>()?)
//!     .max_delete(100)
//!     .exclude("*.tmp")
//!     .open()
//!     .await?; // connects, locks
//! let plan = mirror.plan().await?; // lists both places, decides
//! println!("{}", plan.counts());
//! plan.check()?; // a refusal by a guard is an error value
//! let report = mirror.execute(&plan).await?;
//! assert!(report.is_complete());
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! Nothing is deleted on incomplete knowledge: not if some of the source cannot
//! be read, if a transfer failed, if another run works on the same places, or if
//! a restore of the directory was not completed. Every byte is verified. An
//! embedder gets the same defaults, guards, locks and journals as the command
//! line.
//!
//! # Watching
//!
//! An [`Observer`] receives events and warnings; [`Progress`] can be asked at any
//! time how far it is. [`MirrorBuilder::stop_on`] stops an execution cleanly.
//!
//! # Saved plans
//!
//! [`MirrorPlan::save`] writes a plan, [`Mirror::open_plan`] opens the mirror that
//! executes it.
//!
//! # Only what changed
//!
//! [`MirrorBuilder::only`] restricts a mirror to a [`KeyList`]: both places are looked at only
//! there, and what the list does not name is neither copied nor deleted.
//!
//! # Other stores
//!
//! The rule, the plan and the execution are in [`sync_core`], which knows neither
//! directories nor buckets: whoever implements its trait `Store` can mirror other
//! things by the same rule.

mod builder;
mod cleanup;
pub mod cluster;
mod error;
mod grace;
mod key_list;
pub mod machine;
mod machine_state;
mod mirror;
mod observer;
mod options;
mod part;
mod places;
mod plan_file;
mod progress;
mod refusal;
mod repeat;
mod selection;
mod state;
mod verify;
pub mod watch;

pub use builder::MirrorBuilder;
pub use cleanup::DirectoryLock;
pub use error::{Error, Result};
pub use key_list::{InvalidLines, KeyListError, Separator, key_list, read_key_list};
pub use mirror::{Mirror, MirrorPlan, Report};
pub use observer::{Observer, Warning};
pub use options::{DEFAULT_MAX_KEY_LENGTH, MirrorOptions, default_execute_options, least_memory};
pub use plan_file::{PlanFile, PlanFileError, SavedPlan, read_plan};
pub use progress::{Large, Listed, Phase, Progress, Share, Snapshot};
pub use refusal::Refusal;
pub use selection::{SelectionError, SelectionOptions};
pub use state::owners::{KnownBy, Overlap, Owner};
pub use state::restore_mark::{Harm, RepeatedBy, UnfinishedRestore};
pub use state::{BucketPlace, Relation, TempSpools, Tree};
pub use sync_core::{
    Direction, KeyList, KeyRange,
    execute::Event,
    key_list::{KeyListItem, KeyListSummary},
    plan::{Counts, Deletions, MaxDelete},
    rule::Compare,
    select::NameRule,
};
pub use sync_s3::Location;
pub use verify::Verifier;
