//! The bill of materials: what the binary was made of, in CycloneDX.
//!
//! cargo-cyclonedx makes it, as a part of maturin, which comes from PyPI in binary form;
//! its own program would be minutes to build. The wheel has it, and it is released beside.

use std::{fs, process::Command};

use anyhow::{Result, ensure};

use super::release::Release;
use crate::step::{self, cargo, output, run};

/// Takes it out of the wheel and checks that it names every dependency.
pub(super) fn make(release: &Release) -> Result<()> {
    let wheel = release.work.join("wheel");
    let mut unpack = Command::new("python3");
    unpack.args(["-m", "zipfile", "--extract"]);
    run(unpack.arg(release.file(".whl")?).arg(&wheel))?;
    let name = format!(
        "s3mirror-{}.dist-info/sboms/sync-cli.cyclonedx.json",
        release.version
    );
    let sbom = fs::read_to_string(wheel.join(name))?;
    // Where it was built is nobody's business.
    let sbom = sbom.replace(&*step::root()?.to_string_lossy(), "");
    let dependencies = dependencies(release)?;
    let missing = missing(&sbom, &dependencies);
    ensure!(missing.is_empty(), "the SBOM lacks {missing:?}");
    let name = format!("s3mirror-{}.cyclonedx.json", release.version);
    fs::write(release.dist.join(name), sbom)?;
    Ok(())
}

/// What the binary is linked with: `name vVERSION`, one a line.
fn dependencies(release: &Release) -> Result<String> {
    let mut tree = cargo(["tree", "--locked", "--package", "sync-cli"]);
    tree.args(["--edges", "normal", "--prefix", "none"]);
    tree.args(
        release
            .build
            .triple
            .map(|it| ["--target", it])
            .into_iter()
            .flatten(),
    );
    output(&mut tree)
}

/// The dependencies that the bill does not name.
fn missing<'a>(sbom: &str, tree: &'a str) -> Vec<&'a str> {
    let named = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let id = format!("\"pkg:cargo/{name}@{version}");
        // The next character ends the version.
        let mut ends = sbom
            .match_indices(&id)
            .map(|(at, _)| sbom.as_bytes().get(at + id.len()));
        Some(ends.any(|end| matches!(end, Some(b'"' | b'?'))))
    };
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines.filter(|line| named(line) != Some(true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_of_another_version_is_missing() {
        let sbom =
            r#""purl": "pkg:cargo/a@1.2.34", "purl": "pkg:cargo/b@0.1.0?download_url=file://b""#;
        let tree = "b v0.1.0 (/b)\na v1.2.34 (*)\na v1.2.3\nc v1.0.0 (proc-macro)\n";
        assert_eq!(missing(sbom, tree), ["a v1.2.3", "c v1.0.0 (proc-macro)"]);
    }
}
