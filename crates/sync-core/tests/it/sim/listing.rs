//! The listings of a `FaultyStore`: late, in disorder, with gaps and repeated
//! entries, cut short by an error, and of a directory that changes meanwhile.

use std::sync::Arc;

use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use sync_core::{
    ErrorKind, Listed, Result, Store, StoreError,
    entry::{SkipCause, Skipped},
};

use super::faulty::FaultyStore;

impl FaultyStore {
    pub(super) fn faulty_listing(&self) -> BoxStream<'static, Result<Listed>> {
        self.stage.state().judge.lists(self.side);
        let (store, pace) = (self.clone(), self.stage.clone());
        // Time passes before an item is looked at.
        let paced = stream::unfold(self.walk(), move |mut walk| {
            let pace = pace.clone();
            async move {
                pace.turn().await;
                walk.next().await.map(|item| (item, walk))
            }
        });
        let spoilt = paced.flat_map(move |item| stream::iter(store.spoil(item)));
        // An error is the last item.
        spoilt
            .scan(false, |failed, item| {
                let item = (!*failed).then_some(item);
                *failed |= matches!(item, Some(Err(_)));
                std::future::ready(item)
            })
            .boxed()
    }

    /// What is listed, in the order in which it will come.
    fn items(&self) -> Vec<Listed> {
        let selection = Arc::default();
        let listed = self.memory().list(&selection).now_or_never().unwrap();
        let listed = listed.entries.collect::<Vec<_>>().now_or_never();
        listed.unwrap().into_iter().map(Result::unwrap).collect()
    }

    /// Those of a bucket are as they were when the listing began. A directory
    /// is walked: what is renamed meanwhile may be missed or seen twice.
    fn walk(&self) -> BoxStream<'static, Listed> {
        let disordered = self.stage.world().bucket_disordered;
        if self.is_bucket() {
            let mut items = self.items();
            if disordered {
                let mut state = self.stage.state();
                for at in (1..items.len()).rev() {
                    items.swap(at, state.random.below(at + 1));
                }
            }
            return stream::iter(items).boxed();
        }
        let store = self.clone();
        let walk = stream::unfold(String::new(), move |last| {
            let next = store
                .items()
                .into_iter()
                .find(|item| name(item) > last.as_str());
            let step = next.map(|item| {
                let last = name(&item).to_owned();
                (item, last)
            });
            std::future::ready(step)
        });
        walk.boxed()
    }

    /// What becomes of an item on its way.
    fn spoil(&self, item: Listed) -> Vec<Result<Listed>> {
        let mut state = self.stage.state();
        if matches!(&item, Listed::Skipped(s) if s.cause == SkipCause::UnmappableKey) {
            state.judge.hides(self.side);
        }
        let permille = state.world.weather.listings;
        if !state.random.chance(permille) {
            return vec![Ok(item)];
        }
        match state.random.below(3) {
            0 => {
                state.judge.hides(self.side);
                vec![Ok(Listed::Skipped(Skipped {
                    name: name(&item).to_owned(),
                    cause: SkipCause::Unreadable,
                    detail: String::new(),
                    link: None,
                }))]
            }
            1 => {
                state.judge.fails(self.side);
                let error = StoreError::new(ErrorKind::Unavailable, "the listing fails by chance");
                vec![Err(error)]
            }
            _ if matches!(item, Listed::Entry(_)) => {
                state.judge.fails(self.side);
                vec![Ok(item.clone()), Ok(item)]
            }
            _ => vec![Ok(item)],
        }
    }
}

fn name(item: &Listed) -> &str {
    match item {
        Listed::Entry(entry) => entry.key.as_str(),
        Listed::Skipped(skipped) => &skipped.name,
    }
}
