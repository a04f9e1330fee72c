//! The stores in memory keep the contract of every store, and each clause fails
//! for a store that breaks it.

mod broken;

use futures::executor::block_on;
use sync_core::testing::{Clause, MemoryStore, store_contract};

use crate::support::{Scheduler, probes};

mod files_in_memory {
    use super::*;

    fn with_store(clause: &Clause) {
        block_on(clause.check(&MemoryStore::files()));
    }

    fn with_broken_store(clause: &Clause) {
        let store = MemoryStore::files();
        store.insert("a", "1", Default::default());
        store.fail_listing_after(1);
        block_on(clause.check(&store));
    }

    store_contract!(
        with_store,
        broken: with_broken_store,
        part_size: 8,
        time_unit: Some(chrono::TimeDelta::nanoseconds(1)),
    );
}

mod objects_in_memory {
    use super::*;

    fn with_store(clause: &Clause) {
        block_on(clause.check(&MemoryStore::objects()));
    }

    store_contract!(with_store, part_size: 8);
}

mod objects_in_directories_in_memory {
    use super::*;

    fn with_store(clause: &Clause) {
        block_on(clause.check(&MemoryStore::objects_in_directories()));
    }

    store_contract!(with_store, part_size: 8);
}

mod a_listing_out_of_order {
    use super::*;

    fn with_store(clause: &Clause) {
        let store = MemoryStore::objects();
        store.list_in_disorder();
        block_on(clause.check(&store));
    }

    store_contract!(with_store, part_size: 8, ordered: false);
}

mod a_watched_store {
    use super::*;

    fn with_store(clause: &Clause) {
        for seed in 0..20 {
            let (scheduler, store) = (Scheduler::new(seed), MemoryStore::objects());
            let (watched, _) = probes(&store, &store);
            let watched = watched.paced(&scheduler);
            scheduler.run(clause.check(&watched));
        }
    }

    store_contract!(with_store, part_size: 8);
}
