//! Where the configuration file is: the option, else the first that exists by the
//! rules of XDG (<https://specifications.freedesktop.org/basedir-spec/>).

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sync_core::text::printable;

use crate::hand_written;

/// The file and its bytes.
pub(super) fn find(chosen: Option<PathBuf>) -> Result<(PathBuf, Vec<u8>), String> {
    if let Some(path) = chosen {
        let bytes = hand_written::read(&path).map_err(|error| cannot_read(&path, &error))?;
        return Ok((path, bytes));
    }
    let candidates = candidates(|name| std::env::var_os(name));
    for path in &candidates {
        match hand_written::read(path) {
            Ok(bytes) => return Ok((path.clone(), bytes)),
            // Only if one does not exist, the next one counts: one that cannot be
            // read was meant.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(cannot_read(path, &error)),
        }
    }
    let looked: Vec<_> = candidates.iter().map(|path| shown(path)).collect();
    Err(format!(
        "there is no configuration file: {} (--config names another)",
        looked.join(", ")
    ))
}

/// All places where it may be; the first one counts.
fn candidates(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    // The specification says to ignore what is relative.
    let absolute = |path: &PathBuf| path.is_absolute();
    let home = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = home.filter(absolute).or_else(|| {
        let home = variable("HOME").map(PathBuf::from).filter(absolute)?;
        Some(home.join(".config"))
    });
    let system = variable("XDG_CONFIG_DIRS").filter(|dirs| !dirs.is_empty());
    let system = system.unwrap_or_else(|| "/etc/xdg".into());
    let system = std::env::split_paths(&system).filter(absolute);
    let all = home.into_iter().chain(system);
    all.map(|dir| dir.join("s3mirror/config.toml")).collect()
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read the configuration '{}': {error}", shown(path))
}

/// `path` for people.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(variables: &[(&str, &str)]) -> Vec<String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let paths = candidates(lookup);
        paths.iter().map(|path| shown(path)).collect()
    }

    #[test]
    fn the_own_file_comes_before_those_of_the_system() {
        assert_eq!(
            at(&[("HOME", "/h")]),
            [
                "/h/.config/s3mirror/config.toml",
                "/etc/xdg/s3mirror/config.toml"
            ]
        );
        assert_eq!(
            at(&[
                ("HOME", "/h"),
                ("XDG_CONFIG_HOME", "/c"),
                ("XDG_CONFIG_DIRS", "/a:/b")
            ]),
            [
                "/c/s3mirror/config.toml",
                "/a/s3mirror/config.toml",
                "/b/s3mirror/config.toml"
            ]
        );
    }

    #[test]
    fn what_is_relative_or_empty_is_ignored() {
        assert_eq!(
            at(&[
                ("HOME", "/h"),
                ("XDG_CONFIG_HOME", "c"),
                ("XDG_CONFIG_DIRS", "a:/b")
            ]),
            ["/h/.config/s3mirror/config.toml", "/b/s3mirror/config.toml"]
        );
        assert_eq!(
            at(&[("XDG_CONFIG_HOME", ""), ("XDG_CONFIG_DIRS", "")]),
            ["/etc/xdg/s3mirror/config.toml"]
        );
    }
}
