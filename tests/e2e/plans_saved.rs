//! `--plan-out`: where a plan is saved and what is replaced, and that the file
//! is always a whole plan.

use std::fs;

use s3_endpoint::{Action, Fault};

use crate::support::{
    Memory, World, assert_same,
    plans::{PlanText, mock, save},
};

#[test]
fn a_plan_inside_the_directory_is_refused_before_any_request() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    std::os::unix::fs::symlink(dir.path(), world.sandbox.path("link")).unwrap();
    for command in ["backup", "restore"] {
        for file in ["dir/plan", "dir/sub/plan", "link/plan", "./dir/../dir/plan"] {
            let run = mock(&world, command, &dir).args(["--plan-out", file]);
            let outcome = world.no_requests(|| run.exits(1)).complains_in_one_line();
            outcome.says("plan").says("inside the directory");
        }
    }
    // A run that would have done something does nothing either.
    let run = world.backup(&dir).args(["--plan-out", "dir/plan"]);
    world.no_requests(|| run.exits(1));
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

#[test]
fn a_plan_replaces_an_earlier_one_and_nothing_else() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let around = world.tree("around", &[("empty", ""), ("old", ""), ("photo", "JFIF")]);
    around.mkdir("directory");
    around.link("link", "photo");
    around.mkfifo("fifo");
    fs::write(around.join("old"), "{\"s3mirror_plan\":99}\n").unwrap();
    for file in ["empty", "old", "new"] {
        let run = mock(&world, "backup", &dir).arg("--plan-out");
        run.arg(around.join(file)).done();
        assert_eq!(PlanText::lines(&around.join(file)).len(), 5);
    }
    let before = around.snapshot();
    for file in ["photo", "directory", "link", "fifo", "none/plan"] {
        let run = mock(&world, "backup", &dir).arg("--plan-out");
        let run = run.arg(around.join(file));
        let outcome = world.no_requests(|| run.exits(1)).complains_in_one_line();
        outcome.says(file);
    }
    assert_same(&around.snapshot(), &before);
}

/// Most bytes of a file, where there is no room for more.
const LIMIT: u64 = 2048;

/// The old plan stays whole where the new one finds no room; nothing is done.
#[test]
fn a_plan_that_cannot_be_written_leaves_the_old_one_whole() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let around = world.dir("around");
    // The lines, which wait in temporary files, may need several of them; the file
    // of the plan is larger than one may be.
    for number in 0.. {
        dir.write(format!("n{number:03}"), "x");
        let plan = save(&world, &["mock", "backup"], &dir);
        if fs::metadata(&plan).unwrap().len() > LIMIT {
            let lines = PlanText::read(&plan).len() as u64;
            assert!(lines < 32 * LIMIT, "{lines} bytes of lines");
            break;
        }
    }
    around.write("plan", "{\"s3mirror_plan\":1}\n");
    let (before, objects) = (around.snapshot(), world.bucket.objects());
    for command in [&["mock", "backup"][..], &["backup", "--yes"]] {
        let run = world.command(command, &dir).arg("--plan-out");
        let run = run.arg(around.join("plan"));
        let blocks = LIMIT / 512;
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let outcome = world.only_lists(|| run.in_shell(&script));
        outcome.is(1).says("cannot save the plan");
        assert_same(&around.snapshot(), &before);
        assert_same(&world.bucket.objects(), &objects);
    }
}

#[test]
fn a_failed_listing_leaves_no_plan() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let around = world.dir("around");
    let fault = Fault::on("ListObjectsV2").always();
    memory.inject(fault.act(Action::error(403, "AccessDenied")));
    let run = mock(&world, "backup", &dir).arg("--plan-out");
    run.arg(around.join("plan")).exits(1);
    assert_same(&around.snapshot(), &std::collections::BTreeMap::new());
}
