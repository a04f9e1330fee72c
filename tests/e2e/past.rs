//! `--at`: a bucket that keeps versions is restored, verified and shown as it was,
//! and doubt about its history never deletes anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use s3_endpoint::{Action, Config, Fault, VersionOrder};

use crate::support::{
    Content, Dir, Memory, World, assert_same,
    content::map,
    plans::{apply, save},
    run::Run,
    times::at,
};

/// A server with a bucket that keeps versions.
fn versioned(memory: &Memory) -> World<'_> {
    let world = World::on(memory);
    memory.set_versioning(&world.bucket.name, Some("Enabled"));
    world
}

fn second(number: i64) -> DateTime<Utc> {
    at("2026-01-01T00:00:00Z") + TimeDelta::seconds(number)
}

fn text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Objects of three moments: changed, deleted, come back.
fn history(memory: &Memory, bucket: &str) {
    memory.put_at(bucket, "same", "1", second(0));
    memory.put_at(bucket, "sub/changed", "first", second(0));
    memory.put_at(bucket, "gone", "gone", second(0));
    memory.put_at(bucket, "sub/changed", "other", second(10));
    memory.remove_at(bucket, "gone", second(10));
    memory.put_at(bucket, "new", "new", second(10));
    memory.put_at(bucket, "sub/changed", "third", second(20));
    memory.put_at(bucket, "gone", "back", second(20));
    memory.remove_at(bucket, "new", second(20));
}

fn then(number: i64) -> BTreeMap<String, Content> {
    let (changed, others): (_, &[_]) = match number {
        0..10 => ("first", &[("gone", "gone")]),
        10..20 => ("other", &[("new", "new")]),
        _ => ("third", &[("gone", "back")]),
    };
    map(&[&[("same", "1"), ("sub/changed", changed)], others].concat())
}

fn restore_at(world: &World, dir: &Dir, number: i64) -> Run {
    let run = world.restore(dir).args(["--at", &text(second(number))]);
    run.args(["--max-delete", "100%"])
}

/// A saved plan to restore what there was at second 12.
#[track_caller]
fn planned(world: &World, dir: &Dir) -> PathBuf {
    save(world, &["mock", "restore", "--at", &text(second(12))], dir)
}

/// Expects that `run` has nothing to do.
#[track_caller]
fn is_quiet(run: Run) {
    let outcome = run.arg("--json").done();
    let report = outcome.json().pop().unwrap();
    for what in ["created", "overwritten", "deleted"] {
        assert_eq!(report[what]["entries"], 0, "{what}: {outcome}");
    }
}

#[test]
fn the_directory_becomes_the_bucket_of_any_moment() {
    for order in [
        VersionOrder::NewestFirst,
        VersionOrder::Torn,
        VersionOrder::OldestFirst,
    ] {
        let memory = Memory::with(Config {
            version_order: order,
            page_size: 3,
            ..Config::default()
        });
        let world = versioned(&memory);
        history(&memory, &world.bucket.name);
        let dir = world.tree("dir", &[("extra", "1")]);
        for number in [0, 12, 5, 25, 10, 0] {
            restore_at(&world, &dir, number).done();
            assert_same(&dir.contents(), &then(number));
            world.only_looks_at_the_past(|| is_quiet(restore_at(&world, &dir, number)));
            let verify = world.command(&["verify"], &dir);
            verify.args(["--at", &text(second(number))]).done();
        }
        let outcome = restore_at(&world, &dir, 12).done();
        let back = outcome.stdout.lines().last().unwrap().to_owned();
        let server = world.bucket.server.url();
        let bucket = &world.bucket.name;
        let dir_path = dir.path().display();
        assert_eq!(
            back,
            format!(
                "back to the present: s3mirror restore -d {dir_path} -b s3://{bucket}/ \
                 --endpoint-url {server} --compare exact-times"
            )
        );
        world
            .s3mirror()
            .in_shell(&format!(
                "\"$@\" {} -y",
                &back["back to the present: s3mirror ".len()..]
            ))
            .is(0);
        assert_same(&dir.contents(), &world.bucket.contents());
    }
}

/// As it was given, also by a saved plan.
#[test]
fn the_last_line_for_programs_has_the_moment() {
    let memory = Memory::start();
    let world = versioned(&memory);
    history(&memory, &world.bucket.name);
    let dir = world.dir("dir");
    let plan = planned(&world, &dir);
    let at = |run: Run| run.arg("--json").done().json().pop().unwrap()["at"].clone();
    let moment = serde_json::Value::from("2026-01-01T00:00:12Z");
    assert_eq!(at(restore_at(&world, &dir, 12)), moment);
    let verify = world.command(&["verify"], &dir);
    assert_eq!(
        at(verify.args(["--at", "2026-01-01T01:00:12+01:00"])),
        moment
    );
    assert_eq!(at(apply(&world, &plan)), moment);
    // The present is none.
    assert_eq!(at(world.restore(&dir)), serde_json::Value::Null);
}

#[test]
fn random_histories_are_restored_at_random_moments() {
    let memory = Memory::with(Config {
        page_size: 3,
        ..Config::default()
    });
    for seed in 1..4_u64 {
        let world = versioned(&memory);
        let mut random = seed;
        let mut next = |limit: u64| {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % limit
        };
        let (mut model, mut now, mut moment) = (Vec::new(), BTreeMap::new(), 0);
        for number in 0..80 {
            let key = ["a", "b", "c", "d/a", "d/b", "d-e", "f/g/h"][next(7) as usize].to_owned();
            // One change a second at most, so that no order is needed.
            moment += 1 + next(3) as i64;
            if next(4) == 0 {
                memory.remove_at(&world.bucket.name, &key, second(moment));
                now.remove(&key);
            } else {
                let content = format!("{number:03}");
                memory.put_at(&world.bucket.name, &key, &content, second(moment));
                now.insert(key, Content::from(content));
            }
            model.push((moment, now.clone()));
        }
        let dir = world.dir("dir");
        let mut visited = Vec::new();
        for _ in 0..4 {
            let (moment, expected) = &model[next(80) as usize];
            visited.push((*moment, expected));
        }
        // And back to the first.
        visited.push(visited[0]);
        for (moment, expected) in visited {
            let run = || restore_at(&world, &dir, moment).arg("--allow-empty-source");
            run().done();
            assert_same(&dir.contents(), expected);
            is_quiet(run());
        }
    }
}

#[test]
fn a_saved_plan_reads_the_versions_that_it_names() {
    let memory = Memory::start();
    let world = versioned(&memory);
    history(&memory, &world.bucket.name);
    let dir = world.tree("dir", &[("extra", "1")]);
    let plan = planned(&world, &dir);
    world
        .s3mirror()
        .arg("show")
        .arg(&plan)
        .done()
        .says("as of 2026-01-01T00:00:12Z")
        .says("  requests     1 LIST, 3 GET\n");
    world.bucket.put("sub/changed", "later");
    memory.remove(&world.bucket.name, "same");
    memory.clear_log();
    let outcome = apply(&world, &plan).done().says("back to the present: ");
    assert_same(&dir.contents(), &then(12));
    // The look before the deletion.
    assert_eq!(memory.count("ListObjectVersions"), 1, "{outcome}");
    let reads = memory
        .log()
        .into_iter()
        .filter(|it| it.operation == "GetObject");
    assert!(reads.clone().count() == 3 && reads.clone().all(|it| it.query.contains("versionId=")));
}

#[test]
fn a_version_that_expired_before_it_was_read_fails_by_name_and_nothing_is_deleted() {
    let memory = Memory::start();
    let world = versioned(&memory);
    history(&memory, &world.bucket.name);
    let dir = world.tree("dir", &[("extra", "1")]);
    let plan = planned(&world, &dir);
    let bucket = &world.bucket.name;
    let old = memory.versions(bucket)["sub/changed"][1].id().to_owned();
    memory.expire(bucket, "sub/changed", &old);
    apply(&world, &plan).exits(3).says("sub/changed");
    assert_same(
        &dir.contents(),
        &map(&[("extra", "1"), ("new", "new"), ("same", "1")]),
    );
}

#[test]
fn a_history_with_holes_restores_the_rest_and_deletes_nothing() {
    let memory = Memory::start();
    let world = versioned(&memory);
    let bucket = &world.bucket.name;
    history(&memory, bucket);
    let local = [("extra", "1"), ("gone", "local"), ("new", "new")];
    let with_holes = |name: &str, said: &str| {
        let dir = world.tree(name, &local);
        // Longer than the moment, so that it would be deleted.
        let outcome = restore_at(&world, &dir, 5).exits(3).says(said);
        outcome.says("nothing is deleted");
        let mut expected = then(5);
        expected.extend(map(&[("extra", "1"), ("new", "new")]));
        assert_same(&dir.contents(), &expected);
        let verify = world.command(&["verify"], &dir);
        verify.args(["--at", &text(second(5))]).exits(3);
    };
    let rule = "<Rule><ID>old</ID><Status>Enabled</Status><Filter></Filter>\
                <NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>\
                </NoncurrentVersionExpiration></Rule>";
    memory.set_lifecycle(bucket, Some(rule));
    with_holes("by-rule", "removes old versions after 1 days");
    memory.set_lifecycle(bucket, None);
    memory.set_versioning(bucket, Some("Suspended"));
    with_holes("suspended", "versioning is suspended");
    // What may have been overwritten is kept as it is here, and named.
    memory.put_at(bucket, "gone", "again", second(40));
    let dir = world.tree("nulls", &local);
    restore_at(&world, &dir, 5)
        .exits(3)
        .says("skipped gone  (not known what it was");
    assert_eq!(dir.contents()["gone"], Content::from("local"));
}

#[test]
fn what_the_rule_has_removed_is_not_deleted_from_the_directory() {
    let memory = Memory::start();
    let world = versioned(&memory);
    let bucket = &world.bucket.name;
    history(&memory, bucket);
    // The directory is that of then, and the version of then has expired.
    let dir = world.dir("dir");
    restore_at(&world, &dir, 5).done();
    let old = memory.versions(bucket)["gone"][0].id().to_owned();
    memory.expire(bucket, "gone", &old);
    let rule = "<Rule><ID>old</ID><Status>Enabled</Status><Prefix></Prefix>\
                <NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays>\
                </NoncurrentVersionExpiration></Rule>";
    memory.set_lifecycle(bucket, Some(rule));
    restore_at(&world, &dir, 5).exits(3);
    assert_same(&dir.contents(), &then(5));
}

#[test]
fn rolling_the_bucket_back_is_a_restore_and_a_backup_by_content() {
    let memory = Memory::start();
    let world = versioned(&memory);
    let bucket = &world.bucket.name;
    history(&memory, bucket);
    let versions = memory.versions(bucket);
    let dir = world.dir("dir");
    restore_at(&world, &dir, 5).done();
    // The usual rule takes a file that is older than its object for unchanged.
    world.mock_backup(&dir).done().says("kept");
    let run = world
        .backup(&dir)
        .args(["--compare", "checksum", "--max-delete", "100%"]);
    run.done();
    assert_same(&world.bucket.contents(), &then(5));
    // And the history is still there.
    let now = memory.versions(bucket);
    for (key, before) in versions {
        let ids: Vec<_> = now[&key].iter().map(|it| it.id().to_owned()).collect();
        assert!(
            before.iter().all(|it| ids.contains(&it.id().to_owned())),
            "{key}"
        );
    }
}

#[test]
fn trash_guards_and_the_estimate_are_those_of_a_restore() {
    let memory = Memory::start();
    let world = versioned(&memory);
    history(&memory, &world.bucket.name);
    let files: Vec<_> = (0..20).map(|n| format!("extra{n}")).collect();
    let files: Vec<_> = files.iter().map(|name| (name.as_str(), "1")).collect();
    let dir = world.tree("dir", &files);
    let run = || world.restore(&dir).args(["--at", &text(second(12))]);
    run()
        .exits(4)
        .says("20 of the target's 20 entries would be deleted");
    let mock = world.mock_restore(&dir).args(["--at", &text(second(12))]);
    let outcome = mock
        .args(["--estimate", "--json", "--max-delete", "100%"])
        .done();
    let lines = outcome.json();
    let estimate = lines
        .iter()
        .find(|line| line["event"] == "estimate")
        .unwrap();
    // The versions, and the current objects beside them.
    assert_eq!(estimate["made"]["list_objects"], 2, "{estimate}");
    let trash = world.sandbox.path("trash");
    run()
        .arg("--trash")
        .arg(&trash)
        .args(["--max-delete", "100%"])
        .done()
        .says("trash");
    assert_same(&dir.contents(), &then(12));
}

#[test]
fn what_cannot_be_is_refused_in_one_line() {
    let memory = Memory::start();
    let world = versioned(&memory);
    history(&memory, &world.bucket.name);
    let dir = world.tree("dir", &[("extra", "1")]);
    let backup = world.backup(&dir).args(["--at", "7d"]).exits(2);
    backup
        .complains_in_one_line()
        .says("--at is for restore and verify");
    for wrong in [
        "2026-01-01T12:00:00+99:00",
        "2026-01-01T12:00:00 Europe/Berlin",
        "2026-01-01T12:00:00",
        "tomorrow",
        "-7d",
    ] {
        let run = world.restore(&dir).arg(format!("--at={wrong}"));
        run.exits(2).complains_in_one_line().says(wrong);
    }
    let refused = |when: &str, said: &str| {
        let run = world.restore(&dir).args(["--at", when]);
        run.exits(1).complains_in_one_line().says(said);
        assert_same(&dir.contents(), &map(&[("extra", "1")]));
    };
    refused("2999-01-01", "that is in the future");
    refused(
        "2025-12-31",
        "has nothing of 2025-12-31T00:00:00Z or before",
    );
    refused("9000w", "has nothing of 18");
    let answer = |status, body: &'static str| {
        let answer = Action::edit(move |answer| {
            answer.status = status;
            answer.body = body.as_bytes().to_vec();
        });
        memory.inject(Fault::on("ListObjectVersions").always().act(answer));
    };
    answer(
        501,
        "<Error><Code>NotImplemented</Code><Message>no</Message></Error>",
    );
    refused("2026-01-02", "cannot list the versions of");
    memory.clear_faults();
    answer(200, "<!DOCTYPE html><html><body>Welcome</body></html>");
    refused("2026-01-02", "the answer is not that of an S3 server");
    memory.clear_faults();
    memory.set_versioning(&world.bucket.name, None);
    refused("2026-01-02", "has never kept versions");
}

#[test]
fn the_versions_of_a_key_and_of_a_prefix_are_shown() {
    let memory = Memory::start();
    let world = versioned(&memory);
    let bucket = &world.bucket.name;
    history(&memory, bucket);
    let versions = memory.versions(bucket);
    let show = |words: &[&str]| world.s3mirror().arg("versions").args(words).done().stdout;
    let changed = show(&["-b", &format!("{bucket}/sub/changed")]);
    let ids = versions["sub/changed"]
        .iter()
        .rev()
        .map(s3_endpoint::Version::id);
    let [third, other, first] = ids.collect::<Vec<_>>()[..] else {
        panic!("three versions");
    };
    assert_eq!(
        changed,
        format!(
            "2026-01-01T00:00:20Z               5  current           {third}  sub/changed\n\
             2026-01-01T00:00:10Z               5  old               {other}  sub/changed\n\
             2026-01-01T00:00:00Z               5  old               {first}  sub/changed\n"
        )
    );
    assert_eq!(show(&[&format!("s3://{bucket}/sub")]), changed);
    let all = show(&[&format!("s3://{bucket}"), "--json"]);
    let lines: Vec<serde_json::Value> = all
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "version")
        .collect();
    assert_eq!(lines.len(), 9);
    let marker = lines
        .iter()
        .find(|line| line["delete_marker"] == true && line["latest"] == true);
    let marker = marker.unwrap();
    assert_eq!(
        (&marker["key"], &marker["size"]),
        (&"new".into(), &serde_json::Value::Null)
    );
    let gone = show(&["-b", bucket, "--deleted"]);
    assert_eq!(gone, "2026-01-01T00:00:20Z               3  new\n");
    let nothing = world
        .s3mirror()
        .args(["versions", "-b", &format!("{bucket}/nothing")]);
    nothing
        .exits(1)
        .complains_in_one_line()
        .says("has no versions");
}

#[test]
fn an_archived_version_is_named_with_the_command_that_thaws_it() {
    let memory = Memory::start();
    let world = versioned(&memory);
    let bucket = &world.bucket.name;
    memory.put_at(bucket, "cold", "cold", second(0));
    memory.set_storage_class(bucket, "cold", "GLACIER");
    memory.put_at(bucket, "cold", "warm", second(10));
    let id = memory.versions(bucket)["cold"][0].id().to_owned();
    let dir = world.dir("dir");
    let outcome = restore_at(&world, &dir, 5).exits(3);
    outcome.says(&format!(
        "--key=cold --version-id={id} --restore-request Days=7"
    ));
}

#[test]
fn doctor_tells_whether_the_past_can_be_restored() {
    let memory = Memory::start();
    let world = versioned(&memory);
    let bucket = &world.bucket.name;
    let doctor = || world.s3mirror().args(["doctor", "-b", bucket]);
    doctor()
        .done()
        .says("past: the bucket can be restored as it was (--at)");
    assert!(
        memory.versions(bucket).is_empty(),
        "all versions are removed"
    );
    let rule = "<Rule><ID>old</ID><Status>Enabled</Status><Filter></Filter>\
                <NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays>\
                </NoncurrentVersionExpiration></Rule>";
    memory.set_lifecycle(bucket, Some(rule));
    let back = (Utc::now() - TimeDelta::days(30)).format("%Y-%m-%d");
    doctor()
        .done()
        .says(&format!("--at reaches back to {back}"));
    // A server that loses what stands before a page that begins with a similar key.
    memory.inject(
        Fault::on("ListObjectVersions")
            .parameter("version-id-marker")
            .always()
            .act(Action::edit(|answer| {
                let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
                let cut = body.find("<Version>").map_or(body.clone(), |at| {
                    format!("{}</ListVersionsResult>", &body[..at])
                });
                answer.body = cut.into_bytes();
            })),
    );
    doctor()
        .run()
        .says("loses versions between the pages of a listing");
    memory.clear_faults();
    memory.set_versioning(bucket, None);
    doctor().run().says("past: the bucket keeps no versions");
}

#[test]
fn a_job_goes_into_the_past_and_compares_by_exact_times() {
    let memory = Memory::start();
    let world = versioned(&memory);
    history(&memory, &world.bucket.name);
    let dir = world.tree("dir", &[("extra", "1")]);
    let (bucket, path) = (&world.bucket.name, dir.path().display());
    let file = world.sandbox.path("jobs.toml");
    let job = format!(
        "[jobs.then]\ncommand = \"restore\"\ndir = \"{path}\"\nbucket = \"{bucket}\"\n\
         at = \"{}\"\nyes = true\n",
        text(second(12))
    );
    std::fs::write(&file, job).unwrap();
    let run = |words: &[&str]| world.s3mirror().args(words).arg("--config").arg(&file);
    let checked = run(&["config", "check"]).done().stdout;
    assert!(checked.contains("compare         exact-times"), "{checked}");
    run(&["run", "then"]).done();
    assert_same(&dir.contents(), &then(12));
    // The present is no future.
    world.restore(&dir).args(["--at", "0s"]).done();
    assert_same(&dir.contents(), &world.bucket.contents());
}
