//! The moment at which an execution began, in terms of the times of its entries.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{rule::Direction, store::Store};

/// The unit of most objects' times, and of the times of the coarser file systems.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The moment at which an execution began, in terms of its entries: what has to
/// wait beyond it is young.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cutoff {
    /// What is ready later than this is young; nothing is where the store that
    /// dates the objects has no clock.
    pub(super) at: Option<DateTime<Utc>>,
    /// By so much later, at most, the next run judges files.
    pub(super) lead: TimeDelta,
    /// The unit of the times of restored files: objects whose times differ by
    /// less cannot be told apart by them.
    pub(super) unit: TimeDelta,
}

impl Cutoff {
    pub(crate) fn of(direction: Direction, source: &dyn Store, target: &dyn Store) -> Self {
        let objects = match direction {
            Direction::Backup => target.present(),
            Direction::Restore => source.present(),
        };
        let at = objects.map(|objects| match direction {
            Direction::Backup => objects.earliest,
            // What becomes of the file must be dated later, too.
            Direction::Restore => target.present().map_or(objects.earliest, |files| {
                files.earliest.min(objects.earliest)
            }),
        });
        let lead = match direction {
            Direction::Backup => objects.map_or(TimeDelta::zero(), |objects| objects.most_lead),
            Direction::Restore => TimeDelta::zero(),
        };
        let unit = target
            .present()
            .map_or(SECOND, |files| files.unit.max(SECOND));
        Self { at, lead, unit }
    }
}
