//! In which order keys are listed, and whether odd ones come back as they are.

use aws_sdk_s3::types::EncodingType;
use sync_core::{Diagnosis, Level, printable};

use super::{Probe, Tell};
use crate::error::{Attempted, Failure};
use crate::page::decode;

/// In the order of their bytes, which is not that of directories.
const ORDERED: [&str; 3] = ["order/a-b/y", "order/a.txt", "order/a/x"];

/// Keys that clients and servers get wrong: a blank, a plus, an escape that is
/// none, two-byte letters, an ampersand, quotes.
const ODD: [&str; 6] = [
    "odd/a b",
    "odd/a&b",
    "odd/a'\"b",
    "odd/a%2Fb",
    "odd/a+b",
    "odd/aäb",
];

pub(super) async fn look(probe: &Probe, tell: Tell<'_>) {
    let mut refused = Vec::new();
    for name in ORDERED.into_iter().chain(ODD) {
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
    } else if refused.is_empty() {
        tell(Diagnosis::ok("keys", "odd names come back as they are"));
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
    let page = probe
        .bucket
        .client
        .list_objects_v2()
        .bucket(probe.bucket.location.bucket())
        .prefix(probe.full(""))
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .map_err(|error| Failure::from(&error))?;
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    let place = probe.full("");
    let objects = page.contents.unwrap_or_default();
    let names = objects.into_iter().filter_map(|object| object.key);
    let names = names.map(|key| {
        let key = if is_encoded {
            decode(key).unwrap_or_else(|lossy| lossy)
        } else {
            key
        };
        key.strip_prefix(&place).map(str::to_owned).unwrap_or(key)
    });
    Ok(names.collect())
}
