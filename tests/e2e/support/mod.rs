//! The vocabulary of the end-to-end tests, so that they read as sentences:
//!
//! ```text
//! let world = World::on(server);                 a server, a fresh bucket, a sandbox
//! let dir = world.tree("photos", &[("a/b", "text")]);
//! world.backup(&dir).done();                     the binary runs; exit status 0
//! assert_same(&dir.contents(), &world.bucket.contents());
//! ```
//!
//! In the order in which to read: `world` ties together a `server` (`memory`, or
//! one of the real `servers`), a `sandbox` and its trees, and `run`, which runs
//! the `binary`, if need be under `strace`, and can `wait` for what it does.
//! `content` says what is compared, and how it is shown.

pub(crate) mod world;

mod outcome;
pub(crate) mod run;
pub(crate) mod sandbox;

pub(crate) mod content;
pub(crate) mod times;

pub(crate) mod batch;
pub(crate) mod cluster;
pub(crate) mod customer_key;
pub(crate) mod dice;
pub(crate) mod faults;
pub(crate) mod kubernetes;
pub(crate) mod memory;
pub(crate) mod plans;
pub(crate) mod server;
pub(crate) mod servers;
pub(crate) mod slurm;

pub(crate) mod awscli;
mod binary;
pub(crate) mod docs;
pub(crate) mod edits;
pub(crate) mod mount;
pub(crate) mod strace;
pub(crate) mod wait;
pub(crate) mod watch;

pub(crate) use content::{Content, Stored, assert_same};
pub(crate) use memory::Memory;
pub(crate) use outcome::Outcome;
pub(crate) use sandbox::{Dir, Node, RESTORE_MARK, Sandbox};
pub(crate) use server::Server;
pub(crate) use world::World;

/// Each function named, as a test over every server. A plain `cargo test` runs
/// those over the server in memory.
macro_rules! on_all_servers {
    ($($name:ident)*) => {
        mod memory {
            $(
                #[test]
                fn $name() {
                    super::$name(&$crate::support::Memory::start());
                }
            )*
        }

        on_real_servers! { $($name)* }
    };
}

/// Each function named, as a test over every server that other people wrote.
macro_rules! on_real_servers {
    ($($name:ident)*) => {
        on_server! { seaweedfs, "needs SeaweedFS; `cargo xtask test` runs it", $($name)* }
        on_server! { ceph, "needs Ceph; `cargo xtask test` runs it", $($name)* }
        on_server! { juicefs, "needs JuiceFS; `cargo xtask test` runs it", $($name)* }
        on_server! { swift, "needs Swift; `cargo xtask test --all-servers` runs it", $($name)* }
        on_server! { garage, "needs Garage; `cargo xtask test --all-servers` runs it", $($name)* }
        on_server! { moto, "needs moto; `cargo xtask test --all-servers` runs it", $($name)* }
    };
}

/// Each function named, as a test over the server of one module of `servers`.
macro_rules! on_server {
    ($server:ident, $reason:literal, $($name:ident)*) => {
        mod $server {
            $(
                #[test]
                #[ignore = $reason]
                fn $name() {
                    super::$name($crate::support::servers::$server::SERVER.get());
                }
            )*
        }
    };
}
