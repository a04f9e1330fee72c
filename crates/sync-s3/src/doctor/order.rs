//! In which order keys are listed, and whether odd ones come back as they are.

use sync_core::{
    ErrorKind,
    diagnosis::{Diagnosis, Level},
    hint,
    key::MAX_KEY_BYTES,
    setting::Setting,
    text::printable,
};

use crate::doctor::probe::{Probe, Tell};
use crate::error::{Attempted, Failure};

/// The longest name of a file on nearly all file systems (limits.h, NAME_MAX).
const MAX_SEGMENT_BYTES: usize = 255;

/// A key that servers over a file system may take for one with a slash.
const BACKSLASH: &str = "backslash/a\\b";

/// In the order of their bytes, which is not that of directories.
const ORDERED: [&str; 3] = ["order/a-b/y", "order/a.txt", "order/a/x"];

/// Keys that clients and servers get wrong: blanks, a plus, an escape that is
/// none, two-byte letters, an ampersand, quotes.
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

pub(super) async fn look(probe: &Probe, tell: Tell<'_>) {
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
        tell(probe.failed("keys", Level::Problem, failure, attempted));
    }
    let Ok(all) = listed(probe).await else { return };
    lengths(probe, tell).await;
    paths(probe, tell).await;
    order(&all, tell);
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
        tell(Diagnosis::problem("keys", message));
    } else if !all.iter().any(|name| name == BACKSLASH) {
        let message = "the server takes a backslash in a key for something else: a file with one \
                       in its name is stored under another name";
        tell(Diagnosis::warning("keys", message).with_advice(hint!(
            "exclude such files, or rename them: {} '*\\\\*'",
            Setting::Exclude
        )));
    } else if refused.is_empty() {
        tell(Diagnosis::ok("keys", "odd names come back as they are"));
    }
}

/// Whether names of the greatest length can be written: keys as long as backups
/// take them, and segments as long as those of files.
async fn lengths(probe: &Probe, tell: Tell<'_>) {
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
            let message = format!("the server does not take {what}: {cause}");
            tell(
                Diagnosis::warning("lengths", message)
                    .with_advice("files with such names fail by name; nothing is deleted then"),
            );
            return;
        }
    }
    tell(Diagnosis::ok(
        "lengths",
        "names may be as long as S3 has it",
    ));
}

/// Whether an object and others below its name can be at once.
async fn paths(probe: &Probe, tell: Tell<'_>) {
    let mut refused = None;
    for name in ["paths/a", "paths/a/b", "paths/c/d", "paths/c"] {
        if let Err(failure) = probe.put(probe.trial(name, b"path")).await {
            refused = Some((name, failure));
        }
    }
    let Some((name, failure)) = refused else {
        tell(paths_in_parts(probe).await);
        return;
    };
    if failure.kind() == ErrorKind::Blocked {
        let message = "the server keeps objects as files: none can be below the name of another";
        tell(Diagnosis::warning("paths", message).with_advice(
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
    tell(probe.failed("paths", Level::Warning, &failure, attempted));
}

/// The same of an object that is sent in parts, where objects are below its name.
/// What else may be wrong with such uploads is said elsewhere.
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

/// Of everything that was written: where keys come in no order at all, three
/// of them may happen to be in the right one.
fn order(all: &[String], tell: Tell<'_>) {
    let is_there = |name: &&str| all.iter().any(|found| found == name);
    tell(if !ORDERED.iter().all(is_there) {
        let message = "objects that were just written are missing from the listing: a backup \
                       would send them again, a restore would delete their files";
        Diagnosis::problem("order", message)
    } else if all.is_sorted() {
        Diagnosis::ok("order", "listings come in the order of keys")
    } else {
        let message = "listings come out of order: each is read to its end and sorted, in \
                       temporary files where it is large, before anything is decided";
        Diagnosis::warning("order", message)
            .with_advice("nothing is lost by it; let TMPDIR have room for large buckets")
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
