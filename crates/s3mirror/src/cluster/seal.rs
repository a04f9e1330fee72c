//! Judges the plans of all ranges together, and divides them into shards: from then on,
//! nothing of them changes.

use std::io;

use chrono::{DateTime, Utc};
use sync_core::{
    Direction, KeyRange,
    plan::{Action, Counts, Header, Origin},
};

use super::directory::cannot_read;
use super::error::{ClusterError, Result};
use super::files::{PlanSum, REFUSED, RefusedFile, SEALED, SealedFile, ShardPart, now, plan_name};
use super::other_lines::OtherLines;
use super::planning::RangeRun;
use super::run::ClusterRun;
use super::shard::Range;
use super::unread::Unread;
use crate::builder::MirrorBuilder;
use crate::plan_file::{Cutter, PlanFileError, SavedPlan, header_of};

/// The plans of all ranges together, which nobody has agreed to yet.
pub struct Sealing<'r> {
    run: &'r RangeRun,
    saved: Option<SavedPlan>,
    counts: Counts,
    /// What the plans were when they were judged.
    plans: Vec<PlanSum>,
    /// What they cost together, in microseconds.
    cost_us: u64,
    /// When the listings of the last plan began.
    planned: DateTime<Utc>,
    unread: Vec<Unread>,
}

impl RangeRun {
    /// The plans of all ranges, to be judged as one.
    ///
    /// # Errors
    /// [`ClusterError`] if one is missing, of another run or range, or was edited.
    pub fn all_plans(&self) -> Result<Sealing<'_>> {
        let missing = self.unplanned();
        if let Some(first) = missing.first() {
            return Err(ClusterError::NotPlanned {
                path: self.path().to_owned(),
                missing: missing.len(),
                ranges: self.ranges.len(),
                first: *first,
            });
        }
        let (mut sums, mut plans, mut cost_us) = (Counts::default(), Vec::new(), 0_u64);
        let (mut any, mut planned) = (None, self.opened.run.origin.created);
        let mut oldest = None;
        let mut unread = Vec::new();
        for index in 0..self.ranges.len() {
            // What is read after this is compared with it when the plans are sealed.
            let path = self.opened.directory.join(plan_name(index));
            let read = Cutter::new(0, 1).cut(&path);
            let (pieces, bytes, crc64) = read.map_err(|error| self.unread(index, error))?;
            let costs = pieces.iter().map(|piece| piece.span.work.cost_us);
            cost_us = costs.fold(cost_us, u64::saturating_add);
            let header = self.header(index)?;
            sums += &header.counts;
            let directory = &self.opened.directory;
            unread.extend(Unread::of_range(Range(index), &header.counts, directory));
            plans.push(PlanSum {
                bytes,
                crc64,
                clock_offset_ms: header.rule.clock_offset.num_milliseconds(),
            });
            let created = header.origin.as_ref().map(|origin| origin.created);
            planned = created.into_iter().fold(planned, DateTime::max);
            oldest = oldest.into_iter().chain(created).min();
            any = Some(header);
        }
        let header = any.ok_or(PlanFileError::NoOrigin)?;
        // Who is asked must know since when both places may have changed.
        let header = self.of_all(header, &sums, &plans, oldest.unwrap_or(planned));
        let is_wanted: Option<fn(&Action) -> bool> = match self.direction() {
            Direction::Backup if sums.overwritten().entries > 0 => Some(replaces_newer),
            _ => None,
        };
        let lines = OtherLines::of(&self.opened.directory, self.ranges.clone());
        let (plan, skipped) = lines.all(header, is_wanted)?;
        skipped.correct(&mut sums);
        let plan = plan.with_counts(sums.clone());
        Ok(Sealing {
            run: self,
            saved: Some(SavedPlan::of(plan, self.opened.run.origin.clone())?),
            counts: sums,
            plans,
            cost_us,
            planned,
            unread,
        })
    }

    /// The header of the plan of a range, which is checked to be that.
    fn header(&self, index: usize) -> Result<Header> {
        let path = self.opened.directory.join(plan_name(index));
        let header = header_of(&path).map_err(|error| match error {
            PlanFileError::Read { error, .. } => self.unread(index, error),
            error => error.into(),
        })?;
        match self.check(index, &header) {
            Ok(()) => Ok(header),
            Err(why) => Err(self.unusable(index, why)),
        }
    }

    /// Why the plan of a range cannot be read: because of what it holds, or of its file system.
    fn unread(&self, index: usize, error: io::Error) -> ClusterError {
        match error.raw_os_error() {
            // The plan may be as good as ever.
            Some(_) => cannot_read(&self.opened.directory.join(plan_name(index)), error),
            None => self.unusable(index, error.to_string()),
        }
    }

    fn unusable(&self, range: usize, why: String) -> ClusterError {
        ClusterError::UnusablePlan {
            run: self.path().to_owned(),
            path: self.opened.directory.join(plan_name(range)),
            range,
            why,
        }
    }

    /// The header of all plans together, made of that of one of them; the first was made at `oldest`.
    fn of_all(
        &self,
        mut header: Header,
        sums: &Counts,
        plans: &[PlanSum],
        oldest: DateTime<Utc>,
    ) -> Header {
        header.rule.clock_offset = PlanSum::farthest_clock_offset(plans);
        header.range = KeyRange::default();
        header.counts = sums.clone();
        header.origin = Some(Origin {
            created: oldest,
            ..self.opened.run.origin.clone()
        });
        header
    }
}

/// Whether an action replaces an entry by one that is older: what a backup must not do
/// while a restore is not completed.
fn replaces_newer(action: &Action) -> bool {
    matches!(action, Action::Transfer(transfer)
        if transfer.target.as_ref().is_some_and(|target| transfer.source.modified < target.modified))
}

impl Sealing<'_> {
    /// The mirror that judges the plans, once: its [`plan`](crate::Mirror::plan) has the sums of
    /// all, and those actions that are no transfers.
    ///
    /// # Errors
    /// [`ClusterError`] if it was taken before.
    pub fn mirror(&mut self) -> Result<MirrorBuilder> {
        let saved = self.saved.take();
        let saved = saved.ok_or(PlanFileError::NoOrigin)?;
        Ok(saved.mirror())
    }

    /// What all plans do together.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What of each plan could not be read, so that nothing will be deleted.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Notes for `status` why the plans are refused. Nothing is decided by it.
    pub fn refuse(&self, why: Vec<String>) {
        let refused = RefusedFile {
            run: self.run.id().to_owned(),
            at: now(),
            why,
        };
        let _ = self.run.opened.directory.replace(REFUSED, &refused);
    }

    /// Divides the plans into shards, and allows these to be executed. The plans must have
    /// been judged, and confirmed by whoever has to.
    ///
    /// # Errors
    /// [`ClusterError`]; then nothing was sealed. A plan that was replaced since the plans were
    /// judged is [`Foreign`](ClusterError::Foreign).
    pub fn seal(&self) -> Result<ClusterRun> {
        let directory = &self.run.opened.directory;
        let mut cutter = Cutter::new(self.cost_us, self.run.shards());
        let mut shards = vec![Vec::new(); self.run.shards()];
        for (plan, judged) in self.plans.iter().enumerate() {
            let path = directory.join(plan_name(plan));
            let cut = cutter.cut(&path);
            let (pieces, bytes, crc64) = cut.map_err(|error| cannot_read(&path, error))?;
            if (bytes, &crc64) != (judged.bytes, &judged.crc64) {
                let why = "it was replaced after it was judged; seal the run again".to_owned();
                return Err(ClusterError::Foreign { path, why });
            }
            for piece in pieces {
                let span = piece.span;
                if let Some(shard) = shards.get_mut(piece.part) {
                    shard.push(ShardPart { plan, span });
                }
            }
        }
        let sealed = SealedFile {
            run: self.run.id().to_owned(),
            run_crc64: self.run.opened.run_crc64.clone(),
            plans: self.plans.clone(),
            counts: self.counts.clone(),
            planned: self.planned,
            unread: self.unread.clone(),
            shards,
        };
        // Another process may have been the first; its work is as good.
        directory.publish(SEALED, &sealed)?;
        ClusterRun::open(self.run.path())
    }
}
