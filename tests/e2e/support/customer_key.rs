//! Keys of SSE-C in files, and the forms in which a key must never be seen.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{World, run::Run};

/// A key of 32 bytes that can be looked for as it is. One of them is not printable: text is
/// refused.
pub(crate) const KEY: &str = "\u{1}n-SSE-C-key-that-nobody-shows-1";

/// Another one.
pub(crate) const OTHER_KEY: &str = "\u{1}n-SSE-C-key-that-nobody-shows-2";

/// The file of a key, which only its owner can read.
pub(crate) fn key_file(world: &World, key: &str) -> PathBuf {
    let file = world
        .sandbox
        .path(&format!("key-{}", &key[key.len() - 1..]));
    fs::write(&file, key).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

/// `run` with `key`, which must appear in no form.
pub(crate) fn keyed(world: &World, run: Run, key: &str) -> Run {
    let run = run.arg("--sse-c-key-file").arg(key_file(world, key));
    secrets(key).iter().fold(run, |run, form| run.secret(form))
}

/// What must never be seen of a key: its forms, and the bytes of it that are printable.
pub(crate) fn secrets(key: &str) -> Vec<String> {
    let printable = key.trim_start_matches(char::is_control).to_owned();
    forms(key).into_iter().chain([printable]).collect()
}

/// A key as it is, in base64 and in hexadecimal digits of both cases.
pub(crate) fn forms(key: &str) -> [String; 4] {
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = BASE64_STANDARD.encode(key);
    [key.to_owned(), base64, hex.to_uppercase(), hex]
}
