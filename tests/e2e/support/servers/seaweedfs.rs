//! SeaweedFS: one process, several services. It lists in the order of its
//! directories, keeps `a` beside `a/b`, and takes a backslash for a slash.

use std::process::Command;

use super::{Access, Guardian, Limits, Only, Recipe, free_ports, installed};

pub(crate) static SERVER: Only = Only::new(Recipe {
    name: "SeaweedFS",
    start,
    limits: Limits {
        loses: &['\\'],
        // A segment is the name of an entry in its store.
        segment_bytes: 255,
        parts_beside_directory: false,
        ..Limits::S3
    },
    options: &[],
});

fn start(guardian: &Guardian) -> Result<Access, String> {
    let (key, secret) = ("weed-access", "weed-secret-of-the-tests");
    let identities = serde_json::json!({"identities": [{
        "name": "admin",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    guardian.write("s3.json", identities.to_string());
    guardian.mkdir("data");

    let mut command = Command::new(installed("S3MIRROR_TEST_WEED")?);
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]);
    // It must not report to its makers, nor open the ports of its other services.
    command.args([
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]);
    // A bucket takes seven volumes, a server has eight by default.
    command.args(["-volume.max=4000", "-master.volumeSizeLimitMB=256"]);
    command.args(["-s3.autoCreateBucket=false"]);
    command
        .arg(format!("-dir={}", guardian.path("data")))
        .arg(format!("-s3.config={}", guardian.path("s3.json")));
    let services = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    let ports: [u16; 8] = free_ports();
    for (name, port) in services.iter().zip(ports) {
        command.arg(format!("-{name}={port}"));
    }
    guardian.start("weed", &mut command)?.listens(ports[0])?;
    Ok(Access::at(ports[0], key, secret))
}
