//! OpenStack Swift, from Debian, with its S3 face: a proxy and one server of
//! each kind. It knows no conditions for uploads.

use std::{path::Path, process::Command};

use super::{Access, Guardian, Limits, Only, Recipe, free_ports, of_the_system, user};

pub(crate) static SERVER: Only = Only::new(Recipe {
    name: "Swift",
    start,
    limits: Limits {
        storage_classes: false,
        // It passes over them.
        customer_keys: false,
        object_lock: false,
        checks_region: true,
        // It stores some dozens a second.
        many: 1100,
        rounds_times_up: true,
        ..Limits::S3
    },
    options: &[],
});

const PACKAGES: &str = "swift-proxy swift-account swift-container swift-object memcached";

const KINDS: [&str; 3] = ["object", "container", "account"];

fn start(guardian: &Guardian) -> Result<Access, String> {
    let (key, secret) = ("test:tester", "swift-secret-of-the-tests");
    let [proxy, cache, stores @ ..]: [u16; 5] = free_ports();
    for name in ["srv/d1", "etc"] {
        guardian.mkdir(name);
    }
    guardian.write(
        "etc/swift.conf",
        "[swift-hash]\nswift_hash_path_prefix = tests\nswift_hash_path_suffix = tests\n\
         [storage-policy:0]\nname = gold\ndefault = yes\n",
    );
    let mut started = Vec::new();
    let mut memcached = Command::new(of_the_system("memcached", PACKAGES)?);
    memcached.args(["-u", &user(), "-l", "127.0.0.1", "-p", &cache.to_string()]);
    started.push((guardian.start("memcached", &mut memcached)?, cache));
    for (kind, port) in KINDS.into_iter().zip(stores) {
        ring(guardian, kind, port)?;
        let config = store_configuration(guardian, kind, port);
        guardian.write(&format!("etc/{kind}-server.conf"), config);
        started.push((swift(guardian, kind)?, port));
    }
    let config = proxy_configuration(guardian, proxy, cache, secret);
    guardian.write("etc/proxy-server.conf", config);
    started.push((swift(guardian, "proxy")?, proxy));
    for (mut process, port) in started {
        process.listens(port)?;
    }
    Ok(Access::at(proxy, key, secret))
}

fn swift(guardian: &Guardian, kind: &str) -> Result<super::guardian::Process, String> {
    let program = of_the_system(&format!("swift-{kind}-server"), PACKAGES)?;
    let config = guardian.path(&format!("etc/{kind}-server.conf"));
    guardian.start(kind, Command::new(program).arg(config).arg("-v"))
}

/// Which disk has what: one disk has all.
fn ring(guardian: &Guardian, kind: &str, port: u16) -> Result<(), String> {
    let builder = format!("{kind}.builder");
    let disk = format!("r1z1-127.0.0.1:{port}/d1");
    let steps: [&[&str]; 3] = [
        &["create", "4", "1", "0"],
        &["add", &disk, "1"],
        &["rebalance"],
    ];
    for step in steps {
        let mut command = Command::new(of_the_system("swift-ring-builder", PACKAGES)?);
        command.current_dir(guardian.path("etc"));
        // It ends with 1 after a warning, and warns of a single disk.
        let _ = guardian.run("rings", command.arg(&builder).args(step));
    }
    let ring = guardian.path(&format!("etc/{kind}.ring.gz"));
    if Path::new(&ring).is_file() {
        Ok(())
    } else {
        Err(format!("{ring} was not made"))
    }
}

fn common(guardian: &Guardian, port: u16) -> String {
    format!(
        "[DEFAULT]\nswift_dir = {dir}/etc\nbind_ip = 127.0.0.1\nbind_port = {port}\n\
         workers = 0\nuser = {user}\nlog_level = WARNING\n",
        dir = guardian.dir().display(),
        user = user(),
    )
}

fn store_configuration(guardian: &Guardian, kind: &str, port: u16) -> String {
    format!(
        "{common}devices = {dir}/srv\nmount_check = false\ndisable_fallocate = true\n\
         [pipeline:main]\npipeline = {kind}-server\n\
         [app:{kind}-server]\nuse = egg:swift#{kind}\n{versions}",
        common = common(guardian, port),
        dir = guardian.dir().display(),
        versions = if kind == "container" {
            "allow_versions = true\n"
        } else {
            ""
        },
    )
}

fn proxy_configuration(guardian: &Guardian, port: u16, cache: u16, secret: &str) -> String {
    format!(
        r"{common}
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api tempauth slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin .reseller_admin
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
min_segment_size = 1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache}
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
",
        common = common(guardian, port),
    )
}
