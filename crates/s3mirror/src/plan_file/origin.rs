//! When and where a plan was made, and from that the places themselves.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sync_core::{plan::Origin, text::printable};
use sync_s3::{Location, S3Store};

use super::error::PlanFileError;
use crate::state::Tree;

/// The origin of a plan that is made now. There is none for a directory whose
/// name no plan can hold.
pub(crate) fn origin_of(directory: &Path, location: &Location, bucket: &S3Store) -> Option<Origin> {
    Some(Origin {
        created: SystemTime::now().into(),
        directory: real_path(directory).to_str()?.to_owned(),
        bucket: location.bucket().to_owned(),
        prefix: location.prefix().to_owned(),
        endpoint_url: bucket.endpoint_url().map(str::to_owned),
        at: bucket.at(),
        customer_key: bucket.has_customer_key(),
        region: bucket.region().map(str::to_owned),
        run: None,
    })
}

/// The directory by its real path, so that a link that is changed later does
/// not lead the plan to another directory.
pub(super) fn real_path(directory: &Path) -> PathBuf {
    Tree::of(directory).path().to_owned()
}

/// The places that `origin` names.
pub(crate) fn places(origin: &Origin) -> Result<(PathBuf, Location), PlanFileError> {
    let directory = PathBuf::from(&origin.directory);
    if !directory.is_absolute() {
        let shown = printable(&origin.directory);
        let why = format!("its directory '{shown}' is not an absolute path");
        return Err(PlanFileError::Origin(why));
    }
    let location = format!("s3://{}/{}", origin.bucket, origin.prefix);
    let location: Location = location
        .parse()
        .map_err(|error: sync_s3::LocationError| PlanFileError::Origin(error.to_string()))?;
    if location.bucket() != origin.bucket || location.prefix() != origin.prefix {
        let why = "its bucket and prefix are not a valid location".to_owned();
        return Err(PlanFileError::Origin(why));
    }
    Ok((directory, location))
}
