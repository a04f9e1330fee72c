//! Whether the server writes only over what was seen.

use sync_core::{Diagnosis, Level};

use super::objects::{CONTENT, FIRST};
use super::{Probe, Tell};
use crate::error::{Attempted, Failure};
use crate::guard::Condition;

/// What the server has not refused.
const UNGUARDED: &str = "a backup may overwrite what another program wrote at that very moment";

/// A version that nothing has.
pub(super) const WRONG_ETAG: &str = "\"00000000000000000000000000000000\"";

pub(super) async fn look(probe: &Probe, tell: Tell<'_>) {
    const NAME: &str = "conditional-write";
    if !probe.asks_for_conditions() {
        let message = format!("not asked for (--no-conditional): {UNGUARDED}");
        tell(Diagnosis::warning(NAME, message));
        return;
    }
    // As a backup writes a new object.
    if let Err(failure) = write(probe, "second", Condition::Absent).await {
        let name = probe.full("second");
        let attempted = Attempted {
            what: "write, if it is not there,",
            name: &name,
            permission: "s3:PutObject, and s3:GetObject for the condition",
        };
        let diagnosis = probe.failed(NAME, Level::Problem, &failure, attempted);
        tell(diagnosis.with_advice("try --no-conditional for this server"));
        return;
    }
    let over = write(probe, FIRST, Condition::Absent).await;
    let other = write(probe, FIRST, Condition::Match(WRONG_ETAG.to_owned())).await;
    let missed = [("If-None-Match: *", over), ("If-Match", other)];
    let missed: Vec<_> = missed
        .into_iter()
        .filter(|(_, result)| !is_refused(result))
        .map(|(condition, _)| condition)
        .collect();
    tell(if missed.is_empty() {
        Diagnosis::ok(NAME, "nothing is written over what was not seen")
    } else {
        let message = format!(
            "the server passes over {}: {UNGUARDED}",
            missed.join(" and ")
        );
        Diagnosis::warning(NAME, message)
            .with_advice("use --no-conditional, which looks at the object shortly before")
    });
}

async fn write(probe: &Probe, name: &'static str, condition: Condition) -> Result<(), Failure> {
    let mut trial = probe.trial(name, CONTENT);
    trial.condition = condition;
    probe.put(trial).await.map(drop)
}

/// Whether a request failed for its condition.
pub(super) fn is_refused<T>(result: &Result<T, Failure>) -> bool {
    matches!(result, Err(failure) if failure.is_precondition() || failure.is_conflict())
}
