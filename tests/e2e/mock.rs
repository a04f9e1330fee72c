//! Mock changes nothing, and says exactly what the run then does.

use std::collections::BTreeMap;

use crate::support::{Content, Dir, Outcome, Server, World, assert_same, run::Run, times::at};

on_all_servers! {
    a_mock_backup_changes_nothing_and_the_backup_does_what_it_said
    a_mock_restore_changes_nothing_and_the_restore_does_what_it_said
    every_way_to_ask_for_a_mock_gives_the_same
}

/// They differ in every way the rule knows: a file is later than its object, too.
fn with_a_later_file(server: &dyn Server) -> (World<'_>, Dir) {
    let (world, dir) = World::different(server);
    world.bucket.put("later", "4444");
    dir.write_at("later", "NEWS", at("2100-01-01T00:00:00Z"));
    (world, dir)
}

/// `transfer` or `delete` by the key that it concerns.
fn actions(outcome: &Outcome) -> BTreeMap<String, String> {
    let mut actions = BTreeMap::new();
    for line in outcome.json() {
        let Some(action) = line["action"].as_str() else {
            continue;
        };
        let side = if action == "delete" {
            "target"
        } else {
            "source"
        };
        let key = line[side]["key"]
            .as_str()
            .unwrap_or_else(|| panic!("no key in {line}"));
        assert!(
            line["reason"].is_string(),
            "each action has a reason: {line}"
        );
        actions.insert(key.to_owned(), action.to_owned());
    }
    actions
}

/// What was done to `before` so that it became `after`.
fn done(
    before: &BTreeMap<String, Content>,
    after: &BTreeMap<String, Content>,
) -> BTreeMap<String, String> {
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let mut done: BTreeMap<_, _> = gone.map(|key| (key.clone(), "delete".to_owned())).collect();
    let changed = after
        .iter()
        .filter(|(key, content)| before.get(*key) != Some(content));
    done.extend(changed.map(|(key, _)| (key.clone(), "transfer".to_owned())));
    done
}

fn changes_nothing(world: &World, dir: &Dir, run: Run) -> Outcome {
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    let outcome = world.only_looks(|| run.done());
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
    outcome
}

fn a_mock_backup_changes_nothing_and_the_backup_does_what_it_said(server: &dyn Server) {
    let (world, dir) = with_a_later_file(server);
    let said = actions(&changes_nothing(
        &world,
        &dir,
        world.mock_backup(&dir).arg("--json"),
    ));

    let before = world.bucket.contents();
    let ran = world.backup(&dir).arg("--json").done();

    assert_same(&said, &done(&before, &world.bucket.contents()));
    assert_same(&actions(&ran), &said);
    assert_same(&world.bucket.contents(), &dir.contents());
}

fn a_mock_restore_changes_nothing_and_the_restore_does_what_it_said(server: &dyn Server) {
    let (world, dir) = with_a_later_file(server);
    let said = actions(&changes_nothing(
        &world,
        &dir,
        world.mock_restore(&dir).arg("--json"),
    ));

    let before = dir.contents();
    let ran = world.restore(&dir).arg("--json").done();

    assert_same(&said, &done(&before, &dir.contents()));
    assert_same(&actions(&ran), &said);
    assert_same(&dir.contents(), &world.bucket.contents());
}

fn every_way_to_ask_for_a_mock_gives_the_same(server: &dyn Server) {
    let (world, dir) = with_a_later_file(server);
    let ways: [(&str, &[&[&str]]); 2] = [
        (
            "backup",
            &[&["backup", "-n"], &["backup", "--dry-run"], &["backupmock"]],
        ),
        (
            "restore",
            &[
                &["restore", "-n"],
                &["restore", "--dry-run"],
                &["restoremock"],
            ],
        ),
    ];
    for (command, others) in ways {
        let mock = world.command(&["mock", command], &dir).arg("--json");
        let said = actions(&changes_nothing(&world, &dir, mock));
        assert!(!said.is_empty());
        for way in others {
            let run = world.command(way, &dir).arg("--json");
            assert_same(&actions(&changes_nothing(&world, &dir, run)), &said);
        }
    }
}

/// People see each action with its reason, and the summary.
#[test]
fn a_mock_names_every_entry_it_would_touch() {
    let memory = crate::support::Memory::start();
    let (world, dir) = with_a_later_file(&memory);
    let outcome = world.mock_backup(&dir).done();
    for name in ["gone", "size", "later", "new"] {
        assert!(outcome.stdout.contains(name), "{name} in {outcome}");
    }
    assert!(
        !outcome.stdout.contains("same\n"),
        "an entry that is kept in {outcome}"
    );
}
