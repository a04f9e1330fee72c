//! The sums of an estimate, and its text.

use chrono::DateTime;
use sync_core::{Direction, Entry, Key, entry::StorageClass};
use sync_s3::{ObjectUse, Requests};

use super::*;

const AWS: Server<'_> = Server {
    endpoint_url: None,
    region: Some("us-east-1"),
    bucket: "bucket",
    upload_class: None,
};

fn estimate(direction: Direction, planned: Requests, server: Server<'_>) -> Estimate {
    let made = Requests {
        list: 2_000,
        ..Requests::default()
    };
    Estimate {
        direction,
        made,
        planned,
        classes: Classes::default(),
        basis: basis(None, server).unwrap(),
    }
}

fn backup() -> Requests {
    Requests {
        put: 10_000,
        create_multipart_upload: 500,
        upload_part: 7_000,
        complete_multipart_upload: 500,
        delete_objects: 3,
        bytes_up: 101 << 30,
        bytes_replaced: 1 << 30,
        ..Requests::default()
    }
}

fn restore() -> Requests {
    Requests {
        get: 1_000_000,
        bytes_down: 150 << 30,
        ..Requests::default()
    }
}

#[test]
fn every_kind_of_request_has_its_price() {
    let text = estimate(Direction::Backup, backup(), AWS).text();
    let expected = "  requests     17,000 PUT, 1,000 POST, 3 DELETE of up to 1,000 keys\n\
                    \u{20}              made already: 2,000 LIST\n  \
                    content      101.00 GiB up\n  \
                    estimate     $0.10, and $2.30 more a month for storage\n\
                    \u{20}              prices of S3 Standard in us-east-1, 2026-11-22\n";
    assert_eq!(text, expected);
    let text = estimate(Direction::Restore, restore(), AWS).text();
    // 1,000 × $0.0004, 2 × $0.005; 150 or 50 GB at $0.09.
    let expected = "  requests     1,000,000 GET\n\
                    \u{20}              made already: 2,000 LIST\n  \
                    content      150.00 GiB down\n  \
                    estimate     at most $13.91 ($4.91 if the month's free data is not used up)\n\
                    \u{20}              prices of S3 Standard in us-east-1, 2026-11-22\n";
    assert_eq!(text, expected);
}

#[test]
fn other_servers_have_no_price_unless_it_is_given() {
    let server = Server {
        endpoint_url: Some("http://localhost:9000"),
        ..AWS
    };
    let text = estimate(Direction::Backup, backup(), server).text();
    assert!(
        text.ends_with("estimate     none: other server (see --prices)\n"),
        "{text}"
    );
    let given = Some(Prices::built_in().unwrap());
    assert!(matches!(basis(given, server), Ok(Basis::Prices(_, None))));
    let express = Server {
        bucket: "b--use1-az4--x-s3",
        ..AWS
    };
    assert!(matches!(
        basis(None, express),
        Ok(Basis::None("directory bucket"))
    ));
}

#[test]
fn another_region_is_told() {
    let server = Server {
        endpoint_url: Some("https://s3.eu-central-1.amazonaws.com"),
        region: Some("eu-central-1"),
        ..AWS
    };
    let text = estimate(Direction::Backup, backup(), server).text();
    let note =
        "\n               the bucket is in eu-central-1, where prices may differ (see --prices)\n";
    assert!(text.ends_with(note), "{text}");
}

#[test]
fn less_in_the_bucket_costs_less() {
    let deletions = Requests {
        delete_objects: 1,
        bytes_replaced: 100 << 30,
        ..Requests::default()
    };
    let text = estimate(Direction::Backup, deletions, AWS).text();
    assert!(
        text.contains("$0.01, and $2.30 less a month for storage"),
        "{text}"
    );
}

fn entry(size: u64, class: Option<&str>) -> Entry {
    let mut entry = Entry::new(Key::new("a").unwrap(), size, DateTime::UNIX_EPOCH);
    entry.class = class.and_then(StorageClass::of);
    entry
}

/// An estimate of what becomes of objects, of which `upload` is the class that is written.
fn of_classes(
    direction: Direction,
    planned: Requests,
    upload: Option<&str>,
    objects: &[(u64, ObjectUse<'_>)],
) -> Estimate {
    let mut estimate = estimate(direction, planned, AWS);
    estimate.made = Requests::default();
    let prices = Prices::built_in().unwrap();
    for (count, object) in objects {
        for _ in 0..*count {
            estimate.classes.note(*object, upload, &prices);
        }
    }
    estimate
}

#[test]
fn small_objects_of_a_class_for_infrequent_access_cost_what_their_least_size_costs() {
    let planned = Requests {
        put: 100_000,
        bytes_up: 100_000 << 10,
        ..Requests::default()
    };
    let write = ObjectUse::Write {
        size: 1 << 10,
        parts: None,
    };
    let all = [(100_000, write)];
    let of = |class| {
        of_classes(Direction::Backup, planned, Some(class), &all)
            .cost()
            .unwrap()
    };
    let cents = |dollars: Dollars| (dollars.as_f64() * 100.0).round();
    let (usual, rare) = (of("STANDARD"), of("STANDARD_IA"));
    // 100 × $0.005, and $0.01; 100,000 KiB at $0.023, and 100,000 × 128 KiB at $0.0125.
    assert_eq!((cents(usual.requests), cents(usual.storage)), (50.0, 0.0));
    assert_eq!((cents(rare.requests), cents(rare.storage)), (100.0, 15.0));
    let text = of_classes(Direction::Backup, planned, Some("STANDARD_IA"), &all).text();
    let notes = "\n               objects in STANDARD_IA by the prices of that class\
                 \n               100,000 objects charged as 128.00 KiB each in STANDARD_IA\
                 \n               each charged for 30 days at least in STANDARD_IA\n";
    assert!(text.ends_with(notes), "{text}");
}

#[test]
fn an_archive_charges_more_for_each_object_and_only_the_completion_as_its_put() {
    let planned = Requests {
        create_multipart_upload: 1_000,
        upload_part: 9_000,
        complete_multipart_upload: 1_000,
        bytes_up: 1_000 << 30,
        ..Requests::default()
    };
    let write = ObjectUse::Write {
        size: 1 << 30,
        parts: Some(9),
    };
    let cost = of_classes(
        Direction::Backup,
        planned,
        Some("DEEP_ARCHIVE"),
        &[(1_000, write)],
    );
    let cost = cost.cost().unwrap();
    // 10 × $0.005 and 1 × $0.05.
    assert_eq!(cost.requests, Dollars::of_price(0.1).unwrap());
    let gb = |bytes: i128, price: f64| Dollars::of_price(price).unwrap().for_bytes(bytes);
    let each = 1000 * i128::from(32 << 10);
    let standard = gb(1000 * (8 << 10), 0.023);
    let expected = gb((1000 << 30) + each, 0.000_99) + standard;
    assert!((cost.storage.as_f64() - expected.as_f64()).abs() < 1e-6);
}

#[test]
fn a_restore_pays_for_retrieval_by_the_class_of_each_object() {
    let planned = Requests {
        get: 3_000,
        bytes_down: 30 << 30,
        ..Requests::default()
    };
    let [usual, instant, archived] =
        [None, Some("GLACIER_IR"), Some("GLACIER")].map(|class| entry(10 << 20, class));
    let reads = [&usual, &instant, &archived].map(|object| {
        let gets = 1;
        (1_024, ObjectUse::Read { object, gets })
    });
    let estimate = of_classes(Direction::Restore, planned, None, &reads);
    let cost = estimate.cost().unwrap();
    // 10 GB at $0.03 and at $0.01, and 1.024 × $0.05.
    let retrieval = Dollars::of_price(0.3 + 0.1 + 0.0512).unwrap();
    assert_eq!(cost.retrieval, retrieval);
    // 3 × $0.0004, and 1.024 × ($0.01 − $0.0004) more.
    let requests = Dollars::of_price(0.0012 + 0.009_830_4).unwrap();
    assert_eq!(cost.requests, requests);
    let text = estimate.text();
    assert!(
        text.contains("\n               $0.45 of it for retrieval\n"),
        "{text}"
    );
    let note = "\n               1,024 objects to be restored from GLACIER first\n";
    assert!(text.contains(note), "{text}");
    assert!(!text.contains("days"), "nothing is written: {text}");
}

#[test]
fn what_is_deleted_gives_back_what_its_class_is_charged_and_unknown_classes_are_named() {
    let planned = Requests {
        delete_objects: 1,
        bytes_replaced: 2 << 30,
        ..Requests::default()
    };
    let [rare, other] = [Some("STANDARD_IA"), Some("OUTPOSTS")].map(|class| entry(1 << 30, class));
    let removed = [&rare, &other].map(|object| (1, ObjectUse::Remove(object)));
    let estimate = of_classes(Direction::Backup, planned, None, &removed);
    let storage = estimate.cost().unwrap().storage;
    let expected = Dollars::default() - Dollars::of_price(0.0125 + 0.023).unwrap();
    assert_eq!(storage, expected);
    let note = "\n               OTHER has no prices there: as if it were STANDARD\n";
    assert!(estimate.text().contains(note), "{}", estimate.text());
}
