//! The commands of docs/plans.md do what it says.

use crate::support::{Memory, World, assert_same};

/// The lines of the page's example, without their comments.
fn examples() -> Vec<&'static str> {
    let page = include_str!("../../docs/plans.md");
    let (_, section) = page.split_once("\n## Commands\n").unwrap();
    let (_, example) = section.split_once("```sh\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let lines = example.lines();
    lines
        .map(|line| line.split(" # ").next().unwrap())
        .collect()
}

/// A line of the page for a shell in which `"$1"` is the binary.
fn script(line: &str) -> String {
    format!("program=$1; s3mirror() {{ \"$program\" \"$@\"; }}; {line}")
}

#[test]
fn the_commands_of_the_page_do_what_it_says() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("my-bucket");
    memory.put_at("my-bucket", "photos/old.jpg", "old", chrono::Utc::now());
    let photos = world.tree("home/photos", &[("2024/a.jpg", "a"), ("b.jpg", "b")]);
    let shown = [
        "  upload     a.jpg  (new, 1 B, file ",
        "upload     2024/a.jpg  (new, 1 B, file ",
        "backup done in",
        "",
    ];
    let lines = examples();
    assert_eq!(lines.len(), shown.len());
    for (line, shown) in lines.into_iter().zip(shown) {
        // The question is answered beforehand; `sh` knows the home.
        let run = world.s3mirror().env("S3MIRROR_YES", "true");
        run.in_shell(&script(line)).is(0).says(shown);
    }
    let objects = world.bucket.server.objects("my-bucket");
    let keys: Vec<_> = objects.keys().collect();
    assert_eq!(keys, ["photos/2024/a.jpg", "photos/b.jpg"]);
    photos.write_now("b.jpg", "edited");
    let outcome = world.s3mirror().in_shell(&script(examples()[3])).is(5);
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""));
    assert_same(&world.bucket.server.objects("my-bucket"), &objects);
}
