//! Listings of key lists: what they list, and by which requests.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use s3_endpoint::{Action, Answer, Config, Fault, ListOrder, Precision, max_in_flight};
use sync_core::{
    Entry, ErrorKind, KeyList, Listed, Result, Selection, Store as _,
    entry::SkipCause,
    key_list::{KeyListBuilder, KeyListItem},
    select::{Criteria, NameRule},
    spool::MemorySpools,
};

use super::{BUCKET, Fixture};
use crate::{Absence, Access, Choice, S3Options, S3Store};

fn key_list<'i>(items: impl IntoIterator<Item = &'i str>) -> KeyList {
    let mut builder = KeyListBuilder::new(Arc::new(MemorySpools), 1 << 20);
    for item in items {
        builder.add(&KeyListItem::parse(item).unwrap()).unwrap();
    }
    builder.finish().unwrap()
}

async fn list(store: &S3Store, selection: Selection) -> Result<Vec<Entry>> {
    let items = store.list(&Arc::new(selection)).await.entries;
    let entries = items.try_filter_map(|item| async {
        match item {
            Listed::Entry(entry) => Ok(Some(entry)),
            Listed::Skipped(_) => Ok(None),
        }
    });
    entries.try_collect().await
}

async fn only<'i>(store: &S3Store, items: impl IntoIterator<Item = &'i str>) -> Result<Vec<Entry>> {
    list(store, Selection::default().only(key_list(items))).await
}

fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

fn lists_in_order(options: &mut S3Options) {
    options.lists_in_order = Choice::Always;
    options.absence = Absence::Looked;
}

/// A bucket of these keys below the prefix `p/`, and one key beside it.
async fn fixture(config: Config, names: &[String], change: impl FnOnce(&mut S3Options)) -> Fixture {
    let fixture = Fixture::with(config, |options| {
        options.location = format!("{BUCKET}/p").parse().unwrap();
        change(options);
    })
    .await;
    for name in names {
        fixture.server.put(BUCKET, &format!("p/{name}"), "x", None);
    }
    fixture.server.put(BUCKET, "beside", "x", None);
    fixture
}

fn numbered(directory: &str, count: usize) -> Vec<String> {
    let name = |n: usize| format!("{directory}/f{n:05}");
    (0..count).map(name).collect()
}

fn counts(fixture: &Fixture) -> (usize, usize) {
    let server = &fixture.server;
    (server.count("ListObjectsV2"), server.count("HeadObject"))
}

fn items() -> impl Strategy<Value = Vec<String>> {
    let item = ("[ab]0?([-/.][ab]0?){0,3}", any::<bool>());
    let item = item.prop_map(|(name, is_directory)| name + if is_directory { "/" } else { "" });
    prop::collection::vec(item, 0..20)
}

const DIRECTORY_BUCKET: &str = "files--use1-az4--x-s3";

/// A directory bucket, which takes only prefixes that end with a slash, in no order.
async fn directory_bucket(names: &[String], precision: Precision) -> Fixture {
    let config = Config {
        list_order: ListOrder::Shuffled(7),
        precision,
        page_size: 20,
        anonymous: true,
        ..Config::with_bucket(DIRECTORY_BUCKET)
    };
    let fixture = Fixture::with(config, |options| {
        options.location = format!("{DIRECTORY_BUCKET}/p").parse().unwrap();
        options.access = Access::Anonymous;
    })
    .await;
    for name in names {
        let key = format!("p/{name}");
        fixture.server.put(DIRECTORY_BUCKET, &key, "x", None);
    }
    fixture
}

/// One object as a listing shows it, and the names of a level that is longer than a few pages.
#[tokio::test]
async fn a_directory_bucket_is_asked_for_whole_directories_only() {
    let mut names = numbered("d", 100);
    names.push("e/x".to_owned());
    names.push("top".to_owned());
    let fixture = directory_bucket(&names, Precision::Millisecond).await;
    let whole = list(&fixture.store, Selection::default()).await.unwrap();
    assert_eq!(whole.len(), 102);
    let items = ["d/f00007", "d/f00099", "e/", "top", "none", "d/none"];
    let mut listed = only(&fixture.store, items).await.unwrap();
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(keys(&listed), ["d/f00007", "d/f00099", "e/x", "top"]);
    for entry in &listed {
        // A HEAD has whole seconds only.
        assert!(whole.contains(entry), "{entry:?}");
        let again = fixture.store.relist(&entry.key).await.unwrap();
        assert_eq!(again.as_ref(), Some(entry));
    }
    let level = fixture.store.level("", 16).await.unwrap();
    assert_eq!(level.directories, ["d/", "e/"]);
    assert_eq!((level.names, level.entries), (vec!["top".to_owned()], 1));
    let long = fixture.store.level("d/", 16).await.unwrap();
    assert!(long.names.is_sorted() && long.names.len() == 80, "{long:?}");
    assert!(long.entries >= 100, "{long:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the order of the server is, and however exact its times are.
    #[test]
    fn a_key_list_lists_what_the_whole_listing_has_of_it(
        names in prop::collection::btree_set("[ab]0?([-/.][ab]0?){0,3}", 0..80),
        items in items(),
        is_ordered: bool,
        has_fractions: bool,
        is_source: bool,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let config = Config {
                page_size: 15,
                precision: if has_fractions { Precision::Millisecond } else { Precision::Second },
                ..Config::with_bucket(BUCKET)
            };
            let names: Vec<_> = names.into_iter().collect();
            let fixture = fixture(config, &names, |options| {
                options.lists_in_order = if is_ordered { Choice::Always } else { Choice::Auto };
                options.absence = if is_source { Absence::Listed } else { Absence::Looked };
            })
            .await;
            let keys = key_list(items.iter().map(String::as_str));
            let mut whole = list(&fixture.store, Selection::default()).await.unwrap();
            whole.retain(|entry| keys.names(entry.key.as_str()).unwrap());
            let listed = only(&fixture.store, items.iter().map(String::as_str)).await.unwrap();
            assert_eq!(listed, whole, "{items:?}");
        });
    }
}

#[tokio::test]
async fn few_keys_are_looked_up_one_by_one_and_no_others() {
    let names = numbered("d", 3000);
    let fixture = fixture(Config::with_bucket(BUCKET), &names, lists_in_order).await;
    let items = ["d/f00007", "d/f02000", "none", "d/absent"];
    let listed = only(&fixture.store, items).await.unwrap();
    assert_eq!(keys(&listed), ["d/f00007", "d/f02000"]);
    assert_eq!(counts(&fixture), (1, 4));
    for entry in fixture.server.log() {
        let key = entry.key.unwrap_or_default();
        let is_listed = key
            .strip_prefix("p/")
            .is_some_and(|key| items.contains(&key));
        assert!(key.is_empty() || is_listed, "{key}");
    }
}

/// 1,000 keys a page: of the first list every third one is listed, of the second every
/// hundredth.
#[tokio::test]
async fn dense_keys_are_listed_by_pages_and_sparse_ones_looked_up() {
    let names = numbered("d", 9000);
    for (step, lists, heads) in [(3, 1 + 9, 0), (100, 1 + 1, 80)] {
        let fixture = fixture(Config::with_bucket(BUCKET), &names, lists_in_order).await;
        let items = names.iter().step_by(step).map(String::as_str);
        let listed = only(&fixture.store, items.clone()).await.unwrap();
        assert_eq!(keys(&listed), items.collect::<Vec<_>>());
        let (listed, looked) = counts(&fixture);
        // Each of the pieces of 1,000 keys may end in the midst of a page.
        let pieces = names.len() / step / 1000;
        assert!(
            (lists..=lists + pieces).contains(&listed),
            "{listed} of {lists}"
        );
        assert!(looked.abs_diff(heads) <= 10, "{looked} of {heads}");
    }
}

/// New files of a backup: one page shows that there is nothing, whatever follows.
#[tokio::test]
async fn a_page_settles_the_keys_that_it_does_not_have() {
    let fixture = fixture(
        Config::with_bucket(BUCKET),
        &numbered("z", 2000),
        lists_in_order,
    )
    .await;
    let new = numbered("new", 900);
    let listed = only(&fixture.store, new.iter().map(String::as_str)).await;
    assert!(listed.unwrap().is_empty());
    assert_eq!(counts(&fixture), (2, 0));
}

#[tokio::test]
async fn where_the_order_is_not_known_no_page_is_asked_about_keys() {
    let config = Config {
        list_order: ListOrder::DirectoryWise,
        latency: Duration::from_millis(100),
        ..Config::with_bucket(BUCKET)
    };
    let names = numbered("d", 100);
    let fixture = fixture(config, &names, |options| options.absence = Absence::Looked).await;
    let listed = only(&fixture.store, names.iter().map(String::as_str)).await;
    assert_eq!(listed.unwrap().len(), 100);
    assert_eq!(counts(&fixture), (1, 100));
    let at_once = max_in_flight(&fixture.server.log(), Some("HeadObject"));
    assert!(at_once > 8, "{at_once} at once");
}

#[tokio::test]
async fn a_directory_is_listed_by_its_prefix_and_no_further() {
    let mut names = numbered("a/b", 1500);
    names.extend(["a/b-c", "a/b.", "a/b0", "a/bb", "a"].map(str::to_owned));
    names.extend(numbered("c", 3000));
    for in_order in [Choice::Always, Choice::Auto] {
        let fixture = fixture(Config::with_bucket(BUCKET), &names, |options| {
            options.lists_in_order = in_order;
        })
        .await;
        let listed = only(&fixture.store, ["a/b/", "empty/"]).await.unwrap();
        assert_eq!(keys(&listed), numbered("a/b", 1500));
        assert_eq!(counts(&fixture), (1 + 2 + 1, 0));
    }
}

#[tokio::test]
async fn a_list_of_nothing_takes_no_request() {
    let fixture = fixture(Config::with_bucket(BUCKET), &numbered("d", 3), |_| {}).await;
    assert!(only(&fixture.store, []).await.unwrap().is_empty());
    assert!(fixture.server.log().is_empty());
}

#[tokio::test]
async fn what_is_excluded_is_not_looked_up() {
    let fixture = fixture(
        Config::with_bucket(BUCKET),
        &numbered("d", 3),
        lists_in_order,
    )
    .await;
    let names = vec![NameRule::Exclude("*1".to_owned())];
    let criteria = Criteria {
        names,
        ..Criteria::default()
    };
    let keys_of_list = key_list(["d/f00000", "d/f00001"]);
    let selection = Selection::new(criteria, None).unwrap().only(keys_of_list);
    let listed = list(&fixture.store, selection).await.unwrap();
    assert_eq!(keys(&listed), ["d/f00000"]);
    assert_eq!(counts(&fixture), (1, 1));
}

/// Every HEAD is answered with 404 there, as where there is no such key.
#[tokio::test]
async fn a_bucket_that_does_not_exist_is_an_error() {
    let fixture = Fixture::with_options(|options| {
        options.location = "other/p".parse().unwrap();
    })
    .await;
    let error = only(&fixture.store, ["a"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RootMissing, "{error}");
}

/// As of something on the way that has lost its server.
#[tokio::test]
async fn an_absence_that_becomes_a_deletion_is_confirmed_by_a_listing() {
    let names = numbered("d", 3);
    for (absence, found) in [(Absence::Listed, 3), (Absence::Looked, 0)] {
        let fixture = fixture(Config::with_bucket(BUCKET), &names, |options| {
            options.absence = absence;
        })
        .await;
        fixture.server.inject(
            Fault::on("HeadObject")
                .always()
                .act(Action::error(404, "NotFound")),
        );
        let listed = only(&fixture.store, names.iter().map(String::as_str)).await;
        assert_eq!(listed.unwrap().len(), found, "{absence:?}");
    }
}

#[tokio::test]
async fn who_may_list_but_not_read_can_use_a_list() {
    let names = numbered("d", 3);
    let fixture = fixture(Config::with_bucket(BUCKET), &names, lists_in_order).await;
    fixture.server.inject(
        Fault::on("HeadObject")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );
    let listed = only(&fixture.store, ["d/f00001", "none"]).await.unwrap();
    assert_eq!(keys(&listed), ["d/f00001"]);
    assert_eq!(counts(&fixture), (1 + 2, 2));
}

#[tokio::test]
async fn a_failure_of_one_look_ends_the_listing_as_an_error() {
    let names = numbered("d", 40);
    let fixture = fixture(Config::with_bucket(BUCKET), &names, |_| {}).await;
    let failing = Fault::on("HeadObject").key("p/d/f00020").always();
    fixture
        .server
        .inject(failing.act(Action::error(500, "InternalError")));
    let error = only(&fixture.store, names.iter().map(String::as_str)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
}

/// All items of a listing of `items`, skipped ones too, from pages in which `from` stands for
/// `to`.
async fn edited(
    fixture: &Fixture,
    items: &[&str],
    (from, to): (&'static str, &'static str),
) -> Vec<(String, Option<SkipCause>)> {
    let edit = move |answer: &mut Answer| {
        let body = String::from_utf8_lossy(&answer.body).replace(from, to);
        answer.body = body.into_bytes();
    };
    let fault = Fault::on("ListObjectsV2").always();
    fixture.server.inject(fault.act(Action::edit(edit)));
    let selection = Selection::default().only(key_list(items.iter().copied()));
    let listing = fixture.store.list(&Arc::new(selection)).await;
    let found: Vec<_> = listing.entries.try_collect().await.unwrap();
    let found = found.into_iter().map(|item| match item {
        Listed::Entry(entry) => (entry.key.as_str().to_owned(), None),
        Listed::Skipped(skipped) => (skipped.name, Some(skipped.cause)),
    });
    found.collect()
}

/// The list names what is below the prefix.
#[tokio::test]
async fn a_key_that_is_not_utf8_is_named_without_the_prefix() {
    let fixture = fixture(
        Config::with_bucket(BUCKET),
        &["d/x\u{e9}".to_owned()],
        |_| {},
    )
    .await;
    let found = edited(&fixture, &["d/"], ("x%C3%A9", "x%FF")).await;
    assert_eq!(
        found,
        [("d/x\u{fffd}".to_owned(), Some(SkipCause::NotUtf8))]
    );
}

/// Its size is more than S3 takes; so it is not known, but it is there.
#[tokio::test]
async fn an_object_that_is_listed_with_an_impossible_size_is_not_absent() {
    let names = numbered("d", 40);
    for (change, looked) in [
        (lists_in_order as fn(&mut S3Options), 0),
        (|options| options.absence = Absence::Listed, 40),
    ] {
        let fixture = fixture(Config::with_bucket(BUCKET), &names, change).await;
        fixture.server.put(BUCKET, "p/d/f00007", "7 bytes", None);
        fixture.server.inject(
            Fault::on("HeadObject")
                .always()
                .act(Action::error(404, "NotFound")),
        );
        let items: Vec<_> = names.iter().map(String::as_str).collect();
        let size = ("<Size>7</Size>", "<Size>99999999999999999</Size>");
        let found = edited(&fixture, &items, size).await;
        let skipped = |name: &String| (name == "d/f00007").then_some(SkipCause::Unreadable);
        let expected: Vec<_> = names
            .iter()
            .map(|name| (name.clone(), skipped(name)))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(counts(&fixture).1, looked);
    }
}
