//! S3 servers that other people wrote, one module a server: how it is started,
//! and what it cannot do.
//!
//! One runs for the whole test program. The first test that asks for it starts
//! it, and it ends with the test program, however that ends (`guardian`). The
//! programs are installed by `cargo xtask test`, which names them in the
//! environment, or come with Debian and are looked for in the `PATH`.

mod client;
pub(crate) mod guardian;
mod limits;

pub(crate) mod ceph;
pub(crate) mod garage;
pub(crate) mod juicefs;
pub(crate) mod moto;
pub(crate) mod seaweedfs;
pub(crate) mod swift;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use client::Client;
pub(crate) use guardian::{Guardian, free_ports, free_range};
pub(crate) use limits::Limits;

use super::{Server, Stored};

/// How a server is started, and what is known of it.
pub(crate) struct Recipe {
    /// As people call it.
    pub(crate) name: &'static str,
    /// Starts it in the guardian's directory and returns when it listens.
    pub(crate) start: fn(&Guardian) -> Result<Access, String>,
    pub(crate) limits: Limits,
    /// The options that `doctor` names for it; none where the defaults do.
    pub(crate) options: &'static [&'static str],
}

/// Where a server is, and who may use it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) region: &'static str,
}

/// A running server.
pub(crate) struct RealServer {
    recipe: &'static Recipe,
    access: Access,
    client: Client,
    /// Ends the server with this program.
    _guardian: Guardian,
}

impl Access {
    /// A server on this machine.
    fn at(port: u16, key: &str, secret: &str) -> Self {
        Self {
            url: format!("http://127.0.0.1:{port}"),
            key: key.to_owned(),
            secret: secret.to_owned(),
            region: "us-east-1",
        }
    }

    fn in_region(self, region: &'static str) -> Self {
        Self { region, ..self }
    }
}

/// The one server of its kind in this test program.
pub(crate) struct Only {
    recipe: Recipe,
    server: OnceLock<Result<RealServer, String>>,
}

impl Only {
    const fn new(recipe: Recipe) -> Self {
        Self {
            recipe,
            server: OnceLock::new(),
        }
    }

    /// Started if it does not run yet. One that does not start fails all tests
    /// that need it alike.
    #[track_caller]
    pub(crate) fn get(&'static self) -> &'static RealServer {
        let server = self.server.get_or_init(|| RealServer::start(&self.recipe));
        server
            .as_ref()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.recipe.name))
    }
}

impl RealServer {
    fn start(recipe: &'static Recipe) -> Result<Self, String> {
        let mut result = Err(String::new());
        // Somebody else may take a port between our choice and its use.
        for _ in 0..3 {
            result = Self::try_to_start(recipe);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn try_to_start(recipe: &'static Recipe) -> Result<Self, String> {
        // On a disk, as the sources are: a temporary directory in memory may
        // lack extended attributes.
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let guardian = Guardian::new(&recipe.name.to_lowercase().replace(' ', "-"), place);
        let access = (recipe.start)(&guardian)?;
        let client = Client::new(&access);
        client.wait_until_it_stores()?;
        Ok(Self {
            recipe,
            access,
            client,
            _guardian: guardian,
        })
    }
}

/// What a bucket keeps of what is overwritten or deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keeping {
    Versions,
    /// No longer, but the versions that there are.
    Suspended,
}

impl RealServer {
    /// Sets what the bucket keeps; the reason, where it keeps nothing.
    pub(crate) fn set(&self, bucket: &str, keeping: Keeping) -> Result<(), String> {
        self.client.set(bucket, keeping)
    }

    /// A bucket in which everything is kept for a day, unless somebody with the
    /// right to do so says otherwise.
    pub(crate) fn create_locked_bucket(&self, bucket: &str) -> Result<(), String> {
        self.client.create_locked_bucket(bucket)
    }

    /// Allows everything in a bucket to a user whose name AWS would write so.
    pub(crate) fn allow(&self, bucket: &str, principal: &str) {
        self.client.allow(bucket, principal);
    }

    /// Deletes an object as another client does.
    pub(crate) fn delete(&self, bucket: &str, key: &str) {
        self.client.delete(bucket, key);
    }

    /// The versions and delete markers in a bucket: key and name.
    pub(crate) fn versions(&self, bucket: &str) -> Vec<(String, String)> {
        self.client.versions(bucket)
    }
}

impl Server for RealServer {
    fn name(&self) -> &'static str {
        self.recipe.name
    }

    fn url(&self) -> String {
        self.access.url.clone()
    }

    fn credentials(&self) -> (&str, &str) {
        (&self.access.key, &self.access.secret)
    }

    fn region(&self) -> &'static str {
        self.access.region
    }

    fn limits(&self) -> &Limits {
        &self.recipe.limits
    }

    fn options(&self) -> &'static [&'static str] {
        self.recipe.options
    }

    fn create_bucket(&self, bucket: &str) {
        self.client.create_bucket(bucket);
    }

    fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        self.client.put(bucket, key, content);
    }

    fn objects(&self, bucket: &str) -> BTreeMap<String, Stored> {
        self.client.objects(bucket)
    }

    fn unfinished_uploads(&self, bucket: &str) -> Option<Vec<String>> {
        self.client.unfinished_uploads(bucket)
    }
}

/// The program that `cargo xtask test` has installed and named in `variable`.
fn installed(variable: &str) -> Result<OsString, String> {
    std::env::var_os(variable).ok_or_else(|| {
        format!(
            "{variable} must name its program; `cargo xtask test` installs it (some servers \
             only with --all-servers) and runs this test"
        )
    })
}

/// A program of the system, which may be where only root has its `PATH`.
fn of_the_system(program: &str, package: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&path).collect();
    places.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut found = places.iter().map(|place| place.join(program));
    found
        .find(|path| path.is_file())
        .ok_or_else(|| format!("there is no {program} (Debian: apt-get install {package})"))
}

/// The user who runs the tests.
fn user() -> String {
    let output = std::process::Command::new("id").arg("-un").output();
    String::from_utf8(output.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}
