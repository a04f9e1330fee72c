//! `cargo xtask ci`: what every change must pass, in the order of cost. CI runs
//! exactly this.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    circles, demo, dist, instructions, sources,
    step::{cargo, output, run as run_program, step},
    test, tools,
};

/// Runs every check, names all that failed, and closes with the count of the
/// tests.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    let mut check = |name: &str, work: fn() -> Result<()>| {
        failed.extend(step(name, work).err());
    };
    check("formatting", || {
        run_program(&mut cargo(["fmt", "--all", "--check"]))
    });
    check(
        "each file opens with its purpose",
        sources::open_with_purpose,
    );
    check("the core is pure", core_is_pure);
    check("imports form no circle", circles::none);
    check("licences, bans and sources of dependencies", dependencies);
    check("packages of the libraries", packages);
    check("lints", || {
        let arguments = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        run_program(&mut cargo(arguments))
    });
    check("docs", || {
        // As docs.rs does.
        let mut docs = cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
        run_program(docs.env("RUSTDOCFLAGS", "-D warnings"))
    });
    let tests = test::run(test::Servers::Usual);
    check("demo", || demo::run(None));
    check("distribution", || dist::run(dist::Profile::Dev));
    check("instructions", instructions::run);

    // Last, where whoever reads the log (or counts its tests) looks.
    println!();
    match tests {
        Ok(tally) => println!("{tally}"),
        Err(error) => failed.push(error),
    }
    if failed.is_empty() {
        return Ok(());
    }
    let failed: Vec<String> = failed.iter().map(|error| format!("{error:#}")).collect();
    bail!("\n{}", failed.join("\n"));
}

/// The core decides; it performs no I/O and knows neither runtime nor AWS, not
/// even through a dependency (ARCHITECTURE, invariants).
fn core_is_pure() -> Result<()> {
    sources::core_is_pure()?;
    let tree = [
        "tree",
        "--package",
        "sync-core",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ];
    let tree = output(&mut cargo(tree))?;
    let impure: Vec<&str> = tree
        .lines()
        .filter(|line| line.starts_with("tokio") || line.starts_with("aws"))
        .collect();
    if !impure.is_empty() {
        bail!("sync-core depends on {}", impure.join(", "));
    }
    Ok(())
}

/// The libraries can be packaged, as for crates.io.
fn packages() -> Result<()> {
    let mut package = cargo(["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for library in ["sync-core", "sync-fs", "sync-s3", "s3mirror"] {
        package.args(["--package", library]);
    }
    run_program(&mut package)
}

/// Without the advisories: their database is a git repository, which CI cannot
/// reach.
fn dependencies() -> Result<()> {
    let mut deny = Command::new(tools::cargo_deny()?);
    deny.args([
        "--workspace",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]);
    run_program(&mut deny)
}
