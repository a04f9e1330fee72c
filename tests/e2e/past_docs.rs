//! The commands of docs/the-past.md do what the page says.

use chrono::{TimeDelta, Utc};

use crate::support::{
    Memory, Server, World, assert_same,
    content::{self, map},
    docs::commands,
};

#[test]
fn the_commands_about_the_past_do_what_the_page_says() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("my-bucket");
    memory.set_versioning("my-bucket", Some("Enabled"));
    let ago = |days| Utc::now() - TimeDelta::days(days);
    memory.put_at("my-bucket", "photos/a.jpg", "then", ago(10));
    memory.put_at("my-bucket", "photos/b.jpg", "gone now", ago(9));
    memory.put_at("my-bucket", "photos/a.jpg", "now!", ago(1));
    memory.remove_at("my-bucket", "photos/b.jpg", ago(1));
    let photos = world.tree("home/photos", &[("a.jpg", "lost")]);
    let then = map(&[("a.jpg", "then"), ("b.jpg", "gone now")]);
    let run = |line: &str| {
        let run = world.s3mirror().env("S3MIRROR_YES", "true");
        run.line(&format!("cd; {line}")).stdout
    };
    let lines = commands(include_str!("../../docs/the-past.md"));
    let [
        mock,
        restore,
        verify,
        back,
        key,
        json,
        deleted,
        elsewhere,
        mock_backup,
        backup,
    ] = &lines[..]
    else {
        panic!("{lines:?}")
    };
    assert!(run(mock).contains("as of 20"));
    let said = run(restore);
    assert_same(&photos.contents(), &then);
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with("back to the present: s3mirror restore -d "),
        "{said}"
    );
    run(verify);
    run(back);
    assert_same(&photos.contents(), &map(&[("a.jpg", "now!")]));
    assert_eq!(run(key).lines().count(), 2);
    assert_eq!(
        run(json)
            .lines()
            .filter(|line| line.contains("\"version\""))
            .count(),
        4
    );
    assert_eq!(run(deleted).lines().count(), 1);
    run(elsewhere);
    assert!(run(mock_backup).contains("a.jpg  (content differs"));
    run(backup);
    let objects = content::contents(memory.objects("my-bucket")).into_iter();
    let photos = objects.map(|(key, content)| (key.replacen("photos/", "", 1), content));
    assert_same(&photos.collect(), &then);
}
