//! Where the product's binary is. It belongs to another package, so cargo
//! does not know it here; and a stale one must never be tested.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The binary `s3mirror`, built from the sources as they are now.
pub(crate) fn s3mirror() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// The example `name` of the library, built from the sources as they are now.
pub(crate) fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    // As `cargo test --workspace` does, which has built them then.
    let profile = BUILT.get_or_init(|| cargo_build(&["--tests", "--examples"]));
    existing(&profile.join("examples").join(name)).to_owned()
}

/// Asks cargo, which does nothing when nothing changed (and `cargo xtask test`
/// has built just before). The selection is that of every other build, or
/// cargo would choose other features and compile the SDK once more.
fn build() -> PathBuf {
    let binary = cargo_build(&["--bins"]).join("s3mirror");
    existing(&binary).to_owned()
}

const ADVICE: &str = "run `cargo build --workspace --bins`, or all tests with `cargo xtask test`";

/// Builds these targets of the workspace; returns the directory of the profile.
fn cargo_build(targets: &[&str]) -> PathBuf {
    // This program is target/PROFILE/deps/e2e-HASH.
    let program = std::env::current_exe().unwrap();
    let profile = program.ancestors().nth(2).unwrap();
    let target = profile.parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--workspace", "--quiet"])
        .args(targets)
        .arg("--target-dir")
        .arg(target);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let built =
        built.unwrap_or_else(|e| panic!("cannot start cargo to build s3mirror: {e}; {ADVICE}"));
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "s3mirror doesn't build; {ADVICE}\n{errors}"
    );
    profile.to_owned()
}

fn existing(path: &Path) -> &Path {
    assert!(path.is_file(), "{} is missing; {ADVICE}", path.display());
    path
}
