//! What the compiler cannot check in our own sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::step::root;

/// What `sync-core` must not name. `std::fs` and its like mean I/O and
/// `::now(` for a clock; words are compared whole, so that "laws" is no `aws`.
const IMPURE: [&str; 7] = [
    "tokio",
    "aws",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "::now(",
];

/// Fails if the code of `sync-core` names a runtime, AWS, a clock or I/O.
pub(crate) fn core_is_pure() -> Result<()> {
    complain("names what the core must not know", |path, text| {
        if path.starts_with("crates/sync-core/src") {
            impurities(text)
        } else {
            Vec::new()
        }
    })
}

/// Fails if a file of ours does not begin with a `//!` comment.
pub(crate) fn open_with_purpose() -> Result<()> {
    complain("does not open with its purpose", |_, text| {
        if text.starts_with("//!") {
            Vec::new()
        } else {
            vec!["the first line is no `//!`".to_owned()]
        }
    })
}

/// Runs `check` on every source file and fails with all that it finds.
fn complain(what: &str, check: impl Fn(&Path, &str) -> Vec<String>) -> Result<()> {
    let root = root()?;
    let mut complaints = Vec::new();
    for path in rust_files(&root)? {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let path = path.strip_prefix(&root).unwrap_or(&path);
        let found = check(path, &text);
        complaints.extend(
            found
                .into_iter()
                .map(|text| format!("{} {what}: {text}", path.display())),
        );
    }
    if complaints.is_empty() {
        Ok(())
    } else {
        bail!("{}", complaints.join("\n"))
    }
}

/// All `.rs` files of the repository, without what was built.
fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_ours = name != "target" && !name.as_encoded_bytes().starts_with(b".");
            if entry.file_type()?.is_dir() && is_ours {
                directories.push(entry.path());
            } else if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "rs")
            {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What of [`IMPURE`] the code in `text` names, except in comments.
fn impurities(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found: Vec<String> = IMPURE
        .iter()
        .filter(|word| names(&code, word))
        .map(|&word| word.to_owned())
        .collect();
    found.extend(grouped_imports(&code));
    found
}

/// Whether `word` is in `code` and not part of a longer word.
fn names(code: &str, word: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric();
    code.match_indices(word).any(|(at, _)| {
        let opens_inside = word.starts_with(is_inner) && code[..at].ends_with(is_inner);
        let closes_inside =
            word.ends_with(is_inner) && code[at + word.len()..].starts_with(is_inner);
        !opens_inside && !closes_inside
    })
}

/// The same as `std::fs`, written `use std::{fs, …}`.
fn grouped_imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("std::{") {
        let group = code[at..].split(';').next().unwrap_or_default();
        for module in IMPURE.iter().filter_map(|word| word.strip_prefix("std::")) {
            if names(group, module) {
                found.push(format!("std::{{{module}}}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_core_must_not_know_is_found_however_it_is_written() {
        for code in [
            "use tokio::sync::Mutex;",
            "use aws_sdk_s3::Client;",
            "let text = std::fs::read(path);",
            "use std::{\n    fmt,\n    fs::{self, File},\n};",
            "let t = Utc::now();",
            "std::time::Instant::now()",
        ] {
            assert!(!impurities(code).is_empty(), "{code}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for code in [
            "// tokio would be wrong here",
            "/// Laws of aws and `std::fs`.",
            "let laws = draws; use std::{fmt, sync::Arc}; let fs = 1;",
            "let renowned(now) = 1;",
        ] {
            assert_eq!(impurities(code), Vec::<String>::new(), "{code}");
        }
    }
}
