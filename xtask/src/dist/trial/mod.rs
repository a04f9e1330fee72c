//! Installs each file of a release into a place of its own, with nothing else of this
//! machine named to it, and uses it there: a backup to the S3 server in memory and a
//! restore, compared byte for byte.
//!
//! The commands for the archive and the wheel are those of `docs/installing.md`. The
//! packages and the image take root, as a system does that they are installed on.

mod context;
mod fences;
mod image;
mod packages;

use std::{fs, path::Path};

use anyhow::{Result, ensure};

use super::release::{Release, empty};
use crate::{
    endpoint::Endpoint,
    step::{self, step},
};
use context::{BUCKET, Trial};

/// Installs and uses everything.
pub(super) fn run(release: &Release) -> Result<()> {
    let home = empty(release.work.join("trial"))?;
    let source = empty(home.join("source"))?;
    fs::create_dir(source.join("below"))?;
    fs::write(source.join("below/small"), "of a few bytes")?;
    fs::write(source.join("large"), vec![7; 20 << 20])?;
    let endpoint = Endpoint::start(&home, BUCKET)?;
    let trial = Trial {
        release,
        endpoint,
        home,
        source,
    };
    step("archive and wheel, as documented", || documented(&trial))?;
    if !step::is_root()? {
        println!("skipped: installing the packages and the image, which only root can");
        return Ok(());
    }
    step("Debian package, installed", || packages::deb(&trial))?;
    step("RPM package, installed", || packages::rpm(&trial))?;
    step("OCI image, run", || image::run(&trial))
}

/// Runs the commands of the page, and uses what they have installed.
fn documented(trial: &Trial<'_>) -> Result<()> {
    let page = fs::read_to_string(step::root()?.join("docs/installing.md"))?;
    let scripts = fences::of(&page);
    ensure!(
        !scripts.is_empty(),
        "no command to run in docs/installing.md"
    );
    for script in scripts {
        let mut shell = trial.program(Path::new("/bin/sh"))?;
        shell.current_dir(&trial.release.dist);
        // Where programs of the system are; nothing of the caller's.
        shell.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        step::run(shell.args(["-e", "-u", "-c", &script]))?;
    }
    for installed in [".local/bin/s3mirror", ".local/s3mirror/bin/s3mirror"] {
        trial.used(&installed.replace('/', "-"), &trial.home.join(installed))?;
    }
    Ok(())
}
