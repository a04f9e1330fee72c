//! Keeps two stores equal: what an entry is, which of two entries of a key wins,
//! what has to be done, and how it is done over any two stores.
//!
//! This crate does no I/O, reads no clock and needs no runtime. A directory
//! (`sync-fs`) and a bucket (`sync-s3`) are two implementations of [`Store`]; so
//! may yours be. To mirror a directory and a bucket, use the crate `s3mirror`,
//! which adds the locks, the journal and the reports of a safe run.
//!
//! # The rule
//!
//! An [`Entry`] is a name, a size and a time in UTC. [`Rule::decide`] is a pure
//! function that answers for the entries of one key:
//!
//! ```
//! use sync_core::rule::{Decision, Outcome, Pair, Reason, Rule};
//! use sync_core::{Direction, Entry, Key};
//!
//! let file = Entry::new(Key::new("a.txt")?, 5, "2024-05-01T12:00:01Z".parse()?);
//! let object = Entry::new(Key::new("a.txt")?, 5, "2024-05-01T12:00:00Z".parse()?);
//! let rule = Rule::new(Direction::Backup);
//! match rule.decide(Pair::Both { source: &file, target: &object }) {
//!     Decision::Settled(Outcome::Transfer { reason, .. }) => {
//!         assert_eq!(reason, Reason::FileIsLater);
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A plan
//!
//! [`make_plan`] lists both stores, joins the listings by [`listing::merge`] and
//! asks the rule for every key. The plan is a value: it can be shown, saved, and
//! judged by the guards ([`plan::refusals`]) before anything changes.
//! [`execute()`] does what it says:
//!
//! ```
//! use std::future::pending;
//! use std::sync::Arc;
//!
//! use sync_core::execute::ExecuteOptions;
//! use sync_core::plan::{Limits, PlanOptions, refusals};
//! use sync_core::spool::MemorySpools;
//! use sync_core::testing::MemoryStore;
//! use sync_core::{Direction, execute, make_plan};
//!
//! # futures::executor::block_on(async {
//! let files = MemoryStore::files();
//! files.insert("a.txt", "hello", "2024-05-01T12:00:00Z".parse()?);
//! let objects = MemoryStore::objects();
//!
//! let options = PlanOptions::new(Direction::Backup);
//! let plan = make_plan(&files, &objects, &options, Arc::new(MemorySpools)).await?;
//! assert_eq!(plan.counts().created().entries, 1);
//! assert!(refusals(plan.header(), &Limits::default()).is_empty());
//!
//! let options = ExecuteOptions::default();
//! let report = execute(&plan, &files, &objects, &options, &(), pending()).await?;
//! assert!(report.is_complete());
//! assert_eq!(objects.contents(), files.contents());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! What goes wrong with one entry is reported by an [`Observer`](execute::Observer)
//! and counted in the [`Report`](execute::Report); the others are copied all the
//! same. Deletions come last, and only if every transfer has succeeded and all of
//! the source could be read.
//!
//! # A store of your own
//!
//! Implement [`Store`] and let `store_contract!` (feature `testing`) check it:
//! one test for each clause of the contract. The example `own_store` is a small
//! one that can be written to. [`verify::survey`] compares the contents of two
//! stores instead of copying.
//!
//! # Where to look
//!
//! | module | what it is about |
//! |---|---|
//! | [`rule`] | which entry wins, and why |
//! | [`select`] | which entries are concerned |
//! | [`listing`] | two listings become pairs |
//! | [`key_list`] | the keys that a run is restricted to |
//! | [`plan`] | actions, counts, guards, the file format |
//! | [`execute`](mod@execute) | transfers, deletions, memory, events |
//! | [`verify`] | comparing contents |
//! | [`store`] | the contract of a store |
//! | [`error`], [`hint`](mod@hint), [`setting`] | what went wrong, and what to do |
//! | `testing` (feature) | a store in memory, the contract as tests |

mod budget;
pub mod checksum;
pub mod clock;
pub mod diagnosis;
pub mod entry;
pub mod error;
pub mod execute;
pub mod hint;
#[doc(hidden)]
pub mod json;
pub mod key;
pub mod key_list;
mod key_range;
pub mod listing;
mod merged_runs;
pub mod plan;
pub mod rule;
pub mod select;
pub mod setting;
pub mod spool;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[doc(hidden)]
pub mod text;
mod times;
pub mod verify;

pub use entry::{Entry, Listed};
pub use error::{ErrorKind, Result, StoreError};
pub use execute::execute;
pub use key::Key;
pub use key_list::KeyList;
pub use key_range::KeyRange;
pub use plan::make_plan;
pub use rule::{Direction, Rule};
pub use select::Selection;
pub use store::{Expected, NewEntry, Store, Writer};
