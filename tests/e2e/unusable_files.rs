//! Files with lists, patterns or prices that cannot be used: the end of a run, of which the
//! command at the end and the metrics file tell.

use std::fs;

use serde_json::Value;

use crate::support::{Memory, World, run::Run};

const KEEP: &str = r#"cat > report; echo "it said $S3MIRROR_EXIT $S3MIRROR_DIRECTION""#;

/// Whoever waits for the alarm of a nightly run did not write the list.
#[test]
fn a_file_that_cannot_be_used_is_reported_at_the_end_as_a_run_that_failed() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let home = |name: &str, text: &str| fs::write(world.sandbox.path(name), text).unwrap();
    home("list", "a\n../b\n");
    home("ignored", "a[\n");
    home("prices", "not = 'prices'\n");
    let job = format!(
        "[jobs.up]\ncommand = 'backup'\ndir = '{}'\nbucket = '{}'\nyes = true\n\
         exclude-from = 'missing'\n",
        dir.path().display(),
        world.bucket.name
    );
    home("config.toml", &job);
    let file = world.sandbox.path("s3mirror.prom");
    let run = |run: Run| {
        let run = run
            .args(["--on-finish", KEEP])
            .arg("--metrics-file")
            .arg(&file);
        let ended = world.no_requests(|| run.exits(2).says("it said 2 backup"));
        let report = fs::read_to_string(world.sandbox.path("report")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["exit"], 2);
        assert_eq!(report["errors"].as_array().unwrap().len(), 1, "{report}");
        let metrics = fs::read_to_string(&file).unwrap();
        let mut lines = metrics.lines();
        assert!(
            lines.any(|line| line.starts_with("s3mirror_exit_status{") && line.ends_with("} 2")),
            "{metrics}"
        );
        fs::remove_file(world.sandbox.path("report")).unwrap();
        fs::remove_file(&file).unwrap();
        ended
    };
    for options in [
        ["--files-from", "missing"],
        ["--files-from", "list"],
        ["--exclude-from", "missing"],
        ["--exclude-from", "ignored"],
        ["--prices", "prices"],
    ] {
        run(world.backup(&dir).args(options)).says(options[1]);
    }
    let up = |config: &str| world.s3mirror().args(["run", "up", "--config", config]);
    run(up("config.toml")).says("--exclude-from '");
    // What was typed is another matter: there is no run.
    let wrong = world.backup(&dir).args(["--on-finish", KEEP]);
    wrong.args(["--exclude", "../x"]).exits(2);
    assert!(!world.sandbox.path("report").exists());
    let check = world
        .s3mirror()
        .args(["config", "check", "--config", "config.toml"]);
    check.exits(2).says("config.toml:6:");
}
