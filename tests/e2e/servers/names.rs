//! Names that a server cannot keep: a clear message, everything else is done,
//! and nothing is deleted meanwhile.

use super::path_of;
use crate::support::{Server, World};

on_all_servers! {
    a_name_that_the_server_cannot_keep_is_named_and_the_others_go_up
}

fn a_name_that_the_server_cannot_keep_is_named_and_the_others_go_up(server: &dyn Server) {
    let limits = server.limits();
    let mut names: Vec<String> = limits
        .loses
        .iter()
        .map(|lost| format!("x{lost}y"))
        .collect();
    if limits.key_bytes < 1000 {
        names.push(path_of(limits.key_bytes + 1));
        names.push(path_of(950));
    }
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1"), ("z", "2")]);
    for name in &names {
        dir.write(name, "cannot be kept");
    }
    // A server that takes it for another name is found out by the next listing.
    world.backup(&dir).run();
    let objects = world.bucket.contents();
    assert!(objects.contains_key("a") && objects.contains_key("z"));
    dir.remove("z");
    dir.write_now("b", "3");
    if names.is_empty() {
        // Nothing is beyond it: see the hostile tree.
        world.backup(&dir).done();
        return;
    }
    let outcome = world.backup(&dir).exits(3);
    for name in &names {
        let shown = name.escape_debug().to_string();
        let is_named = [name, &shown]
            .iter()
            .any(|name| outcome.stderr.contains(name.as_str()));
        assert!(is_named, "{name:?} is not named by {outcome}");
    }
    assert!(outcome.took.as_secs() < 20, "took too long: {outcome}");
    let objects = world.bucket.contents();
    assert_eq!(objects["b"], "3".into());
    assert!(objects.contains_key("z"), "nothing is deleted: {outcome}");
}
