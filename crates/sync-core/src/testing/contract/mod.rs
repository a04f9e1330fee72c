//! What every store must do, as [`Store`]'s documentation says: one clause for
//! each promise, and one test for each clause.

mod capabilities;
mod deletes;
mod lists;
mod macros;
mod parts;
mod reads;
mod subject;
mod writes;

use crate::store::Store;
use subject::Subject;

pub use capabilities::Capabilities;

/// One promise of the contract of [`Store`], and how it is checked.
///
/// [`store_contract!`](crate::store_contract) makes a test of each.
#[derive(Debug, Clone)]
pub struct Clause {
    name: &'static str,
    capabilities: Capabilities,
}

impl Clause {
    /// The clause as a sentence with underscores: the name of its test.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks `store`, which must be empty and is left empty.
    ///
    /// # Panics
    /// If the store breaks the clause.
    pub async fn check(&self, store: &dyn Store) {
        let subject = Subject::new(store, &self.capabilities);
        if self.name == lists::FAILING {
            return lists::an_error_is_the_last_item_of_a_listing(subject).await;
        }
        assert!(!store.location().is_empty(), "a store says where it is");
        assert!(subject.list().await.is_empty(), "the store must be empty");
        self.run(subject).await;
        subject.clear().await;
        assert!(subject.list().await.is_empty(), "everything was deleted");
    }
}

/// `Clause::all`, `Clause::named` and `Clause::run`, by the one list of clauses.
macro_rules! clauses {
    ($($module:ident::$clause:ident),* $(,)?) => {
        impl Clause {
            /// Every clause that needs a store that works, for a harness without
            /// the macro.
            #[must_use]
            pub fn all(capabilities: &Capabilities) -> Vec<Self> {
                let names = [$(stringify!($clause)),*];
                let clause = |name| Self { name, capabilities: capabilities.clone() };
                names.map(clause).into()
            }

            /// Only for [`store_contract!`](crate::store_contract).
            #[doc(hidden)]
            #[must_use]
            pub fn named(name: &'static str, capabilities: Capabilities) -> Self {
                Self { name, capabilities }
            }

            async fn run(&self, subject: Subject<'_>) {
                match self.name {
                    $(stringify!($clause) => $module::$clause(subject).await,)*
                    other => panic!("no clause is called {other}"),
                }
            }
        }
    };
}

crate::__contract_clauses! { [clauses] }
