//! The walk with threads that look ahead of it: it lists what it lists without them,
//! within bounds, and the waits overlap.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use proptest::prelude::*;
use sync_core::select::{Criteria, NameRule};

use super::*;
use crate::list::pace::Pace;
use crate::options::SymlinkMode;
use crate::restore_mark::RESTORE_MARK;

const QUICK: Duration = Duration::from_micros(1);
const SLOW: Duration = Duration::from_millis(1);

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mark and a name of a temporary's form, which are no letters of the others.
const OURS: [&str; 2] = [RESTORE_MARK, ".s3mirror-0123456789abcdef01234567.tmp"];

#[derive(Debug, Clone, Default)]
struct Setting {
    options: FsOptions,
    selection: Arc<Selection>,
}

fn walk(dir: &Path, setting: &Setting, pace: Pace) -> Walk {
    let root = Arc::new(Root::new(dir));
    root.open().unwrap();
    let Setting { options, selection } = setting.clone();
    Walk::by(Looker::new(
        root,
        options,
        (selection, KeyRange::default()),
        Arc::new(pace),
    ))
    .unwrap()
}

/// All that it finds, and in how many steps it looked ahead.
fn run(mut walk: Walk) -> (Vec<Listed>, String, usize) {
    let (mut items, mut steps) = (Vec::new(), 0);
    loop {
        let step = walk.step();
        steps += usize::from(walk.ahead.is_some());
        match step {
            Step::Item(item) => items.push(item),
            Step::Nothing => {}
            Step::End => return (items, format!("{:?}", walk.own_files), steps),
        }
    }
}

/// Checks that the looks ahead change nothing; returns what is listed.
fn same_with_and_without(dir: &Path, setting: &Setting) -> Vec<Listed> {
    let (serial, own, steps) = run(walk(dir, setting, Pace::by(|| QUICK)));
    assert_eq!(steps, 0);
    let ahead = run(walk(dir, setting, Pace::slow_by(|| SLOW)));
    assert_eq!((&ahead.0, ahead.1), (&serial, own));
    assert!(ahead.2 > 0);
    serial
}

/// So many files in each of so many directories.
fn tree(directories: usize, files: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for d in 0..directories {
        let sub = dir.path().join(format!("d{d}"));
        fs::create_dir(&sub).unwrap();
        for f in 0..files {
            fs::write(sub.join(format!("f{f}")), "").unwrap();
        }
    }
    dir
}

fn setting() -> impl Strategy<Value = Setting> {
    (any::<[bool; 4]>()).prop_map(|[follow, check_access, measure, select]| Setting {
        options: FsOptions {
            symlinks: [SymlinkMode::Skip, SymlinkMode::Inside][usize::from(follow)],
            check_access,
            measure,
            ..FsOptions::default()
        },
        selection: Arc::new(if select {
            let names = ["a/", "*b", "*.a"].map(|glob| NameRule::Exclude(glob.to_owned()));
            let names = names.to_vec();
            Selection::new(
                Criteria {
                    names,
                    ..Criteria::default()
                },
                None,
            )
            .unwrap()
        } else {
            Selection::default()
        }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_lists_the_same(
        names in prop::collection::vec(("[-a.b]{1,3}(/[-a.b]{1,2}){0,3}", 0..9_usize), 0..40),
        targets in prop::collection::vec("(/|\\.\\./)?[-a.b]{1,2}(/[-a.b]{1,2})?", 1..4),
        setting in setting(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        for (at, (name, what)) in names.iter().enumerate() {
            if Key::new(name.as_str()).is_err() {
                continue;
            }
            // Where two want the same name, the first wins.
            let path = dir.path().join(name);
            let parent = path.parent().unwrap();
            if fs::create_dir_all(parent).is_err() || path.symlink_metadata().is_ok() {
                continue;
            }
            let _ = match what {
                0 | 1 => symlink(&targets[at % targets.len()], &path),
                2 => fs::create_dir(&path),
                3 => fs::write(parent.join(OURS[at % 2]), "x"),
                4 => fs::write(path.with_file_name(OsStr::from_bytes(b"a\xff")), "x"),
                5 => rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU)
                    .map_err(Into::into),
                _ => fs::write(path, &name[..at % 2]),
            };
        }
        same_with_and_without(dir.path(), &setting);
    }
}

#[test]
fn it_lists_the_same_where_directories_are_large_or_deep() {
    let dir = tree(3, 700);
    deep_tree(dir.path());
    deep_tree(&dir.path().join("d1"));
    let listed = same_with_and_without(dir.path(), &Setting::default());
    assert_eq!(listed.len(), 3 * 700 + 4 * LEVELS);
}

#[test]
fn it_lists_the_same_where_something_may_not_be_read() {
    let dir = tree(4, 3);
    let mode = |name: &str, mode| {
        let path = dir.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("d0", 0o000);
    mode("d1", 0o444); // Its names can be read, its files not examined.
    mode("d2/f1", 0o000);
    let check_access = Setting {
        options: FsOptions {
            check_access: true,
            ..FsOptions::default()
        },
        ..Setting::default()
    };
    let listed = unprivileged(|| same_with_and_without(dir.path(), &check_access));
    mode("d0", 0o755);
    mode("d1", 0o755);
    let skipped = listed.iter().filter(|item| match item {
        Listed::Skipped(skipped) => skipped.detail.contains("Permission denied"),
        Listed::Entry(_) => false,
    });
    assert_eq!((listed.len(), skipped.count()), (1 + 3 + 3 + 3, 1 + 3 + 1));
}

/// Runs `work` on a thread that permissions apply to, as to those that it starts.
fn unprivileged<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    use rustix::process::{Gid, Uid, geteuid};
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if geteuid().is_root() {
                let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(group, group, group).unwrap();
                rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}

/// As many calls with the looks ahead as without: none into what is excluded.
#[test]
fn nothing_is_looked_at_that_the_walk_does_not_look_at() {
    let dir = tree(6, 20);
    symlink("d1/f1", dir.path().join("link")).unwrap();
    fs::write(dir.path().join("d1").join(RESTORE_MARK), "").unwrap();
    let names = vec![NameRule::Exclude("d2/".to_owned())];
    let criteria = Criteria {
        names,
        ..Criteria::default()
    };
    let setting = Setting {
        selection: Arc::new(Selection::new(criteria, None).unwrap()),
        options: FsOptions {
            symlinks: SymlinkMode::Skip,
            ..FsOptions::default()
        },
    };
    let calls = Arc::new(Mutex::new(0));
    for took in [QUICK, SLOW] {
        let counted = Arc::clone(&calls);
        let count = move || {
            *counted.lock() += 1;
            took
        };
        let pace = if took == SLOW {
            Pace::slow_by(count)
        } else {
            Pace::by(count)
        };
        run(walk(dir.path(), &setting, pace));
        assert_eq!(std::mem::take(&mut *calls.lock()), 5 + 5 * 20, "{took:?}");
    }
}

/// A thread that dies loses nothing that it was looking at.
#[test]
fn it_lists_the_same_though_threads_die() {
    let dir = tree(5, 50);
    let serial = run(walk(dir.path(), &Setting::default(), Pace::by(|| QUICK)));
    for survivors in [true, false] {
        let calls = Mutex::new(0);
        let pace = Pace::slow_by(move || {
            let is_ours = std::thread::current().name() == Some("s3mirror-look");
            *calls.lock() += 1;
            assert!(
                !is_ours || (survivors && *calls.lock() % 16 != 0),
                "a thread dies"
            );
            SLOW
        });
        let ahead = run(walk(dir.path(), &Setting::default(), pace));
        assert_eq!((ahead.0, ahead.1), (serial.0.clone(), serial.1.clone()));
    }
}

/// Walks where the `first` calls return when all of them are under way at once, and
/// the others when so many of them are.
fn overlap(dir: &Path, first: usize, others: usize) -> usize {
    let (begun, all) = (Mutex::new(0), Condvar::new());
    let pace = Pace::slow_by(move || {
        let mut begun = begun.lock();
        *begun += 1;
        all.notify_all();
        let enough = if *begun <= first {
            first
        } else {
            first + others
        };
        while *begun < enough {
            let waited = all.wait_for(&mut begun, PATIENCE);
            assert!(!waited.timed_out(), "{begun} calls");
        }
        SLOW
    });
    run(walk(dir, &Setting::default(), pace)).0.len()
}

#[test]
fn files_of_one_directory_are_looked_at_at_once() {
    let dir = tree(1, 500);
    assert_eq!(overlap(&dir.path().join("d0"), 0, 32), 500);
}

#[test]
fn directories_are_opened_at_once() {
    let dir = tree(200, 1);
    assert_eq!(overlap(dir.path(), 0, 32), 200);
}

/// None of the directories has enough of them, and no file is known before one
/// of these is open.
#[test]
fn files_of_several_directories_are_looked_at_at_once() {
    let dir = tree(16, 4);
    assert_eq!(overlap(dir.path(), 16, 32), 64);
}

#[test]
fn quick_calls_start_no_thread_and_slow_ones_do_until_they_are_quick() {
    let dir = tree(1, 2500);
    let is_slow = Arc::new(AtomicBool::new(false));
    let clock = Arc::clone(&is_slow);
    let pace = Pace::by(move || if clock.load(Relaxed) { SLOW } else { QUICK });
    let mut walk = walk(&dir.path().join("d0"), &Setting::default(), pace);
    let mut in_part = |slow: bool| {
        is_slow.store(slow, Relaxed);
        let steps: Vec<bool> = (0..600)
            .map(|_| {
                walk.step();
                walk.ahead.is_some()
            })
            .collect();
        (steps[0], steps[599])
    };
    assert_eq!(in_part(false), (false, false));
    assert_eq!(in_part(true), (false, true));
    assert_eq!(in_part(false), (true, false));
    assert_eq!(in_part(true), (false, true));
}

/// However much is there, and however long nobody takes it.
#[test]
fn what_is_ahead_is_bounded() {
    let dir = tree(200, 4);
    for f in 0..700 {
        fs::write(dir.path().join(format!("d1/g{f}")), "").unwrap();
    }
    let mut walk = walk(dir.path(), &Setting::default(), Pace::slow_by(|| SLOW));
    let (mut found, mut most) = (0, 0);
    loop {
        match walk.step() {
            Step::Item(_) => found += 1,
            Step::Nothing => {}
            Step::End => break,
        }
        if found % 100 == 1
            && let Some(ahead) = &walk.ahead
        {
            most = most.max(ahead.entries_within_bounds(PATIENCE));
        }
    }
    assert_eq!(found, 200 * 4 + 700);
    assert!(most > 256, "{most}");
}

#[test]
fn the_threads_end_with_the_walk() {
    let dir = tree(50, 10);
    let mut walk = walk(dir.path(), &Setting::default(), Pace::slow_by(|| SLOW));
    for _ in 0..100 {
        walk.step();
    }
    assert!(walk.ahead.is_some());
    // Each thread has its part in it.
    let pace = Arc::downgrade(&walk.looker.pace);
    assert!(pace.strong_count() > 1);
    drop(walk);
    let start = Instant::now();
    while pace.strong_count() > 0 {
        assert!(
            start.elapsed() < PATIENCE,
            "{} threads",
            pace.strong_count()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
