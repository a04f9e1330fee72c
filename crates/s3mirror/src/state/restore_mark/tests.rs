//! When a mark is found, and what takes it away.

use chrono::TimeDelta;
use sync_core::select::NameRule;
use sync_fs::{FsOptions, FsStore};

use super::*;

struct Scene {
    _top: tempfile::TempDir,
    directory: Tree,
    bucket: BucketPlace,
    all: Criteria,
    some: Criteria,
    state: StateDir,
    now: DateTime<Utc>,
}

impl Scene {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("srv/data");
        fs::create_dir_all(path.join("sub")).unwrap();
        Self {
            directory: Tree::of(&path),
            bucket: BucketPlace::new(None, "bucket", "data/"),
            all: Criteria::default(),
            some: Criteria {
                names: vec![NameRule::Include("a/".to_owned())],
                ..Criteria::default()
            },
            state: StateDir::only(&top.path().join("state")),
            now: std::time::SystemTime::now().into(),
            _top: top,
        }
    }

    fn tree(&self, name: &str) -> Tree {
        Tree::of(&self.directory.path().join(name))
    }

    fn work<'a>(&'a self, directory: &'a Tree, bucket: &'a BucketPlace) -> Work<'a> {
        Work {
            directory,
            bucket,
            selection: &self.all,
            how: How::default(),
            planned: self.now,
            own: None,
        }
    }

    /// Whether a complete restore removes the mark of one of
    /// `self.directory` that is marked in the state directory.
    fn is_done_by(&self, work: &Work<'_>) -> bool {
        let found = find(work.directory, &self.state, &[]);
        let [found] = &found[..] else {
            panic!("{found:?}")
        };
        found.is_done_by(work)
    }
}

#[test]
fn a_mark_is_found_from_above_and_below_and_by_a_link() {
    let scene = Scene::new();
    let work = scene.work(&scene.directory, &scene.bucket);
    begin(&work, scene.now)
        .put_into_state(&scene.state, scene.now)
        .unwrap();
    let link = scene.directory.path().with_file_name("link");
    std::os::unix::fs::symlink(scene.directory.path(), &link).unwrap();
    let relation = |tree: &Tree| find(tree, &scene.state, &[]).first().map(|it| it.relation);
    assert_eq!(relation(&Tree::of(&link)), Some(Relation::Same));
    assert_eq!(relation(&scene.tree("..")), Some(Relation::Below));
    assert_eq!(relation(&scene.tree("sub")), Some(Relation::Above));
    assert_eq!(relation(&scene.tree("../other")), None);
}

#[test]
fn only_a_restore_that_brings_all_of_it_takes_a_mark_away() {
    let scene = Scene::new();
    let same = scene.work(&scene.directory, &scene.bucket);
    begin(&same, scene.now)
        .put_into_state(&scene.state, scene.now)
        .unwrap();
    assert!(scene.is_done_by(&same));
    let some = Work {
        selection: &scene.some,
        ..same
    };
    assert!(!scene.is_done_by(&some), "a part");
    let same = scene.work(&scene.directory, &scene.bucket);
    let old = Work {
        planned: scene.now - TimeDelta::seconds(1),
        ..same
    };
    assert!(!scene.is_done_by(&old), "a plan from before it");
    let other = BucketPlace::new(None, "other", "data/");
    assert!(
        !scene.is_done_by(&scene.work(&scene.directory, &other)),
        "from elsewhere"
    );
    let (above, below) = (scene.tree(".."), scene.tree("sub"));
    let whole = BucketPlace::new(None, "bucket", "");
    assert!(
        scene.is_done_by(&scene.work(&above, &whole)),
        "from above, the same keys"
    );
    assert!(
        !scene.is_done_by(&scene.work(&above, &scene.bucket)),
        "other keys"
    );
    let sub = BucketPlace::new(None, "bucket", "data/sub/");
    assert!(!scene.is_done_by(&scene.work(&below, &sub)), "a part");
}

#[test]
fn the_mark_of_a_part_is_taken_away_by_that_part_or_the_whole() {
    let scene = Scene::new();
    let all = scene.work(&scene.directory, &scene.bucket);
    let some = || Work {
        selection: &scene.some,
        ..scene.work(&scene.directory, &scene.bucket)
    };
    begin(&some(), scene.now)
        .put_into_state(&scene.state, scene.now)
        .unwrap();
    assert!(scene.is_done_by(&some()));
    assert!(scene.is_done_by(&all));
}

#[tokio::test]
async fn marks_of_several_restores_stand_beside_each_other_in_the_directory() {
    let scene = Scene::new();
    let path = scene.directory.path();
    let store = FsStore::open(path, FsOptions::default()).unwrap();
    let other = BucketPlace::new(None, "other", "");
    let (one, two) = (
        scene.work(&scene.directory, &scene.bucket),
        scene.work(&scene.directory, &other),
    );
    for work in [&one, &two, &one] {
        begin(work, scene.now)
            .put_into(&store, path, scene.now)
            .await
            .unwrap();
    }
    let found = find(&scene.directory, &scene.state, &[]);
    assert_eq!(found.len(), 2);
    clear_completed(&found, &one, &store).await;
    let left = find(&scene.directory, &scene.state, &[]);
    let [left] = &left[..] else {
        panic!("{left:?}")
    };
    assert_eq!(left.mark.as_ref().unwrap().bucket, other);
    clear_abandoned(std::slice::from_ref(left), &scene.directory, &store).await;
    assert_eq!(fs::read_dir(path).unwrap().count(), 1, "only 'sub' is left");
}

#[test]
fn a_mark_that_cannot_be_read_is_one_all_the_same() {
    let scene = Scene::new();
    fs::write(
        scene.directory.path().join(sync_fs::RESTORE_MARK),
        "\x1b[2J",
    )
    .unwrap();
    let found = find(&scene.tree("sub"), &scene.state, &[]);
    assert_eq!(found[0].relation, Relation::Above);
    let found = find(&scene.tree(".."), &scene.state, &["data".to_owned()]);
    assert_eq!(found[0].relation, Relation::Below);
    assert!(found[0].to_string().contains("data"));
}

/// Two plans of the same restore, on two machines: the earlier one, whose mark was
/// there first, is completed while the later one is at work.
#[tokio::test]
async fn a_mark_of_an_earlier_plan_gives_way_to_that_of_a_later_one() {
    let scene = Scene::new();
    let path = scene.directory.path();
    let store = FsStore::open(path, FsOptions::default()).unwrap();
    let work = |minutes: i64| Work {
        planned: scene.now + TimeDelta::minutes(minutes),
        ..scene.work(&scene.directory, &scene.bucket)
    };
    let begins = async |minutes: i64| {
        let work = work(minutes);
        let mark = begin(&work, work.planned);
        let put = mark.put_into(&store, path, work.planned).await;
        mark.put_into_state(&scene.state, work.planned).unwrap();
        put.unwrap()
    };
    let ends = async |minutes: i64| {
        let found = find(&scene.directory, &scene.state, &[]);
        clear_completed(&found, &work(minutes), &store).await;
        find(&scene.directory, &scene.state, &[]).len()
    };
    assert!(begins(0).await);
    assert!(begins(1).await, "its own");
    assert!(!begins(0).await, "another shard of the first");
    assert_eq!(ends(0).await, 2, "in the directory and in the state");
    assert_eq!(ends(1).await, 0);

    // One that was made since the plan is not settled by it, so it stays beside.
    begins(1).await;
    let old = begin(&work(0), work(2).planned);
    assert!(old.put_into(&store, path, work(0).planned).await.unwrap());
    assert_eq!(parse(&restore_mark(path).unwrap().unwrap().text).len(), 2);
    old.take_from(&store, path).await.unwrap();
    let left = parse(&restore_mark(path).unwrap().unwrap().text);
    assert_eq!(left, [begin(&work(1), work(1).planned)], "no other one");
}

/// A saved plan that is executed again after a kill: its mark is later than the plan.
#[tokio::test]
async fn a_second_execution_of_a_plan_settles_the_mark_of_the_first() {
    let scene = Scene::new();
    let path = scene.directory.path();
    let store = FsStore::open(path, FsOptions::default()).unwrap();
    let begins = async |planned: i64, begun: i64| {
        let planned = scene.now + TimeDelta::minutes(planned);
        let work = Work {
            planned,
            ..scene.work(&scene.directory, &scene.bucket)
        };
        let mark = begin(&work, scene.now + TimeDelta::minutes(begun));
        assert!(mark.put_into(&store, path, planned).await.unwrap());
        mark.put_into_state(&scene.state, planned).unwrap();
    };
    let ends = async |planned: i64| {
        let work = Work {
            planned: scene.now + TimeDelta::minutes(planned),
            ..scene.work(&scene.directory, &scene.bucket)
        };
        let found = find(&scene.directory, &scene.state, &[]);
        clear_completed(&found, &work, &store).await;
        find(&scene.directory, &scene.state, &[]).len()
    };
    begins(0, 5).await;
    begins(0, 9).await;
    assert_eq!(ends(0).await, 0);

    // That of another plan is not settled by an older one.
    begins(1, 5).await;
    begins(0, 9).await;
    assert_eq!(ends(0).await, 2, "in the directory and in the state");
    assert_eq!(ends(1).await, 0);
}

#[test]
fn a_mark_says_how_its_restore_is_repeated_and_an_earlier_one_says_nothing() {
    let scene = Scene::new();
    let how = How {
        at: Some(scene.now),
        repeated_by: RepeatedBy::Places,
    };
    let work = Work {
        how,
        ..scene.work(&scene.directory, &scene.bucket)
    };
    let mark = begin(&work, scene.now);
    let mut text = serde_json::to_value(&mark).unwrap();
    let [read] = &parse(&serde_json::to_vec(&text).unwrap())[..] else {
        panic!("{text}")
    };
    assert_eq!(read, &mark);
    for field in ["at", "repeated_by"] {
        text.as_object_mut().unwrap().remove(field).unwrap();
    }
    let [old] = &parse(&serde_json::to_vec(&text).unwrap())[..] else {
        panic!("{text}")
    };
    assert_eq!((old.how, old.begun), (How::default(), mark.begun));
    assert_eq!(old.how.repeated_by, RepeatedBy::Options);
}
