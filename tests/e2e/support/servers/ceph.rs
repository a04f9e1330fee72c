//! Ceph RGW, from Debian: a monitor, one storage daemon in memory, and the
//! gateway, without authentication among themselves.

use std::{fs, process::Command};

use super::{Access, Guardian, Limits, Only, Recipe, free_ports, free_range, of_the_system};

pub(crate) static SERVER: Only = Only::new(Recipe {
    name: "Ceph RGW",
    start,
    limits: Limits {
        // Only those of a placement that somebody has set up.
        storage_classes: false,
        // Only over https.
        customer_keys: false,
        ..Limits::S3
    },
    options: &[],
});

/// The tenant whose user the tests are. Its buckets have this name before their
/// own for the users of others.
pub(crate) const TENANT: &str = "acme";

/// A user without a tenant: access key and secret.
pub(crate) const GUEST: (&str, &str) = ("ceph-guest", "ceph-secret-of-the-guest");

const PACKAGES: &str = "radosgw ceph-mon ceph-osd";

/// How many ports a storage daemon may choose from; it needs four.
const OSD_PORTS: u16 = 6;

fn start(guardian: &Guardian) -> Result<Access, String> {
    let (key, secret) = ("ceph-access", "ceph-secret-of-the-tests");
    let [gateway, monitor] = free_ports();
    let cluster = uuid();
    let config = configuration(guardian, &cluster, gateway, monitor, free_range(OSD_PORTS));
    guardian.write("ceph.conf", config);
    guardian.mkdir("mon");
    guardian.mkdir("osd");
    let ceph = |program: &str, arguments: &[&str]| -> Result<Command, String> {
        let mut command = Command::new(of_the_system(program, PACKAGES)?);
        command
            .args(["-c", &guardian.path("ceph.conf")])
            .args(arguments);
        command.env_remove("CEPH_ARGS");
        Ok(command)
    };

    let map = guardian.path("monmap");
    let address = format!("[v2:127.0.0.1:{monitor}]");
    let mut create = ceph("monmaptool", &["--create", "--clobber", "--fsid", &cluster])?;
    create.args(["--addv", "a", &address, &map]);
    guardian.run("monmap", &mut create)?;
    let mut create = ceph("ceph-mon", &["-i", "a", "--mkfs", "--monmap", &map])?;
    guardian.run("mon-mkfs", &mut create)?;
    let mut mon = guardian.start("mon", &mut ceph("ceph-mon", &["-i", "a", "-f"])?)?;
    mon.listens(monitor)?;

    let disk = uuid();
    let mut announce = ceph(
        "ceph",
        &["--connect-timeout", "30", "osd", "new", &disk, "0"],
    )?;
    guardian.run("osd-new", &mut announce)?;
    let mut create = ceph("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", &disk])?;
    guardian.run("osd-mkfs", &mut create)?;
    guardian.start("osd", &mut ceph("ceph-osd", &["-i", "0", "-f"])?)?;

    for (user, key, secret) in [
        (format!("{TENANT}$tests"), key, secret),
        ("guest".to_owned(), GUEST.0, GUEST.1),
    ] {
        let mut create = ceph("radosgw-admin", &["-n", "client.rgw", "user", "create"])?;
        create.args(["--uid", &user, "--display-name", &user]);
        create.args(["--access-key", key, "--secret-key", secret]);
        guardian.run("user", &mut create)?;
    }
    let mut rgw = guardian.start("rgw", &mut ceph("radosgw", &["-n", "client.rgw", "-f"])?)?;
    rgw.listens(gateway)?;
    Ok(Access::at(gateway, key, secret))
}

/// The kernel makes one whenever this is read.
fn uuid() -> String {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid");
    uuid.unwrap().trim().to_owned()
}

fn configuration(
    guardian: &Guardian,
    cluster: &str,
    gateway: u16,
    monitor: u16,
    osd: u16,
) -> String {
    let dir = guardian.dir().display();
    let osd_last = osd + OSD_PORTS - 1;
    format!(
        r#"[global]
fsid = {cluster}
mon initial members = a
mon host = v2:127.0.0.1:{monitor}
auth cluster required = none
auth service required = none
auth client required = none
# The gateway asks for an encrypted connection by default, which needs keys.
ms mon client mode = crc
ms client mode = crc
ms bind ipv4 = true
ms bind ipv6 = false
ms bind msgr1 = false
ms bind port min = {osd}
ms bind port max = {osd_last}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = {dir}
log file = {dir}/$name.log
log to stderr = false
err to stderr = true
mon cluster log file = {dir}/cluster.log
admin socket =
pid file =
# One copy of everything, in as few pieces as it takes.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
[mon]
# Pools are created one by one, each of which waits for a proposal: 12 s
# instead of one with the defaults.
paxos propose interval = 0.02
paxos min wait = 0.01
mon data = {dir}/mon
mon data avail crit = 1
[osd]
osd data = {dir}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd class load list = *
osd class default list = *
osd max object name len = 2048
osd max object namespace len = 256
osd op num threads per shard = 1
osd op num shards = 2
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw thread pool size = 32
rgw num rados handles = 1
rgw enable usage log = false
# What was deleted gives its memory back within seconds, not hours.
rgw gc obj min wait = 5
rgw gc processor period = 10
rgw run sync thread = false
rgw dns name =
"#
    )
}
