//! Plans that look like an accident are refused before anything is changed,
//! with an exit status of their own; each guard has its named option.

use crate::support::{Dir, Memory, World, assert_same, run::Run};

/// A bucket and a directory of 30 and of `left` equal entries.
fn with_entries(memory: &Memory, objects: usize, files: usize) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let dir = world.dir("dir");
    for number in 0..objects {
        world.bucket.put(&format!("f{number}"), "x");
    }
    for number in 0..files {
        dir.write(format!("f{number}"), "x");
    }
    (world, dir)
}

#[track_caller]
fn refused(world: &World, dir: &Dir, run: Run, option: &str) {
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    world.only_lists(|| run.exits(4).says(option));
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

#[test]
fn an_empty_source_is_refused_in_both_directions() {
    let memory = Memory::start();
    let (world, dir) = with_entries(&memory, 3, 0);
    refused(&world, &dir, world.backup(&dir), "--allow-empty-source");
    let (world, dir) = with_entries(&memory, 0, 3);
    refused(&world, &dir, world.restore(&dir), "--allow-empty-source");
}

#[test]
fn an_empty_source_can_be_allowed() {
    let memory = Memory::start();
    let (world, dir) = with_entries(&memory, 3, 0);
    world.backup(&dir).arg("--allow-empty-source").done();
    assert_same(&world.bucket.contents(), &dir.contents());
    let (world, dir) = with_entries(&memory, 0, 3);
    world.restore(&dir).arg("--allow-empty-source").done();
    assert_same(&dir.contents(), &world.bucket.contents());
}

#[test]
fn an_empty_source_and_an_empty_target_are_nothing_to_do() {
    let memory = Memory::start();
    let (world, dir) = with_entries(&memory, 0, 0);
    world.backup(&dir).done();
    world.restore(&dir).done();
}

/// A prefix or a pattern with a typing error is no mirror that is equal already.
#[test]
fn that_there_was_nothing_to_compare_is_told() {
    let memory = Memory::start();
    let (world, dir) = with_entries(&memory, 0, 0);
    let both = format!("s3://{}/", world.bucket.name);
    let runs = || {
        let [mock_backup, mock_restore] = [world.mock_backup(&dir), world.mock_restore(&dir)];
        let runs = [
            world.backup(&dir),
            world.restore(&dir),
            world.command(&["verify"], &dir),
        ];
        runs.into_iter().chain([mock_backup, mock_restore])
    };
    for run in runs() {
        run.done().says("there was nothing to compare").says(&both);
    }
    dir.write("a", "1");
    world.bucket.put("a", "1");
    for run in runs() {
        let run = run.args(["--include", "b/**", "--exclude", "*"]);
        run.done().says("is excluded, 1 entry; check the options");
    }
    for run in runs() {
        let outcome = run.done();
        assert!(!outcome.stderr.contains("nothing"), "{outcome}");
    }
    // What is below an excluded directory is not looked at.
    let (world, dir) = World::with(&memory, &[], &[("d/a", "1")]);
    for run in [world.mock_backup(&dir), world.backup(&dir)] {
        let run = run.args(["--exclude", "d/"]).done();
        run.says("is excluded, 1 entry; check the options");
    }
}

#[test]
fn more_than_half_of_the_target_and_more_than_ten_is_refused() {
    let memory = Memory::start();
    let (world, dir) = with_entries(&memory, 22, 10);
    refused(&world, &dir, world.backup(&dir), "--max-delete");
    let (world, dir) = with_entries(&memory, 10, 22);
    refused(&world, &dir, world.restore(&dir), "--max-delete");
}

#[test]
fn half_of_the_target_or_ten_entries_are_believed() {
    let memory = Memory::start();
    for (objects, files) in [(22, 11), (11, 1)] {
        let (world, dir) = with_entries(&memory, objects, files);
        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        let (world, dir) = with_entries(&memory, files, objects);
        world.restore(&dir).done();
        assert_same(&dir.contents(), &world.bucket.contents());
    }
}

#[test]
fn max_delete_is_a_number_or_a_share() {
    let memory = Memory::start();
    for (limit, permits) in [
        ("4", false),
        ("5", true),
        ("24%", false),
        ("25%", true),
        ("0", false),
    ] {
        let (world, dir) = with_entries(&memory, 20, 15);
        let run = world.backup(&dir).args(["--max-delete", limit]);
        if permits {
            run.done();
            assert_same(&world.bucket.contents(), &dir.contents());
        } else {
            refused(&world, &dir, run, "--max-delete");
        }
    }
}

/// What a mock shows is not changed by a guard, but it says what would happen.
#[test]
fn a_mock_shows_a_plan_that_would_be_refused() {
    let memory = Memory::start();
    let (world, dir) = with_entries(&memory, 22, 10);
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    let outcome = world.only_lists(|| world.mock_backup(&dir).run());
    let outcome = outcome.says("f21").says("--max-delete");
    assert!(
        outcome.status.code() == Some(0) || outcome.status.code() == Some(4),
        "{outcome}"
    );
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

#[test]
fn a_clock_that_is_off_by_more_than_a_quarter_of_an_hour_deletes_nothing() {
    for minutes in [-16, 16] {
        let memory = Memory::with(s3_endpoint::Config {
            check_skew: false,
            ..Default::default()
        });
        let (world, dir) = with_entries(&memory, 3, 2);
        memory.set_clock_offset(chrono::TimeDelta::minutes(minutes));
        refused(&world, &dir, world.backup(&dir), "--no-delete");
    }
}
