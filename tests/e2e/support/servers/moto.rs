//! moto: AWS's answers in Python, in memory. It checks no credentials.

use std::process::Command;

use super::{Access, Guardian, Limits, Only, Recipe, free_ports, installed};

pub(crate) static SERVER: Only = Only::new(Recipe {
    name: "moto",
    start,
    limits: Limits {
        // Its framework's routes don't match a line feed in a path.
        loses: &['\n'],
        checks_credentials: false,
        // It answers with a document of another name.
        tells_versioning: false,
        ..Limits::S3
    },
    options: &[],
});

fn start(guardian: &Guardian) -> Result<Access, String> {
    let [port] = free_ports();
    let mut command = Command::new(installed("S3MIRROR_TEST_MOTO")?);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    guardian.start("moto", &mut command)?.listens(port)?;
    Ok(Access::at(port, "moto-access", "moto-secret-of-the-tests"))
}
