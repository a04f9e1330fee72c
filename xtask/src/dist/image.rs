//! The OCI image, from scratch, by buildah; `Containerfile` says what is in it.
//!
//! buildah keeps its images and containers below `target/dist-work`, so that nothing of
//! the machine's own is touched.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::release::{Release, empty, manifest};
use crate::step::{self, output, run};

/// Where programs look for CA certificates.
pub(super) const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Makes the image, as an archive that podman, docker and skopeo load.
pub(super) fn make(release: &Release) -> Result<()> {
    let context = empty(release.work.join("image"))?;
    prepare(release, &context)?;
    let mut build = buildah(release);
    build.args(["build", "--quiet", "--identity-label=false", "--file"]);
    build.arg(step::root()?.join("Containerfile"));
    for (name, value) in labels(release)? {
        build.arg(format!("--label=org.opencontainers.image.{name}={value}"));
    }
    build.args(
        release
            .date
            .iter()
            .map(|date| format!("--timestamp={date}")),
    );
    let tag = format!("s3mirror:{}", release.version);
    run(build.args(["--tag", &tag]).arg(context))?;
    let arch = std::env::consts::ARCH;
    let file = format!("s3mirror-{}-{arch}-oci.tar", release.version);
    let archive = format!("oci-archive:{}:{tag}", release.dist.join(file).display());
    run(buildah(release).args(["push", "--quiet", &tag, &archive]))
}

/// buildah with a store of its own, which needs nothing of the kernel.
pub(super) fn buildah(release: &Release) -> Command {
    let home = release.work.join("buildah");
    let mut buildah = release.command("buildah");
    buildah.arg("--root").arg(home.join("root"));
    buildah.arg("--runroot").arg(home.join("run"));
    buildah.args(["--storage-driver", "vfs"]);
    buildah
}

/// Puts what the image holds into `context`.
fn prepare(release: &Release, context: &Path) -> Result<()> {
    fs::create_dir(context.join("state"))?;
    let root = context.join("root");
    put(&release.dist.join("s3mirror"), &root, "/usr/bin/s3mirror")?;
    put(Path::new(CERTIFICATES), &root, CERTIFICATES)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let path = format!("/usr/share/licenses/s3mirror/{licence}");
        put(&step::root()?.join(licence), &root, &path)?;
    }
    for library in libraries(release)? {
        put(Path::new(&library), &root, &library)?;
    }
    // Lists that may be larger than memory.
    fs::create_dir(root.join("tmp"))?;
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    Ok(())
}

fn put(file: &Path, root: &Path, path: &str) -> Result<()> {
    let to = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(to.parent().unwrap_or(root))?;
    fs::copy(file, &to).with_context(|| format!("{} to {}", file.display(), to.display()))?;
    Ok(())
}

/// What a dynamic binary needs: the libraries of this machine, and their loader. Such an
/// image is not to be released, but it can be tried.
pub(super) fn libraries(release: &Release) -> Result<Vec<String>> {
    if release.build.triple.is_some() {
        return Ok(Vec::new());
    }
    let mut ldd = Command::new("ldd");
    Ok(paths(&output(ldd.arg(release.dist.join("s3mirror")))?))
}

/// The paths in what ldd says: `name => path (address)`, and `path (address)` of the loader.
fn paths(ldd: &str) -> Vec<String> {
    let words = ldd.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

/// What an image says of itself: `org.opencontainers.image.NAME`.
pub(super) fn labels(release: &Release) -> Result<Vec<(&'static str, String)>> {
    let mut labels = vec![
        ("title", "s3mirror".to_owned()),
        (
            "description",
            manifest("crates/sync-cli/Cargo.toml", "description")?,
        ),
        ("version", release.version.clone()),
        ("licenses", manifest("Cargo.toml", "license")?),
    ];
    if let Some(date) = &release.date {
        let date = format!("--date=@{date}");
        let mut created = Command::new("date");
        let created = output(created.args(["--utc", &date, "+%Y-%m-%dT%H:%M:%SZ"]))?;
        labels.push(("created", created.trim().to_owned()));
    }
    Ok(labels)
}

/// Where the archive of the image is.
pub(super) fn archive(release: &Release) -> Result<PathBuf> {
    release.file("-oci.tar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_what_ldd_finds() {
        let dynamic = "\tlinux-vdso.so.1 (0x00007ffc)\n\
                       \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f3a)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007f3b)\n";
        let found = paths(dynamic);
        assert_eq!(
            found,
            [
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib64/ld-linux-x86-64.so.2"
            ]
        );
    }
}
