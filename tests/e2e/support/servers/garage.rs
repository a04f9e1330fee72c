//! Garage: one node with LMDB. Its keys are the keys of that database, which
//! are at most 511 bytes long, and it has no versions.

use std::process::Command;

use super::{Access, Guardian, Limits, Only, Recipe, free_ports, installed};

pub(crate) static SERVER: Only = Only::new(Recipe {
    name: "Garage",
    start,
    limits: Limits {
        key_bytes: 511 - 32,
        versions: false,
        object_lock: false,
        checks_region: true,
        ..Limits::S3
    },
    options: &[],
});

fn start(guardian: &Guardian) -> Result<Access, String> {
    // Both have a form that it checks.
    let key = "GK0123456789abcdef01234567";
    let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let [port, rpc] = free_ports();
    let config = format!(
        r#"metadata_dir = "{dir}/meta"
data_dir = "{dir}/data"
db_engine = "lmdb"
metadata_fsync = false
data_fsync = false
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"
[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:{port}"
"#,
        dir = guardian.dir().display(),
    );
    guardian.write("garage.toml", config);
    let garage = |arguments: &[&str]| -> Result<Command, String> {
        let mut command = Command::new(installed("S3MIRROR_TEST_GARAGE")?);
        command.args(["-c", &guardian.path("garage.toml")]);
        command.args(arguments);
        Ok(command)
    };
    let mut server = garage(&["server", "--single-node", "--default-access-key"])?;
    server.env("GARAGE_DEFAULT_ACCESS_KEY", key);
    server.env("GARAGE_DEFAULT_SECRET_KEY", secret);
    let mut server = guardian.start("garage", &mut server)?;
    server.listens(port)?;
    server.listens(rpc)?;
    // Only a key that may create buckets does.
    let mut allow = garage(&["key", "allow", "--create-bucket", key])?;
    guardian.run("allow", &mut allow)?;
    Ok(Access::at(port, key, secret).in_region("garage"))
}
