//! Turns the options of the command line into those of the library. This is the
//! only place that does.

use std::fs::File;
use std::io::{self, BufReader};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use s3mirror::watch::{Pace, WatchOptions};
use s3mirror::{
    Deletions, Direction, KeyList, KeyListError, Location, MirrorOptions, SelectionOptions,
    Separator, read_key_list,
};
use sync_core::text::printable;
use sync_fs::FsOptions;
use sync_s3::{Access, Payer, S3Options};

use crate::hints;

use super::{
    ApplyArgs, ClusterFinishArgs, ClusterPlanArgs, DoctorArgs, DurabilityArgs, ExecutionArgs,
    GuardArgs, IdentityArgs, Links, MachineGuardArgs, Moment, ObjectArgs, SafetyArgs, SealArgs,
    SelectionArgs, ServerArgs, Size, SpeedArgs, SplitPlanArgs, SplitRangesArgs, StateArgs,
    SyncArgs, VerifyArgs, VersionsArgs, WatchArgs,
};

/// Attempts of a request of `doctor`: whoever waits for a diagnosis need not
/// ride out a minute of errors.
const DOCTOR_ATTEMPTS: u32 = 3;

impl SyncArgs {
    /// The options of a backup or restore, without the list of keys; or what is wrong with
    /// them, in one line.
    pub(crate) fn mirror_options(&self, direction: Direction) -> Result<MirrorOptions, String> {
        let (directory, bucket) = (&self.places.dir, &self.places.bucket);
        let mut options = MirrorOptions::new(direction, directory, bucket.clone());
        Common {
            state: &self.state,
            durability: self.safety.consent.durability,
            identity: self.rule.identity,
            symlinks: self.rule.symlinks,
            server: &self.server,
            objects: &self.objects,
            speed: &self.speed,
        }
        .set(&mut options);
        options.bucket.at = self.past.moment()?;
        self.safety.set(&mut options);
        options.trash.clone_from(&self.trash.trash);
        options.compare = self.rule.compare.into();
        options.selection = self.selection.to_options()?;
        Ok(options)
    }
}

impl WatchArgs {
    /// The options of each backup; or what is wrong with them, in one line.
    pub(crate) fn mirror_options(&self) -> Result<MirrorOptions, String> {
        if self.safety.dry_run {
            return Err("a watch has no dry run; see what it would do by `mock backup`".to_owned());
        }
        if self.selection.files_from.is_some() {
            return Err(
                "a watch finds out by itself what to look at: leave out --files-from".to_owned(),
            );
        }
        let (directory, bucket) = (&self.places.dir, &self.places.bucket);
        let mut options = MirrorOptions::new(Direction::Backup, directory, bucket.clone());
        Common {
            state: &self.state,
            durability: self.safety.consent.durability,
            identity: self.rule.identity,
            symlinks: self.rule.symlinks,
            server: &self.server,
            objects: &self.objects,
            speed: &self.speed,
        }
        .set(&mut options);
        self.safety.set(&mut options);
        options.compare = self.rule.compare.into();
        options.selection = self.selection.to_options()?;
        Ok(options)
    }

    /// How it watches.
    pub(crate) fn watch_options(&self) -> WatchOptions {
        let mut options = WatchOptions::default();
        options.pace = Pace {
            settle: self.pace.settle.duration(),
            longest_delay: self.pace.longest_delay.duration(),
            full_every: self.pace.full_every.duration(),
        };
        if let Some(memory) = self.pace.change_memory {
            options.memory = usize::try_from(memory.bytes()).unwrap_or(usize::MAX);
        }
        options
    }
}

impl SafetyArgs {
    /// Sets what a run may do.
    fn set(&self, options: &mut MirrorOptions) {
        self.consent.guards.set(options);
        options.deletions = if self.no_delete {
            Deletions::Off
        } else {
            Deletions::On
        };
        options.max_key_length = self.max_key_length;
    }
}

impl ApplyArgs {
    /// Sets what can be chosen about the execution of a saved plan.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        Common {
            state: &self.state,
            durability: self.consent.durability,
            identity: self.identity,
            // Those that were skipped have no line in the plan.
            symlinks: Links::Inside,
            server: &self.server,
            objects: &self.objects,
            speed: &self.speed,
        }
        .set(options);
        self.consent.guards.set(options);
        options.trash.clone_from(&self.trash.trash);
    }
}

impl SplitPlanArgs {
    /// Sets how the plan is judged that is to be divided.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        options.files = files(self.identity, Links::Inside);
        options.bucket = S3Options {
            at: options.bucket.at,
            ..bucket_options(&options.bucket.location, &self.server)
        };
        options.state_dir.clone_from(&self.state.state_dir);
        self.guards.set(options);
    }
}

impl SplitRangesArgs {
    /// The options that decide what is planned; or what is wrong with them, in one line.
    pub(crate) fn mirror_options(&self, direction: Direction) -> Result<MirrorOptions, String> {
        let (directory, bucket) = (&self.places.dir, &self.places.bucket);
        let mut options = MirrorOptions::new(direction, directory, bucket.clone());
        options.files = files(self.rule.identity, self.rule.symlinks);
        options.bucket = bucket_options(bucket, &self.server);
        options.bucket.at = self.past.moment()?;
        options.compare = self.rule.compare.into();
        if self.no_delete {
            options.deletions = Deletions::Off;
        }
        options.max_key_length = self.max_key_length;
        options.selection = self.selection.to_options()?;
        options.state_dir.clone_from(&self.state.state_dir);
        Ok(options)
    }
}

impl ClusterPlanArgs {
    /// Sets what can be chosen about the planning of a range.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        self.how.set(options);
        self.machine.set(options);
    }
}

impl SealArgs {
    /// Sets how the plans are judged.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        self.how.set(options);
        self.guards.set(options);
    }
}

impl ExecutionArgs {
    /// Sets what can be chosen about the execution of a part of a plan.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        Common {
            state: &self.state,
            durability: self.durability,
            identity: self.identity,
            symlinks: Links::Inside,
            server: &self.server,
            objects: &self.objects,
            speed: &self.speed,
        }
        .set(options);
    }
}

impl ClusterFinishArgs {
    /// Sets what can be chosen about the end of a run.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        self.how.set(options);
        self.machine.set(options);
    }
}

impl VerifyArgs {
    /// The options of a comparison; or what is wrong with them, in one line.
    pub(crate) fn mirror_options(&self) -> Result<MirrorOptions, String> {
        let (directory, bucket) = (&self.places.dir, &self.places.bucket);
        let mut options = MirrorOptions::new(Direction::Restore, directory, bucket.clone());
        options.files = files(self.how.identity, self.how.symlinks);
        options.bucket = bucket_options(bucket, &self.server);
        options.bucket.at = self.past.moment()?;
        self.speed.set(&mut options);
        options.state_dir.clone_from(&self.state.state_dir);
        options.selection = self.selection.to_options()?;
        options.selection.keys = self.selection.key_list()?;
        Ok(options)
    }
}

impl DoctorArgs {
    pub(crate) fn bucket_options(&self) -> S3Options {
        S3Options {
            max_attempts: DOCTOR_ATTEMPTS,
            ..bucket_options(&self.bucket, &self.server)
        }
    }
}

impl VersionsArgs {
    pub(crate) fn bucket_options(&self) -> S3Options {
        bucket_options(&self.bucket, &self.server)
    }
}

/// The options that a plan does not fix.
struct Common<'a> {
    state: &'a StateArgs,
    durability: DurabilityArgs,
    identity: IdentityArgs,
    symlinks: Links,
    server: &'a ServerArgs,
    objects: &'a ObjectArgs,
    speed: &'a SpeedArgs,
}

impl Common<'_> {
    fn set(&self, options: &mut MirrorOptions) {
        options.files = FsOptions {
            durability: self.durability.durability.into(),
            ..files(self.identity, self.symlinks)
        };
        options.bucket = S3Options {
            objects: self.objects.into(),
            at: options.bucket.at,
            ..bucket_options(&options.bucket.location, self.server)
        };
        self.speed.set(options);
        options.state_dir.clone_from(&self.state.state_dir);
    }
}

impl GuardArgs {
    /// Sets by which guards a plan is judged.
    fn set(&self, options: &mut MirrorOptions) {
        options.max_delete = self.max_delete.unwrap_or_default();
        options.allow_empty_source = self.allow_empty_source;
        self.machine.set(options);
    }
}

impl MachineGuardArgs {
    fn set(self, options: &mut MirrorOptions) {
        options.allow_overlap = self.allow_overlap;
        options.restore_abandoned = self.restore_abandoned;
    }
}

impl SpeedArgs {
    /// Sets how fast the mirror is, and with how much memory.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        options.concurrency = self.concurrency.map(usize::from);
        options.part_size = self.part_size.map(Size::bytes);
        options.max_memory = self.max_memory.map(Size::bytes);
        options.bucket.max_attempts = self.max_attempts;
        if let Some(threads) = self.threads {
            options.bucket.threads = usize::from(threads);
        }
        options.bucket.bandwidth = self
            .bwlimit
            .as_ref()
            .and_then(|limit| limit.bandwidth().cloned());
    }
}

impl SelectionArgs {
    /// What is selected; or what is wrong with it, in one line.
    pub(crate) fn to_options(&self) -> Result<SelectionOptions, String> {
        let now = DateTime::<Utc>::from(SystemTime::now());
        let moment = |option: &str, moment: Option<Moment>| match moment {
            None => Ok(None),
            Some(moment) => moment
                .before(now)
                .map(Some)
                .ok_or_else(|| format!("{option}: that is before the calendar begins")),
        };
        let mut options = SelectionOptions::default();
        options.names.clone_from(&self.names.0);
        options.ignore_files.clone_from(&self.exclude_from);
        options.min_size = self.min_size.map(Size::bytes);
        options.max_size = self.max_size.map(Size::bytes);
        options.newer_than = moment("--newer-than", self.newer_than)?;
        options.older_than = moment("--older-than", self.older_than)?;
        Ok(options)
    }
}

impl SelectionArgs {
    /// The list of `--files-from`, which is read now; or what is wrong with it, in one line.
    pub(crate) fn key_list(&self) -> Result<Option<KeyList>, String> {
        let Some(path) = &self.files_from else {
            return Ok(None);
        };
        let separator = if self.from0 {
            Separator::Nul
        } else {
            Separator::Line
        };
        let read = if path.as_os_str() == "-" {
            read_key_list(io::stdin().lock(), separator)
        } else {
            let file = File::open(path).map_err(KeyListError::Read);
            file.and_then(|file| read_key_list(BufReader::new(file), separator))
        };
        let wrong = |error: KeyListError| {
            let path = printable(&path.to_string_lossy());
            format!("--files-from '{path}': {}", hints::key_list(&error))
        };
        read.map(Some).map_err(wrong)
    }
}

fn files(identity: IdentityArgs, symlinks: Links) -> FsOptions {
    FsOptions {
        symlinks: symlinks.into(),
        ignore_inode: identity.ignore_inode,
        ignore_ctime: identity.ignore_ctime,
        ..FsOptions::default()
    }
}

/// How `bucket` is reached.
fn bucket_options(bucket: &Location, server: &ServerArgs) -> S3Options {
    S3Options {
        region: server.region.clone(),
        profile: server.profile.clone(),
        endpoint_url: server.endpoint_url.clone(),
        ca_bundle: server.ca_bundle.clone(),
        path_style: server.path_style.into(),
        access: if server.no_sign_request {
            Access::Anonymous
        } else {
            Access::Signed
        },
        conditions: server.conditions(),
        lists_in_order: server.lists_in_order.into(),
        checksums: server.checksum.into(),
        sign_payload: server.sign_payload.into(),
        customer_key_file: server.sse_c_key_file.clone(),
        payer: server.request_payer.map(Payer::from).unwrap_or_default(),
        expected_owner: server
            .expected_bucket_owner
            .as_ref()
            .map(|account| account.id().to_owned()),
        ..S3Options::new(bucket.clone())
    }
}
