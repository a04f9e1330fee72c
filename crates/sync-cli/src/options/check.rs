//! What clap cannot check: values that contradict each other, or S3's limits.

use s3mirror::least_memory;
use sync_core::{Direction, execute::MAX_PART_SIZE, key::MAX_KEY_BYTES};
use sync_s3::endpoint_address;

use super::{
    ClusterCommand, Command, MockArgs, MockCommand, NOT_FOR_BACKUP, NOT_OF_THE_PAST, ServerArgs,
    Size, SpeedArgs, SplitArgs, SplitCommand, SyncArgs, WatchArgs,
};

/// The answer to `restore --restore-abandoned`.
const NOT_FOR_RESTORE: &str = "--restore-abandoned is for backup; a restore that completes \
    removes its mark by itself";

/// Smallest part that S3 takes, in bytes.
const MIN_PART: u64 = 5 << 20;

/// More than any run waits for; much more would overflow the counter.
const MAX_ATTEMPTS: u32 = 1_000_000;

impl Command {
    /// What is wrong with the options, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Backup(args)
            | Self::Backupmock(args)
            | Self::Mock {
                command: MockCommand::Backup(MockArgs { sync: args, .. }),
            } => args.check(Direction::Backup),
            Self::Restore(args)
            | Self::Restoremock(args)
            | Self::Mock {
                command: MockCommand::Restore(MockArgs { sync: args, .. }),
            } => args.check(Direction::Restore),
            Self::Apply(args) => {
                // Its direction is in the plan; this one allows more.
                args.speed.check(Direction::Restore)?;
                args.objects.check(&args.server)?;
                args.server.check()
            }
            Self::Cluster { command } => command.check(),
            Self::Watch(args) => args.check(),
            Self::Doctor(args) => args.server.check(),
            Self::Versions(args) => args.server.check(),
            Self::Verify(args) => {
                args.speed.check(Direction::Restore)?;
                args.server.check()
            }
            Self::Show(_)
            | Self::Cleanup(_)
            | Self::Run(_)
            | Self::Jobs(_)
            | Self::Config { .. }
            | Self::Mock {
                command: MockCommand::Cleanup(_),
            } => Ok(()),
        }
    }
}

impl SyncArgs {
    fn check(&self, direction: Direction) -> Result<(), String> {
        self.speed.check(direction)?;
        self.objects.check(&self.server)?;
        if direction == Direction::Backup && self.trash.trash.is_some() {
            return Err(NOT_FOR_BACKUP.to_owned());
        }
        if direction == Direction::Backup && self.past.at.is_some() {
            return Err(NOT_OF_THE_PAST.to_owned());
        }
        if direction == Direction::Restore && self.safety.consent.guards.machine.restore_abandoned {
            return Err(NOT_FOR_RESTORE.to_owned());
        }
        check_max_key(
            self.safety.max_key_length,
            self.places.bucket.prefix().len(),
        )?;
        self.server.check()
    }
}

impl WatchArgs {
    fn check(&self) -> Result<(), String> {
        self.speed.check(Direction::Backup)?;
        self.objects.check(&self.server)?;
        let prefix = self.places.bucket.prefix().len();
        check_max_key(self.safety.max_key_length, prefix)?;
        self.server.check()
    }
}

impl ClusterCommand {
    fn check(&self) -> Result<(), String> {
        let how = match self {
            Self::Split(SplitArgs::Plan(args)) => return args.server.check(),
            Self::Split(SplitArgs::Ranges(command)) => return command.check(),
            Self::Plan(args) => &args.how,
            Self::Seal(args) => &args.how,
            Self::Apply(args) => &args.how,
            Self::Finish(args) => &args.how,
            Self::Status(_) | Self::Script(_) => return Ok(()),
        };
        // The direction is in the plan; this one allows more.
        how.speed.check(Direction::Restore)?;
        how.objects.check(&how.server)?;
        how.server.check()
    }
}

impl SplitCommand {
    fn check(&self) -> Result<(), String> {
        let args = match self {
            Self::Backup(args) if args.past.at.is_some() => {
                return Err(NOT_OF_THE_PAST.to_owned());
            }
            Self::Backup(args) | Self::Restore(args) => args,
        };
        if let Self::Restore(args) = self {
            args.trash.check(Direction::Restore)?;
        }
        if args.selection.files_from.is_some() {
            let wrong = "--files-from cannot be used with ranges; save one plan of these keys by \
                         `s3mirror mock` with --plan-out, and split that";
            return Err(wrong.to_owned());
        }
        check_max_key(args.max_key_length, args.places.bucket.prefix().len())?;
        args.server.check()
    }
}

/// Whether names fit into keys of that length behind a prefix of `prefix` bytes.
fn check_max_key(max_key: u16, prefix: usize) -> Result<(), String> {
    let max_key = usize::from(max_key);
    if !(1..=MAX_KEY_BYTES).contains(&max_key) {
        return Err(format!(
            "--max-key-length must be between 1 and S3's own limit of {MAX_KEY_BYTES}"
        ));
    }
    if prefix >= max_key {
        return Err(format!(
            "the prefix of --bucket has {prefix} bytes; --max-key-length leaves no room for names"
        ));
    }
    Ok(())
}

impl SpeedArgs {
    fn check(&self, direction: Direction) -> Result<(), String> {
        let part = self.part_size.map(Size::bytes);
        let memory = self.max_memory.map(Size::bytes);
        let least = part.unwrap_or_else(|| least_memory(direction));
        let wrong = if part.is_some_and(|part| !(MIN_PART..=MAX_PART_SIZE).contains(&part)) {
            "--part-size must be between 5 MiB and 5 GiB, S3's limits of a part"
        } else if memory.is_some_and(|memory| memory < least) {
            "--max-memory must hold at least one part; raise it or lower --part-size"
        } else if self.concurrency == Some(0) {
            "--concurrency must be at least 1"
        } else if self.threads == Some(0) {
            "--threads must be at least 1"
        } else if !(1..=MAX_ATTEMPTS).contains(&self.max_attempts) {
            "--max-attempts must be between 1 and 1000000"
        } else {
            return Ok(());
        };
        Err(wrong.to_owned())
    }
}

impl ServerArgs {
    fn check(&self) -> Result<(), String> {
        match self.endpoint_url.as_deref().map(endpoint_address) {
            Some(Err(wrong)) => Err(format!("--endpoint-url: {wrong}; {}", wrong.hint())),
            _ => Ok(()),
        }
    }
}
