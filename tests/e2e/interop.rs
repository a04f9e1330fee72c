//! The bucket stays plain: what another client puts there is restored, and what
//! s3mirror puts there is read by another client.

use std::fs;

use crate::support::{Memory, Server, World, assert_same};

const FILES: [(&str, &str); 4] = [
    ("a", "one"),
    ("sub/b c+d%", "two"),
    ("sub/é", "three"),
    ("empty", ""),
];

fn what_the_aws_command_line_wrote_is_restored(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &FILES);
    dir.write("large", vec![7; 9 << 20]);
    let aws = world.aws();
    aws.run(&["s3", "sync", dir.path().to_str().unwrap(), &aws.address("")]);

    let elsewhere = world.dir("elsewhere");
    world.restore(&elsewhere).done();

    assert_same(&elsewhere.contents(), &dir.contents());
    assert_same(&elsewhere.files(), &world.bucket.objects());
    world.only_lists(|| world.restore(&elsewhere).done());
}

fn what_s3mirror_wrote_is_read_by_the_aws_command_line(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &FILES);
    dir.write("large", vec![7; 20 << 20]);
    world.backup(&dir).args(["--part-size", "8MiB"]).done();

    let aws = world.aws();
    let elsewhere = world.dir("elsewhere");
    let path = elsewhere.path().to_str().unwrap();
    aws.run(&["s3", "sync", &aws.address(""), path]);
    assert_same(&elsewhere.contents(), &dir.contents());

    // One by one too, and no metadata was added.
    let copy = world.sandbox.path("copy");
    aws.run(&[
        "s3",
        "cp",
        &aws.address("sub/b c+d%"),
        copy.to_str().unwrap(),
    ]);
    assert_eq!(fs::read(copy).unwrap(), b"two");
    let head = [
        "s3api",
        "head-object",
        "--bucket",
        &world.bucket.name,
        "--key",
        "a",
    ];
    let head: serde_json::Value = serde_json::from_str(&aws.run(&head)).unwrap();
    let metadata = head["Metadata"].as_object();
    assert!(metadata.is_none_or(serde_json::Map::is_empty), "{head}");
}

fn an_object_removed_by_the_aws_command_line_is_removed_by_a_restore(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &FILES);
    world.backup(&dir).done();
    let aws = world.aws();
    aws.run(&["s3", "rm", &aws.address("sub/é")]);
    world.restore(&dir).done();
    assert_same(&dir.contents(), &world.bucket.contents());
    assert!(!dir.contents().contains_key("sub/é"));
}

/// Unlike the others, these need a program from outside over the server in
/// memory too.
macro_rules! with_the_aws_command_line {
    ($($name:ident)*) => {
        mod memory {
            $(
                #[test]
                #[ignore = "needs the aws command line; `cargo xtask test` runs it"]
                fn $name() {
                    super::$name(&super::Memory::start());
                }
            )*
        }

        on_real_servers! { $($name)* }
    };
}

with_the_aws_command_line! {
    what_the_aws_command_line_wrote_is_restored
    what_s3mirror_wrote_is_read_by_the_aws_command_line
    an_object_removed_by_the_aws_command_line_is_removed_by_a_restore
}
