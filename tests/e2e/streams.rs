//! Standard streams that end early or are no terminal (case 35).

use crate::support::{Dir, Memory, World, assert_same, content::map};

/// Many lines, so that a pipe of 64 KiB is full long before the end.
fn with_much_to_say(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let dir = world.dir("dir");
    for number in 0..3000 {
        dir.write(format!("{}/{number}", "long-name".repeat(8)), "x");
    }
    (world, dir)
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    let script = r#"{ "$@"; echo "status $?" >&2; } | head -n 1"#;
    for json in [&["--json"][..], &[]] {
        let outcome = world.mock_backup(&dir).args(json).in_shell(script);
        assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
        assert_eq!(outcome.stderr, "status 0\n", "no complaint in {outcome}");
    }
}

/// Who stops reading has not asked to stop the backup.
#[test]
fn a_backup_whose_reader_leaves_is_still_whole() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    world
        .backup(&dir)
        .args(["--json", "-v"])
        .in_shell("\"$@\" | head -n 1 >/dev/null")
        .is(0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn closed_streams_are_no_error() {
    let memory = Memory::start();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1")]);
        world
            .backup(&dir)
            .in_shell(&format!("\"$@\" {closed}"))
            .is(0);
        assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
    }
}

#[test]
fn a_full_device_is_told_and_is_no_panic() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let outcome = world.mock_backup(&dir).in_shell("\"$@\" >/dev/full");
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    // The other stream must not bring it down either.
    world.mock_backup(&dir).in_shell("\"$@\" 2>/dev/full").is(0);
}

#[test]
fn without_a_terminal_there_is_neither_bar_nor_colour() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let outcome = world.backup(&dir).done();
    assert!(
        !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains('\r'), "{outcome}");
}
