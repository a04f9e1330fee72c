//! A directory that another thread swaps for a link, again and again: nothing
//! may be read, written or deleted behind it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use sync_core::NewEntry;
use sync_core::store::read_bytes;
use sync_core::{Entry, Expected, Store, checksum::Crc64};
use sync_fs::{Durability, FsOptions};

use crate::util::{StopOnDrop, Tree, entry, keys};

const ROUNDS: usize = 10_000;

/// `root/d` is by turns a directory and a link to `outside`.
fn swap(root: &Path, outside: &Path, stop: &AtomicBool) -> u64 {
    let (dir, aside) = (root.join("d"), root.join("aside"));
    let mut swaps = 0;
    while !stop.load(Ordering::Relaxed) {
        // The store may have made a directory in the meantime: any step may
        // fail, and the next round goes on from there.
        let _ = fs::rename(&dir, &aside);
        if symlink(outside, &dir).is_ok() {
            swaps += 1;
            std::thread::yield_now();
            let _ = fs::remove_file(&dir);
        }
        let _ = fs::rename(&aside, &dir);
        std::thread::yield_now();
    }
    swaps
}

#[test]
fn nothing_escapes_through_a_directory_that_becomes_a_link() {
    let tree = Tree::new();
    fs::create_dir(tree.path("d")).unwrap();
    fs::write(tree.outside.join("f"), "secret").unwrap();
    let secret = fs::metadata(tree.outside.join("f")).unwrap();
    let store = tree.store_with(FsOptions {
        durability: Durability::None,
        ..FsOptions::default()
    });
    let stop = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    let round = async |n: usize| {
        let body = Bytes::from(format!("round {n}"));
        let sum = Crc64::of(&body);
        let new = entry(&format!("d/n{}", n % 7), body.len());
        let seen: Expected = store.stat(&new.key).await.unwrap_or(None).into();
        if store
            .put(&NewEntry::from(&new), body, sum, &seen)
            .await
            .is_ok()
        {
            written.fetch_add(1, Ordering::Relaxed);
        }
        // As if the file behind the link had been listed: with its own size
        // and time, so that only the way there can be the reason to refuse.
        let modified = secret.modified().unwrap().into();
        let bait = Entry::new(sync_core::Key::new("d/f").unwrap(), 6, modified);
        assert!(read_bytes(&store, &bait, 0..6).await.is_err());
        let _ = store.delete(&[bait]).await;
        if n.is_multiple_of(50) {
            let listed = keys(&store).await;
            assert!(!listed.contains(&"d/f".to_owned()), "{listed:?}");
        }
    };
    let swaps = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| swap(&tree.root, &tree.outside, &stop));
        let stop = StopOnDrop(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for n in 0..ROUNDS {
                round(n).await;
            }
        });
        drop(stop);
        swapper.join().unwrap()
    });
    let outside: Vec<_> = fs::read_dir(&tree.outside)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(outside, ["f"]);
    assert_eq!(
        fs::read_to_string(tree.outside.join("f")).unwrap(),
        "secret"
    );
    assert!(swaps > 0 && written.into_inner() > 0, "no race took place");
    let left: Vec<_> = tree
        .names()
        .into_iter()
        .filter(|n| n.contains(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
