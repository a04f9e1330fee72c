//! The examples for cron, systemd and Kubernetes run a job.

use std::fs;

use yaml_rust2::{Yaml, YamlLoader};

use crate::docs::top;
use crate::support::{Memory, World, assert_same};

fn example(name: &str) -> String {
    fs::read_to_string(top().join("docs/examples").join(name)).unwrap()
}

/// Runs `command`, as an example has it, where the job `job` backs `dir` up.
fn runs(command: &str, job: &str) {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let (path, bucket) = (dir.path().display(), &world.bucket.name);
    let text = format!(
        "[jobs.{job}]\ncommand = 'backup'\ndir = '{path}'\nbucket = '{bucket}'\nyes = true\n"
    );
    world.dir("etc/s3mirror").write("config.toml", text);
    let command = command.replace("/usr/bin/s3mirror", "s3mirror");
    let rest = command.strip_prefix("s3mirror ").unwrap();
    let run = world.s3mirror().args(rest.split_whitespace());
    let outcome = run.env("XDG_CONFIG_DIRS", world.sandbox.path("etc")).done();
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""));
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn the_line_for_cron_runs_a_job() {
    let page = fs::read_to_string(top().join("docs/jobs.md")).unwrap();
    let (_, line) = page.split_once("```crontab\n").unwrap();
    let (line, _) = line.split_once('\n').unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    runs(&words[5..].join(" "), "photos");
}

#[test]
fn the_units_of_systemd_run_the_job_of_their_instance() {
    let service = example("s3mirror@.service");
    let start = service.lines().find_map(|l| l.strip_prefix("ExecStart="));
    runs(&start.unwrap().replace("%i", "photos"), "photos");
    for (unit, section) in [
        (&service, "[Service]"),
        (&example("s3mirror@.timer"), "[Timer]"),
        (&example("s3mirror-watch@.service"), "[Service]"),
    ] {
        assert!(unit.contains(&format!("\n{section}\n")), "{unit}");
        for line in unit.lines() {
            let is_setting = line.split_once('=').is_some_and(|(key, value)| {
                key.chars().all(char::is_alphabetic) && !value.is_empty()
            });
            let is_other = line.is_empty() || line.starts_with(['#', '[']);
            assert!(is_setting || is_other, "{line}");
        }
    }
}

#[test]
fn the_configuration_file_of_the_packages_has_no_job_until_one_is_uncommented() {
    let template = example("config.toml");
    let memory = Memory::start();
    let world = World::on(&memory);
    let check = |config: &str| {
        world.dir("etc/s3mirror").write("config.toml", config);
        let run = world.s3mirror().args(["config", "check"]);
        run.env("XDG_CONFIG_DIRS", world.sandbox.path("etc")).done()
    };
    assert!(!check(&template).stdout.contains("my-bucket"));
    // Prose has a space behind its #.
    let lines = template.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting,
        _ => line,
    });
    check(&lines.collect::<Vec<_>>().join("\n")).says("my-bucket/photos");
}

#[test]
fn the_cronjob_of_kubernetes_runs_a_job_of_its_own_configuration() {
    let documents = YamlLoader::load_from_str(&example("cronjob.yaml")).unwrap();
    let [map, cronjob] = documents.as_slice() else {
        panic!("two documents");
    };
    assert_eq!(cronjob["kind"].as_str(), Some("CronJob"));
    let pod = &cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let words = |yaml: &Yaml| -> Vec<String> {
        let words = yaml.as_vec().unwrap().iter();
        words
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    let command = [words(&container["command"]), words(&container["args"])].concat();
    runs(&command.join(" "), "data");
    // And its configuration is one.
    let memory = Memory::start();
    let world = World::on(&memory);
    let config = map["data"]["config.toml"].as_str().unwrap();
    world.dir("etc/s3mirror").write("config.toml", config);
    let check = world.s3mirror().args(["config", "check", "data"]);
    let check = check.env("XDG_CONFIG_DIRS", world.sandbox.path("etc"));
    check.done().says("my-bucket/data");
    // Every volume that is mounted is there, and the other way round.
    let names = |yaml: &Yaml| -> Vec<String> {
        let items = yaml.as_vec().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&container["volumeMounts"]), names(&pod["volumes"]));
}
