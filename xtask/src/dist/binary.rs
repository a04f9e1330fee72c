//! The binary of a release, its man pages and completions.
//!
//! The binary is static where musl is there, its toolchain target and its C
//! compiler. Else it is linked with the C library of this machine, and the task
//! says so: glibc cannot be linked statically without losing name resolution.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::step::{self, cargo, output, run};

const MUSL: &str = "x86_64-unknown-linux-musl";

/// How the binary is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As it is released; takes minutes.
    Release,
    /// Quickly, to try the packaging.
    Dev,
}

/// A way to build the binary.
pub(super) struct Build {
    profile: Profile,
    /// The target of a static binary.
    pub(super) triple: Option<&'static str>,
}

impl Build {
    /// The best one that this machine can do.
    pub(super) fn here(profile: Profile) -> Result<Self> {
        let is_static = profile == Profile::Release && is_musl_here()?;
        let triple = is_static.then_some(MUSL);
        Ok(Self { profile, triple })
    }

    /// Builds it and says where it is.
    pub(super) fn run(&self) -> Result<PathBuf> {
        if self.profile == Profile::Dev {
            step::build_binaries()?;
            return step::binary("s3mirror");
        }
        // Only the product: fat LTO takes its time for each binary.
        let mut build = cargo(["build", "--release", "--locked", "--package", "sync-cli"]);
        if let Some(triple) = self.triple {
            build.args(["--target", triple]);
            // C code of the TLS library, too.
            build.env("CC_x86_64_unknown_linux_musl", "musl-gcc");
        }
        run(&mut build)?;
        let target = step::target()?;
        let path = self.triple.map_or(target.clone(), |it| target.join(it));
        Ok(path.join("release/s3mirror"))
    }

    /// Takes out what a debugger reads, if it is in there: packages of it take long.
    pub(super) fn strip(&self, binary: &Path) -> Result<()> {
        match self.profile {
            Profile::Release => Ok(()),
            Profile::Dev => run(Command::new("strip").arg("--strip-debug").arg(binary)),
        }
    }

    /// How hard cargo-deb compresses.
    pub(super) fn compression(&self) -> Option<&'static str> {
        (self.profile == Profile::Dev).then_some("--fast")
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.triple {
            Some(_) => f.write_str("static binary: it runs on any Linux of this architecture"),
            None => write!(
                f,
                "DYNAMIC binary: it needs the glibc of this machine or a newer one. For a static \
                 one: `rustup target add {MUSL}` and musl-gcc (Debian: apt-get install musl-tools)"
            ),
        }
    }
}

/// Whether the standard library for musl and its C compiler are installed.
fn is_musl_here() -> Result<bool> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(MUSL);
    let compiler = Command::new("musl-gcc").arg("--version").output();
    Ok(library.join("lib").is_dir() && compiler.is_ok_and(|it| it.status.success()))
}

/// Made by a program of the product's own package, built as the tests are.
pub(super) fn manual(dist: &Path) -> Result<()> {
    run(&mut cargo(["build", "--workspace", "--example", "manual"]))?;
    let program = step::target()?.join("debug/examples/manual");
    run(Command::new(program).arg(dist))?;
    let pages = fs::read_dir(dist.join("man"))?.count();
    ensure!(pages > 5, "there are only {pages} man pages");
    Ok(())
}
