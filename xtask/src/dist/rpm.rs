//! The package for Fedora, RHEL, SUSE and their kin, by rpmbuild, of what the Debian
//! package holds: so both have the same files, and the manifest names each once.
//!
//! cargo-generate-rpm would name them a second time, takes a minute of two cores to
//! build, and compresses for minutes if that is a debug build. rpmbuild comes with rpm,
//! which tries the package.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{
    deb,
    release::{Release, empty, manifest},
};
use crate::step::{output, run};

const DOC: &str = "/usr/share/doc/s3mirror/";
const LICENCES: &str = "/usr/share/licenses/s3mirror/";

/// Makes it of the Debian package.
pub(super) fn make(release: &Release) -> Result<()> {
    let home = empty(release.work.join("rpm"))?;
    let package = release.file(".deb")?;
    let unpacked = home.join("unpacked");
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&package)
        .arg(&unpacked))?;
    let files = files(&package, &unpacked, &home.join("tree"))?;
    let spec = home.join("s3mirror.spec");
    fs::write(&spec, specification(&package, &home, &files)?)?;
    let mut build = release.command("rpmbuild");
    build.args(["-bb", "--quiet"]);
    for (name, value) in [
        ("_topdir", &*home.to_string_lossy()),
        ("_rpmdir", &release.dist.to_string_lossy()),
        (
            "_build_name_fmt",
            "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        ),
        // Nobody needs to know who built it, nor when.
        ("_buildhost", "localhost"),
        ("use_source_date_epoch_as_buildtime", "1"),
        ("clamp_mtime_to_source_date_epoch", "1"),
        // Every rpm can read it.
        ("_binary_payload", "w6.gzdio"),
        // The files are as they should be.
        ("__spec_install_post", "%{nil}"),
        ("debug_package", "%{nil}"),
    ] {
        build.arg("--define").arg(format!("{name} {value}"));
    }
    run(build.arg(spec))?;
    release.file(".rpm").map(drop)
}

/// Puts the files of the Debian package where an RPM package has them, and lists them.
fn files(package: &Path, unpacked: &Path, tree: &Path) -> Result<Vec<String>> {
    let below = |directory: &Path, path: &str| directory.join(path.trim_start_matches('/'));
    let mut files = Vec::new();
    for in_deb in deb::files(package)? {
        if let Some(path) = in_rpm(&in_deb) {
            let to = below(tree, &path);
            fs::create_dir_all(to.parent().unwrap_or(tree))?;
            let from = below(unpacked, &in_deb);
            fs::rename(&from, &to).with_context(|| from.display().to_string())?;
            files.push(path);
        }
    }
    Ok(files)
}

/// Where an RPM package has the file that a Debian package has at `path`.
fn in_rpm(path: &str) -> Option<String> {
    let path = path.replace("/zsh/vendor-completions/", "/zsh/site-functions/");
    match path.strip_prefix(DOC) {
        // Debian's form of the licences.
        Some("copyright") => None,
        Some(name) if name.starts_with("LICENSE-") => Some(format!("{LICENCES}{name}")),
        _ => Some(path),
    }
}

/// What rpmbuild is to do; all that is said of the program is the Debian package's.
fn specification(package: &Path, home: &Path, files: &[String]) -> Result<String> {
    let field = |name: &str| {
        let mut field = Command::new("dpkg-deb");
        output(field.arg("--field").arg(package).arg(name))
    };
    let version = field("Version")?;
    let (version, revision) = version.trim().split_once('-').context("no revision")?;
    let description = field("Description")?;
    let (summary, description) = description.split_once('\n').context("no description")?;
    let mut listed: Vec<_> = files.iter().map(|path| listed(path)).collect();
    listed.extend(directories(files));
    Ok(format!(
        "Name: s3mirror\nVersion: {version}\nRelease: {revision}\nSummary: {summary}\n\
         License: {}\nVendor: {}\nRecommends: {}\n\n%description\n{}\n\n\
         %install\ncp -a {}/. %{{buildroot}}\n\n%files\n%defattr(-,root,root)\n{}\n",
        manifest("Cargo.toml", "license")?,
        field("Maintainer")?.trim(),
        field("Recommends")?.trim(),
        description
            .lines()
            .map(str::trim)
            .collect::<Vec<_>>()
            .join("\n"),
        home.join("tree").display(),
        listed.join("\n"),
    ))
}

/// A file, with what it is for.
fn listed(path: &str) -> String {
    let kind = if path.starts_with("/etc/") {
        "%config(noreplace) "
    } else if path.starts_with(LICENCES) {
        "%license "
    } else if path.starts_with("/usr/share/doc/") || path.starts_with("/usr/share/man/") {
        "%doc "
    } else {
        ""
    };
    format!("{kind}\"{path}\"")
}

/// The directories that no other package has.
fn directories(files: &[String]) -> Vec<String> {
    let parents = files
        .iter()
        .flat_map(|path| Path::new(path).ancestors().skip(1));
    let ours = parents.filter(|path| path.iter().any(|name| name == "s3mirror"));
    let mut ours: Vec<_> = ours
        .map(|path| format!("%dir \"{}\"", path.display()))
        .collect();
    ours.sort();
    ours.dedup();
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_debian_have_their_places_in_an_rpm_package() {
        assert_eq!(in_rpm(&format!("{DOC}copyright")), None);
        for (in_deb, wanted) in [
            ("/usr/bin/s3mirror", "\"/usr/bin/s3mirror\""),
            (
                "/usr/share/zsh/vendor-completions/_s3mirror",
                "\"/usr/share/zsh/site-functions/_s3mirror\"",
            ),
            (
                "/usr/share/doc/s3mirror/LICENSE-MIT",
                "%license \"/usr/share/licenses/s3mirror/LICENSE-MIT\"",
            ),
            (
                "/etc/xdg/s3mirror/config.toml",
                "%config(noreplace) \"/etc/xdg/s3mirror/config.toml\"",
            ),
        ] {
            assert_eq!(
                in_rpm(in_deb).map(|path| listed(&path)).as_deref(),
                Some(wanted)
            );
        }
    }

    #[test]
    fn a_package_owns_the_directories_of_its_name() {
        let files = ["/usr/bin/s3mirror", "/usr/share/doc/s3mirror/docs/a.md"];
        assert_eq!(
            directories(&files.map(str::to_owned)),
            [
                "%dir \"/usr/share/doc/s3mirror\"",
                "%dir \"/usr/share/doc/s3mirror/docs\""
            ]
        );
    }
}
