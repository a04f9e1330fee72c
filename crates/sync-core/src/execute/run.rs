//! An execution in progress: what has become of its entries so far.

use super::catch_up::Kept;
use super::cleared::Cleared;
use super::events::{DeletionsSkipped, Event, Outcomes, Report};
use super::transfer::Done;
use super::workspace::Workspace;
use crate::plan::{MAX_CLOCK_OFFSET, Plan, Transfer};
use crate::{
    entry::Entry,
    error::{ErrorKind, StoreError},
    key::Key,
};

/// An execution under way.
pub(crate) struct Run<'a> {
    pub(crate) work: &'a Workspace<'a>,
    /// Whether it ends before all actions were tried.
    pub(crate) stopped: bool,
    /// Why planned deletions were not made.
    pub(crate) deletions_withheld: Option<DeletionsSkipped>,
    /// What has been deleted because it was in the way.
    pub(crate) cleared: Cleared,
    /// How many were not written since that was last told, and why one of them.
    pub(crate) not_written: Option<(u64, String)>,
    /// Whether one that could not be written for that reason was named.
    has_told_unwritable: bool,
}

/// What the transfers that nothing is in the way of have left to do.
#[derive(Default)]
pub(crate) struct Rest {
    /// Whether the plan may have others, which are rare: it need not be read for
    /// them otherwise.
    pub(crate) any_blocked: bool,
    /// Those of a backup that the store has refused because something is in
    /// their way, with the offset of their line.
    pub(crate) refused: Vec<(u64, Transfer)>,
    /// Whether the plan has some that have to wait for a clock.
    pub(super) any_young: bool,
}

impl<'a> Run<'a> {
    /// The execution that `work` is for; nothing is done yet.
    pub(crate) fn new(work: &'a Workspace<'a>) -> Self {
        Self {
            work,
            stopped: false,
            deletions_withheld: None,
            cleared: Cleared::default(),
            not_written: None,
            has_told_unwritable: false,
        }
    }

    /// What has been done by now.
    pub(crate) fn report(&self) -> Report {
        Report {
            deletions_withheld: self.deletions_withheld,
            clock_jump: self.work.clock_jump(),
            stopped: self.stopped,
            ..self.outcomes().report()
        }
    }

    pub(crate) fn outcomes(&self) -> &Outcomes {
        &self.work.options.outcomes
    }

    /// Why nothing may be deleted now.
    pub(crate) fn withheld(&self, plan: &Plan) -> Option<DeletionsSkipped> {
        if self.stopped || self.work.is_stopped() {
            Some(DeletionsSkipped::Stopped)
        } else if let Some(why) = DeletionsSkipped::by(plan.counts()) {
            Some(why)
        } else if plan.counts().too_long > 0 {
            Some(DeletionsSkipped::SourceIncomplete)
        } else if self.outcomes().any_failed() {
            Some(DeletionsSkipped::TransferFailed)
        } else if self
            .work
            .clock_jump()
            .is_some_and(|jump| jump.abs() > MAX_CLOCK_OFFSET)
        {
            Some(DeletionsSkipped::ClockJump)
        } else {
            None
        }
    }

    pub(crate) fn note_transfer(&mut self, transfer: &Transfer, done: &Done) {
        if let Done::Copied(size, kept) = done {
            self.tell_transferred(transfer, *size);
            if matches!(kept, Ok(Kept::AtAMoment)) {
                self.work.tell(Event::Growing(&transfer.source));
            }
        }
        match done {
            Done::NotTried(error) => self.note_not_written(&error.to_string()),
            // Those that were on their way when the first one failed.
            Done::Failed(error) if self.is_known(error) => {
                self.note_not_written(&error.to_string());
            }
            Done::Copied(_, Err(error)) | Done::Failed(error) => {
                self.note_failed(&transfer.source.key, error);
            }
            Done::Earlier => self.work.tell(Event::AlreadyDone(transfer)),
            Done::Copied(_, Ok(_)) => {}
        }
    }

    /// Tells of a copy of `size` bytes. The source may have become longer or shorter since it
    /// was listed.
    fn tell_transferred(&self, transfer: &Transfer, size: u64) {
        if size == transfer.source.size {
            return self.work.tell(Event::Transferred(transfer));
        }
        let mut as_copied = transfer.clone();
        as_copied.source.size = size;
        self.work.tell(Event::Transferred(&as_copied));
    }

    /// Whether `error` says what has been told already: that nothing can be
    /// written any more.
    pub(crate) fn is_known(&mut self, error: &StoreError) -> bool {
        error.kind() == ErrorKind::Unwritable
            && std::mem::replace(&mut self.has_told_unwritable, true)
    }

    pub(crate) fn note_not_written(&mut self, why: &str) {
        self.outcomes().add_not_written();
        match &mut self.not_written {
            Some((entries, _)) => *entries += 1,
            none => *none = Some((1, why.to_owned())),
        }
    }

    pub(super) fn tell_not_written(&mut self) {
        if let Some((entries, why)) = self.not_written.take() {
            let why = &why;
            let event = Event::NotWritten { entries, why };
            self.work.tell(event);
        }
    }

    pub(crate) fn note_deleted(&mut self, entry: &Entry) {
        self.work.tell(Event::Deleted(entry));
    }

    pub(crate) fn note_failed(&mut self, key: &Key, error: &StoreError) {
        if error.kind() == ErrorKind::Stopped {
            self.stopped = true;
            return;
        }
        self.work.tell(Event::Failed { key, error });
    }
}
