//! Whole lives of a run of many processes, each of which follows from a number, as far as the
//! machine lets processes be as fast as they like: a random small tree and bucket, the phases
//! of `s3mirror cluster` by the binary in bad weather, then calm.
//!
//! In bad weather, phases are started twice, too early and again when they are done; processes
//! are killed, terminated, stopped, and continued much later, also after the end; answers of the
//! server are lost, and files of the run directory are not seen for a while. In the end, the
//! bucket and the directory must be those of one clean plain run, each action must count once,
//! nothing may have been deleted before the last shard was done, and nothing may be left.
//!
//! Even seeds live a backup, odd ones a restore. `CLUSTER_SEEDS` is how many are tried,
//! `CLUSTER_SEED` the first; a life that fails prints its seed and what has happened:
//!
//! ```text
//! CLUSTER_SEED=17 CLUSTER_SEEDS=1 cargo test --workspace --test e2e cluster_lives
//! ```

mod diary;
mod hidden;
mod input;
mod judge;
mod life;
mod processes;
mod weather;

use std::thread;

use crate::support::dice::number;
use life::Tally;

/// How many lives are lived by default; `cargo xtask soak` takes more.
const SEEDS: u64 = 6;

/// Of so many, much of what can happen must have happened.
const MANY: u64 = 80;

#[test]
fn backups_by_many_processes_in_bad_weather_end_as_one_clean_run() {
    for_each_seed(0, "backup");
}

#[test]
fn restores_by_many_processes_in_bad_weather_end_as_one_clean_run() {
    for_each_seed(1, "restore");
}

fn for_each_seed(rest: u64, command: &'static str) {
    let first = number("CLUSTER_SEED").unwrap_or(0);
    let seeds = first..first + number("CLUSTER_SEEDS").unwrap_or(SEEDS);
    let mut all = Tally::default();
    for seed in seeds.filter(|seed| seed % 2 == rest) {
        let _named = Named(seed);
        all.add(&life::live(seed, command));
    }
    println!("{command}: {all:?}");
    if all.lives >= MANY {
        all.is_eventful();
    }
}

/// Names the seed when it fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            let seed = self.0;
            eprintln!("replay it with CLUSTER_SEED={seed} CLUSTER_SEEDS=1");
        }
    }
}
