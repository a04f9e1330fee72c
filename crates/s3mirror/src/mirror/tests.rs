//! A plan is executed by the mirror that it was made for, and by no other; only a restore
//! goes into the past; and mirrors of key ranges do what one of all keys does.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use s3_endpoint::{Config, Endpoint};
use sync_core::KeyRange;
use sync_s3::Access;

use super::*;
use crate::builder::MirrorBuilder;

const BUCKETS: [&str; 2] = ["one", "other"];

fn server() -> Endpoint {
    let config = Config {
        buckets: BUCKETS.map(str::to_owned).to_vec(),
        anonymous: true,
        ..Config::default()
    };
    Endpoint::start(config).unwrap()
}

/// Directories with one file each, and a state directory.
fn directories() -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    for name in ["one", "other"] {
        fs::create_dir(top.path().join(name)).unwrap();
        fs::write(top.path().join(name).join(name), name).unwrap();
    }
    top
}

fn mirror(direction: Direction, top: &Path, names: [&str; 2], server: &Endpoint) -> MirrorBuilder {
    let [directory, bucket] = names;
    let bucket = bucket.parse().unwrap();
    let mut options = MirrorOptions::new(direction, top.join(directory), bucket);
    options.bucket.endpoint_url = Some(server.url());
    options.bucket.region = Some("us-east-1".to_owned());
    options.bucket.access = Access::Anonymous;
    options.state_dir = Some(top.join("state"));
    Mirror::with(options)
}

#[tokio::test]
async fn a_plan_of_another_mirror_is_refused_and_changes_nothing() {
    let (server, top) = (server(), directories());
    let of = |direction, names| mirror(direction, top.path(), names, &server);
    server.put("one", "kept", "kept", None);
    let preview = of(Direction::Backup, ["one", "one"]).open_preview();
    let plan = preview.await.unwrap().plan().await.unwrap();
    for (direction, names, said) in [
        (Direction::Backup, ["one", "other"], "to s3://other/"),
        (Direction::Backup, ["one", "one/p"], "to s3://one/p/"),
        (Direction::Backup, ["other", "one"], "other' to s3://one/"),
        (Direction::Restore, ["one", "one"], "a restore of"),
    ] {
        let mirror = of(direction, names).open().await.unwrap();
        server.clear_log();
        let error = mirror.execute(&plan).await.unwrap_err();
        assert!(matches!(error, Error::OtherMirror { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("the plan is for a backup of"), "{text}");
        assert!(text.contains(said), "{text}");
        assert_eq!(server.log().len(), 0, "{text}");
    }
    // However the same places are written.
    let directory = top.path().join("one/../one");
    let mirror = of(
        Direction::Backup,
        [directory.to_str().unwrap(), "s3://one/"],
    );
    let report = mirror.open().await.unwrap().execute(&plan).await.unwrap();
    assert!(report.is_complete());
    assert!(server.object("one", "one").is_some());
    assert!(server.object("one", "kept").is_none());
}

#[tokio::test]
async fn a_restore_of_the_past_goes_there_and_back_and_a_backup_does_not() {
    let (server, top) = (server(), directories());
    let second = |number| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(number);
    server.set_versioning("one", Some("Enabled"));
    server.put("one", "one", "old", second(1));
    server.put("one", "one", "new", second(3));
    server.put("one", "other", "other", second(3));
    let restore = |moment| {
        let names = ["one", "one"];
        let builder = mirror(Direction::Restore, top.path(), names, &server);
        builder.at(second(moment))
    };
    let directory = top.path().join("one");
    for (moment, content, others) in [(2, "old", 0), (3, "new", 1), (1, "old", 0)] {
        for is_first in [true, false] {
            let mirror = restore(moment).open().await.unwrap();
            let plan = mirror.plan().await.unwrap();
            assert_eq!(plan.changes() > 0, is_first, "{moment}");
            assert!(mirror.execute(&plan).await.unwrap().is_complete());
        }
        assert_eq!(fs::read_to_string(directory.join("one")).unwrap(), content);
        assert_eq!(usize::from(directory.join("other").exists()), others);
    }
    let backup = mirror(Direction::Backup, top.path(), ["one", "one"], &server);
    let error = backup.at(second(2)).open().await.err().unwrap();
    assert!(matches!(error, Error::Options(_)), "{error}");
}

#[tokio::test]
async fn restores_of_all_ranges_together_are_the_restore_and_none_alone_completes_it() {
    let (server, top) = (server(), directories());
    for name in ["a", "b/c", "b/d", "z"] {
        server.put("one", name, name.to_owned(), None);
    }
    let of = || mirror(Direction::Restore, top.path(), ["one", "one"], &server);
    let directory = top.path().join("one");
    let is_marked = || directory.join(sync_fs::RESTORE_MARK).exists();
    for range in KeyRange::split(["b/c0".to_owned(), "m".to_owned()]) {
        let mut mirror = of();
        mirror.options().key_range = range.clone();
        let mirror = mirror.open().await.unwrap();
        let plan = mirror.plan().await.unwrap();
        let report = mirror.execute(&plan).await.unwrap();
        assert!(report.is_complete(), "{range}");
        assert!(is_marked(), "{range}");
    }
    for name in ["a", "b/c", "b/d", "z"] {
        assert_eq!(fs::read_to_string(directory.join(name)).unwrap(), name);
    }
    assert!(!directory.join("one").exists());
    let whole = of().open().await.unwrap();
    let plan = whole.plan().await.unwrap();
    assert_eq!(plan.changes(), 0);
    whole.execute(&plan).await.unwrap();
    assert!(!is_marked());
}
