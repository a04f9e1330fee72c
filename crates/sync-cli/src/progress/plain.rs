//! Progress as lines of text, for logs and as the answer to a signal.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use sync_core::Direction;

use super::{Figures, View};
use s3mirror::{Large, Phase, Share, Snapshot};

/// Servers answer within seconds, also busy ones.
const LONG_SILENCE: Duration = Duration::from_secs(15);

/// The state in one line.
pub(crate) fn line(view: &View) -> String {
    let now = &view.now;
    let mut text = match now.phase {
        Phase::Listing => format!("listing: {} so far", listed(now)),
        Phase::Planned => format!("planned: {}; nothing is done yet", planned(now)),
        Phase::Copying => copying(view),
        Phase::Deleting => format!("deleting: {} {}", of(now.deletions), deleted(now)),
        Phase::Ending => "ending: looking for what earlier runs left".to_owned(),
    };
    if now.failed > 0 {
        text += &format!(", {} failed", HumanCount(now.failed));
    }
    if let Some(silence) = silence(now) {
        text += &format!(", {silence}");
    }
    text
}

/// What is said of a server that has been silent for long.
pub(super) fn silence(now: &Snapshot) -> Option<String> {
    let silent = now.silent_for.filter(|silent| *silent >= LONG_SILENCE)?;
    Some(format!("no answer from the server for {}", about(silent)))
}

/// The same with the largest copies in flight.
pub(crate) fn lines(view: &View) -> String {
    let large = view
        .now
        .large
        .iter()
        .map(|copy| "\n".to_owned() + &running(copy));
    line(view) + &large.collect::<String>()
}

fn running(copy: &Large) -> String {
    let Share { done, all } = copy.bytes;
    format!(
        "  {}: {} of {} ({} %)",
        copy.key,
        HumanBytes(done),
        HumanBytes(all),
        copy.bytes.percent()
    )
}

/// What was listed.
pub(super) fn listed(now: &Snapshot) -> String {
    let (files, objects) = match now.direction {
        Direction::Backup => (now.listed.source, now.listed.target),
        Direction::Restore => (now.listed.target, now.listed.source),
    };
    format!(
        "{} files, {} objects",
        HumanCount(files),
        HumanCount(objects)
    )
}

fn planned(now: &Snapshot) -> String {
    format!(
        "{} files to {} ({}), {} {} to delete",
        HumanCount(now.files.all),
        copy(now.direction),
        HumanBytes(now.bytes.all),
        HumanCount(now.deletions.all),
        deleted(now)
    )
}

fn copying(view: &View) -> String {
    let now = &view.now;
    let mut text = format!(
        "{}ing: {} of {} ({} %), {} files",
        copy(now.direction),
        HumanBytes(now.bytes.done),
        HumanBytes(now.bytes.all),
        done(now).percent(),
        of(now.files)
    );
    if let Some(rate) = rate(&view.figures) {
        text += &format!(", {rate}");
    }
    if let Some(left) = view.figures.time_left {
        text += &format!(", {} left", about(left));
    }
    text
}

/// What share of the copying is done: that of the bytes, unless there are none.
pub(super) fn done(now: &Snapshot) -> Share {
    if now.bytes.all > 0 && now.files.done < now.files.all {
        now.bytes
    } else {
        now.files
    }
}

/// `120 of 4,500`
pub(super) fn of(share: Share) -> String {
    format!("{} of {}", HumanCount(share.done), HumanCount(share.all))
}

pub(super) fn rate(figures: &Figures) -> Option<String> {
    let rate = figures.bytes_per_second?;
    // From a number that is not negative and far below the limit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rate = rate as u64;
    Some(format!("{}/s", HumanBytes(rate)))
}

pub(super) fn copy(direction: Direction) -> &'static str {
    match direction {
        Direction::Backup => "upload",
        Direction::Restore => "download",
    }
}

pub(super) fn deleted(now: &Snapshot) -> &'static str {
    match now.direction {
        Direction::Backup => "objects",
        Direction::Restore => "files",
    }
}

/// A duration, only as precise as the estimate is.
pub(super) fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..10 => format!("{} s", seconds.max(1)),
        10..60 => format!("{} s", seconds / 5 * 5),
        60..600 => format!("{minutes} min {} s", seconds % 60 / 10 * 10),
        600..3600 => format!("{minutes} min"),
        3600..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{copying, deleting, listing, planned};
    use super::*;

    #[test]
    fn a_server_that_is_silent_for_long_is_told() {
        for (seconds, told) in [(14, ""), (40, ", no answer from the server for 40 s")] {
            let mut view = listing();
            view.now.silent_for = Some(Duration::from_secs(seconds));
            let expected = format!("listing: 120,000 files, 98,000 objects so far{told}");
            assert_eq!(line(&view), expected);
        }
    }

    #[test]
    fn each_phase_has_its_line() {
        assert_eq!(
            line(&listing()),
            "listing: 120,000 files, 98,000 objects so far"
        );
        assert_eq!(
            line(&planned()),
            "planned: 4,500 files to upload (7.60 GiB), 30 objects to delete; nothing is done yet"
        );
        assert_eq!(
            line(&copying()),
            "uploading: 3.20 GiB of 7.60 GiB (42 %), 120 of 4,500 files, 45.20 MiB/s, \
             1 min 30 s left"
        );
        assert_eq!(line(&deleting()), "deleting: 10 of 30 objects, 2 failed");
    }

    #[test]
    fn who_asks_is_told_of_the_largest_copies_too() {
        let text = lines(&copying());
        let mut lines = text.lines().skip(1);
        assert_eq!(
            lines.next(),
            Some(
                "  2024/holiday/at the seaside/IMG_20240812_0012.mov: 920.00 MiB of 1.20 GiB (74 %)"
            )
        );
        assert_eq!(lines.count(), 1);
    }

    #[test]
    fn a_time_is_as_precise_as_it_is_long() {
        let about = |seconds| about(Duration::from_secs(seconds));
        assert_eq!(about(0), "1 s");
        assert_eq!(about(59), "55 s");
        assert_eq!(about(119), "1 min 50 s");
        assert_eq!(about(3599), "59 min");
        assert_eq!(about(7500), "2 h 5 min");
        assert_eq!(about(400_000), "4 days");
    }
}
