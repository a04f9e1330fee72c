//! SeaweedFS: somebody else's S3 server, which lists out of byte order.
//!
//! One process serves the whole test program. It is started by the first test
//! that asks and dies with the test program, however that ends.

use std::{
    collections::BTreeMap,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::DisplayErrorContext,
};
use tokio::runtime::Runtime;

use super::{Server, Stored};

const ACCESS_KEY: &str = "weed-access";
const SECRET_KEY: &str = "weed-secret-of-the-tests";

/// It is up after three seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running SeaweedFS.
pub(crate) struct Weed {
    port: u16,
    client: Client,
    runtime: Runtime,
    /// Holds the other end of the pipe whose closing ends the server.
    _guardian: Child,
}

/// The server of this test program.
pub(crate) fn weed() -> &'static Weed {
    static WEED: OnceLock<Weed> = OnceLock::new();
    WEED.get_or_init(start)
}

fn start() -> Weed {
    let program = std::env::var_os("S3MIRROR_TEST_WEED").expect(
        "S3MIRROR_TEST_WEED must name SeaweedFS' `weed`; `cargo xtask test` installs it and runs \
         this test",
    );
    // Somebody else may take a port between our choice and its use.
    let mut log = String::new();
    for _ in 0..3 {
        let dir = tempfile::Builder::new()
            .prefix("s3mirror-weed-")
            .tempdir()
            .unwrap()
            .keep();
        let ports = free_ports();
        let mut guardian = spawn(Path::new(&program), &dir, ports);
        if is_up(ports[0], &mut guardian) {
            return Weed::connect(ports[0], guardian);
        }
        log = fs::read_to_string(dir.join("log")).unwrap_or_default();
        drop(guardian.stdin.take());
    }
    panic!("SeaweedFS does not start:\n{log}");
}

/// The server, under a shell that waits for the end of its own input: for our
/// end, even by SIGKILL. Then it ends the server and removes its data.
fn spawn(program: &Path, dir: &Path, ports: [u16; 8]) -> Child {
    const GUARDIAN: &str = "dir=$1; shift; \"$@\" >\"$dir/log\" 2>&1 & server=$!; \
        (read -r _; kill -KILL $server 2>/dev/null) <&3 & \
        wait $server 2>/dev/null; rm -rf \"$dir\"";
    let config = dir.join("s3.json");
    let identities = serde_json::json!({"identities": [{
        "name": "admin",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    fs::write(&config, identities.to_string()).unwrap();

    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec 3<&0; {GUARDIAN}"), "sh"])
        .arg(dir)
        .arg(program);
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]);
    // It must not report to its makers, nor open the ports of its other faces.
    command.args([
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]);
    // A bucket takes seven volumes, a server has eight unless told otherwise.
    command.args(["-volume.max=2000", "-master.volumeSizeLimitMB=256"]);
    command.args(["-s3.autoCreateBucket=false"]);
    command
        .arg(option("dir", dir))
        .arg(option("s3.config", &config));
    let faces = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc"];
    let stores = [
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    for (name, port) in faces.iter().chain(&stores).zip(ports) {
        command.arg(format!("-{name}={port}"));
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(format!("-{name}="));
    option.push(path);
    option
}

fn free_ports() -> [u16; 8] {
    let listeners: [TcpListener; 8] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn is_up(port: u16, guardian: &mut Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if guardian.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(100));
    }
    false
}

impl Weed {
    fn connect(port: u16, guardian: Child) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "tests");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .force_path_style(true)
            .build();
        let weed = Self {
            port,
            client: Client::from_conf(config),
            runtime,
            _guardian: guardian,
        };
        weed.wait_until_it_stores();
        weed
    }

    /// The port is open before there is a volume to write to.
    fn wait_until_it_stores(&self) {
        let start = Instant::now();
        loop {
            let answer = self.runtime.block_on(async {
                let (bucket, key) = ("e2e-warm-up", "ready");
                let _ = self.client.create_bucket().bucket(bucket).send().await;
                self.client
                    .put_object()
                    .bucket(bucket)
                    .key(key)
                    .send()
                    .await
            });
            match answer {
                Ok(_) => return,
                Err(error) if start.elapsed() > PATIENCE => {
                    panic!("SeaweedFS stores nothing: {}", DisplayErrorContext(error))
                }
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }
}

impl Server for Weed {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn credentials(&self) -> (&str, &str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    fn create_bucket(&self, bucket: &str) {
        self.runtime
            .block_on(self.client.create_bucket().bucket(bucket).send())
            .unwrap();
    }

    fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let put = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(content.to_vec().into());
        self.runtime.block_on(put.send()).unwrap();
    }

    fn objects(&self, bucket: &str) -> BTreeMap<String, Stored> {
        self.runtime.block_on(async {
            let mut pages = self
                .client
                .list_objects_v2()
                .bucket(bucket)
                .into_paginator()
                .send();
            let mut objects = BTreeMap::new();
            while let Some(page) = pages.next().await {
                for listed in page.unwrap().contents.unwrap_or_default() {
                    let key = listed.key.unwrap();
                    let get = self
                        .client
                        .get_object()
                        .bucket(bucket)
                        .key(&key)
                        .send()
                        .await;
                    let content = get
                        .unwrap()
                        .body
                        .collect()
                        .await
                        .unwrap()
                        .into_bytes()
                        .into();
                    let time = listed.last_modified.unwrap();
                    let modified =
                        chrono::DateTime::from_timestamp(time.secs(), time.subsec_nanos());
                    objects.insert(
                        key,
                        Stored {
                            content,
                            modified: modified.unwrap(),
                        },
                    );
                }
            }
            objects
        })
    }
}
