//! What each test starts from: a server, a bucket of its own and a sandbox.

use super::{Dir, Sandbox, Server, awscli::AwsCli, run::Run, server::Bucket};

/// A server, a fresh bucket on it and a sandbox.
pub(crate) struct World<'s> {
    pub(crate) bucket: Bucket<'s>,
    pub(crate) sandbox: Sandbox,
}

impl<'s> World<'s> {
    pub(crate) fn on(server: &'s dyn Server) -> Self {
        Self {
            bucket: Bucket::fresh(server),
            sandbox: Sandbox::new(),
        }
    }

    /// A bucket with `objects`, and a directory with `files` that were last
    /// changed long ago.
    pub(crate) fn with(
        server: &'s dyn Server,
        objects: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> (Self, Dir) {
        let world = Self::on(server);
        for (key, text) in objects {
            world.bucket.put(key, text);
        }
        let dir = world.tree("dir", files);
        (world, dir)
    }

    /// A directory and a bucket between which each direction has something to
    /// copy, to overwrite, to delete and to keep.
    pub(crate) fn different(server: &'s dyn Server) -> (Self, Dir) {
        let objects = [("gone", "1"), ("same", "22"), ("size", "333")];
        let files = [
            ("new", "5"),
            ("same", "22"),
            ("size", "4444"),
            ("sub/x", "6"),
        ];
        Self::with(server, &objects, &files)
    }

    /// An old version of the object `film`, a new one of its file, and an object
    /// to delete.
    pub(crate) fn with_a_film(server: &'s dyn Server, film: Vec<u8>) -> (Self, Dir) {
        let objects = [("film", "the old one"), ("gone", "1")];
        let (world, dir) = Self::with(server, &objects, &[]);
        dir.write("film", film);
        (world, dir)
    }

    /// An empty directory.
    pub(crate) fn dir(&self, name: &str) -> Dir {
        self.sandbox.dir(name)
    }

    /// A directory with files that were last changed long ago.
    pub(crate) fn tree(&self, name: &str, files: &[(&str, &str)]) -> Dir {
        self.sandbox.tree(name, files)
    }

    /// s3mirror with access to the server, and nothing said yet.
    pub(crate) fn s3mirror(&self) -> Run {
        self.with_access(Run::new(&self.sandbox))
    }

    /// An example of the library, with access to the server.
    pub(crate) fn example(&self, name: &str) -> Run {
        let run = self.with_access(Run::of_example(&self.sandbox, name));
        // The examples know nothing of the variables of the program.
        run.env("AWS_ENDPOINT_URL", self.bucket.server.url())
    }

    /// The same as a user with no rights.
    pub(crate) fn s3mirror_as_nobody(&self) -> Run {
        self.with_access(Run::as_nobody(&self.sandbox))
    }

    fn with_access(&self, run: Run) -> Run {
        let server = self.bucket.server;
        let (key, secret) = server.credentials();
        let run = run
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", server.region())
            .env("S3MIRROR_ENDPOINT_URL", server.url())
            .secret(secret);
        let options = server.options().iter().map(|option| as_variable(option));
        options.fold(run, |run, (name, value)| run.env(&name, value))
    }

    /// `s3mirror COMMAND… --dir DIR --bucket BUCKET`.
    pub(crate) fn command(&self, command: &[&str], dir: &Dir) -> Run {
        self.command_at(command, dir, &self.bucket.name)
    }

    /// The same with another place than the whole bucket.
    pub(crate) fn command_at(&self, command: &[&str], dir: &Dir, place: &str) -> Run {
        let run = self.s3mirror().args(command).arg("--dir").arg(dir.path());
        run.args(["--bucket", place])
    }

    /// A backup that asks nothing.
    pub(crate) fn backup(&self, dir: &Dir) -> Run {
        self.command(&["backup"], dir).arg("--yes")
    }

    /// A restore that asks nothing.
    pub(crate) fn restore(&self, dir: &Dir) -> Run {
        self.command(&["restore"], dir).arg("--yes")
    }

    pub(crate) fn mock_backup(&self, dir: &Dir) -> Run {
        self.command(&["mock", "backup"], dir)
    }

    pub(crate) fn mock_restore(&self, dir: &Dir) -> Run {
        self.command(&["mock", "restore"], dir)
    }

    /// Expects that `work` asks the server for nothing but lists, where it can
    /// tell.
    #[track_caller]
    pub(crate) fn only_lists<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self
            .bucket
            .server
            .requests()
            .map_or(0, |requests| requests.len());
        let result = work();
        let mut asked = self
            .bucket
            .server
            .requests()
            .unwrap_or_default()
            .split_off(before);
        asked.retain(|operation| !operation.starts_with("List"));
        assert!(asked.is_empty(), "not only lists: {asked:?}");
        result
    }

    /// Expects that `work` asks the server for nothing but lists, and once at
    /// most for the versioning of the bucket, where it can tell.
    #[track_caller]
    pub(crate) fn only_looks<T>(&self, work: impl FnOnce() -> T) -> T {
        let requests = || self.bucket.server.requests().unwrap_or_default();
        let before = requests().len();
        let result = work();
        let mut asked = requests().split_off(before);
        asked.retain(|operation| !operation.starts_with("List"));
        let looks: &[&str] = &["GetBucketVersioning"];
        assert!(
            asked.is_empty() || asked == looks,
            "not only looks: {asked:?}"
        );
        result
    }

    /// Expects that `work` asks the server for nothing but lists, and for what tells
    /// whether the history has holes.
    #[track_caller]
    pub(crate) fn only_looks_at_the_past<T>(&self, work: impl FnOnce() -> T) -> T {
        let requests = || self.bucket.server.requests().unwrap_or_default();
        let before = requests().len();
        let result = work();
        let mut asked = requests().split_off(before);
        asked.retain(|operation| !operation.starts_with("List"));
        let looks: &[&str] = &["GetBucketVersioning", "GetBucketLifecycleConfiguration"];
        assert!(asked == looks, "not only looks: {asked:?}");
        result
    }

    /// Expects that `work` asks the server for nothing at all.
    #[track_caller]
    pub(crate) fn no_requests<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.bucket.server.requests();
        let result = work();
        assert_eq!(self.bucket.server.requests(), before, "no request is made");
        result
    }

    /// The aws command line, with the same access.
    pub(crate) fn aws(&self) -> AwsCli<'_> {
        AwsCli::new(&self.sandbox, &self.bucket)
    }
}

/// An option as the environment has it: `--no-conditional`, `--checksum=md5`.
fn as_variable(option: &'static str) -> (String, &'static str) {
    let (name, value) = option.split_once('=').unwrap_or((option, "true"));
    let name = name.trim_start_matches('-').replace('-', "_");
    (format!("S3MIRROR_{}", name.to_uppercase()), value)
}

#[test]
fn options_go_by_the_environment() {
    let (name, value) = as_variable("--no-conditional");
    assert_eq!((&*name, value), ("S3MIRROR_NO_CONDITIONAL", "true"));
    let (name, value) = as_variable("--checksum=md5");
    assert_eq!((&*name, value), ("S3MIRROR_CHECKSUM", "md5"));
}
