//! The commands of docs/prices.md and docs/trash.md do what the pages say.

use crate::support::{Memory, World, docs::commands};

/// Runs every command of a page in turn; what each has said.
fn run_all(world: &World, page: &str) -> Vec<String> {
    let run = |line: &str| {
        let run = world.s3mirror().env("S3MIRROR_YES", "true");
        run.line(&format!("cd; {line}")).stdout
    };
    commands(page).into_iter().map(run).collect()
}

fn world(memory: &Memory) -> World<'_> {
    let world = World::on(memory);
    memory.create_bucket("my-bucket");
    memory.put_at(
        "my-bucket",
        "photos/b.jpg",
        "of the bucket",
        chrono::Utc::now(),
    );
    world.tree("home/photos", &[("2024/a.jpg", "a"), ("b.jpg", "b")]);
    world
}

#[test]
fn the_commands_about_prices_do_what_the_page_says() {
    let memory = Memory::start();
    let world = world(&memory);
    let said = run_all(&world, include_str!("../../docs/prices.md"));
    let [mock, _, show, _, priced] = &said[..] else {
        panic!("{said:?}")
    };
    assert!(
        mock.contains(
            "  requests     2 PUT\n               made already: 1 LIST, 1 GET of the bucket's versioning\n"
        ),
        "{mock}"
    );
    assert!(show.contains("  requests     2 PUT\n"), "{show}");
    assert!(
        priced.contains("\n               prices of our own server\n"),
        "{priced}"
    );
}

#[test]
fn the_commands_about_the_trash_do_what_the_page_says() {
    let memory = Memory::start();
    let world = world(&memory);
    let said = run_all(&world, include_str!("../../docs/trash.md"));
    let [restored] = &said[..] else {
        panic!("{said:?}")
    };
    assert!(
        restored.contains("  trash                   2  in "),
        "{restored}"
    );
    let kept = world.dir("home/photos-trash").contents();
    let names: Vec<_> = kept
        .keys()
        .map(|name| name.split_once('/').unwrap().1)
        .collect();
    assert_eq!(names, ["2024/a.jpg", "b.jpg"]);
}
