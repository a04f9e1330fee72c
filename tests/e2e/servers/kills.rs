//! Killed while a large file goes up: no torn object, and the next run
//! completes and leaves no open upload.

use std::{thread, time::Duration};

use super::{PARTS, comes_back, goes_up, the_second_passes};
use crate::support::{Server, World, content::mebibytes};

on_all_servers! {
    a_backup_that_is_killed_in_a_large_upload_is_completed_by_the_next
}

/// From the start of the program to its end.
const MOMENTS: [u64; 3] = [300, 900, 1500];

fn a_backup_that_is_killed_in_a_large_upload_is_completed_by_the_next(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1"), ("z", "2")]);
    let old = mebibytes(6, 1);
    dir.write("large", &old);
    goes_up(&world, &dir);
    let new = mebibytes(22, 2);
    dir.write_now("large", &new);
    let mut killed = 0;
    for moment in MOMENTS {
        let run = world.backup(&dir).args(PARTS);
        let running = run.args(["--bwlimit", "8MiB"]).start();
        thread::sleep(Duration::from_millis(moment));
        killed += u32::from(running.kill());
        let there = &world.bucket.contents()["large"];
        let is_whole = [&old, &new].iter().any(|content| there.0 == content[..]);
        assert!(is_whole, "{there:?} after {moment} ms");
    }
    assert!(killed > 0, "each was done before it could be killed");

    the_second_passes();
    goes_up(&world, &dir);
    if let Some(uploads) = server.unfinished_uploads(&world.bucket.name) {
        assert_eq!(uploads, [""; 0]);
    }
    comes_back(&world, &dir, &world.dir("elsewhere"));
}
