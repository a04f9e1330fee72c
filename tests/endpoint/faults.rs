//! For which requests something goes wrong.
//!
//! ```
//! # use s3_endpoint::{Action, Fault};
//! Fault::on("GetObject").key("a/b").nth(2).act(Action::CutBodyAfter(100));
//! Fault::any().fraction(0.3, 42).act(Action::error(503, "SlowDown"));
//! ```

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use s3s::dto::Error as KeyError;

use crate::{action::Action, order::mix, route::Target};

/// An action and the requests that it befalls.
#[derive(Debug, Clone)]
pub struct Fault {
    trigger: Trigger,
    action: Action,
}

/// Which requests a fault befalls: by default the first that matches.
#[derive(Debug, Clone)]
#[must_use = "a trigger does nothing until `act` says what"]
pub struct Trigger {
    operation: Option<String>,
    key: Option<String>,
    key_end: Option<String>,
    parameter: Option<String>,
    nth: u64,
    times: u64,
    fraction: Option<(f64, u64)>,
}

impl Fault {
    /// Requests of one operation, by S3's name such as `GetObject`.
    pub fn on(operation: &str) -> Trigger {
        Trigger {
            operation: Some(operation.to_owned()),
            ..Self::any()
        }
    }

    /// Requests of any operation.
    pub fn any() -> Trigger {
        Trigger {
            operation: None,
            key: None,
            key_end: None,
            parameter: None,
            nth: 1,
            times: 1,
            fraction: None,
        }
    }
}

impl Trigger {
    /// Only requests whose URL has this key; a DeleteObjects has none.
    pub fn key(self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self
        }
    }

    /// Only requests whose URL has a key with this end.
    pub fn key_ending(self, end: &str) -> Self {
        Self {
            key_end: Some(end.to_owned()),
            ..self
        }
    }

    /// Only requests with this parameter in their query, such as `versionId`.
    pub fn parameter(self, name: &str) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            ..self
        }
    }

    /// From the `nth` matching request on, counted from 1.
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// For so many matching requests.
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// For all matching requests.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// For a share of the matching requests between 0 and 1; the seed decides
    /// which ones. Combine it with [`Trigger::times`] to bound how many
    /// requests are considered.
    pub fn fraction(self, share: f64, seed: u64) -> Self {
        Self {
            fraction: Some((share, seed)),
            ..self.always()
        }
    }

    /// What happens to them.
    #[must_use]
    pub fn act(self, action: Action) -> Fault {
        Fault {
            trigger: self,
            action,
        }
    }

    fn matches(&self, target: &Target) -> bool {
        let operation = self
            .operation
            .as_deref()
            .is_none_or(|operation| operation == target.operation);
        let has = |name: &str| {
            let mut pairs = target.query.split('&');
            pairs.any(|pair| pair.split('=').next() == Some(name))
        };
        operation
            && self.parameter.as_deref().is_none_or(has)
            && self.key_end.as_deref().is_none_or(|end| {
                let key = target.key.as_deref();
                key.is_some_and(|key| key.ends_with(end))
            })
            && self
                .key
                .as_deref()
                .is_none_or(|key| Some(key) == target.key.as_deref())
    }

    /// Whether the `count`th matching request is hit.
    fn hits(&self, count: u64) -> bool {
        let in_window = count
            .checked_sub(self.nth)
            .is_some_and(|since| since < self.times);
        let in_share = self.fraction.is_none_or(|(share, seed)| {
            // The upper 32 bits as a number between 0 and 1, exactly.
            let dice = u32::try_from(mix(seed ^ mix(count)) >> 32).unwrap_or(u32::MAX);
            f64::from(dice) < share * f64::from(u32::MAX)
        });
        in_window && in_share
    }
}

/// How often a fault has struck.
#[derive(Debug, Clone, Default)]
pub struct Hits(Arc<AtomicU64>);

impl Hits {
    /// The number until now.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The faults that are set up.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
    hits: Hits,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) -> Hits {
        let hits = Hits::default();
        self.armed().push(Armed {
            fault,
            seen: 0,
            hits: hits.clone(),
        });
        hits
    }

    pub(crate) fn clear(&self) {
        self.armed().clear();
    }

    /// Counts the request and says what befalls it, in the order of injection.
    pub(crate) fn strike(&self, target: &Target) -> Vec<Action> {
        let mut actions = Vec::new();
        for armed in self
            .armed()
            .iter_mut()
            .filter(|armed| armed.fault.trigger.matches(target))
        {
            armed.seen += 1;
            if armed.fault.trigger.hits(armed.seen) {
                armed.hits.0.fetch_add(1, Ordering::Relaxed);
                actions.push(armed.fault.action.clone());
            }
        }
        actions
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The [`Action::FailKeys`] of a request, on its way to the operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct FailKeys(Vec<Action>);

impl FailKeys {
    pub(crate) fn of(actions: &[Action]) -> Self {
        Self(
            actions
                .iter()
                .filter(|action| matches!(action, Action::FailKeys { .. }))
                .cloned()
                .collect(),
        )
    }

    /// The error to report for this key, if any.
    pub(crate) fn error(&self, key: &str) -> Option<KeyError> {
        self.0.iter().find_map(|action| match action {
            Action::FailKeys {
                keys,
                code,
                message,
            } if keys.contains(key) => Some(KeyError {
                key: Some(key.to_owned()),
                code: Some(code.clone()),
                message: Some(message.clone()),
                version_id: None,
            }),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn target(operation: &'static str, key: &str) -> Target {
        Target {
            operation,
            bucket: Some("b".into()),
            key: Some(key.into()),
            query: String::new(),
        }
    }

    #[test]
    fn a_fault_strikes_its_requests_and_no_others() {
        let faults = Faults::default();
        let hits = faults.add(
            Fault::on("GetObject")
                .key("k")
                .nth(2)
                .times(2)
                .act(Action::Reset),
        );
        let strike = |operation, key| faults.strike(&target(operation, key)).len();
        assert_eq!(strike("GetObject", "k"), 0);
        assert_eq!(strike("HeadObject", "k"), 0);
        assert_eq!(strike("GetObject", "other"), 0);
        assert_eq!(strike("GetObject", "k"), 1);
        assert_eq!(strike("GetObject", "k"), 1);
        assert_eq!(strike("GetObject", "k"), 0);
        assert_eq!(hits.count(), 2);
        faults.clear();
        assert_eq!(faults.strike(&target("GetObject", "k")).len(), 0);
    }

    #[test]
    fn a_fault_may_look_at_the_end_of_a_key_and_at_the_query() {
        let faults = Faults::default();
        faults.add(Fault::any().key_ending("/b").always().act(Action::Reset));
        let by_name = Fault::any().parameter("versionId");
        faults.add(by_name.always().act(Action::LoseAnswer));
        let strike = |key: &str, query: &str| {
            let mut target = target("DeleteObject", key);
            target.query = query.to_owned();
            faults.strike(&target).len()
        };
        assert_eq!(strike("a/b", "x-id=DeleteObject"), 1);
        assert_eq!(strike("b", "x-id=DeleteObject&versionId=v1"), 1);
        assert_eq!(strike("a/b", "versionId=v1"), 2);
        assert_eq!(strike("b/", "version=versionId"), 0);
    }

    #[test]
    fn faults_add_up_in_order() {
        let faults = Faults::default();
        faults.add(Fault::any().always().act(Action::Stall(Duration::ZERO)));
        faults.add(Fault::any().act(Action::Reset));
        let names = |faults: &Faults| -> Vec<_> {
            faults
                .strike(&target("GetObject", "k"))
                .iter()
                .map(Action::name)
                .collect()
        };
        assert_eq!(names(&faults), ["Stall", "Reset"]);
        assert_eq!(names(&faults), ["Stall"]);
    }

    #[test]
    fn a_fraction_is_about_right_and_depends_on_the_seed() {
        let struck = |seed| -> Vec<bool> {
            let trigger = Fault::any().fraction(0.3, seed);
            (1..=10_000).map(|count| trigger.hits(count)).collect()
        };
        let hits = struck(1).iter().filter(|hit| **hit).count();
        assert!((2800..3200).contains(&hits), "{hits}");
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
        assert!(!(1..=1000).any(|count| Fault::any().fraction(0.0, 1).hits(count)));
        assert!((1..=1000).all(|count| Fault::any().fraction(1.1, 1).hits(count)));
    }
}
