//! Reading: the listed version, or nothing.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode};
use sync_core::store::read_bytes;
use sync_core::{ErrorKind, Store};
use sync_fs::{FsOptions, FsStore};

use crate::util::{StopOnDrop, Tree, entries, stat};

#[tokio::test]
async fn another_version_is_never_read() {
    let tree = Tree::new();
    tree.file("a", "0123456789");
    let store = tree.store();
    let seen = stat(&store, "a").await;
    assert_eq!(read_bytes(&store, &seen, 2..5).await.unwrap(), "234");
    let same_size_and_time = || {
        let time = tree.path("a").metadata().unwrap().modified().unwrap();
        fs::write(tree.path("a"), "abcdefghij").unwrap();
        let file = File::options().write(true).open(tree.path("a")).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    let replaced = || {
        fs::remove_file(tree.path("a")).unwrap();
        tree.file("a", "0123456789");
    };
    let fifo = || {
        fs::remove_file(tree.path("a")).unwrap();
        rustix::fs::mkfifoat(CWD, tree.path("a"), Mode::RWXU).unwrap();
    };
    let changes: [&dyn Fn(); 4] = [
        &same_size_and_time,
        &|| fs::write(tree.path("a"), "0123456789+").unwrap(),
        &replaced,
        &fifo,
    ];
    for (n, change) in changes.iter().enumerate() {
        change();
        let error = read_bytes(&store, &seen, 0..1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{n}: {error}");
        assert_eq!(error.to_string(), "'a' changed since it was listed");
    }
    fs::remove_file(tree.path("a")).unwrap();
    let error = read_bytes(&store, &seen, 0..1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    fs::create_dir(tree.path("a")).unwrap();
    let error = read_bytes(&store, &seen, 0..1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
}

#[tokio::test]
async fn a_range_beyond_the_end_is_an_error() {
    let tree = Tree::new();
    tree.file("a", "0123456789");
    let store = tree.store();
    let seen = stat(&store, "a").await;
    assert!(read_bytes(&store, &seen, 5..11).await.is_err());
    assert!(read_bytes(&store, &seen, 0..u64::MAX).await.is_err());
    #[expect(clippy::reversed_empty_ranges, reason = "just that must not panic")]
    let reversed = read_bytes(&store, &seen, 7..5).await;
    assert!(reversed.is_err());
}

/// A writer cuts and fills the file again and again, with another byte and
/// another length each time; what is read must be of one kind.
#[test]
fn a_file_that_changes_while_it_is_read_is_never_a_mixture() {
    let tree = Tree::new();
    let store = tree.store();
    let stop = AtomicBool::new(false);
    let write = || {
        let mut round = 0usize;
        while !stop.load(Ordering::Relaxed) {
            round += 1;
            let body = vec![b'a' + (round % 26) as u8; 300_000 + round % 23];
            let mut file = File::create(tree.path("a")).unwrap();
            file.write_all(&body).unwrap();
        }
    };
    tree.file("a", "");
    let (mut whole, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(write);
        let stop = StopOnDrop(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for _ in 0..1000 {
                let seen = stat(&store, "a").await;
                match read_bytes(&store, &seen, 0..seen.size).await {
                    Ok(body) => {
                        assert_eq!(body.len() as u64, seen.size);
                        assert!(body.iter().all(|b| *b == body[0]), "a mixture");
                        whole += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
                        refused += 1;
                    }
                }
            }
        });
        drop(stop);
    });
    assert!(
        refused > 0,
        "{whole} whole, none refused: no race took place"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_reports_no_size_is_listed_and_read_with_what_it_has() {
    let directory = std::path::Path::new("/proc/sys/fs/inotify");
    let options = FsOptions {
        measure: true,
        ..FsOptions::default()
    };
    let store = FsStore::open(directory, options).unwrap();
    let listed = entries(&store).await;
    assert!(listed.len() >= 3, "{listed:?}");
    for entry in listed {
        let there = fs::read(directory.join(entry.key.as_str())).unwrap();
        assert_eq!(entry.size, there.len() as u64);
        assert_eq!(
            read_bytes(&store, &entry, 0..entry.size).await.unwrap(),
            there
        );
        let again = store.stat(&entry.key).await.unwrap().unwrap();
        assert_eq!(again.size, entry.size);
        // With fewer or more bytes than it was listed with, it is another one.
        for size in [entry.size - 1, entry.size + 1] {
            let other = sync_core::Entry {
                size,
                ..entry.clone()
            };
            let error = read_bytes(&store, &other, 0..size).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_has_less_than_it_reports_is_named_as_that() {
    let directory = std::path::Path::new("/sys/devices/system/cpu");
    let store = FsStore::open(directory, FsOptions::default()).unwrap();
    let entry = stat(&store, "online").await;
    let error = read_bytes(&store, &entry, 0..entry.size).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let said = error.to_string();
    assert!(said.contains("it reports a size of 4096 bytes"), "{said}");
}
