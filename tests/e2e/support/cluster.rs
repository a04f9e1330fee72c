//! A plan that is divided and executed by several processes.
//!
//! What holds of a run of many machines, and the tests of it:
//!
//! 1. Range plans laid end to end are the plan of all keys:
//!    `plans_of_ranges_laid_end_to_end_are_the_plan_of_all_keys` (of the core).
//! 2. No deletion before the last shard is done:
//!    `no_deletion_of_any_range_comes_before_the_last_shard_is_done`.
//! 3. What is missing, failed, foreign or edited deletes nothing:
//!    `a_run_that_was_edited_deletes_nothing`,
//!    `a_plan_that_is_missing_foreign_or_edited_is_refused_by_name`.
//! 4. Percentages are judged by the sum: `percentages_of_ranges_are_judged_by_the_sum`,
//!    `a_range_that_is_emptied_is_judged_with_the_others`.
//! 5. One unreadable directory in one range deletes nothing in any:
//!    `an_unreadable_directory_in_one_range_keeps_the_deletions_of_all_back`.
//! 6. A shard run twice, at once, killed anywhere and run again ends as one clean run:
//!    `attempts_at_shards_at_random_end_as_one_clean_run` (of the core),
//!    `a_shard_that_was_killed_is_run_again`, and with 2, 7 and 9 at random by
//!    `backups_by_many_processes_in_bad_weather_end_as_one_clean_run` and of restores.
//! 7. The merged report counts each action once:
//!    `whichever_of_two_attempts_ends_first_each_entry_counts_once`.
//! 8. All ranges together list little more than one run:
//!    `the_ranges_list_no_more_than_one_run_and_two_pages_each`.
//! 9. An attempt that wakes after the end changes nothing:
//!    `an_attempt_that_wakes_after_the_end_changes_nothing`.
//! 10. The memory of each process is flat: `cargo xtask scale`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    Dir, Memory, Outcome, World,
    plans::save,
    run::{Run, Running},
};

/// A run directory beside a tree.
pub(crate) struct Cluster<'w, 's> {
    pub(crate) world: &'w World<'s>,
    pub(crate) run: PathBuf,
}

impl<'w, 's> Cluster<'w, 's> {
    /// The plan of `command` on `dir`, divided.
    #[track_caller]
    pub(crate) fn split(world: &'w World<'s>, command: &str, dir: &Dir, shards: usize) -> Self {
        let plan = save(world, &["mock", command], dir);
        let cluster = Self {
            world,
            run: world.sandbox.path("run"),
        };
        split(world, &plan, &cluster.run, shards).done();
        cluster
    }

    /// The keys of `command` on `dir`, divided into ranges that nobody has planned.
    #[track_caller]
    pub(crate) fn ranges(
        world: &'w World<'s>,
        command: &str,
        dir: &Dir,
        shards: usize,
        options: &[&str],
    ) -> Self {
        let run = world.sandbox.path("run");
        split_keys(world, command, dir, &run, shards)
            .args(options)
            .done();
        Self { world, run }
    }

    /// The same, planned by one process after the other, and sealed.
    #[track_caller]
    pub(crate) fn sealed(world: &'w World<'s>, command: &str, dir: &Dir, shards: usize) -> Self {
        let cluster = Self::ranges(world, command, dir, shards, &IN_ORDER);
        for range in (0..cluster.plans()).rev() {
            cluster.plan(range).done();
        }
        cluster.seal().done();
        cluster
    }

    /// How many ranges there are.
    pub(crate) fn plans(&self) -> usize {
        let ranges = std::fs::read_dir(self.file("range")).unwrap();
        ranges.count()
    }

    pub(crate) fn plan(&self, range: usize) -> Run {
        self.phase("plan").args(["--shard", &range.to_string()])
    }

    pub(crate) fn seal(&self) -> Run {
        self.phase("seal").arg("--yes")
    }

    /// `s3mirror cluster PHASE RUN`
    pub(crate) fn phase(&self, phase: &str) -> Run {
        self.world
            .s3mirror()
            .args(["cluster", phase])
            .arg(&self.run)
    }

    pub(crate) fn apply(&self, shard: usize) -> Run {
        self.phase("apply").args(["--shard", &shard.to_string()])
    }

    pub(crate) fn finish(&self) -> Run {
        self.phase("finish").arg("--yes")
    }

    /// `s3mirror cluster script ENGINE RUN`
    pub(crate) fn script(&self, engine: &str) -> Run {
        let script = self.world.s3mirror().args(["cluster", "script", engine]);
        script.arg(&self.run)
    }

    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let outcome = self.phase("status").arg("--json").done();
        outcome.json().pop().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }
}

/// `s3mirror cluster split PLAN --run RUN`, without a question.
pub(crate) fn split(world: &World, plan: &Path, run: &Path, shards: usize) -> Run {
    let command = world.s3mirror().args(["cluster", "split", "--yes"]);
    let command = command.arg(plan).arg("--run").arg(run);
    command.args(["-n", &shards.to_string()])
}

/// The server in memory lists in byte order.
pub(crate) const IN_ORDER: [&str; 2] = ["--lists-in-order", "always"];

/// `s3mirror cluster split COMMAND -d DIR -b BUCKET --run RUN`
pub(crate) fn split_keys(
    world: &World,
    command: &str,
    dir: &Dir,
    run: &Path,
    shards: usize,
) -> Run {
    let split = world.command(&["cluster", "split", command], dir);
    split
        .arg("--run")
        .arg(run)
        .args(["-n", &shards.to_string()])
}

/// The last line of `--json`.
#[track_caller]
pub(crate) fn report(outcome: &Outcome) -> Value {
    let report = outcome.json().pop().unwrap();
    assert_eq!(report["event"], "report", "{outcome}");
    report
}

/// What a report says that does not depend on time or place.
pub(crate) fn counted(report: &Value) -> Vec<Value> {
    let names = [
        "direction",
        "exit",
        "created",
        "overwritten",
        "deleted",
        "kept",
        "source_skipped",
        "not_selected",
        "already_done",
        "failed",
        "not_written",
        "growing",
        "stopped",
        "deletions_withheld",
    ];
    names.map(|name| json!([name, report[name]])).to_vec()
}

/// How many requests delete something.
pub(crate) fn deletions(memory: &Memory) -> usize {
    memory.count("DeleteObject") + memory.count("DeleteObjects")
}

/// A tree and a bucket that differ in every way, in several directories.
pub(crate) fn different<'s>(memory: &'s Memory) -> (World<'s>, Dir) {
    let world = World::on(memory);
    let dir = world.dir("dir");
    for number in 0..40 {
        let key = format!("d{}/{number}", number % 4);
        let text = format!("{number} in both");
        match number % 5 {
            0 => world.bucket.put(&key, "gone"),
            1 => dir.write(&key, "new"),
            2 => {
                dir.write(&key, "a new version");
                world.bucket.put(&key, "old");
            }
            _ => {
                dir.write(&key, &text);
                world.bucket.put(&key, &text);
            }
        }
    }
    (world, dir)
}

/// Small parts, one after the other.
pub(crate) const PARTS: [&str; 4] = ["--part-size", "5MiB", "--concurrency", "1"];

/// A shard of which one upload, of three parts, takes long.
pub(crate) fn with_a_film<'s>(memory: &'s Memory) -> (World<'s>, Dir) {
    let (world, dir) = different(memory);
    dir.write("film", super::content::mebibytes(11, 1));
    (world, dir)
}

/// An attempt at the only shard, which waits while it sends the second part.
pub(crate) fn held(memory: &Memory, cluster: &Cluster) -> Running {
    let hold = s3_endpoint::Action::Stall(std::time::Duration::from_secs(1000));
    let part = s3_endpoint::Fault::on("UploadPart")
        .key("film")
        .nth(2)
        .always();
    let hits = memory.inject(part.act(hold));
    let running = cluster.apply(0).trusting().args(PARTS).start();
    running.wait_until(memory, "a second part", || hits.count() > 0);
    memory.clear_faults();
    running
}
