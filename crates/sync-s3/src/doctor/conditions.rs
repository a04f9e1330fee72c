//! Whether the server obeys conditions of uploads: those that hold must be accepted, those
//! that do not must be refused.

use sync_core::diagnosis::{Diagnosis, Level};
use sync_core::setting::Setting;

use crate::doctor::objects::{CONTENT, FIRST};
use crate::doctor::probe::{Probe, Report};
use crate::error::{Attempted, Failure};
use crate::etag::ETag;
use crate::write::conditional::{Condition, WRONG_ETAG};

/// What a run does at such a server.
const LOOKS_UP: &str =
    "no option is needed: runs detect it, and look up each object shortly before";

pub(super) async fn check(probe: &Probe, report: Report<'_>) {
    const NAME: &str = "conditional-write";
    if !probe.asks_for_conditions() {
        let message = format!(
            "switched off ({}): each object is looked up shortly before, and what another program \
             writes in that moment is lost",
            Setting::NoConditions
        );
        report(Diagnosis::warning(NAME, message));
        return;
    }
    // As a backup writes a new object.
    if let Err(failure) = write(probe, "second", Condition::Absent).await {
        if failure.is_not_implemented() {
            report(not_implemented(NAME, "uploads"));
            return;
        }
        let name = probe.full("second");
        let attempted = Attempted {
            what: "write, if it is not there,",
            name: &name,
            permission: "s3:PutObject, and s3:GetObject for the condition",
        };
        report(probe.failed(NAME, Level::Problem, &failure, attempted));
        return;
    }
    let mut ignored = Vec::new();
    for (header, condition) in wrong() {
        if !is_refused(&write(probe, FIRST, condition).await) {
            ignored.push(header);
        }
    }
    let forms = right(probe, FIRST).await;
    let mut accepted = Accepted::before(&forms);
    for (form, condition) in forms {
        if write(probe, FIRST, condition).await.is_ok() {
            accepted = form;
            break;
        }
    }
    let well = "an object is replaced only if it is the version that was listed";
    report(judge(NAME, "uploads", well, &ignored, accepted));
}

/// Conditions that do not hold for an object that is there.
pub(super) fn wrong() -> [(&'static str, Condition); 2] {
    [
        ("If-None-Match: *", Condition::Absent),
        ("If-Match", Condition::Match(WRONG_ETAG.to_owned())),
    ]
}

/// The form in which a server accepts a condition that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    Quoted,
    Bare,
    Nothing,
}

impl Accepted {
    /// The result before `forms` are tried: without an ETag there are none, and none is
    /// refused.
    pub(super) fn before(forms: &[(Self, Condition)]) -> Self {
        if forms.is_empty() {
            Self::Quoted
        } else {
            Self::Nothing
        }
    }
}

/// The forms of the condition that holds for the object `name`, in the order in
/// which runs try them. None if it has no ETag.
pub(super) async fn right(probe: &Probe, name: &str) -> Vec<(Accepted, Condition)> {
    let Ok(key) = probe.key(name) else {
        return Vec::new();
    };
    let head = probe
        .bucket
        .head_output(&key, None, probe.bucket.max_attempts);
    let etag = head.await.ok().flatten().and_then(|head| head.e_tag);
    let Some(etag) = etag.as_deref().and_then(ETag::parse) else {
        return Vec::new();
    };
    vec![
        (
            Accepted::Quoted,
            Condition::Match(etag.revision().as_str().to_owned()),
        ),
        (Accepted::Quoted, Condition::Match(etag.quoted())),
        (Accepted::Bare, Condition::Match(etag.bare().to_owned())),
    ]
}

/// The diagnosis of a server that ignores `ignored` and accepts `accepted`.
pub(super) fn judge(
    name: &'static str,
    requests: &str,
    well: &str,
    ignored: &[&str],
    accepted: Accepted,
) -> Diagnosis {
    if !ignored.is_empty() {
        let message = format!(
            "the server ignores {} of {requests}; what another program writes between the look \
             and the request is lost",
            ignored.join(" and ")
        );
        return Diagnosis::warning(name, message).with_advice(LOOKS_UP);
    }
    match accepted {
        Accepted::Quoted => Diagnosis::ok(name, well),
        Accepted::Bare => {
            let message = format!("{well}; the server accepts ETags without quotes only");
            Diagnosis::ok(name, message).with_advice("no option is needed: runs detect it")
        }
        Accepted::Nothing => {
            let message = format!(
                "the server refuses {requests} under an If-Match that holds; what another program \
                 writes between the look and the request is lost"
            );
            Diagnosis::warning(name, message).with_advice(LOOKS_UP)
        }
    }
}

/// The diagnosis of a server that does not support conditions of `requests`.
pub(super) fn not_implemented(name: &'static str, requests: &str) -> Diagnosis {
    let message = format!(
        "the server does not implement conditional {requests}; what another program writes \
         between the look and the request is lost"
    );
    Diagnosis::warning(name, message).with_advice(LOOKS_UP)
}

async fn write(probe: &Probe, name: &str, condition: Condition) -> Result<(), Failure> {
    let mut trial = probe.trial(name, CONTENT);
    trial.condition = condition;
    probe.put(trial).await.map(drop)
}

/// Whether a request failed because of its condition.
pub(super) fn is_refused<T>(result: &Result<T, Failure>) -> bool {
    matches!(result, Err(failure) if failure.is_precondition() || failure.is_conflict())
}
