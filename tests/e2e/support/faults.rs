//! What happens elsewhere while a request is in flight.

use std::path::{Path, PathBuf};

use s3_endpoint::Action;

use super::World;

/// Another client puts `content` under `key`.
pub(crate) fn puts(world: &World, key: &'static str, content: impl AsRef<[u8]>) -> Action {
    let (bucket, content) = (world.bucket.name.clone(), content.as_ref().to_vec());
    Action::run(move |state| state.put(&bucket, key, content.clone(), None))
}

/// Another program works on the file at `path`.
pub(crate) fn works_on(path: PathBuf, work: impl Fn(&Path) + Send + Sync + 'static) -> Action {
    Action::run(move |_| work(&path))
}
