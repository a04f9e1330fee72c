//! The sums of an estimate, and its text.

use sync_core::Direction;
use sync_s3::Requests;

use super::*;

const AWS: Server<'_> = Server {
    endpoint_url: None,
    region: Some("us-east-1"),
    bucket: "bucket",
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
