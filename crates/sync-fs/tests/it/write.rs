//! Writing: whole or not at all, and nothing but the file itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{StreamExt, stream};
use rustix::fs::{CWD, Mode};
use sync_core::NewEntry;
use sync_core::{Entry, ErrorKind, Expected, Store, checksum::Crc64};
use sync_fs::{Durability, FsOptions, FsStore};

use crate::util::{StopOnDrop, Tree, as_it_is, entry, key, keys, put, stat, time, unprivileged};

const ABSENT: Expected = Expected::Absent;

async fn write_whole(store: &FsStore, name: &str, body: &'static str) -> sync_core::Result<()> {
    let body = Bytes::from_static(body.as_bytes());
    let expected = as_it_is(store, name).await;
    let writer = store
        .write(&NewEntry::from(&entry(name, body.len())), 4, &expected)
        .await?;
    for offset in (0..body.len()).step_by(4) {
        let part = body.slice(offset..body.len().min(offset + 4));
        writer.part(offset as u64, part.into()).await?;
    }
    writer.commit(Crc64::of(&body)).await
}

#[tokio::test]
async fn the_time_is_exact() {
    let memory = tempfile::TempDir::new_in("/dev/shm").ok().map(Tree::in_dir);
    let disk = Tree::new();
    for tree in memory.iter().chain([&disk]) {
        let store = tree.store();
        for text in [
            "1901-12-14T00:00:00.000000001Z",
            "1969-12-31T23:59:59.999999999Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T12:34:56.123456789Z",
            "2446-01-01T00:00:00.25Z",
        ] {
            let modified = time(text);
            let wanted = Entry::new(key(text), 0, modified);
            store
                .put(
                    &NewEntry::from(&wanted),
                    Bytes::new(),
                    Crc64::EMPTY,
                    &ABSENT,
                )
                .await
                .unwrap();
            assert_eq!(stat(&store, text).await.modified, modified);
            assert_eq!(
                fs::metadata(tree.path(text)).unwrap().mtime(),
                modified.timestamp()
            );
        }
    }
    // ext4 ends in 2446: what it cannot hold must at least not be an error.
    let far = Entry::new(key("far"), 0, time("2500-06-07T08:09:10.5Z"));
    for tree in memory.iter().chain([&disk]) {
        let store = tree.store();
        store
            .put(&NewEntry::from(&far), Bytes::new(), Crc64::EMPTY, &ABSENT)
            .await
            .unwrap();
        let now = stat(&store, "far").await.modified;
        assert!(now <= far.modified, "{now}");
    }
    if let Some(tree) = &memory {
        assert_eq!(stat(&tree.store(), "far").await.modified, far.modified);
    }
}

#[tokio::test]
async fn a_replaced_file_keeps_its_permissions() {
    let tree = Tree::new();
    let store = tree.store();
    for mode in [0o600, 0o640, 0o444, 0o755, 0o000] {
        tree.file("a", "old");
        fs::set_permissions(tree.path("a"), fs::Permissions::from_mode(mode)).unwrap();
        let seen = as_it_is(&store, "a").await;
        put(&store, "a", "new", &seen).await.unwrap();
        let now = fs::metadata(tree.path("a")).unwrap();
        assert_eq!(now.mode() & 0o7777, mode);
        fs::remove_file(tree.path("a")).unwrap();
    }
    tree.file("by-hand", "1");
    put(&store, "new", "1", &ABSENT).await.unwrap();
    let mode = |name| fs::metadata(tree.path(name)).unwrap().mode();
    assert_eq!(mode("new"), mode("by-hand"), "as the umask says");
}

#[tokio::test]
async fn what_was_not_seen_is_not_replaced() {
    let tree = Tree::new();
    let store = tree.store();
    tree.file("a", "one");
    let error = put(&store, "a", "x", &ABSENT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    let seen = as_it_is(&store, "a").await;
    tree.file("a", "two");
    let error = put(&store, "a", "x", &seen).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert_eq!(
        (tree.read("a"), tree.names()),
        ("two".to_owned(), vec!["a".to_owned()])
    );
    fs::remove_file(tree.path("a")).unwrap();
    put(&store, "a", "x", &seen).await.unwrap();
    assert_eq!(tree.read("a"), "x");

    // Also between the begin of a write and its commit.
    let writer = store
        .write(&NewEntry::from(&entry("b", 1)), 1, &ABSENT)
        .await
        .unwrap();
    writer
        .part(0, Bytes::from_static(b"1").into())
        .await
        .unwrap();
    tree.file("b", "someone else's");
    let error = writer.commit(Crc64::of(b"1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert_eq!(tree.names(), ["a", "b"]);
}

#[tokio::test]
async fn a_link_at_the_destination_is_replaced_and_its_target_untouched() {
    let tree = Tree::new();
    fs::write(tree.outside.join("target"), "mine").unwrap();
    tree.file("inside", "mine too");
    tree.link(tree.outside.join("target"), "out");
    tree.link("inside", "in");
    tree.link("nowhere", "dangling");
    let store = tree.store();
    for name in ["out", "in", "dangling"] {
        let seen = as_it_is(&store, name).await;
        put(&store, name, "new", &seen).await.unwrap();
        assert!(tree.path(name).symlink_metadata().unwrap().is_file());
        assert_eq!(tree.read(name), "new");
    }
    assert_eq!(
        fs::read_to_string(tree.outside.join("target")).unwrap(),
        "mine"
    );
    assert_eq!(tree.read("inside"), "mine too");
}

#[tokio::test]
async fn a_special_file_at_the_destination_does_not_block() {
    let tree = Tree::new();
    rustix::fs::mkfifoat(CWD, tree.path("fifo"), Mode::RWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path("socket")).unwrap();
    let store = tree.store();
    for name in ["fifo", "socket"] {
        write_whole(&store, name, "hello").await.unwrap();
        assert_eq!(tree.read(name), "hello");
    }
}

#[tokio::test]
async fn only_an_empty_directory_gives_way_to_a_file() {
    let tree = Tree::new();
    let store = tree.store();
    fs::create_dir_all(tree.path("a/b/c")).unwrap();
    fs::create_dir_all(tree.path("a/d")).unwrap();
    tree.file("full/deep/file", "1");
    fs::create_dir_all(tree.path("full/empty")).unwrap();
    write_whole(&store, "a", "hello").await.unwrap();
    assert_eq!(tree.read("a"), "hello");
    let error = write_whole(&store, "full", "hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert_eq!(
        error.to_string(),
        "cannot write 'full': a directory of that name is not empty; move elsewhere what is in \
         it, and run again"
    );
    assert_eq!(
        tree.names(),
        ["a", "full", "full/deep", "full/deep/file", "full/empty"]
    );
}

#[tokio::test]
async fn a_file_in_the_way_of_a_path_may_go_until_the_commit() {
    let tree = Tree::new();
    let store = tree.store();
    tree.file("d/a", "in the way");
    let begin = async || {
        let writer = store
            .write(&NewEntry::from(&entry("d/a/b/c", 1)), 1, &ABSENT)
            .await
            .unwrap();
        writer
            .part(0, Bytes::from_static(b"1").into())
            .await
            .unwrap();
        writer
    };
    let writer = begin().await;
    let error = writer.commit(Crc64::of(b"1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert_eq!(
        error.to_string(),
        "cannot write 'd/a/b/c': 'd/a' is a file and not a directory; remove 'd/a' and run again"
    );
    assert_eq!(tree.names(), ["d", "d/a"]);

    let writer = begin().await;
    let blocking = stat(&store, "d/a").await;
    store.delete(&[blocking]).await.pop().unwrap().unwrap();
    writer.commit(Crc64::of(b"1")).await.unwrap();
    assert_eq!(tree.read("d/a/b/c"), "1");
}

#[tokio::test]
async fn nothing_is_written_through_a_link_on_the_way() {
    let tree = Tree::new();
    let store = tree.store();
    tree.link(&tree.outside, "out");
    fs::create_dir(tree.path("real")).unwrap();
    tree.link("real", "in");
    for name in ["out/x", "in/x", "out/y/z"] {
        let error = put(&store, name, "1", &ABSENT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked);
        assert!(error.to_string().contains("is a symbolic link"), "{error}");
    }
    assert_eq!(tree.names(), ["in", "out", "real"]);
    assert_eq!(fs::read_dir(&tree.outside).unwrap().count(), 0);
}

#[tokio::test]
async fn an_unfinished_write_leaves_nothing() {
    let tree = Tree::new();
    let store = tree.store();
    let begin = async || {
        store
            .write(&NewEntry::from(&entry("a", 8)), 4, &ABSENT)
            .await
            .unwrap()
    };
    let half = Bytes::from_static(b"half");
    let sum = Crc64::of(&half);
    let whole = sum.then(sum, 4);

    drop(begin().await);
    begin().await.abort().await;
    let writer = begin().await;
    writer.part(0, half.clone().into()).await.unwrap();
    let error = writer.commit(whole).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "a part is missing");
    let writer = begin().await;
    assert!(
        writer.part(6, half.clone().into()).await.is_err(),
        "beyond the end"
    );
    let written = writer.part(4, half.clone().into()).await.unwrap();
    assert_eq!(written, sum, "the sum of what it has written");
    writer.part(0, half.clone().into()).await.unwrap();
    let error = writer.commit(sum).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Corrupt,
        "the sum of the whole is wrong"
    );
    let wrong = entry("a", 5);
    let error = store
        .put(&NewEntry::from(&wrong), half, sum, &ABSENT)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "shorter than announced");
    assert!(tree.names().is_empty(), "{:?}", tree.names());
}

#[tokio::test]
async fn a_segment_that_is_too_long_is_a_clear_error() {
    let tree = Tree::new();
    let store = tree.store();
    let long = "x".repeat(256);
    for name in [format!("d/{long}"), format!("{long}/f")] {
        let error = put(&store, &name, "1", &ABSENT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    put(&store, &format!("d/{}", "x".repeat(255)), "1", &ABSENT)
        .await
        .unwrap();
}

#[test]
fn a_reader_sees_the_old_or_the_new_file_and_nothing_else() {
    let tree = Tree::new();
    let store = tree.store_with(FsOptions {
        durability: Durability::None,
        ..FsOptions::default()
    });
    let bodies = ["a".repeat(100_000), "b".repeat(150_000)];
    tree.file("f", &bodies[0]);
    let stop = AtomicBool::new(false);
    let read = || {
        let mut reads = 0;
        while !stop.load(Ordering::Relaxed) {
            let body = tree.read("f");
            assert!(bodies.contains(&body), "{} bytes", body.len());
            reads += 1;
        }
        reads
    };
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(read);
        let stop = StopOnDrop(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for n in 0..500 {
                let seen = as_it_is(&store, "f").await;
                put(&store, "f", &bodies[(n + 1) % 2], &seen).await.unwrap();
            }
        });
        drop(stop);
        reader.join().unwrap()
    });
    assert!(reads > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_are_committed_together() {
    for durability in [Durability::Batch, Durability::Each] {
        let tree = Tree::new();
        let store = tree.store_with(FsOptions {
            durability,
            ..FsOptions::default()
        });
        let store = &store;
        // Every tenth is refused: in a group, that is nobody else's concern.
        for n in (0..1000).step_by(10) {
            tree.file(&format!("d{}/f{n}", n % 13), "there");
        }
        let failed = stream::iter(0..1000)
            .map(|n| async move { put(store, &format!("d{}/f{n}", n % 13), "new", &ABSENT).await })
            .buffer_unordered(64)
            .filter(|result| futures::future::ready(result.is_err()))
            .count()
            .await;
        assert_eq!(failed, 100);
        assert_eq!(keys(store).await.len(), 1000);
        assert!(!tree.names().iter().any(|name| name.contains("s3mirror")));
        assert_eq!(
            (tree.read("d0/f0"), tree.read("d1/f1")),
            ("there".into(), "new".into())
        );
    }
}

#[tokio::test]
async fn a_large_file_beside_small_ones() {
    let tree = Tree::new();
    let store = tree.store();
    let body = Bytes::from(vec![1u8; 5 << 20]);
    let sum = Crc64::of(&body);
    let large = NewEntry::from(&entry("large", body.len()));
    let (large, small) = futures::join!(
        store.put(&large, body.clone(), sum, &ABSENT),
        put(&store, "small", "1", &ABSENT)
    );
    large.unwrap();
    small.unwrap();
    assert_eq!(fs::read(tree.path("large")).unwrap(), body);
}

/// A file of a service, which only that may read.
#[test]
#[ignore = "needs root, to give files away; `cargo xtask test` runs it"]
fn a_replaced_file_leaves_its_owner_where_that_is_allowed() {
    let replaced = |tree: &Tree, store: &FsStore| {
        let work = async {
            let seen = as_it_is(store, "a").await;
            put(store, "a", "new", &seen).await.unwrap();
            put(store, "b", "new", &ABSENT).await.unwrap();
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(work);
        assert_eq!(tree.read("a"), "new");
        let meta = tree.path("a").metadata().unwrap();
        (meta.uid(), meta.gid(), meta.permissions().mode() & 0o777)
    };
    let given_away = |mode| {
        let tree = Tree::new();
        tree.file("a", "the old one");
        std::os::unix::fs::chown(tree.path("a"), Some(1000), Some(1001)).unwrap();
        fs::set_permissions(tree.path("a"), fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(&tree.root, Some(65534), Some(65534)).unwrap();
        tree
    };
    for mode in [0o600, 0o640, 0o444] {
        let tree = given_away(mode);
        let store = tree.store();
        assert_eq!(replaced(&tree, &store), (1000, 1001, mode));
        assert_eq!(tree.path("b").metadata().unwrap().uid(), 0);
        assert!(store.warnings().is_empty());
    }
    // Nobody may give files away. That is said where it takes something away.
    for (mode, is_said) in [(0o644, false), (0o600, true), (0o400, true)] {
        let tree = given_away(mode);
        let warnings = unprivileged(async || {
            let store = tree.store();
            let seen = as_it_is(&store, "a").await;
            put(&store, "a", "new", &seen).await.unwrap();
            store.warnings()
        });
        let meta = tree.path("a").metadata().unwrap();
        assert_eq!((meta.uid(), meta.mode() & 0o777), (65534, mode));
        assert_eq!(warnings.len(), usize::from(is_said), "{warnings:?}");
        let named = warnings
            .iter()
            .all(|said| said.contains("owner of 1 file ('a')"));
        assert!(named, "{warnings:?}");
    }
}

#[tokio::test]
#[ignore = "needs root, to mount a small file system; `cargo xtask test` runs it"]
async fn a_full_disk_leaves_the_old_file_whole_and_no_temporary() {
    let tree = Tree::new();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&tree.root)
        .status()
        .is_ok_and(|status| status.success());
    assert!(mounted, "this user cannot mount a file system; run as root");
    let result = std::panic::AssertUnwindSafe(fill(&tree));
    let result = futures::FutureExt::catch_unwind(result).await;
    let unmounted = std::process::Command::new("umount")
        .arg(&tree.root)
        .status();
    assert!(unmounted.unwrap().success());
    result.unwrap();
}

async fn fill(tree: &Tree) {
    let store = tree.store();
    tree.file("a", "old");
    let seen = as_it_is(&store, "a").await;
    let body = "x".repeat(2 << 20);
    let error = put(&store, "a", &body, &seen).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unwritable, "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.to_string().contains("free some space"))
    );
    // A large file is refused before a byte of it has been fetched.
    let error = store
        .write(&NewEntry::from(&entry("a", 2 << 20)), 1 << 20, &seen)
        .await;
    assert_eq!(error.err().map(|e| e.kind()), Some(ErrorKind::Unwritable));
    assert_eq!(
        (tree.read("a"), tree.names()),
        ("old".into(), vec!["a".into()])
    );
}
