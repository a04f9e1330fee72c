//! Output for programs: the lines of `--json`, which all fit the schema, the
//! metrics file and the command at the end.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use jsonschema::Validator;
use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::support::{
    Dir, Memory, Outcome, World,
    content::mebibytes,
    plans::{apply, save},
};

/// The schema of the repository.
fn schema() -> Validator {
    let text = include_str!("../../docs/output.schema.json");
    let schema = serde_json::from_str(text).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// All lines of `outcome` are as the schema says; their events, and for those
/// of a plan `plan`.
#[track_caller]
fn events(outcome: &Outcome) -> Vec<String> {
    let schema = schema();
    let lines = outcome.json();
    for line in &lines {
        assert!(
            schema.is_valid(line),
            "{line} is not in the schema: {outcome}"
        );
    }
    let event = |line: &Value| line["event"].as_str().unwrap_or("plan").to_owned();
    lines.iter().map(event).collect()
}

fn with_a_link(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(
        memory,
        &[("gone", "x"), ("size", "old")],
        &[("new", "1"), ("size", "longer")],
    );
    dir.link("link", "nowhere");
    (world, dir)
}

#[test]
fn a_backup_tells_of_each_action_and_of_its_end() {
    let memory = Memory::start();
    let (world, dir) = with_a_link(&memory);
    let outcome = world.backup(&dir).arg("--json").done();
    let told = events(&outcome);
    let (plan, rest) = told.split_at(5);
    assert!(plan.iter().all(|event| event == "plan"), "{outcome}");
    let expected = ["begin", "transferred", "transferred", "deleted", "report"];
    assert_eq!(rest, expected, "{outcome}");
    let lines = outcome.json();
    assert_eq!(lines[5]["schema"], 1);
    let size = lines
        .iter()
        .find(|line| line["event"] == "transferred" && line["key"] == "size");
    assert_eq!(size.unwrap()["overwritten"], true);
    let report = lines.last().unwrap();
    assert_eq!(report["direction"], "backup");
    assert_eq!(report["directory"], dir.path().to_str().unwrap());
    assert_eq!(report["bucket"], format!("s3://{}/", world.bucket.name));
    assert_eq!(report["errors"], serde_json::json!([]));
}

#[test]
fn every_command_tells_what_the_schema_says() {
    let memory = Memory::start();
    let (world, dir) = with_a_link(&memory);
    // A mock run prints nothing but the plan, so that it can be saved.
    for options in [
        &["--json"][..],
        &["--json", "--exclude", "s*", "--max-size", "1KiB"],
    ] {
        let told = events(&world.mock_backup(&dir).args(options).done());
        assert!(told.iter().all(|event| event == "plan"), "{told:?}");
    }
    events(&world.mock_restore(&dir).arg("--json").done());
    let plan = save(&world, &["mock", "backup"], &dir);
    events(
        &world
            .s3mirror()
            .arg("show")
            .arg(&plan)
            .args(["--format", "json"])
            .done(),
    );
    let told = events(&apply(&world, &plan).arg("--json").done());
    assert_eq!(told.last().unwrap(), "report");
    let elsewhere = world.dir("elsewhere");
    events(&world.restore(&elsewhere).arg("--json").done());
    let priced = world.restore(&elsewhere).args(["--json", "--estimate"]);
    assert!(events(&priced.done()).contains(&"estimate".to_owned()));
    elsewhere.write("size", "older!");
    let trash = world.sandbox.path("trash");
    let trashed = world.restore(&elsewhere).arg("--trash").arg(&trash);
    events(&trashed.args(["--json", "--compare", "checksum"]).done());
    elsewhere.write("only", "1");
    let bucket = ["--bucket", &world.bucket.name];
    let verify = world.s3mirror().args(["verify", "--json"]).args(bucket);
    let told = events(&verify.arg("--dir").arg(elsewhere.path()).exits(5));
    assert_eq!(told, ["begin", "differs", "verified"]);
    let doctor = world.s3mirror().args(["doctor", "--json"]).args(bucket);
    let told = events(&doctor.arg("--dir").arg(elsewhere.path()).done());
    assert!(told.contains(&"finding".to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "doctor");
    fs::write(world.sandbox.path("jobs.toml"), JOBS).unwrap();
    for (command, event) in [(&["jobs"][..], "job"), (&["config", "check"], "setting")] {
        let run = world.s3mirror().args(command);
        let told = events(&run.args(["--json", "--config", "jobs.toml"]).done());
        assert_eq!(told[..2], ["begin", event]);
    }
    dir.mkdir("empty");
    for command in [&["mock", "cleanup"][..], &["cleanup"]] {
        let run = world.s3mirror().args(command).arg("-d").arg(dir.path());
        let told = events(&run.arg("--json").done());
        assert_eq!(told.first().unwrap(), "begin");
        assert_eq!(told.last().unwrap(), "report");
    }
}

#[test]
fn a_run_that_fails_tells_what_the_schema_says() {
    let memory = Memory::start();
    let (world, dir) = with_a_link(&memory);
    let denied = Action::error(403, "AccessDenied");
    memory.inject(
        Fault::on("PutObject")
            .key("new")
            .always()
            .act(denied.clone()),
    );
    let outcome = world.backup(&dir).arg("--json").exits(3);
    let told = events(&outcome);
    for event in ["failed", "warning", "report"] {
        assert!(told.iter().any(|told| told == event), "{event}: {outcome}");
    }
    memory.inject(Fault::on("ListObjectsV2").always().act(denied));
    let outcome = world.backup(&dir).arg("--json").exits(1);
    assert_eq!(events(&outcome), ["begin", "error", "report"], "{outcome}");
    let report = outcome.json().pop().unwrap();
    assert_eq!(
        (&report["exit"], &report["created"]["entries"]),
        (&1.into(), &0.into())
    );
    let error = report["errors"][0].as_str().unwrap();
    assert!(error.contains("s3:ListBucket"), "{error}");
}

#[test]
fn a_run_that_is_refused_tells_why() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a", "x");
    let dir = world.dir("dir");
    let outcome = world.backup(&dir).arg("--json").exits(4);
    let told = events(&outcome);
    assert_eq!(told.last().unwrap(), "report");
    let report = outcome.json().pop().unwrap();
    assert_eq!(report["exit"], 4);
    let error = report["errors"][0].as_str().unwrap();
    assert!(error.starts_with("refused: "), "{error}");
}

const JOBS: &str = "[jobs.a]\ncommand = \"backup\"\ndir = \"/srv\"\nbucket = \"srv\"\n";

/// A field that the schema lacks would else go unnoticed.
#[test]
fn the_schema_allows_no_other_fields() {
    let schema = schema();
    let memory = Memory::start();
    let (world, dir) = with_a_link(&memory);
    for line in world.backup(&dir).arg("--json").done().json() {
        let mut more = line.clone();
        more["another"] = 1.into();
        assert!(!schema.is_valid(&more), "{more}");
        for field in ["counts", "source", "created"] {
            let mut more = line.clone();
            if more[field].is_object() {
                more[field]["another"] = 1.into();
                assert!(!schema.is_valid(&more), "{more}");
            }
        }
    }
}

fn metrics(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

/// The value of a metric without its labels.
fn value(text: &str, name: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn the_metrics_file_tells_of_success_and_keeps_it_when_a_run_fails() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "12345")]);
    let file = world.sandbox.path("s3mirror.prom");
    world.backup(&dir).arg("--metrics-file").arg(&file).done();
    let good = metrics(&file);
    let labels = format!(
        "{{direction=\"backup\",directory=\"{}\",bucket=\"s3://{}/\"",
        dir.path().display(),
        world.bucket.name
    );
    assert!(
        good.contains(&format!("s3mirror_bytes{labels},action=\"created\"}} 5\n")),
        "{good}"
    );
    assert_eq!(value(&good, "s3mirror_exit_status"), Some(0.0));
    let success = value(&good, "s3mirror_last_success_timestamp_seconds").unwrap();
    let age = chrono::Utc::now().timestamp() as f64 - success;
    assert!((0.0..60.0).contains(&age), "{age}");
    // One that fails and one that is refused.
    let denied = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("ListObjectsV2").act(denied));
    world.backup(&dir).arg("--metrics-file").arg(&file).exits(1);
    let failed = metrics(&file);
    assert_eq!(value(&failed, "s3mirror_exit_status"), Some(1.0));
    assert_eq!(
        value(&failed, "s3mirror_last_success_timestamp_seconds"),
        Some(success)
    );
    dir.remove("a");
    world.backup(&dir).arg("--metrics-file").arg(&file).exits(4);
    let refused = metrics(&file);
    assert_eq!(value(&refused, "s3mirror_exit_status"), Some(4.0));
    assert_eq!(
        value(&refused, "s3mirror_last_success_timestamp_seconds"),
        Some(success)
    );
    // Nothing else is left where it was made.
    let left = fs::read_dir(world.sandbox.path("")).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("metrics")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_metrics_file_that_cannot_be_written_is_an_error_before_anything_is_done() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let places = [
        world.sandbox.path("nowhere/s3mirror.prom"),
        world.sandbox.path("home"),
        dir.join("s3mirror.prom"),
    ];
    for file in places {
        world.no_requests(|| {
            let run = world.backup(&dir).arg("--metrics-file").arg(&file);
            run.exits(1).says("cannot write the metrics file")
        });
    }
    assert_eq!(dir.contents().len(), 1);
}

#[test]
fn a_metrics_file_where_nothing_may_be_written_is_an_error_too() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let locked = world.dir("locked");
    fs::set_permissions(locked.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let run = world
        .s3mirror_as_nobody()
        .args(["backup", "--yes", "--dir"]);
    let run = run.arg(dir.path()).args(["--bucket", &world.bucket.name]);
    let run = run.arg("--metrics-file").arg(locked.join("s3mirror.prom"));
    world.no_requests(|| run.exits(1).says("cannot write the metrics file"));
}

#[test]
fn a_mock_run_tells_nobody_of_its_end() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let file = world.sandbox.path("s3mirror.prom");
    let run = world.mock_backup(&dir).arg("--metrics-file").arg(&file);
    run.args(["--on-finish", "touch finished"]).done();
    assert!(!file.exists());
    assert!(!world.sandbox.path("finished").exists());
}

/// What the command found on its standard input.
fn finished(world: &World) -> Value {
    let text = fs::read_to_string(world.sandbox.path("report")).unwrap();
    let report = serde_json::from_str(&text).unwrap();
    assert!(schema().is_valid(&report), "{report}");
    report
}

const KEEP: &str = r#"cat > report; echo "it said $S3MIRROR_EXIT $S3MIRROR_DIRECTION""#;

#[test]
fn the_command_at_the_end_gets_the_report_of_every_run() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = || world.backup(&dir).args(["--on-finish", KEEP]);
    let outcome = run().arg("--json").done();
    assert_eq!(finished(&world)["created"]["entries"], 1);
    // What it says goes where the diagnostics go.
    events(&outcome);
    assert!(outcome.stderr.contains("it said 0 backup"), "{outcome}");
    // One that fails, one that is refused.
    memory.inject(Fault::on("ListObjectsV2").act(Action::error(403, "AccessDenied")));
    run().exits(1).says("it said 1 backup");
    assert_eq!(finished(&world)["exit"], 1);
    dir.remove("a");
    run().exits(4).says("it said 4 backup");
    let report = finished(&world);
    assert!(report["errors"][0].as_str().unwrap().starts_with("refused"));
}

#[test]
fn the_command_at_the_end_gets_the_report_of_an_interrupted_run() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    // While it lists, and while it copies.
    for operation in ["ListObjectsV2", "PutObject"] {
        let stall = Action::Stall(Duration::from_secs(60));
        memory.inject(Fault::on(operation).act(stall));
        let before = memory.count(operation);
        let file = world.sandbox.path("s3mirror.prom");
        let run = world.backup(&dir).args(["--on-finish", KEEP]);
        let running = run.arg("--metrics-file").arg(&file).start();
        running.wait_for(&memory, operation, before + 1);
        running.signal("TERM");
        running.end().is(143).says("it said 143 backup");
        let report = finished(&world);
        assert_eq!(
            (&report["exit"], &report["stopped"]),
            (&143.into(), &true.into())
        );
        assert_eq!(value(&metrics(&file), "s3mirror_exit_status"), Some(143.0));
    }
}

#[test]
fn a_command_at_the_end_that_fails_is_warned_of_and_changes_nothing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world.backup(&dir).args(["--on-finish", "exit 9"]);
    run.done().says("the command of --on-finish has failed");
}

/// A command at the end may run s3mirror itself.
#[test]
fn the_command_at_the_end_does_not_inherit_itself() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world
        .backup(&dir)
        .env("S3MIRROR_METRICS_FILE", world.sandbox.path("m.prom"));
    let run = run.env(
        "S3MIRROR_ON_FINISH",
        "env | grep -c S3MIRROR_[OM] >number; true",
    );
    run.done();
    let number = fs::read_to_string(world.sandbox.path("number")).unwrap();
    assert_eq!(number.trim(), "0");
}

#[test]
fn progress_for_programs_has_the_large_copies_under_way() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", mebibytes(11, 1));
    // The first part is there, the second takes its time.
    let stall = Action::Stall(Duration::from_secs(3));
    memory.inject(Fault::on("UploadPart").nth(2).act(stall));
    let running = world.backup(&dir).arg("--json").one_by_one().start();
    running.wait_for(&memory, "UploadPart", 2);
    running.signal("USR1");
    let outcome = running.end().is(0);
    events(&outcome);
    let lines = outcome.json();
    let progress = lines
        .iter()
        .find(|line| line["event"] == "progress")
        .unwrap();
    assert_eq!(progress["phase"], "copying");
    let large = serde_json::json!([{"key": "film", "bytes": {"done": 5 << 20, "all": 11 << 20}}]);
    assert_eq!(progress["large"], large);
    // And what has been moved of the second.
    let done = progress["bytes"]["done"].as_u64().unwrap();
    assert!((5 << 20 < done) && done <= 10 << 20, "{progress}");
    let told = outcome.stderr.starts_with("uploading: ");
    assert!(
        told && outcome.stderr.contains(" of 11.00 MiB ("),
        "{outcome}"
    );
}
