//! The macro that makes a test of each clause, and the list of the clauses.

/// Checks a store against the contract of [`Store`](crate::store::Store): one
/// test for each [`Clause`](crate::testing::Clause).
///
/// It takes a function that makes an empty store and drives the check, then what
/// the store can do ([`Capabilities`](crate::testing::Capabilities)) where that
/// differs from the default. A function behind `broken:`, which must come first,
/// does the same with a store whose listing fails, at best after some entries.
///
/// ```
/// use futures::executor::block_on;
/// use sync_core::testing::{Clause, MemoryStore, store_contract};
///
/// fn with_store(clause: &Clause) {
///     block_on(clause.check(&MemoryStore::objects()));
/// }
///
/// fn with_broken_store(clause: &Clause) {
///     let store = MemoryStore::objects();
///     store.insert("a", "1", Default::default());
///     store.fail_listing_after(1);
///     block_on(clause.check(&store));
/// }
///
/// store_contract!(with_store, broken: with_broken_store, part_size: 8);
/// ```
#[macro_export]
macro_rules! store_contract {
    ($harness:path, broken: $broken:path $(, $capability:ident: $value:expr)* $(,)?) => {
        $crate::store_contract!($harness $(, $capability: $value)*);
        $crate::__contract_tests! {
            $broken, ($($capability: $value),*),
            lists::an_error_is_the_last_item_of_a_listing
        }
    };
    ($harness:path $(, $capability:ident: $value:expr)* $(,)?) => {
        $crate::__contract_clauses! {
            [$crate::__contract_tests] $harness, ($($capability: $value),*),
        }
    };
}

/// One test for each clause, by its path in `testing::contract`.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_tests {
    ($harness:path, $capabilities:tt, $($module:ident::$clause:ident),* $(,)?) => {
        $(
            #[test]
            fn $clause() {
                let capabilities = $crate::__contract_capabilities! $capabilities;
                $harness(&$crate::testing::Clause::named(stringify!($clause), capabilities));
            }
        )*
    };
}

/// The default with what a store does differently.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_capabilities {
    ($($capability:ident: $value:expr),*) => {{
        #[allow(unused_mut, reason = "nothing may differ")]
        let mut capabilities = $crate::testing::Capabilities::default();
        $(capabilities.$capability = $value;)*
        capabilities
    }};
}

/// Gives the list of clauses to another macro, behind what that takes first.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_clauses {
    ([$($then:tt)*] $($first:tt)*) => {
        $($then)*! {
            $($first)*
            reads::an_entry_comes_back_as_it_was_written,
            reads::a_key_without_an_entry_has_none,
            reads::a_digest_is_that_of_the_content,
            reads::ranges_are_exact,
            reads::another_version_is_never_read,
            lists::a_listing_is_complete_and_in_byte_order,
            lists::ranges_laid_end_to_end_are_the_listing,
            writes::another_version_is_never_overwritten,
            writes::a_version_that_is_gone_is_written_anew,
            writes::a_wrong_checksum_is_corrupt,
            writes::the_modification_time_is_kept,
            writes::concurrent_writers_leave_one_whole_content,
            parts::parts_come_in_any_order,
            parts::parts_come_concurrently,
            parts::a_part_returns_the_sum_of_what_it_wrote,
            parts::nothing_is_visible_before_the_commit,
            parts::an_aborted_write_leaves_nothing,
            parts::a_dropped_writer_stays_invisible,
            parts::a_commit_with_a_wrong_checksum_is_corrupt,
            parts::a_commit_without_all_parts_is_corrupt,
            parts::a_commit_over_another_version_is_refused,
            deletes::another_version_is_never_deleted,
            deletes::what_is_written_meanwhile_is_not_deleted,
            deletes::deleting_what_is_gone_succeeds,
            deletes::each_deletion_has_its_own_result,
        }
    };
}
