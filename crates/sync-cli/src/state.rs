//! What s3mirror keeps on this machine, outside every tree: where it is, and
//! under which name each place is known there.
//!
//! A place has one name however it is written, or two runs on it would not
//! see each other.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sync_core::Crc64;

use crate::options::SyncArgs;

/// The file of a place in the directory `kind`, as `locks/0123456789abcdef.lock`.
pub(crate) fn file(kind: &str, identity: &[u8], extension: &str) -> PathBuf {
    let name = format!("{}.{extension}", Crc64::of(identity));
    directory().join(kind).join(name)
}

/// The directory by its real path. One that a restore has yet to make has none
/// but that of its parent.
pub(crate) fn directory_identity(dir: &Path) -> PathBuf {
    let parent = || Some(dir.parent()?.canonicalize().ok()?.join(dir.file_name()?));
    dir.canonicalize()
        .ok()
        .or_else(parent)
        .unwrap_or_else(|| dir.to_owned())
}

/// The bucket and prefix, at the server where the SDK will look for them. An
/// endpoint that only a profile names is not looked up: the AWS bucket of that
/// name then counts as the same place.
pub(crate) fn bucket_identity(args: &SyncArgs) -> Vec<u8> {
    let endpoint = endpoint(args.server.endpoint_url.as_deref(), variable);
    format!("{endpoint} {}", args.places.bucket).into_bytes()
}

/// The option, else the variables of AWS in their order.
fn endpoint(option: Option<&str>, variable: impl Fn(&str) -> Option<OsString>) -> String {
    let lookup = |name| Some(variable(name)?.to_string_lossy().into_owned());
    let endpoint = option
        .map(str::to_owned)
        .or_else(|| lookup("AWS_ENDPOINT_URL_S3"))
        .or_else(|| lookup("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.unwrap_or_default();
    endpoint.trim_end_matches('/').to_owned()
}

/// The same for a shell and for cron, so not below `XDG_RUNTIME_DIR`.
fn directory() -> PathBuf {
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(variable("HOME")?).join(".local/state"));
    let state = state.or_else(home).unwrap_or_else(std::env::temp_dir);
    state.join("s3mirror")
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_names_the_endpoint_then_the_variables() {
        let both = |name: &str| Some(format!("http://{name}/").into());
        let general = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://general".into());
        assert_eq!(endpoint(Some("http://option"), both), "http://option");
        assert_eq!(endpoint(None, both), "http://AWS_ENDPOINT_URL_S3");
        assert_eq!(endpoint(None, general), "http://general");
        assert_eq!(endpoint(None, |_| None), "");
    }
}
