//! Servers list in other orders than they should, and in small pages; the
//! result is exact all the same, and a broken listing deletes nothing
//! (case 5).

use std::time::Duration;

use s3_endpoint::{Action, Config, Fault, ListOrder, max_in_flight};

use crate::support::{Dir, Memory, World, assert_same};

const FILES: [(&str, &str); 9] = [
    ("a", "1"),
    ("a-b/y", "2"),
    ("a.txt", "3"),
    ("a0/x", "4"),
    ("b/a/x", "5"),
    ("b/a-b", "6"),
    ("b/a.txt", "7"),
    ("b!/x", "8"),
    ("z", "9"),
];

fn with_order(list_order: ListOrder) -> Memory {
    Memory::with(Config {
        list_order,
        page_size: 2,
        ..Default::default()
    })
}

const ORDERS: [ListOrder; 3] = [
    ListOrder::Bytes,
    ListOrder::DirectoryWise,
    ListOrder::Shuffled(7),
];

#[test]
fn the_result_is_exact_in_whatever_order_the_server_lists() {
    for order in ORDERS {
        let memory = with_order(order);
        let world = World::on(&memory);
        let dir = world.tree("dir", &FILES);
        let elsewhere = world.dir("elsewhere");

        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        world.restore(&elsewhere).done();
        assert_same(&elsewhere.files(), &world.bucket.objects());
        world.only_lists(|| world.backup(&dir).done());
        world.only_lists(|| world.restore(&elsewhere).done());
    }
}

#[test]
fn deletions_are_exact_in_whatever_order_the_server_lists() {
    for order in ORDERS {
        let memory = with_order(order);
        let world = World::on(&memory);
        let dir = world.tree("dir", &FILES);
        let elsewhere = world.dir("elsewhere");
        world.backup(&dir).done();
        world.restore(&elsewhere).done();

        for name in ["a-b/y", "b/a.txt", "z"] {
            dir.remove(name);
        }
        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        world.restore(&elsewhere).done();
        assert_same(&elsewhere.files(), &world.bucket.objects());
    }
}

/// Where pages come late, many are asked for at once.
#[test]
fn the_result_is_exact_where_the_listing_is_read_at_many_places_at_once() {
    let memory = Memory::with(Config {
        page_size: 10,
        latency: Duration::from_millis(40),
        ..Default::default()
    });
    let world = World::on(&memory);
    for n in 0..1_000 {
        let key = format!("d{:03}/{}f{}", n / 10, ["", "a-", "a/"][n % 3], n % 10);
        world.bucket.put(&key, "text");
    }
    let dir = world.dir("dir");
    world.restore(&dir).done();
    assert_same(&dir.files(), &world.bucket.objects());
    let at_once = max_in_flight(&memory.log(), Some("ListObjectsV2"));
    assert!((4..=16).contains(&at_once), "{at_once}");

    world.only_lists(|| world.backup(&dir).done());
    for name in ["d000/f0", "d050/a/f0", "d099/f9"] {
        dir.remove(name);
    }
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Both sides have what the other lacks, so both directions would delete.
fn with_differences(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    for (key, text) in FILES {
        world.bucket.put(key, text);
    }
    let dir = world.tree("dir", &[("a", "1"), ("only/here", "2")]);
    (world, dir)
}

#[track_caller]
fn deletes_nothing(fault: impl Fn() -> Fault) {
    for command in ["backup", "restore"] {
        let memory = with_order(ListOrder::Bytes);
        let (world, dir) = with_differences(&memory);
        let (objects, tree) = (world.bucket.objects(), dir.snapshot());
        memory.inject(fault());
        let run = world
            .command(&[command], &dir)
            .args(["--yes", "--max-delete", "100%"]);
        let outcome = run.args(["--max-attempts", "2"]).exits(1);
        assert!(!outcome.stderr.is_empty(), "{outcome}");
        assert_same(&dir.snapshot(), &tree);
        assert_same(&world.bucket.objects(), &objects);
    }
}

#[test]
fn a_page_that_fails_for_good_deletes_nothing() {
    let error = || Action::error(500, "InternalError");
    deletes_nothing(|| Fault::on("ListObjectsV2").nth(3).always().act(error()));
}

/// An endless listing must end, and without deletions.
#[test]
fn a_page_that_repeats_its_token_deletes_nothing_and_is_no_hang() {
    deletes_nothing(|| {
        let token = "<NextContinuationToken>";
        Fault::on("ListObjectsV2")
            .nth(2)
            .always()
            .act(Action::edit(move |answer| {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                let Some((before, rest)) = body.split_once(token) else {
                    return;
                };
                let Some((_, after)) = rest.split_once('<') else {
                    return;
                };
                answer.body = format!("{before}{token}always-the-same<{after}").into_bytes();
            }))
    });
}

/// Marked as truncated, but without a token for the next page.
#[test]
fn a_page_without_its_token_deletes_nothing() {
    deletes_nothing(|| {
        Fault::on("ListObjectsV2")
            .nth(2)
            .always()
            .act(Action::edit(|answer| {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                answer.body = body
                    .replace("NextContinuationToken", "Nothing")
                    .into_bytes();
            }))
    });
}

#[test]
fn a_key_that_is_listed_twice_deletes_nothing() {
    deletes_nothing(|| {
        Fault::on("ListObjectsV2")
            .nth(2)
            .always()
            .act(Action::edit(|answer| {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                let (Some(start), Some(end)) = (body.find("<Contents>"), body.find("</Contents>"))
                else {
                    return;
                };
                let twice = &body[start..end + "</Contents>".len()];
                answer.body = format!("{}{twice}{}", &body[..start], &body[start..]).into_bytes();
            }))
    });
}

/// A proxy that cuts an answer short must not look like an empty bucket.
#[test]
fn a_page_that_is_cut_short_deletes_nothing() {
    deletes_nothing(|| {
        Fault::on("ListObjectsV2")
            .nth(3)
            .always()
            .act(Action::CutBodyAfter(300))
    });
}

/// Not even where nothing shows that bytes are missing: the length is mended,
/// and what is left reads as a page without entries.
#[test]
fn a_page_whose_entries_were_cut_off_deletes_nothing() {
    deletes_nothing(|| {
        Fault::on("ListObjectsV2")
            .nth(2)
            .always()
            .act(Action::edit(|answer| {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                let mut body = body.replace("<IsTruncated>true", "<IsTruncated>false");
                let entries = body.find("<Contents>").unwrap_or(body.len());
                body.truncate(entries);
                answer.body = body.into_bytes();
            }))
    });
}
