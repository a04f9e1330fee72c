//! The commands of docs/watching.md and docs/machines.md do what is said there.

use crate::support::{Memory, Outcome, World, docs};

/// Runs every command of the page, in an empty home, in order.
fn commands(page: &str) -> Vec<(String, Outcome)> {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("my-bucket");
    let lines = docs::commands(page).into_iter();
    let ran = lines.map(|line| (line.to_owned(), world.s3mirror().line(line)));
    let ran = ran.collect();
    for file in [
        "backup.jsonl",
        "report.json",
        "metrics/photos.prom",
        "backup.log",
    ] {
        let path = world.sandbox.path("home").join(file);
        let is_there = std::fs::metadata(&path).is_ok_and(|found| found.len() > 0);
        assert_eq!(is_there, page.contains(file), "{file}");
    }
    ran
}

#[test]
fn the_commands_on_watching_show_what_they_say() {
    let ran = commands(include_str!("../../docs/watching.md"));
    let said: Vec<_> = ran
        .iter()
        .map(|(_, outcome)| outcome.stdout.as_str())
        .collect();
    assert!(said[1].contains("backup done in"), "{}", said[1]);
    assert_eq!(said[3], "");
}

#[test]
fn the_commands_for_machines_write_what_they_say() {
    commands(include_str!("../../docs/machines.md"));
}
