//! What a plan says of when and where it was made, and back from there to the
//! places themselves.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::HumanDuration;
use sync_core::{Origin, Plan, printable};
use sync_s3::Location;

use crate::options::PlaceArgs;
use crate::places::Places;
use crate::state::Tree;

/// The origin of a plan that is made now. There is none for a directory whose
/// name no plan can hold.
pub(crate) fn of_run(args: &PlaceArgs, places: &Places) -> Option<Origin> {
    Some(Origin {
        created: SystemTime::now().into(),
        directory: absolute(&args.dir).to_str()?.to_owned(),
        bucket: args.bucket.bucket().to_owned(),
        prefix: args.bucket.prefix().to_owned(),
        endpoint_url: places.bucket.endpoint_url().map(str::to_owned),
        region: places.bucket.region().map(str::to_owned),
    })
}

/// The directory by its real path, so that a link that is pointed elsewhere
/// later does not lead a plan elsewhere.
pub(super) fn absolute(dir: &Path) -> PathBuf {
    Tree::of(dir).path().to_owned()
}

/// The places that `plan` was made of, which have to be `dir` and `bucket`
/// where these are given.
pub(crate) fn places(
    plan: &Plan,
    dir: Option<&Path>,
    bucket: Option<&Location>,
) -> anyhow::Result<PlaceArgs> {
    let Some(origin) = &plan.header().origin else {
        bail!(
            "line 1 of the plan: it does not say of which places it was made; make it again, \
             with --plan-out"
        );
    };
    let directory = PathBuf::from(&origin.directory);
    let shown = printable(&origin.directory);
    ensure!(
        directory.is_absolute(),
        "line 1 of the plan: its directory '{shown}' is no absolute path"
    );
    let location: Location = format!("s3://{}/{}", origin.bucket, origin.prefix)
        .parse()
        .context("line 1 of the plan")?;
    ensure!(
        location.bucket() == origin.bucket && location.prefix() == origin.prefix,
        "line 1 of the plan: its bucket and prefix are not those of one place"
    );
    if let Some(dir) = dir.filter(|dir| absolute(dir) != absolute(&directory)) {
        let dir = printable(&dir.to_string_lossy());
        bail!("the plan is for the directory '{shown}', not for '{dir}' (--dir)");
    }
    if let Some(bucket) = bucket.filter(|bucket| **bucket != location) {
        bail!("the plan is for {location}, not for {bucket} (--bucket)");
    }
    Ok(PlaceArgs {
        dir: directory,
        bucket: location,
    })
}

/// When it was made, as in "made 3 hours ago (2024-05-01T12:00:00Z)".
pub(crate) fn age(origin: &Origin) -> String {
    let now = DateTime::<Utc>::from(SystemTime::now());
    let when = origin.created.to_rfc3339_opts(SecondsFormat::Secs, true);
    match (now - origin.created).to_std() {
        Ok(age) if age.as_secs() == 0 => format!("made just now ({when})"),
        Ok(age) => format!("made {} ago ({when})", HumanDuration(age)),
        Err(_) => format!("made in the future by this machine's clock ({when})"),
    }
}
