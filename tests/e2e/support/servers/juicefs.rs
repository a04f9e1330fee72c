//! The gateway of JuiceFS: the S3 server of MinIO over a file system, here of
//! SQLite and a local directory. Keys are paths, so `a` excludes `a/b`; there
//! are no ETags, and conditions are ignored.

use std::process::Command;

use super::{Access, Guardian, Limits, Only, Recipe, free_ports, installed};

pub(crate) static SERVER: Only = Only::new(Recipe {
    name: "JuiceFS",
    start,
    limits: Limits {
        segment_bytes: 255,
        file_beside_directory: false,
        parts_beside_directory: false,
        storage_classes: false,
        // Only over https.
        customer_keys: false,
        versions: false,
        object_lock: false,
        ..Limits::S3
    },
    options: &[],
});

fn start(guardian: &Guardian) -> Result<Access, String> {
    let (key, secret) = ("juicefs-access", "juicefs-secret-of-the-tests");
    let meta = format!("sqlite3://{}", guardian.path("meta.db"));
    let juicefs = |task: &str| -> Result<Command, String> {
        let mut command = Command::new(installed("S3MIRROR_TEST_JUICEFS")?);
        // It keeps caches and logs in the home directory.
        command.env("HOME", guardian.dir());
        command.arg(task).arg(&meta);
        Ok(command)
    };
    let mut format = juicefs("format")?;
    format.args(["test", "--storage", "file", "--trash-days", "0"]);
    format.args(["--bucket", &(guardian.path("data") + "/")]);
    guardian.run("format", &mut format)?;

    let [port] = free_ports();
    let mut gateway = juicefs("gateway")?;
    gateway.env("MINIO_ROOT_USER", key);
    gateway.env("MINIO_ROOT_PASSWORD", secret);
    gateway.arg(format!("127.0.0.1:{port}"));
    gateway.args(["--no-usage-report", "--multi-buckets"]);
    gateway.args([
        "--cache-size",
        "256",
        "--cache-dir",
        &guardian.path("cache"),
    ]);
    gateway.args(["--metrics", "127.0.0.1:0"]);
    guardian.start("gateway", &mut gateway)?.listens(port)?;
    Ok(Access::at(port, key, secret))
}
