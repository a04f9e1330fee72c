//! Runs in a control group with little memory, as in a small container: the
//! defaults follow its limit, and the kernel does not kill the run.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use chrono::{TimeDelta, Utc};
use s3_endpoint::Config;

use crate::support::{Memory, World, assert_same, content::mebibytes, run::Run};

/// A control group of its own, removed when this is dropped.
struct Group {
    path: PathBuf,
}

impl Group {
    /// One with this limit in MiB. None where none can be made, which is said:
    /// a container seldom may.
    fn new(mib: u64) -> Option<Self> {
        let name = format!("s3mirror-test-{}-{mib}", std::process::id());
        let places = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        for (parent, limit) in places {
            let path = PathBuf::from(parent).join(&name);
            if fs::create_dir(&path).is_err() {
                continue;
            }
            let group = Self { path };
            if fs::write(group.path.join(limit), (mib << 20).to_string()).is_ok() {
                return Some(group);
            }
        }
        eprintln!("no control group can be made here, so nothing was tested");
        None
    }

    /// A shell that moves into the group and becomes what follows.
    fn shell(&self) -> Command {
        let mut shell = Command::new("sh");
        let script = format!(
            "echo $$ > {}/cgroup.procs && exec \"$@\"",
            self.path.display()
        );
        shell.args(["-c", &script, "sh"]);
        shell
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

#[test]
#[ignore = "makes control groups, so it needs root; `cargo xtask test` runs it"]
fn a_run_is_not_killed_in_a_small_container() {
    // As on a machine of one core, and of many.
    for (mib, threads) in [(64, "1"), (40, "1"), (48, "64"), (40, "64")] {
        let memory = Memory::start();
        let world = World::on(&memory);
        world.bucket.put("large", mebibytes(60, 1));
        for number in 0..40 {
            world
                .bucket
                .put(&format!("middle/{number}"), mebibytes(2, number));
        }
        for number in 0..2_000 {
            world
                .bucket
                .put(&format!("small/{number}"), vec![b'x'; 4_000]);
        }
        let Some(group) = Group::new(mib) else { return };
        let dir = world.dir("dir");
        let within = |run: Run| run.env("S3MIRROR_THREADS", threads).under(group.shell());
        drop(within(world.restore(&dir)).done());
        assert_same(&dir.contents(), &world.bucket.contents());
        drop(within(world.command(&["verify"], &dir)).done());
        for key in world.bucket.contents().keys() {
            dir.write(key, "another");
        }
        dir.write("large", mebibytes(61, 2));
        drop(within(world.backup(&dir)).done());
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

/// The state of a listing of versions is one key, and it holds as many pages as a listing of
/// objects. As that, it takes up to a fifth more requests where pages come late.
#[test]
#[ignore = "takes minutes and makes a control group; `cargo xtask test` runs it"]
fn a_million_versions_are_listed_in_little_memory_and_one_request_for_a_thousand() {
    const KEYS: usize = 100_000;
    const VERSIONS: i64 = 10;
    let memory = Memory::with(Config {
        fast_etags: true,
        ..Config::default()
    });
    let world = World::on(&memory);
    let bucket = &world.bucket.name;
    memory.set_versioning(bucket, Some("Enabled"));
    let begin = Utc::now() - TimeDelta::days(VERSIONS + 1);
    for version in 0..VERSIONS {
        let modified = begin + TimeDelta::days(version);
        for key in 0..KEYS {
            let key = format!("{:03}/{key:06}", key / 500);
            memory.put_at(bucket, &key, "x", modified);
        }
    }
    let Some(group) = Group::new(48) else { return };
    let dir = world.dir("dir");
    let run = world
        .mock_restore(&dir)
        .args(["--at", "5d", "--format", "json", "-q"]);
    let outcome = run
        .within(Duration::from_secs(900))
        .under(group.shell())
        .done();
    let header: serde_json::Value =
        serde_json::from_str(outcome.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(header["counts"]["source"]["entries"], KEYS);
    let lists = memory.count("ListObjectVersions");
    assert!((1_000..=1_210).contains(&lists), "{lists}");
}
