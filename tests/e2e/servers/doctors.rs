//! The verdict of `doctor` is what a run then finds: fit, or the option that it
//! names makes it so. And it leaves nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{comes_back, goes_up};
use crate::support::{Outcome, Server, World, assert_same, content::mebibytes, run::Run};

on_all_servers! {
    the_verdict_of_doctor_is_what_a_run_finds
    doctor_leaves_nothing_in_the_bucket
    doctor_knows_the_names_that_a_server_cannot_keep
    doctor_knows_whether_times_are_rounded_up
}

fn doctor(world: &World) -> Run {
    world
        .s3mirror()
        .args(["doctor", "--json", "--bucket", &world.bucket.name])
}

/// The findings by name: their level, and everything that they say.
fn findings(outcome: &Outcome) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = outcome.json();
    let findings = lines.iter().filter(|line| line["event"] == "finding");
    let findings = findings.map(|line| {
        let said = format!("{} {}", text(&line["message"]), text(&line["advice"]));
        (text(&line["name"]), (text(&line["level"]), said))
    });
    findings.collect()
}

fn the_verdict_of_doctor_is_what_a_run_finds(server: &dyn Server) {
    // With the options that the server is declared to need: fit.
    let world = World::on(server);
    doctor(&world).done();
    let dir = world.tree(
        "dir",
        &[("a", "1"), ("b", "2"), ("gone", "3"), ("sub/c", "4")],
    );
    dir.write("large", mebibytes(11, 1));
    goes_up(&world, &dir);
    dir.write_now("a", "longer");
    dir.write_now("large", mebibytes(12, 2));
    dir.remove("gone");
    super::the_second_passes();
    goes_up(&world, &dir);
    comes_back(&world, &dir, &world.dir("elsewhere"));

    // Each of them was named by a doctor who was not given any.
    let world = World::on(server);
    let run = server.options().iter().fold(doctor(&world), |run, option| {
        let name = option.split('=').next().unwrap().trim_start_matches('-');
        run.env_remove(&format!(
            "S3MIRROR_{}",
            name.replace('-', "_").to_uppercase()
        ))
    });
    let outcome = run.exits(i32::from(!server.options().is_empty()));
    for option in server.options() {
        let name = option.split('=').next().unwrap();
        let is_named = findings(&outcome)
            .values()
            .any(|(level, said)| level == "problem" && said.contains(name));
        assert!(is_named, "{option} is not named by {outcome}");
    }
}

fn doctor_leaves_nothing_in_the_bucket(server: &dyn Server) {
    let world = World::on(server);
    world.bucket.put("a", "one");
    let before = world.bucket.objects();
    for _ in 0..2 {
        let outcome = doctor(&world).done();
        let end = outcome.json().pop().unwrap();
        assert_eq!(end["left"], Value::Array(Vec::new()), "{outcome}");
        assert_same(&world.bucket.objects(), &before);
        if let Some(uploads) = server.unfinished_uploads(&world.bucket.name) {
            assert_eq!(uploads, [""; 0]);
        }
    }
}

fn doctor_knows_the_names_that_a_server_cannot_keep(server: &dyn Server) {
    let world = World::on(server);
    let limits = server.limits();
    let outcome = doctor(&world).done();
    let all = findings(&outcome);
    let of = |name: &str| {
        all.get(name)
            .unwrap_or_else(|| panic!("no {name}: {outcome}"))
    };
    let loses = limits.loses.contains(&'\\');
    for (name, is_limited, word) in [
        ("keys", loses, "backslash"),
        ("lengths", limits.key_bytes < 1000, "bytes"),
        ("paths", !limits.parts_beside_directory, "below"),
    ] {
        let (level, said) = of(name);
        let expected = if is_limited { "warning" } else { "ok" };
        assert_eq!(level, expected, "{name}: {outcome}");
        assert!(!is_limited || said.contains(word), "{name}: {outcome}");
    }
    let (_, said) = of("paths");
    let keeps_files = said.contains("keeps objects as files");
    assert_eq!(keeps_files, !limits.file_beside_directory, "{outcome}");
}

fn doctor_knows_whether_times_are_rounded_up(server: &dyn Server) {
    let world = World::on(server);
    let outcome = doctor(&world).done();
    let (level, said) = &findings(&outcome)["times"];
    assert_eq!(level, "ok", "{outcome}");
    let rounds = said.contains("rounds the times");
    assert_eq!(rounds, server.limits().rounds_times_up, "{outcome}");
}
