//! What is understood of other tools, and what is advised.

use super::*;

fn said(line: &str) -> String {
    let args: Vec<_> = line.split(' ').map(OsString::from).collect();
    advice(&args).unwrap_or_default()
}

#[test]
fn who_knows_other_tools_is_told_what_to_type() {
    for (line, typed) in [
        ("backup d s3://bucket", "backup -d d -b s3://bucket"),
        ("backup d bucket", "backup -d d -b bucket"),
        ("backup -y d s3://bucket", "backup -d d -b s3://bucket -y"),
        ("backup d plain/x -n -q", "backup -d d -b plain/x -n -q"),
        (
            "backup --region x d s3://bucket --no-delete",
            "backup -d d -b s3://bucket --region x --no-delete",
        ),
        ("backup -d d s3://bucket", "backup -b s3://bucket -d d"),
        ("backup d -b bucket", "backup -d d -b bucket"),
        ("backup d", "backup -d d -b BUCKET"),
        ("restore s3://bucket d", "restore -d d -b s3://bucket"),
        ("restore bucket d", "restore -d d -b bucket"),
        ("mock backup d s3://b", "mock backup -d d -b s3://b"),
        ("verify d s3://b", "verify -d d -b s3://b"),
        ("sync d s3://b/x", "backup -d d -b s3://b/x"),
        ("sync s3://b/x d", "restore -d d -b s3://b/x"),
        ("cp --recursive d s3://b", "backup -d d -b s3://b"),
        ("sync d s3://b --dryrun", "backup -d d -b s3://b -n"),
    ] {
        let expected = format!("type 's3mirror {typed}'");
        assert_eq!(said(&format!("s3mirror {line}")), expected, "{line}");
    }
    for (line, part) in [
        ("sync", "backup -d DIR -b BUCKET"),
        ("sync a b", "restore -d DIR -b BUCKET"),
        ("ls s3://b", "mock restore"),
        ("diff a b", "verify"),
    ] {
        let said = said(&format!("s3mirror {line}"));
        assert!(said.contains(part), "{line}: {said}");
    }
    for line in [
        "",
        "cleanup d",
        "backup",
        "backup a b c",
        "frobnicate",
        "mock",
    ] {
        assert_eq!(said(&format!("s3mirror {line}")), "", "{line}");
    }
    assert!(!said("s3mirror backup d s3://u:geheim@b").contains("geheim"));
    let secret = "s3mirror backup d b --endpoint-url http://u:geheim@host";
    assert!(!said(secret).contains("geheim"));
    assert!(!said("s3mirror backup s3://u:geheim@b d").contains("geheim"));
}

#[test]
fn who_types_the_places_in_the_wrong_order_is_told_both_commands() {
    for line in ["backup s3://b d", "restore d s3://b"] {
        let said = said(&format!("s3mirror {line}"));
        assert!(said.contains("'s3mirror backup d s3://b'"), "{said}");
        assert!(said.contains("'s3mirror restore s3://b d'"), "{said}");
    }
    for line in ["mock backup s3://b d", "mock restore d s3://b"] {
        let said = said(&format!("s3mirror {line}"));
        assert!(said.contains("'s3mirror mock backup d s3://b'"), "{said}");
        assert!(said.contains("'s3mirror mock restore s3://b d'"), "{said}");
        assert!(said.contains("shows what would make"), "{said}");
    }
    let watched = said("s3mirror watch s3://b d --settle 5s");
    for command in ["watch d s3://b --settle 5s", "restore s3://b d"] {
        let command = format!("'s3mirror {command}'");
        assert!(watched.contains(&command), "{watched}");
    }
    let said = said("s3mirror backup s3://b d -n");
    assert!(said.contains("'s3mirror backup d s3://b -n'"), "{said}");
    assert!(said.contains("'s3mirror restore s3://b d -n'"), "{said}");
}

fn named(line: &str) -> String {
    let args = line.split(' ').map(OsString::from).collect();
    let named = with_named_places(args);
    let words: Vec<_> = named.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[test]
fn places_as_words_are_named() {
    for (line, expected) in [
        ("backup d s3://b/p", "backup -d d -b s3://b/p"),
        ("backup -y d s3://b -v", "backup -y -d d -b s3://b -v"),
        (
            "backup --region x d --max-delete 5 s3://b",
            "backup --region x -d d --max-delete 5 -b s3://b",
        ),
        ("backup d s3://b --odd x", "backup -d d -b s3://b --odd x"),
        ("backup d s3://b --odd -v", "backup -d d -b s3://b --odd -v"),
        ("restore s3://b d", "restore -b s3://b -d d"),
        ("mock backup d s3://b", "mock backup -d d -b s3://b"),
        ("mock restore s3://b d", "mock restore -b s3://b -d d"),
        ("verify d s3://b", "verify -d d -b s3://b"),
        ("verify s3://b d", "verify -b s3://b -d d"),
        ("watch d s3://b -y", "watch -d d -b s3://b -y"),
        ("versions s3://b/k", "versions -b s3://b/k"),
        ("versions --json b/k", "versions --json -b b/k"),
    ] {
        assert_eq!(
            named(&format!("s3mirror {line}")),
            format!("s3mirror {expected}")
        );
    }
}

#[test]
fn what_may_mean_something_else_is_not_named() {
    for line in [
        "backup s3://b d",
        "restore d s3://b",
        "mock backup s3://b d",
        "mock restore d s3://b",
        "watch s3://b d",
        "backup a b",
        "backup s3://a s3://b",
        "backup d",
        "backup a d s3://b",
        "backup -d d s3://b",
        "backup -d x y s3://b",
        "backup -- d s3://b",
        "backup -yd d s3://b",
        "backup --dir=x d s3://b",
        "backup -d d -b s3://b",
        "cleanup d",
        "sync d s3://b",
        "versions -b b/k",
        "versions a b",
        "mock",
        "",
    ] {
        let line = format!("s3mirror {line}");
        assert_eq!(named(&line), line);
    }
}

#[cfg(unix)]
#[test]
fn a_directory_whose_name_is_not_utf8_stays_as_it_is() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(vec![b'd', 0xff]);
    let args = [
        "s3mirror".into(),
        "backup".into(),
        odd.clone(),
        "s3://b".into(),
    ];
    let named = with_named_places(args.to_vec());
    let expected = [
        "s3mirror".into(),
        "backup".into(),
        "-d".into(),
        odd,
        "-b".into(),
        "s3://b".into(),
    ];
    assert_eq!(named, expected);
}
