//! Buckets of a tenant of Ceph, by their names among all tenants
//! (`tenant:bucket`): for the tenant's own user and for one without a tenant.

use super::{goes_up, is_quiet, tree_with};
use crate::support::{
    Dir, World, assert_same,
    run::Run,
    servers::{
        RealServer,
        ceph::{GUEST, TENANT},
    },
};

on_server! { ceph, "needs Ceph; `cargo xtask test` runs it",
    a_bucket_is_mirrored_by_its_name_among_all_tenants
    doctor_finds_the_bucket_of_a_tenant_fit
}

/// Whether as the tenant's own user.
fn access(run: Run, is_own: bool) -> Run {
    let (key, secret) = GUEST;
    if is_own {
        return run;
    }
    run.env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .secret(secret)
}

fn world(server: &RealServer) -> (World<'_>, String) {
    let world = World::on(server);
    server.allow(&world.bucket.name, "arn:aws:iam:::user/guest");
    let name = format!("{}:{}", TENANT, world.bucket.name);
    (world, name)
}

fn a_bucket_is_mirrored_by_its_name_among_all_tenants(server: &RealServer) {
    for is_own in [true, false] {
        let (world, name) = world(server);
        let dir = tree_with(&world, "sub/c d");
        let run = |command, dir: &Dir| {
            let run = world.command_at(&[command, "--yes"], dir, &name);
            let run = run.args(["--part-size", "5MiB", "--max-delete", "100%"]);
            // What the guest writes belongs to the guest.
            access(run, is_own).env("S3MIRROR_ACL", "bucket-owner-full-control")
        };
        run("backup", &dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        is_quiet(run("backup", &dir));
        dir.remove("gone");
        dir.write_now("a", "longer");
        super::the_second_passes();
        run("backup", &dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        let elsewhere = world.dir("elsewhere");
        run("restore", &elsewhere).done();
        assert_same(&elsewhere.contents(), &dir.contents());
        if is_own {
            // It is the bucket that the user knows without the tenant.
            goes_up(&world, &dir);
        }
    }
}

fn doctor_finds_the_bucket_of_a_tenant_fit(server: &RealServer) {
    for is_own in [true, false] {
        let (world, name) = world(server);
        let run = world.s3mirror().args(["doctor", "--bucket", &name]);
        access(run, is_own).done().says("fit for backup");
    }
}
