//! The store keeps the contract of every store over two services of `opendal`,
//! each with what it can do.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is what a test is for"
)]

use opendal::{Operator, services};
use opendal_store::OpendalStore;
use sync_core::testing::{Clause, store_contract};

fn check(clause: &Clause, operator: Operator) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(clause.check(&OpendalStore::new(operator)));
}

mod memory {
    use super::*;

    fn with_store(clause: &Clause) {
        check(clause, Operator::new(services::Memory::default()).unwrap());
    }

    // It keeps neither times nor ETags, and creates in one step.
    store_contract!(
        with_store,
        part_size: 8,
        revisions: false,
        conditional_delete: false,
    );
}

mod fs {
    use super::*;

    fn with_store(clause: &Clause) {
        let dir = tempfile::tempdir().unwrap();
        let (root, temporary) = (dir.path().join("root"), dir.path().join("temporary"));
        let service = services::Fs::default()
            .root(root.to_str().unwrap())
            .atomic_write_dir(temporary.to_str().unwrap());
        check(clause, Operator::new(service).unwrap());
    }

    // It lists as the file system does, and looks before it renames.
    store_contract!(
        with_store,
        part_size: 8,
        ordered: false,
        revisions: false,
        conditional_write: false,
        conditional_delete: false,
    );
}
