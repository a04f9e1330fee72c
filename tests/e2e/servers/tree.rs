//! A tree in which everything is legal and nothing is usual.

use super::{lives, path_of};
use crate::support::{Dir, Server, World, content::mebibytes};

on_all_servers! {
    a_hostile_tree_comes_back_and_is_mirrored_again_after_changes
    thousands_of_small_files_come_back_and_are_deleted
}

/// Names that directories, XML, URLs, forms, shells and HTTP stacks read in
/// their own ways. The files before and behind `order` in the order of bytes
/// are in another place in the order of a directory.
const NAMES: [&str; 34] = [
    "order/x",
    "order-b/y",
    "order.txt",
    "order0",
    "order!",
    "UPPER",
    "upper",
    "composed \u{e9}",
    "decomposed e\u{301}",
    "\u{c5}ngstr\u{f6}m/\u{212b}",
    "100%",
    "%41%2f%zz",
    "%%",
    "a+b",
    "a b",
    "a  b",
    " before",
    "behind ",
    " / ",
    "a&b<c>d",
    "&amp;&#65;",
    "<!--",
    "]]>",
    "a#b?c",
    "a?versionId=1&uploads",
    "'\"`",
    "back\\slash",
    "semi;colon:comma,at@equals=",
    "(paren)[bracket]{brace}|^~",
    ".hidden/..twodots/...",
    "ends.with.dots..",
    "日本語/\u{1f980}",
    "\u{200b}zero width\u{feff}",
    "\u{10ffff}",
];

/// Sizes at which a file is one request or several, around a part of 5 MiB.
const SIZES: [usize; 6] = [
    1,
    (5 << 20) - 1,
    5 << 20,
    (5 << 20) + 1,
    10 << 20,
    (10 << 20) + 1,
];

fn hostile(world: &World) -> Dir {
    let dir = world.dir("hostile");
    let limits = world.bucket.server.limits();
    let long = [
        "s".repeat(255),
        "é".repeat(127),
        format!("{0}/{0}/{0}", "t".repeat(255)),
    ];
    let longest = path_of(limits.key_bytes.min(1000));
    let names = NAMES
        .iter()
        .map(ToString::to_string)
        .chain(long)
        .chain([longest]);
    for name in names.filter(|name| limits.keeps(name)) {
        dir.write(&name, format!("content of {name}"));
    }
    dir.write("empty", "");
    for size in SIZES {
        let mut content = mebibytes(11, size as u64);
        content.truncate(size);
        dir.write(format!("sizes/{size}"), content);
    }
    dir
}

fn a_hostile_tree_comes_back_and_is_mirrored_again_after_changes(server: &dyn Server) {
    let world = World::on(server);
    let dir = hostile(&world);
    lives(&world, &dir, |dir| {
        // Of the names some go, some get another content of the same size, some
        // another of another size; and as many new ones come.
        let names: Vec<String> = dir.contents().into_keys().collect();
        for (number, name) in names.iter().enumerate() {
            match number % 4 {
                0 => dir.remove(name),
                1 => {
                    let mut content = std::fs::read(dir.join(name)).unwrap();
                    content.reverse();
                    dir.write_now(name, content);
                }
                2 => dir.write_now(name, "new"),
                _ => dir.write(format!("new {number}"), name),
            }
        }
    });
}

/// More than two pages of a listing and two batches of a deletion, with names
/// that need escapes in both.
fn thousands_of_small_files_come_back_and_are_deleted(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.dir("many");
    let many = server.limits().many;
    for number in 0..many {
        dir.write(
            format!("d{}/{number} & <{number}>", number % 7),
            number.to_string(),
        );
    }
    lives(&world, &dir, |dir| {
        for number in 0..many - 50 {
            dir.remove(&format!("d{}/{number} & <{number}>", number % 7));
        }
        dir.write_now("d0/one more", "x");
    });
}
