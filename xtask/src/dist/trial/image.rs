//! The OCI image, run: as a container of buildah, or by chroot where the kernel lets no
//! container run, as in many containers.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::context::{Trial, mirror};
use crate::{
    dist::{
        image,
        release::{Release, empty},
    },
    step::{self, output},
    tree,
};

/// The user of the image, who has no name in it.
const USER: u32 = 65532;

/// Runs what the archive holds.
pub(super) fn run(trial: &Trial<'_>) -> Result<()> {
    let mut container = Container::of(trial.release)?;
    container.is_as_described()?;
    let version = container.program(&[]).arg("--version").output()?;
    if !version.status.success() {
        let why = String::from_utf8_lossy(&version.stderr);
        println!("no container can be run here, so by chroot: {}", why.trim());
        container.way = Way::Chroot;
    }
    trial.is_ours(&output(container.program(&[]).arg("--version"))?)?;

    // In the container, so that no volume is needed.
    let data = container.root.join("data");
    tree::copy_sources(&trial.source, &data.join("source"))?;
    let restored = empty(data.join("restored"))?;
    chown(&restored, Some(USER), Some(USER))?;
    for (command, dir) in [("backup", "/data/source"), ("restore", "/data/restored")] {
        let mut run = container.program(trial.endpoint.exports());
        step::run(run.args(mirror(command, Path::new(dir), "image")))?;
    }
    trial.compare(&restored)
}

/// A container of the image.
struct Container<'a> {
    release: &'a Release,
    name: String,
    root: PathBuf,
    way: Way,
}

/// How its program is run.
#[derive(PartialEq, Eq)]
enum Way {
    /// In namespaces, with the capabilities of a container.
    Container,
    /// As a plain process with another root.
    Chroot,
}

impl<'a> Container<'a> {
    fn of(release: &'a Release) -> Result<Self> {
        let archive = format!("oci-archive:{}", image::archive(release)?.display());
        let mut from = image::buildah(release);
        let name = output(from.args(["from", "--quiet", &archive]))?
            .trim()
            .to_owned();
        let root = output(image::buildah(release).args(["mount", &name]))?;
        let root = PathBuf::from(root.trim());
        Ok(Self {
            release,
            name,
            root,
            way: Way::Container,
        })
    }

    /// A field of the image's configuration.
    fn config(&self, field: &str) -> Result<String> {
        let format = format!("{{{{{field}}}}}");
        let mut inspect = image::buildah(self.release);
        let text = output(inspect.args(["inspect", "--format", &format, &self.name]))?;
        Ok(text.trim().to_owned())
    }

    /// Whether the image has the program and nothing else, and says so.
    fn is_as_described(&self) -> Result<()> {
        for (field, wanted) in [
            ("User", "65532:65532"),
            ("Entrypoint", "[/usr/bin/s3mirror]"),
        ] {
            let found = self.config(&format!(".OCIv1.Config.{field}"))?;
            ensure!(found == wanted, "{field} is {found} instead of {wanted}");
        }
        for (name, wanted) in image::labels(self.release)? {
            let field = format!("index .OCIv1.Config.Labels \"org.opencontainers.image.{name}\"");
            let found = self.config(&field)?;
            ensure!(
                found == wanted,
                "label {name} is '{found}' instead of '{wanted}'"
            );
        }
        let licences =
            ["MIT", "APACHE"].map(|it| format!("/usr/share/licenses/s3mirror/LICENSE-{it}"));
        let mut wanted = image::libraries(self.release)?;
        wanted.extend(["/usr/bin/s3mirror", image::CERTIFICATES].map(str::to_owned));
        wanted.extend(licences);
        wanted.sort();
        let found = files(&self.root)?;
        ensure!(found == wanted, "the image holds {found:#?}");
        Ok(())
    }

    /// The program of the image as its user, in an environment of the image's and `more`.
    fn program(&self, more: &[(String, String)]) -> Command {
        if self.way == Way::Chroot {
            let mut program = Command::new("/usr/sbin/chroot");
            program
                .arg(format!("--userspec={USER}:{USER}"))
                .arg(&self.root);
            program.env_clear().env("XDG_STATE_HOME", "/var/lib");
            program.envs(more.iter().map(|(name, value)| (name, value)));
            program.arg("/usr/bin/s3mirror");
            return program;
        }
        let mut program = image::buildah(self.release);
        program.args(["run", "--isolation=chroot", "--network=host"]);
        program.args(
            more.iter()
                .map(|(name, value)| format!("--env={name}={value}")),
        );
        program.args([&self.name, "--", "/usr/bin/s3mirror"]);
        program
    }
}

/// The paths of all files below `root`, as those see them who live there.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                directories.push(path);
            } else {
                let path = path.strip_prefix(root).context("outside of the image")?;
                found.push(format!("/{}", path.display()));
            }
        }
    }
    found.sort();
    Ok(found)
}
