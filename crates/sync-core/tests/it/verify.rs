//! A directory and a bucket are compared by content, and nothing is changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use futures::executor::block_on;
use futures::stream::TryStreamExt;
use sync_core::testing::MemoryStore;
use sync_core::{
    ErrorKind, Selection, Store,
    checksum::{Algorithm, Digest},
    plan::PlanError,
    select::{Criteria, NameRule},
    spool::MemorySpools,
    store::MockStore,
    verify::{Evidence, Finding, Verdict, Verified, VerifyOptions, survey},
};

use crate::support::{chunks, entry, error, key, mock, noon};

fn findings(files: &dyn Store, objects: &dyn Store, options: &VerifyOptions) -> Vec<Finding> {
    try_findings(files, objects, options).unwrap()
}

fn try_findings(
    files: &dyn Store,
    objects: &dyn Store,
    options: &VerifyOptions,
) -> Result<Vec<Finding>, PlanError> {
    block_on(async {
        let survey = survey(files, objects, options, Arc::new(MemorySpools)).await?;
        let mut all: Vec<_> = survey
            .compare(files, objects, options)?
            .try_collect()
            .await?;
        all.sort_by(|a: &Finding, b| a.name.cmp(&b.name));
        Ok(all)
    })
}

/// As in `a: content differs`.
fn told(files: &dyn Store, objects: &dyn Store, options: &VerifyOptions) -> Vec<String> {
    let findings = findings(files, objects, options);
    let word = |finding: &Finding| {
        let what = match &finding.verdict {
            Verdict::Equal(Some(algorithm)) => format!("equal by {algorithm}"),
            Verdict::Equal(None) => "equal by bytes".to_owned(),
            Verdict::Damaged(_) => "damaged".to_owned(),
            Verdict::Changed(_) => "changed".to_owned(),
            Verdict::Unreadable(_) => "unreadable".to_owned(),
            Verdict::NotComparable(_) => "not comparable".to_owned(),
            certain => format!("{certain:?}"),
        };
        format!("{}: {what}", finding.name)
    };
    findings.iter().map(word).collect()
}

fn by_bytes() -> VerifyOptions {
    with!(VerifyOptions::default(), evidence: Evidence::Bytes)
}

/// A store of files and one of objects, with these contents.
fn stores(files: &[(&str, &str)], objects: &[(&str, &str)]) -> (MemoryStore, MemoryStore) {
    let (here, there) = (MemoryStore::files(), MemoryStore::objects());
    for (name, body) in files {
        here.insert(name, body.to_string(), noon(0));
    }
    for (name, body) in objects {
        there.insert(name, body.to_string(), noon(60));
    }
    (here, there)
}

#[test]
fn every_kind_of_difference_is_told_and_nothing_is_changed() {
    let (files, objects) = stores(
        &[
            ("a", "same"),
            ("b", "file"),
            ("c", "12345"),
            ("d", "x"),
            ("e", ""),
        ],
        &[
            ("a", "same"),
            ("b", "filf"),
            ("c", "123"),
            ("e", ""),
            ("f", "y"),
            ("g//h", "z"),
        ],
    );
    for (options, equal) in [
        (VerifyOptions::default(), "a: equal by CRC64NVME"),
        (by_bytes(), "a: equal by bytes"),
    ] {
        assert_eq!(
            told(&files, &objects, &options),
            [
                equal,
                "b: ContentDiffers",
                "c: SizeDiffers",
                "d: OnlyInDirectory",
                "e: equal by bytes",
                "f: OnlyInBucket",
                "g//h: not comparable",
            ]
        );
    }
    let mut sum = Verified::default();
    findings(&files, &objects, &by_bytes())
        .iter()
        .for_each(|finding| sum.add(finding));
    assert_eq!(
        (sum.equal().entries, sum.different(), sum.unknown()),
        (2, 4, 1)
    );
    assert_eq!((files.changes(), objects.changes()), (0, 0));
}

#[test]
fn contents_of_many_parts_are_compared_whole() {
    let body: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
    for differs_at in [None, Some(0), Some(499), Some(999)] {
        let (files, objects) = stores(&[], &[]);
        files.insert("a", body.clone(), noon(0));
        let mut other = body.clone();
        if let Some(at) = differs_at {
            other[at] ^= 1;
        }
        objects.insert("a", other, noon(0));
        for evidence in [Evidence::StoredChecksum, Evidence::Bytes] {
            // Parts of 7 bytes, and of the 4 that fit in twice.
            for memory in [100, 8] {
                let options = with!(VerifyOptions::default(), evidence, memory, part_size: 7);
                let found = findings(&files, &objects, &options);
                assert_eq!(
                    found[0].verdict.is_equal(),
                    differs_at.is_none(),
                    "{differs_at:?} {evidence:?} {memory}"
                );
            }
        }
    }
}

#[test]
fn a_listing_that_fails_leaves_nothing_said() {
    for breaks in [true, false] {
        let (files, objects) = stores(&[("a", "1"), ("b", "2")], &[("a", "1"), ("b", "2")]);
        let broken = if breaks { &files } else { &objects };
        broken.fail_listing_after(1);
        let error = try_findings(&files, &objects, &VerifyOptions::default()).unwrap_err();
        assert!(matches!(error, PlanError::Listing(_)), "{error}");
    }
}

#[test]
fn a_listing_out_of_order_is_sorted() {
    let names = [("a", "1"), ("b", "2"), ("c", "3")];
    let (files, objects) = stores(&names, &names);
    objects.list_in_disorder();
    files.list_in_disorder();
    let found = findings(&files, &objects, &VerifyOptions::default());
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|finding| finding.verdict.is_equal()));
}

#[test]
fn what_is_not_selected_is_not_spoken_of() {
    let (files, objects) = stores(
        &[("a", "1"), ("cache/x", "1"), ("cache/y", "2")],
        &[("a", "1"), ("cache/y", "3"), ("cache//z", "4")],
    );
    let criteria = Criteria {
        names: vec![NameRule::Exclude("cache/*".to_owned())],
        ..Criteria::default()
    };
    let options = with!(
        VerifyOptions::default(),
        selection: Arc::new(Selection::new(criteria, None).unwrap()),
    );
    assert_eq!(told(&files, &objects, &options), ["a: equal by CRC64NVME"]);
}

/// A bucket with `a` of five bytes, that keeps this sum of it.
fn keeping(kept: Option<Digest>) -> MockStore {
    let mut objects = mock(&[entry("a", 5)]);
    objects
        .expect_digest()
        .times(1)
        .returning(move |_| Ok(kept.clone()));
    objects
}

#[test]
fn a_kept_sum_of_any_algorithm_spares_the_bytes() {
    use Algorithm::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
    let (files, _) = stores(&[("a", "hello")], &[]);
    for algorithm in [Crc64Nvme, Crc32, Crc32c, Sha1, Sha256] {
        // A mock panics when it is read.
        let options = with!(VerifyOptions::default(), part_size: 2);
        let same = keeping(Some(Digest::of(algorithm, b"hello")));
        assert_eq!(
            told(&files, &same, &options),
            [format!("a: equal by {algorithm}")]
        );
        let other = keeping(Some(Digest::of(algorithm, b"hellp")));
        assert_eq!(told(&files, &other, &options), ["a: ContentDiffers"]);
    }
}

#[test]
fn without_a_kept_sum_the_bytes_are_read() {
    let (files, _) = stores(&[("a", "hello")], &[]);
    for (body, expected) in [
        ("hello", "a: equal by bytes"),
        ("hellp", "a: ContentDiffers"),
    ] {
        let mut objects = keeping(None);
        objects
            .expect_read()
            .times(1)
            .returning(move |_, _| chunks(body));
        assert_eq!(
            told(&files, &objects, &VerifyOptions::default()),
            [expected]
        );
    }
}

#[test]
fn a_kept_sum_is_not_asked_for_when_every_byte_is_to_be_read() {
    let (files, _) = stores(&[("a", "hello")], &[]);
    let mut objects = mock(&[entry("a", 5)]);
    objects.expect_digest().times(0);
    objects
        .expect_read()
        .times(1)
        .returning(|_, _| chunks("hello"));
    assert_eq!(told(&files, &objects, &by_bytes()), ["a: equal by bytes"]);
}

/// Small objects cost one request each, once it is clear that nothing is kept.
#[test]
fn a_bucket_that_keeps_no_sums_is_not_asked_for_ever() {
    let names: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    let (files, _) = stores(&[], &[]);
    for name in &names {
        files.insert(name, "hello", noon(0));
    }
    files.insert("large", vec![0; 20_000], noon(0));
    let mut listed: Vec<_> = names.iter().map(|name| entry(name, 5)).collect();
    listed.push(entry("large", 20_000));
    let asked = Arc::new(AtomicU64::new(0));
    let mut objects = mock(&listed);
    let count = Arc::clone(&asked);
    objects.expect_digest().returning(move |entry| {
        count.fetch_add(1, SeqCst);
        assert!(entry.size > 5 || count.load(SeqCst) <= 32);
        Ok(None)
    });
    objects.expect_read().returning(|entry, range| {
        let content: &[u8] = if entry.size == 5 {
            b"hello"
        } else {
            &[0; 20_000]
        };
        chunks(content[range.start as usize..range.end as usize].to_vec())
    });
    let options = with!(VerifyOptions::default(), concurrency: 1);
    let found = findings(&files, &objects, &options);
    assert!(found.iter().all(|finding| finding.verdict.is_equal()));
    assert_eq!(found.len(), 101);
    assert_eq!(asked.load(SeqCst), 33, "the large one is asked for");
}

#[test]
fn what_changes_meanwhile_is_said_to_have_changed() {
    // The object, by the time it is asked for.
    let (files, _) = stores(&[("a", "hello")], &[]);
    for kind in [ErrorKind::Changed, ErrorKind::NotFound] {
        let mut objects = mock(&[entry("a", 5)]);
        objects.expect_digest().returning(move |_| error(kind));
        assert_eq!(
            told(&files, &objects, &VerifyOptions::default()),
            ["a: changed"]
        );
    }
    // The file, while it is read.
    for (kind, expected) in [
        (ErrorKind::Changed, "a: changed"),
        (ErrorKind::Denied, "a: unreadable"),
    ] {
        let mut files = mock(&[entry("a", 5)]);
        files.expect_read().returning(move |_, _| error(kind));
        let objects = keeping(Some(Digest::of(Algorithm::Crc32, b"hello")));
        assert_eq!(
            told(&files, &objects, &VerifyOptions::default()),
            [expected]
        );
    }
    // The file, before its size is judged.
    let mut files = mock(&[entry("a", 4)]);
    files
        .expect_stat()
        .returning(|_| Ok(Some(sync_core::Entry::new(key("a"), 5, noon(9)))));
    let objects = mock(&[entry("a", 5)]);
    assert_eq!(
        told(&files, &objects, &VerifyOptions::default()),
        ["a: changed"]
    );
}

#[test]
fn what_the_directory_could_not_show_is_not_only_in_the_bucket() {
    let mut files = mock(&[]);
    files.expect_stat().returning(|_| error(ErrorKind::Denied));
    let objects = mock(&[entry("sub/a", 5)]);
    assert_eq!(
        told(&files, &objects, &VerifyOptions::default()),
        ["sub/a: not comparable"]
    );

    let mut files = mock(&[]);
    files
        .expect_stat()
        .returning(|_| Ok(Some(entry("sub/a", 5))));
    let objects = mock(&[entry("sub/a", 5)]);
    assert_eq!(
        told(&files, &objects, &VerifyOptions::default()),
        ["sub/a: changed"]
    );
}

#[test]
fn errors_of_the_bucket_are_no_differences() {
    let (files, _) = stores(&[("a", "hello")], &[]);
    for (kind, expected) in [
        (ErrorKind::Unavailable, "a: unreadable"),
        (ErrorKind::Timeout, "a: unreadable"),
        (ErrorKind::Archived, "a: not comparable"),
        (ErrorKind::Corrupt, "a: damaged"),
    ] {
        let mut objects = keeping(None);
        objects.expect_read().returning(move |_, _| error(kind));
        assert_eq!(
            told(&files, &objects, &VerifyOptions::default()),
            [expected]
        );
    }
}
