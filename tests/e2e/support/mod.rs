//! The vocabulary of the end-to-end tests, so that they read as sentences:
//!
//! ```text
//! let world = World::on(server);                 a server, a fresh bucket, a sandbox
//! let dir = world.tree("photos", &[("a/b", "text")]);
//! world.backup(&dir).done();                     the binary runs; exit status 0
//! assert_same(&dir.contents(), &world.bucket.contents());
//! ```
//!
//! In the order in which to read: `world` ties together a `server` (with its
//! two kinds, `memory` and `weed`), a `sandbox` and its trees, and `run`, which
//! runs the `binary`, if need be under `strace`. `content` says what is compared, and how it is shown.

pub(crate) mod world;

mod outcome;
pub(crate) mod run;
pub(crate) mod sandbox;

pub(crate) mod content;
pub(crate) mod times;

pub(crate) mod faults;
pub(crate) mod memory;
pub(crate) mod plans;
pub(crate) mod server;
pub(crate) mod weed;

pub(crate) mod awscli;
mod binary;
pub(crate) mod strace;

pub(crate) use content::{Content, Stored, assert_same};
pub(crate) use memory::Memory;
pub(crate) use outcome::Outcome;
pub(crate) use sandbox::{Dir, Node, Sandbox};
pub(crate) use server::Server;
pub(crate) use world::World;

/// Each function named, as a test over either server.
macro_rules! on_both_servers {
    ($($name:ident)*) => {
        mod memory {
            $(
                #[test]
                fn $name() {
                    super::$name(&$crate::support::Memory::start());
                }
            )*
        }

        mod seaweedfs {
            $(
                #[test]
                #[ignore = "needs SeaweedFS; `cargo xtask test` runs it"]
                fn $name() {
                    super::$name($crate::support::weed::weed());
                }
            )*
        }
    };
}
