//! A range without a plan that can be used: why, and the command that makes one.

use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::{
    Memory, assert_same,
    cluster::{Cluster, IN_ORDER, different},
};

#[test]
fn an_attempt_to_plan_that_was_stopped_says_so() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let again = |range: usize| {
        let run = cluster.run.display();
        format!("`s3mirror cluster plan {run} --shard {range}` again")
    };
    let hold = Action::Stall(Duration::from_secs(1000));
    for (attempt, (signal, status)) in [("INT", 130), ("TERM", 143)].into_iter().enumerate() {
        memory.inject(Fault::on("ListObjectsV2").always().act(hold.clone()));
        let before = memory.count("ListObjectsV2");
        let plan = cluster.plan(1).trusting().start();
        plan.wait_for(&memory, "ListObjectsV2", before + 1);
        plan.signal(signal);
        let outcome = plan.end().is(status);
        memory.clear_faults();
        outcome
            .says("range 1 is not planned: it was stopped")
            .says(&again(1));
        let failed = &cluster.status()["failed"][0];
        assert_eq!(failed["shard"], 1, "{failed}");
        assert_eq!(failed["attempt"], attempt + 1, "{failed}");
        assert_eq!(failed["why"], "it was stopped");
    }

    // Without --shard, no other range is begun after the signal.
    memory.inject(Fault::on("ListObjectsV2").always().act(hold));
    let before = memory.count("ListObjectsV2");
    let all = cluster.phase("plan").trusting().start();
    all.wait_for(&memory, "ListObjectsV2", before + 1);
    all.signal("TERM");
    let outcome = all.end().is(143).says("is not planned: it was stopped");
    assert_eq!(outcome.stderr.matches("it was stopped").count(), 1);
    memory.clear_faults();

    cluster.phase("plan").done();
    cluster.seal().done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}
