//! Whether objects have the time of the second in which they are written: some servers round
//! their times up, others have machines with different clocks.

use std::time::Duration;

use chrono::TimeDelta;
use sync_core::diagnosis::Diagnosis;

use crate::doctor::probe::{Probe, Report};

/// Objects that are written, in different parts of a second.
const TRIALS: u32 = 4;
const APART: Duration = Duration::from_millis(250);

const NAME: &str = "times";

pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    let mut most = TimeDelta::zero();
    for trial in 0..TRIALS {
        if trial > 0 {
            tokio::time::sleep(APART).await;
        }
        match lead(probe).await {
            Some(lead) => most = most.max(lead),
            // A failure here has been reported before, or is transient.
            None => return,
        }
    }
    report(judge(most));
}

/// How much later the time of an object is than the second in which the server answered
/// that it is written.
async fn lead(probe: &Probe) -> Option<TimeDelta> {
    let key = probe.key(NAME).ok()?;
    probe.put(probe.trial(NAME, b"dated")).await.ok()?;
    let answered = probe.bucket.clock.shown()?;
    let found = probe.bucket.head(&key).await.ok()??;
    Some(found.entry.modified - answered)
}

fn judge(lead: TimeDelta) -> Diagnosis {
    let second = TimeDelta::seconds(1);
    if lead < second {
        return Diagnosis::ok(NAME, "objects are dated when they are written");
    }
    if lead == second {
        let message = "the server rounds the times of objects up, to a second later than they \
                       are written";
        return Diagnosis::ok(NAME, message).with_advice(
            "no option is needed: a backup allows for it, and checks files again that are edited \
             while it runs",
        );
    }
    let message = format!(
        "objects are dated {} s later than the clock of the server shows, so an edit of the same \
         size in that time may be missed",
        lead.num_seconds()
    );
    Diagnosis::warning(NAME, message).with_advice("set the clocks of the server's machines")
}

#[cfg(test)]
mod tests {
    use sync_core::diagnosis::Level;

    use super::*;

    #[test]
    fn a_second_is_rounding_and_more_is_another_clock() {
        let of = |millis| judge(TimeDelta::milliseconds(millis));
        for (millis, level, said) in [
            (-3_000, Level::Ok, "when they are written"),
            (0, Level::Ok, "when they are written"),
            (999, Level::Ok, "when they are written"),
            (1_000, Level::Ok, "rounds"),
            (7_000, Level::Warning, "7 s later"),
        ] {
            let diagnosis = of(millis);
            assert_eq!(diagnosis.level, level, "{millis}");
            assert!(diagnosis.message.contains(said), "{diagnosis:?}");
        }
    }
}
