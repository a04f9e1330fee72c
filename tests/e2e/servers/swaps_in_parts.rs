//! A directory whose place is taken by a file that is sent in parts, and the
//! reverse.
//!
//! Not over SeaweedFS 4.48 yet: there an upload in parts is not completed while
//! objects are below its key. It answers with an internal error that does not
//! say so, and a backup ends as incomplete until they are removed.

use super::{lives, swaps::swap};
use crate::support::{Memory, Server, World, content::mebibytes};

mod memory {
    #[test]
    fn a_large_file_takes_the_place_of_a_directory_and_the_reverse() {
        let memory = super::Memory::start();
        super::a_large_file_takes_the_place_of_a_directory_and_the_reverse(&memory);
    }
}

on_server! { ceph, "needs Ceph; `cargo xtask test` runs it",
a_large_file_takes_the_place_of_a_directory_and_the_reverse }
on_server! { juicefs, "needs JuiceFS; `cargo xtask test` runs it",
a_large_file_takes_the_place_of_a_directory_and_the_reverse }
on_server! { swift, "needs Swift; `cargo xtask test --all-servers` runs it",
a_large_file_takes_the_place_of_a_directory_and_the_reverse }
on_server! { garage, "needs Garage; `cargo xtask test --all-servers` runs it",
a_large_file_takes_the_place_of_a_directory_and_the_reverse }
on_server! { moto, "needs moto; `cargo xtask test --all-servers` runs it",
a_large_file_takes_the_place_of_a_directory_and_the_reverse }

fn a_large_file_takes_the_place_of_a_directory_and_the_reverse(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a/1", "1"), ("a/x/2", "2"), ("z", "")]);
    dir.write("b", mebibytes(11, 1));
    lives(&world, &dir, |dir| {
        swap(dir, "a", "b");
    });
}
