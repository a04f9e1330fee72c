//! `doctor` distinguishes a suitable server from an unsuitable one, and leaves
//! nothing there.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use s3_endpoint::{Action, Config, Fault, ListOrder, Rounding, Sums};
use serde_json::Value;

use crate::support::{
    Memory, Outcome, Server, Stored, World, assert_same, docs::commands, run::Run,
};

const WRITES: [&str; 5] = [
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "DeleteObject",
];

fn doctor(world: &World) -> Run {
    world
        .s3mirror()
        .args(["doctor", "--bucket", &world.bucket.name])
}

/// The findings by name, as in `warning`.
fn levels(outcome: &Outcome) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = outcome.json();
    let findings = lines.iter().filter(|line| line["event"] == "finding");
    findings
        .map(|line| (text(&line["name"]), text(&line["level"])))
        .collect()
}

/// Those that are not as they should be.
fn bad(outcome: &Outcome) -> Vec<(String, String)> {
    let levels = levels(outcome).into_iter();
    levels.filter(|(_, level)| level != "ok").collect()
}

fn found(name: &str, level: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), level.to_owned())]
}

/// A bucket in which somebody has something, an upload too.
fn lived_in(memory: &Memory) -> (World<'_>, BTreeMap<String, Stored>) {
    let world = World::on(memory);
    world.bucket.put("a", "one");
    world.bucket.put("sub/b", "two");
    let objects = world.bucket.objects();
    (world, objects)
}

#[track_caller]
fn nothing_is_left(memory: &Memory, world: &World, objects: &BTreeMap<String, Stored>) {
    assert_same(&world.bucket.objects(), objects);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

/// Runs it on such a server and expects this exit status and nothing left.
#[track_caller]
fn on(config: Config, faults: Vec<Fault>, status: i32) -> Outcome {
    let memory = Memory::with(config);
    let (world, objects) = lived_in(&memory);
    for fault in faults {
        memory.inject(fault);
    }
    let outcome = doctor(&world).arg("--json").exits(status);
    nothing_is_left(&memory, &world, &objects);
    let end = outcome.json().pop().unwrap();
    assert_eq!(end["event"], "doctor");
    assert_eq!(end["exit"], status);
    assert_eq!(end["left"], Value::Array(Vec::new()), "{outcome}");
    outcome
}

fn denies(operation: &str) -> Fault {
    let denied = Action::error(403, "AccessDenied");
    Fault::on(operation).always().act(denied)
}

#[test]
fn a_good_server_is_fit_and_everything_is_looked_at() {
    let outcome = on(Config::default(), Vec::new(), 0);
    assert_eq!(bad(&outcome), [], "{outcome}");
    let names: Vec<_> = levels(&outcome).into_keys().collect();
    assert_eq!(
        names,
        [
            "abort",
            "checksum",
            "clock",
            "conditional-delete",
            "conditional-multipart",
            "conditional-write",
            "credentials",
            "delete",
            "get",
            "keys",
            "lengths",
            "list",
            "listing",
            "multipart",
            "order",
            "past",
            "paths",
            "put",
            "server",
            "times",
            "uploads",
            "versioning"
        ]
    );
    let memory = Memory::start();
    let (world, _) = lived_in(&memory);
    let outcome = doctor(&world).done().says("fit for backup and restore");
    assert!(outcome.stdout.contains("access key …OINT"), "{outcome}");
    assert!(!outcome.stdout.contains("AKIDENDPOINT"), "{outcome}");
    let place = [&world.bucket.name, "/sub"].concat();
    let run = world.s3mirror().args(["doctor", "-q", "-b", &place]);
    let quiet = run.done();
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("", ""));
    let log = memory.log().into_iter();
    let mut written = log.filter(|entry| entry.operation == "PutObject");
    assert!(written.all(|entry| entry.key.unwrap().contains(".s3mirror-doctor-")));
}

#[test]
fn what_a_server_lacks_is_a_warning() {
    let unconditional = Config {
        conditions: false,
        ..Config::default()
    };
    let outcome = on(unconditional, Vec::new(), 0).says("no option is needed");
    let expected = [
        ("conditional-delete", "warning"),
        ("conditional-multipart", "warning"),
        ("conditional-write", "warning"),
    ];
    let expected = expected.map(|(name, level)| (name.to_owned(), level.to_owned()));
    assert_eq!(bad(&outcome), expected, "{outcome}");
    for checksums in [Sums::Checked, Sums::Ignored] {
        let config = Config {
            checksums,
            ..Config::default()
        };
        let outcome = on(config, Vec::new(), 0);
        assert_eq!(bad(&outcome), found("checksum", "warning"), "{outcome}");
    }
    for list_order in [ListOrder::DirectoryWise, ListOrder::Shuffled(3)] {
        let config = Config {
            list_order,
            ..Config::default()
        };
        let outcome = on(config, Vec::new(), 0).says("sorted");
        assert_eq!(bad(&outcome), found("order", "warning"), "{outcome}");
    }
}

/// As SeaweedFS does, without a reason; it takes seconds to say so.
#[test]
fn an_upload_in_parts_above_other_objects_may_be_refused() {
    let refused = Action::error(500, "InternalError");
    let fault = Fault::on("CompleteMultipartUpload").key_ending("paths/e");
    let outcome = on(Config::default(), vec![fault.always().act(refused)], 0);
    assert_eq!(bad(&outcome), found("paths", "warning"), "{outcome}");
    assert!(outcome.took < Duration::from_secs(20), "{outcome}");
}

#[test]
fn what_the_credentials_may_not_do_is_named_with_the_permission() {
    for (operation, name, level, permission) in [
        ("PutObject", "put", "problem", "s3:PutObject"),
        ("GetObject", "get", "problem", "s3:GetObject"),
        ("DeleteObjects", "delete", "problem", "s3:DeleteObject"),
        (
            "CreateMultipartUpload",
            "multipart",
            "problem",
            "s3:PutObject",
        ),
        (
            "CompleteMultipartUpload",
            "multipart",
            "problem",
            "s3:PutObject",
        ),
        (
            "ListParts",
            "uploads",
            "warning",
            "s3:ListMultipartUploadParts",
        ),
        (
            "ListMultipartUploads",
            "uploads",
            "warning",
            "s3:ListBucketMultipartUploads",
        ),
    ] {
        let status = i32::from(level == "problem");
        let outcome = on(Config::default(), vec![denies(operation)], status);
        let bad = bad(&outcome);
        assert!(
            bad.contains(&(name.into(), level.into())),
            "{operation}: {outcome}"
        );
        assert!(
            outcome.stdout.contains(permission),
            "{operation}: {outcome}"
        );
    }
}

#[test]
fn a_bucket_that_may_not_be_listed_is_a_problem_and_the_rest_is_tried() {
    let outcome = on(Config::default(), vec![denies("ListObjectsV2")], 1).says("s3:ListBucket");
    assert_eq!(bad(&outcome), found("list", "problem"), "{outcome}");
    assert_eq!(levels(&outcome)["put"], "ok");
}

#[test]
fn who_and_where_is_told_in_one_finding() {
    let memory = Memory::with(Config {
        region: Some("eu-central-1".to_owned()),
        ..Config::default()
    });
    let (world, objects) = lived_in(&memory);
    let json = |run: Run| run.arg("--json").exits(1);
    let outcome = json(doctor(&world));
    assert_eq!(bad(&outcome), found("region", "problem"), "{outcome}");
    assert!(
        outcome.stdout.contains("use --region eu-central-1"),
        "{outcome}"
    );

    let run = doctor(&world).args(["--region", "eu-central-1"]);
    let run = run
        .env("AWS_SECRET_ACCESS_KEY", "wrong")
        .secret("wrong-secret");
    let outcome = json(run);
    assert_eq!(bad(&outcome), found("credentials", "problem"), "{outcome}");

    let run = world.s3mirror().args(["doctor", "-b", "nowhere"]);
    let outcome = json(run.args(["--region", "eu-central-1"]));
    assert_eq!(bad(&outcome), found("bucket", "problem"), "{outcome}");

    let run = doctor(&world).args(["--endpoint-url", "http://127.0.0.1:9"]);
    let outcome = json(run);
    assert_eq!(bad(&outcome), found("server", "problem"), "{outcome}");
    nothing_is_left(&memory, &world, &objects);
}

#[test]
fn unsigned_requests_need_no_credentials() {
    let memory = Memory::with(Config {
        anonymous: true,
        ..Config::default()
    });
    let (world, objects) = lived_in(&memory);
    let run = doctor(&world).args(["--no-sign-request", "--json"]);
    let run = run
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    let outcome = run.done().says("requests are not signed");
    assert_eq!(bad(&outcome), [], "{outcome}");
    nothing_is_left(&memory, &world, &objects);
}

#[test]
fn clocks_that_differ_are_told() {
    for (minutes, level, status) in [(1, "warning", 0), (20, "problem", 1)] {
        let memory = Memory::with(Config {
            check_skew: false,
            ..Config::default()
        });
        memory.set_clock_offset(chrono::TimeDelta::minutes(minutes));
        let (world, _) = lived_in(&memory);
        let outcome = doctor(&world).arg("--json").exits(status);
        assert_eq!(bad(&outcome), found("clock", level), "{outcome}");
    }
}

#[test]
fn read_only_writes_nothing() {
    let memory = Memory::start();
    let (world, objects) = lived_in(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = doctor(&world).arg("--read-only").arg("-d").arg(dir.path());
    run.done().says("nothing was written");
    assert!(WRITES.iter().all(|operation| memory.count(operation) == 0));
    nothing_is_left(&memory, &world, &objects);
    assert_eq!(dir.files().len(), 1);
}

#[test]
fn the_directory_is_looked_at_too() {
    let memory = Memory::start();
    let (world, _) = lived_in(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let outcome = doctor(&world)
        .arg("--json")
        .arg("-d")
        .arg(dir.path())
        .done();
    let levels = levels(&outcome);
    for name in ["directory", "confinement", "names", "space", "write"] {
        assert!(levels.contains_key(name), "{name}: {outcome}");
    }
    assert_eq!(dir.snapshot().len(), 1);
    let run = doctor(&world).arg("-d").arg(dir.join("a"));
    run.exits(1).says("is not a directory");
}

#[test]
fn what_cannot_be_removed_is_named() {
    let memory = Memory::start();
    let (world, _) = lived_in(&memory);
    memory.inject(denies("DeleteObject"));
    memory.inject(denies("DeleteObjects"));
    let outcome = doctor(&world).arg("--json").exits(1);
    let end = outcome.json().pop().unwrap();
    let left: Vec<_> = end["left"].as_array().unwrap().iter().collect();
    let mut there: Vec<_> = world.bucket.objects().into_keys().collect();
    there.retain(|key| key.contains(".s3mirror-doctor-"));
    assert_eq!(left, there.iter().collect::<Vec<_>>(), "{outcome}");
    assert!(there.len() > 5);
}

/// The version is removed, not hidden behind one more.
#[test]
fn in_a_bucket_with_versions_each_version_is_removed_by_its_name() {
    let memory = Memory::start();
    let (world, objects) = lived_in(&memory);
    let versioned = Action::edit(|answer| {
        if answer.status == 200 {
            answer
                .headers
                .insert("x-amz-version-id", "v1".parse().unwrap());
        }
    });
    for operation in ["PutObject", "CompleteMultipartUpload"] {
        memory.inject(Fault::on(operation).always().act(versioned.clone()));
    }
    doctor(&world).done();
    nothing_is_left(&memory, &world, &objects);
    let log = memory.log();
    let taken = log.iter().filter(|entry| {
        let writes = ["PutObject", "CompleteMultipartUpload"].contains(&entry.operation);
        writes && entry.status == Some(200)
    });
    for entry in taken {
        let is_removed = log.iter().any(|other| {
            let names_it = other.query.contains("versionId=v1");
            other.operation == "DeleteObject" && other.key == entry.key && names_it
        });
        assert!(is_removed, "{:?}", entry.key);
    }
}

/// As Garage does: answers name versions, but neither are they listed nor can
/// one be deleted by its name.
#[test]
fn where_versions_are_named_and_not_kept_nothing_is_left() {
    let versioned = Action::edit(|answer| {
        if answer.status == 200 {
            let id = "v1".parse().unwrap();
            answer.headers.insert("x-amz-version-id", id);
        }
    });
    let lacking = Action::error(501, "NotImplemented");
    let mut faults: Vec<_> = ["PutObject", "CompleteMultipartUpload"]
        .map(|operation| Fault::on(operation).always().act(versioned.clone()))
        .into();
    let by_name = Fault::on("DeleteObject").parameter("versionId");
    faults.push(by_name.always().act(lacking.clone()));
    faults.push(Fault::on("ListObjectVersions").always().act(lacking));
    let outcome = on(Config::default(), faults, 0);
    assert_eq!(bad(&outcome), [], "{outcome}");
}

#[test]
fn times_that_are_rounded_up_are_told_and_need_no_option() {
    for rounding in [Rounding::Down, Rounding::Nearest, Rounding::Up] {
        let config = Config {
            rounding,
            ..Config::default()
        };
        let outcome = on(config, Vec::new(), 0);
        assert_eq!(bad(&outcome), [], "{rounding:?}: {outcome}");
        let rounds = outcome.stdout.contains("rounds the times");
        assert_eq!(
            rounds,
            rounding != Rounding::Down,
            "{rounding:?}: {outcome}"
        );
    }
}

/// Names are escaped once.
#[test]
fn a_backslash_in_a_name_is_not_escaped_twice() {
    let memory = Memory::start();
    let (world, _) = lived_in(&memory);
    let refused = Action::error(400, "InvalidRequest");
    let odd = Fault::on("PutObject").key_ending("backslash/a\\b");
    memory.inject(odd.always().act(refused));
    let outcome = doctor(&world).exits(1);
    assert!(outcome.stdout.contains(r"backslash/a\\b'"), "{outcome}");
    assert!(!outcome.stdout.contains(r"\\\"), "{outcome}");
}

/// The endpoint keeps neither versions nor locks; these are S3's answers.
fn answers(operation: &'static str, body: &'static str) -> Fault {
    let edit = Action::edit(move |answer| {
        answer.status = 200;
        answer.body = body.into();
    });
    Fault::on(operation).nth(1).act(edit)
}

const VERSIONED: &str = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <Status>Enabled</Status></VersioningConfiguration>";
const LOCKED: &str = "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode>\
    <Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>";

#[test]
fn where_all_that_is_written_is_kept_nothing_is_written() {
    let memory = Memory::start();
    let (world, objects) = lived_in(&memory);
    memory.inject(answers("GetBucketVersioning", VERSIONED));
    memory.inject(answers("Other", LOCKED));
    let outcome = doctor(&world).arg("--json").done().says("for 30 days");
    assert_eq!(bad(&outcome), found("writes", "warning"), "{outcome}");
    assert!(WRITES.iter().all(|operation| memory.count(operation) == 0));
    nothing_is_left(&memory, &world, &objects);
}

#[test]
fn whether_old_versions_are_kept_is_told() {
    let off = "<VersioningConfiguration/>";
    for (body, said) in [(VERSIONED, "can be brought back"), (off, "is gone")] {
        let memory = Memory::start();
        let (world, objects) = lived_in(&memory);
        memory.inject(answers("GetBucketVersioning", body));
        doctor(&world).done().says(said);
        nothing_is_left(&memory, &world, &objects);
    }
}

#[test]
fn a_signal_leaves_nothing_within_five_seconds() {
    for operation in [
        "PutObject",
        "UploadPart",
        "CompleteMultipartUpload",
        "DeleteObjects",
    ] {
        let memory = Memory::start();
        let (world, objects) = lived_in(&memory);
        let stall = Action::Stall(Duration::from_secs(60));
        let nth = if operation == "PutObject" { 3 } else { 1 };
        memory.inject(Fault::on(operation).nth(nth).act(stall));
        let running = doctor(&world).start();
        running.wait_for(&memory, operation, usize::try_from(nth).unwrap());
        let since = Instant::now();
        running.signal("INT");
        let outcome = running.end().is(130);
        assert!(since.elapsed() < Duration::from_secs(5), "{outcome}");
        nothing_is_left(&memory, &world, &objects);
    }
}

#[test]
fn an_upload_whose_answer_was_lost_is_found_and_aborted() {
    let lost = Fault::on("CreateMultipartUpload").always();
    let outcome = on(Config::default(), vec![lost.act(Action::LoseAnswer)], 1);
    assert_eq!(levels(&outcome)["multipart"], "problem", "{outcome}");
    let lost = Fault::on("PutObject").always();
    let outcome = on(Config::default(), vec![lost.act(Action::LoseAnswer)], 1);
    assert_eq!(levels(&outcome)["put"], "problem", "{outcome}");
}

#[test]
#[ignore = "needs SeaweedFS; `cargo xtask test` runs it"]
fn another_server_lists_out_of_order_and_nothing_is_left() {
    let weed = crate::support::servers::seaweedfs::SERVER.get();
    let world = World::on(weed);
    world.bucket.put("a", "one");
    let outcome = doctor(&world).arg("--json").run();
    let levels = levels(&outcome);
    assert_eq!(levels["order"], "warning", "{outcome}");
    assert!(
        !levels.values().any(|level| level == "problem"),
        "{outcome}"
    );
    let outcome = outcome.is(0);
    let keys: Vec<_> = weed.objects(&world.bucket.name).into_keys().collect();
    assert_eq!(keys, ["a"], "{outcome}");
}

#[test]
fn the_commands_of_its_page_do_what_it_says() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("my-bucket");
    world.tree("home/photos", &[("b.jpg", "b")]);
    let page = include_str!("../../docs/doctor.md");
    for line in commands(page) {
        world.s3mirror().line(line);
    }
}
