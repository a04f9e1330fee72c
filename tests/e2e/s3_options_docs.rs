//! The commands of docs/s3-options.md run in order, and do what it says.

use crate::support::{
    Memory, World, assert_same,
    docs::commands,
    times::{LONG_AGO, at},
};

#[test]
fn the_commands_of_the_page_do_what_it_says() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("my-bucket");
    let commands = commands(include_str!("../../docs/s3-options.md"));
    assert_eq!(commands.len(), 14);
    for line in commands {
        world.s3mirror().line(line);
        if line.starts_with("mkdir") {
            // Written in the second of its upload, a file is sent once more.
            for name in ["index.html", "2024/a.jpg"] {
                world.dir("home/photos").touch(name, at(LONG_AGO));
            }
        }
    }
    let object = |key: &str| memory.object("my-bucket", key).unwrap();
    assert_eq!(object("photos/index.html").storage_class(), "STANDARD_IA");
    let secret = object("secret/2024/a.jpg");
    assert_eq!(secret.encryption(), Some(("aws:kms", Some("alias/backup"))));
    assert_eq!(
        object("theirs/index.html").acl(),
        Some("bucket-owner-full-control")
    );
    let page = object("www/index.html");
    assert_eq!(page.content_type(), Some("text/html"));
    assert_eq!(page.cache_control(), Some("max-age=3600"));
    let tagged = object("tagged/index.html");
    assert_eq!(tagged.tags()["cost centre"], "42");
    assert_eq!(tagged.metadata("owner"), Some("photos"));
    let sealed = object("sealed/2024/a.jpg");
    assert!(sealed.customer_key().is_some());
    let photos = world.dir("home/photos").contents();
    assert_same(&world.dir("home/unsealed").contents(), &photos);
    assert_same(&world.dir("home/copy").contents(), &photos);
}
