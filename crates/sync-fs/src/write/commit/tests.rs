//! Groups whose work is shared by several threads.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sync_core::{Expected, Key, NewEntry, Selection, checksum::Crc64};

use super::*;
use crate::jobs::Jobs;
use crate::options::FsOptions;
use crate::write::unfinished::Unfinished;

/// On a file system that has turned out to be slow.
fn directory(root: &Path, durability: Durability) -> Directory {
    let options = FsOptions {
        durability,
        ..FsOptions::default()
    };
    let mut directory = Directory::new(root, options);
    directory.jobs = Jobs::on_slow_file_system();
    directory
}

/// A file with its own key as content.
fn ready(directory: &Directory, key: &str) -> Ready {
    let body = Bytes::copy_from_slice(key.as_bytes());
    let entry = NewEntry {
        key: Key::new(key).unwrap(),
        size: body.len() as u64,
        modified: chrono::DateTime::UNIX_EPOCH,
        changed: chrono::DateTime::UNIX_EPOCH,
    };
    let sum = Crc64::of(&body);
    let file = Unfinished::create(directory, entry, &Expected::Absent).unwrap();
    let mut part = Unfinished::part(0);
    file.write(&mut part, &[body]).unwrap();
    file.end(part);
    let finished = file.finish(&directory.shortfalls, sum, Expected::Absent);
    finished.unwrap()
}

/// Commits files of these keys as one group; the result of each.
async fn commit_all(directory: &Arc<Directory>, keys: Vec<String>) -> Vec<Result<()>> {
    let inner = Arc::clone(directory);
    let work = move || {
        let commits = keys.iter().map(|key| {
            let (answer, result) = oneshot::channel();
            (Commit::new(ready(&inner, key), answer), result)
        });
        let (group, results): (Vec<_>, Vec<_>) = commits.unzip();
        for key in keys.iter().filter(|key| key.ends_with("taken")) {
            fs::write(inner.root.path().join(key), "somebody else's").unwrap();
        }
        commit_group(&inner, group);
        Ok(results)
    };
    let results = directory.jobs.run_unmeasured(work).await.unwrap();
    let results = results.into_iter().map(|mut result| result.try_recv());
    results.map(std::result::Result::unwrap).collect()
}

#[tokio::test]
async fn each_of_a_group_has_its_own_result_and_a_failure_is_of_one_alone() {
    for durability in [Durability::Batch, Durability::Each, Durability::None] {
        for trash in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("root");
            let mut directory = directory(&root, durability);
            if trash {
                let detector = Arc::clone(&directory.detector);
                let all = Selection::default();
                fs::create_dir(&root).unwrap();
                let home = dir.path().join("trash");
                let trash = Trash::new(&home, "run".to_owned(), &root, &all, detector);
                directory.trash = Some(trash.unwrap());
            }
            let directory = Arc::new(directory);
            let key = |number| match number % 10 {
                7 => format!("d{}/{number}taken", number / 20),
                _ => format!("d{}/{number}", number / 20),
            };
            let keys: Vec<_> = (0..100).map(key).collect();

            let results = commit_all(&directory, keys.clone()).await;

            assert_eq!(results.len(), keys.len());
            for (key, result) in keys.iter().zip(results) {
                let content = fs::read_to_string(root.join(key)).unwrap();
                if key.ends_with("taken") {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Changed);
                    assert!(error.to_string().contains(key), "{key}: {error}");
                    assert_eq!(content, "somebody else's");
                } else {
                    assert!(result.is_ok(), "{key}: {result:?}");
                    assert_eq!(content, *key);
                }
            }
            for number in 0..5 {
                let names = fs::read_dir(root.join(format!("d{number}"))).unwrap();
                assert_eq!(names.count(), 20, "a temporary is left");
            }
        }
    }
}

#[tokio::test]
async fn no_file_is_reported_while_another_commit_syncs_the_directory_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let directory = Arc::new(directory(&root, Durability::Each));
    // It makes `d`, so the root is to be synced.
    drop(ready(&directory, "d/first"));
    let unsynced = directory.new_directories.take();
    let is_synced = Arc::new(AtomicBool::new(false));
    let committed = tokio::spawn({
        let (directory, is_synced) = (Arc::clone(&directory), Arc::clone(&is_synced));
        async move {
            let results = commit_all(&directory, vec!["d/second".to_owned()]).await;
            (results, is_synced.load(Ordering::SeqCst))
        }
    });
    // Time for it to be reported too early.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    is_synced.store(true, Ordering::SeqCst);
    drop(unsynced);
    let (results, was_synced) = committed.await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert!(was_synced);
}
