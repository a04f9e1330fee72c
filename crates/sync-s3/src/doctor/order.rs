//! In which order keys are listed, and whether unusual ones are listed unchanged.

use sync_core::{
    ErrorKind,
    diagnosis::{Diagnosis, Level},
    hint,
    key::MAX_KEY_BYTES,
    setting::Setting,
    text::printable,
};

use crate::doctor::probe::{Probe, Report};
use crate::error::{Attempted, Failure};

/// The longest name of a file on nearly all file systems (limits.h, NAME_MAX).
const MAX_SEGMENT_BYTES: usize = 255;

/// A key in which servers over a file system may take the backslash for a slash.
const BACKSLASH: &str = "backslash/a\\b";

/// In the order of their bytes, which is not that of directories.
const ORDERED: [&str; 3] = ["order/a-b/y", "order/a.txt", "order/a/x"];

/// Keys that clients and servers get wrong: blanks, a plus, something like an escape,
/// two-byte letters, an ampersand, quotes.
const ODD: [&str; 8] = [
    "odd/ ",
    "odd/ a ",
    "odd/a b",
    "odd/a&b",
    "odd/a'\"b",
    "odd/a%2Fb",
    "odd/a+b",
    "odd/aäb",
];

pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    let mut refused = Vec::new();
    for name in ORDERED.into_iter().chain(ODD).chain([BACKSLASH]) {
        if let Err(failure) = probe.put(probe.trial(name, name.as_bytes())).await {
            refused.push((name, failure));
        }
    }
    if let Some((name, failure)) = refused.first() {
        let name = probe.full(name);
        let attempted = Attempted {
            what: "write",
            name: &name,
            permission: "s3:PutObject",
        };
        report(probe.failed("keys", Level::Problem, failure, attempted));
    }
    let Ok(all) = listed(probe).await else { return };
    lengths(probe, report).await;
    paths(probe, report).await;
    order(&all, report);
    let is_odd = |name: &&String| name.starts_with("odd/");
    let mut odd: Vec<_> = all.iter().filter(is_odd).collect();
    odd.sort_unstable();
    let mut wanted: Vec<&str> = ODD.to_vec();
    wanted.retain(|name| !refused.iter().any(|(refused, _)| refused == name));
    wanted.sort_unstable();
    if odd != wanted {
        let lost: Vec<String> = wanted
            .iter()
            .filter(|name| !odd.iter().any(|found| found.as_str() == **name))
            .map(|name| format!("'{}'", printable(name)))
            .collect();
        let message = format!(
            "keys are listed under other names than they were written: {} not found; a backup \
             would send such files again and again",
            lost.join(", ")
        );
        report(Diagnosis::problem("keys", message));
    } else if !all.iter().any(|name| name == BACKSLASH) {
        let message = "the server changes a backslash in a key: a file with one in its name is \
                       stored under another name";
        report(Diagnosis::warning("keys", message).with_advice(hint!(
            "exclude such files, or rename them: {} '*\\\\*'",
            Setting::Exclude
        )));
    } else if refused.is_empty() {
        report(Diagnosis::ok("keys", "unusual names are listed unchanged"));
    }
}

/// Whether the longest names can be written: the longest keys of backups, and segments as
/// long as names of files.
async fn lengths(probe: &Probe, report: Report<'_>) {
    let place = probe.full("long/");
    let segment = "s".repeat(MAX_SEGMENT_BYTES);
    let mut key = String::new();
    while place.len() + key.len() < MAX_KEY_BYTES {
        let full = key.len() % 101 == 100;
        key.push(if full { '/' } else { 'k' });
    }
    let names = [
        (segment, format!("names of {MAX_SEGMENT_BYTES} bytes")),
        (key, format!("keys of {MAX_KEY_BYTES} bytes")),
    ];
    for (name, what) in names {
        let name = format!("long/{}", name.trim_end_matches('/'));
        if let Err(failure) = probe.put(probe.trial(&name, b"long")).await {
            let cause = failure.cause().unwrap_or_else(|| "no reason given".into());
            let message = format!("the server does not accept {what}: {cause}");
            report(
                Diagnosis::warning("lengths", message)
                    .with_advice("files with such names fail by name; nothing is deleted then"),
            );
            return;
        }
    }
    report(Diagnosis::ok("lengths", "names may be as long as at S3"));
}

/// Whether an object can exist together with others below its name.
async fn paths(probe: &Probe, report: Report<'_>) {
    let mut refused = None;
    for name in ["paths/a", "paths/a/b", "paths/c/d", "paths/c"] {
        if let Err(failure) = probe.put(probe.trial(name, b"path")).await {
            refused = Some((name, failure));
        }
    }
    let Some((name, failure)) = refused else {
        report(paths_in_parts(probe).await);
        return;
    };
    if failure.kind() == ErrorKind::Blocked {
        let message = "the server keeps objects as files: none can be below the name of another";
        report(Diagnosis::warning("paths", message).with_advice(
            "no option is needed: where a file becomes a directory, or the reverse, a backup \
             deletes what is in the way once the upload has been refused",
        ));
        return;
    }
    let name = probe.full(name);
    let attempted = Attempted {
        what: "write",
        name: &name,
        permission: "s3:PutObject",
    };
    report(probe.failed("paths", Level::Warning, &failure, attempted));
}

/// The same for an object that is sent in parts, with objects below its name. Other
/// failures of such uploads are reported by `multipart`.
async fn paths_in_parts(probe: &Probe) -> Diagnosis {
    let _ = probe.put(probe.trial("paths/e/f", b"path")).await;
    match probe.put_in_parts("paths/e").await {
        Err(failure) if failure.is_blocked() || failure.is_internal() => {
            let message =
                "an object may have others below its name, but not if it is sent in parts";
            Diagnosis::warning("paths", message).with_advice(
                "no option is needed: where a directory becomes a file of several parts, a backup \
                 deletes what is in the way once the upload has been refused",
            )
        }
        _ => Diagnosis::ok("paths", "an object may have others below its name"),
    }
}

/// Checks the order of everything that was written: in a random order, three keys may be
/// right by accident.
fn order(all: &[String], report: Report<'_>) {
    let is_there = |name: &&str| all.iter().any(|found| found == name);
    report(if !ORDERED.iter().all(is_there) {
        let message = "objects that were just written are missing from the listing: a backup \
                       would send them again, a restore would delete their files";
        Diagnosis::problem("order", message)
    } else if all.is_sorted() {
        Diagnosis::ok("order", "listings come in the order of keys")
    } else {
        let message = "listings come out of order: each is read to its end and sorted, in \
                       temporary files where it is large, before anything is decided";
        Diagnosis::warning("order", message)
            .with_advice("nothing is lost; TMPDIR needs room for the listings of large buckets")
    });
}

/// The names below the probe key, as they are listed.
async fn listed(probe: &Probe) -> Result<Vec<String>, Failure> {
    let place = probe.full("");
    let keys = probe.listed_keys().await?.into_iter();
    let names = keys.map(|key| match key.strip_prefix(&place) {
        Some(name) => name.to_owned(),
        None => key,
    });
    Ok(names.collect())
}
