//! Times are cut, by some file systems and by most servers: two versions of one
//! second cannot be told apart. So a run does not act within that second.
//!
//! - What is *young* is copied last, when its second has passed by the clock of
//!   the target (a backup) or of both sides (a restore). The object of a young
//!   file would be dated before it and go up again with the next run; a young
//!   object may still get a second version of the same date.
//! - A file is looked at for the last time when no later edit can be dated
//!   before its object. Most objects are dated before that look anyway; where a
//!   server rounds up or its clock is ahead, the look waits, beside other work.
//!
//! Both waits are short and once a run: what is young at its end waits together.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{Either, select};

use super::workspace::Workspace;
use crate::clock::{LONGEST_WAIT, floor};
use crate::times::later;
use crate::{entry::Entry, rule::Direction};

impl Workspace<'_> {
    /// Whether `entry` has to wait for its copy. One that is dated far in the
    /// future would wait for too long, and does not.
    pub(crate) fn is_young(&self, entry: &Entry) -> bool {
        let Some(cutoff) = self.cutoff.at else {
            return false;
        };
        let ready = self.ready_at(entry);
        ready > cutoff && ready <= later(cutoff, LONGEST_WAIT)
    }

    /// Waits until a copy of `entry` is dated so that the next run finds
    /// nothing to do, and is the last of its date.
    pub(crate) async fn until_ready(&self, entry: &Entry) {
        let ready = self.ready_at(entry);
        if self.cutoff.at.is_none_or(|cutoff| ready <= cutoff) {
            return;
        }
        let wait = async {
            if self.direction == Direction::Restore {
                self.source.wait_for(ready).await;
            }
            self.target.wait_for(ready).await;
        };
        select(std::pin::pin!(wait), self.stop.clone()).await;
    }

    fn ready_at(&self, entry: &Entry) -> DateTime<Utc> {
        match self.direction {
            Direction::Backup => later(entry.modified, entry.lag() + self.cutoff.lead),
            Direction::Restore => later(floor(entry.modified, self.cutoff.unit), self.cutoff.unit),
        }
    }

    /// From which moment on an edit of `file`, whose copy has just been written,
    /// is dated after the object; `None` if that is now, or too far away.
    pub(crate) fn seen_from(&self, file: &Entry) -> Option<DateTime<Utc>> {
        let objects = self.target.present()?;
        let files = self.source.present()?;
        let unit = match file.coarse {
            None => TimeDelta::nanoseconds(1),
            Some(coarse) => TimeDelta::nanoseconds(i64::from(coarse.unit)),
        };
        let after = |latest| later(floor(latest, unit), unit);
        let is_near = |from: &DateTime<Utc>| *from <= later(files.earliest, LONGEST_WAIT);
        let judged = after(later(objects.latest, -objects.least_lead));
        // A coarse time that is the object's own is the mark of a restored file,
        // however files are judged.
        let plain = Some(after(objects.latest)).filter(|_| file.coarse.is_some());
        let from = plain.filter(is_near).or(Some(judged).filter(is_near))?;
        (from > files.earliest).then_some(from)
    }

    /// Waits until edits are seen, or the run is stopped.
    pub(crate) async fn until_seen(&self, from: Option<DateTime<Utc>>) {
        if let Some(from) = from {
            let wait = self.source.wait_for(from);
            if let Either::Right((_, wait)) = select(wait, self.stop.clone()).await {
                drop(wait);
            }
        }
    }
}
