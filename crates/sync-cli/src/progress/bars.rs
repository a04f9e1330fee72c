//! Progress as it is drawn: one line for all, and one for each of the largest
//! copies. No line is wider than the terminal, whatever the names are.

use indicatif::{HumanBytes, HumanCount};
use unicode_width::UnicodeWidthStr;

use super::View;
use super::plain::{self, about, copy, deleted, listed};
use s3mirror::{Large, Phase, Share, Snapshot};

/// Whether the bars have a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Colored,
}

/// Where the bar begins, behind `downloading`.
const INDENT: usize = 13;

/// The widest bar; more width shows nothing more.
const WIDEST: usize = 40;

/// A narrower bar shows nothing.
const NARROWEST: usize = 8;

/// On a wide terminal, names do not use the whole width: their figures would be
/// too far away.
const LONGEST_NAME: usize = 100;

/// The lines on a terminal of `columns`.
pub(crate) fn lines(view: &View, columns: usize, paint: Paint) -> Vec<String> {
    // Some terminals wrap a line that fills the last column.
    let columns = columns.saturating_sub(1);
    let now = &view.now;
    match now.phase {
        Phase::Listing => {
            let figures = [Some(listed(now)), plain::silence(now)];
            let figures: Vec<_> = figures.into_iter().flatten().collect();
            let line = format!("{:<INDENT$}{}", "listing", figures.join("   "));
            vec![fit(line, columns)]
        }
        Phase::Planned => Vec::new(),
        Phase::Copying => {
            let mut lines = Vec::from(total(view, columns, paint));
            lines.extend(now.large.iter().map(|copy| running(copy, columns)));
            lines
        }
        Phase::Deleting => vec![deleting(now, columns, paint)],
        Phase::Ending => vec![fit("ending".to_owned(), columns)],
    }
}

/// The two lines for all of it.
fn total(view: &View, columns: usize, paint: Paint) -> [String; 2] {
    let now = &view.now;
    let verb = format!("{}ing", copy(now.direction));
    let left = view.figures.time_left;
    let left = left.map(|left| format!("{} left", about(left)));
    let figures = [
        Some(format!(
            "{} of {}",
            HumanBytes(now.bytes.done),
            HumanBytes(now.bytes.all)
        )),
        Some(format!("{} files", plain::of(now.files))),
        plain::rate(&view.figures),
        (now.failed > 0).then(|| format!("{} failed", HumanCount(now.failed))),
        plain::silence(now),
    ];
    let figures: Vec<_> = figures.into_iter().flatten().collect();
    [
        barred(&verb, plain::done(now), left.as_deref(), columns, paint),
        fit(format!("{:INDENT$}{}", "", figures.join("   ")), columns),
    ]
}

fn deleting(now: &Snapshot, columns: usize, paint: Paint) -> String {
    let figures = format!("{} {}", plain::of(now.deletions), deleted(now));
    let figures: Vec<_> = [Some(figures), plain::silence(now)]
        .into_iter()
        .flatten()
        .collect();
    barred(
        "deleting",
        now.deletions,
        Some(&figures.join("   ")),
        columns,
        paint,
    )
}

/// A line with a bar, and with `figures` as far as there is room.
fn barred(verb: &str, share: Share, figures: Option<&str>, columns: usize, paint: Paint) -> String {
    let percent = format!("  {:>3} %", share.percent());
    let figures = figures.map_or_else(String::new, |figures| format!("   {figures}"));
    for tail in [percent.clone() + &figures, percent.clone()] {
        let room = columns.saturating_sub(INDENT + tail.width());
        if room >= NARROWEST {
            return format!("{verb:<INDENT$}") + &bar(share, room.min(WIDEST), paint) + &tail;
        }
    }
    fit(format!("{verb}{percent}"), columns)
}

fn bar(share: Share, width: usize, paint: Paint) -> String {
    let full = if share.all == 0 {
        width
    } else {
        let full = share.done.min(share.all) as u128 * width as u128 / u128::from(share.all);
        usize::try_from(full).unwrap_or(width)
    };
    let (full, rest) = ("━".repeat(full), "─".repeat(width - full));
    match paint {
        Paint::Plain => full + &rest,
        Paint::Colored => format!("\u{1b}[32m{full}\u{1b}[90m{rest}\u{1b}[0m"),
    }
}

fn running(copy: &Large, columns: usize) -> String {
    let size = HumanBytes(copy.bytes.all).to_string();
    let tail = format!("  {size:>10} {:>3} %", copy.bytes.percent());
    let room = columns.saturating_sub(2 + tail.width()).min(LONGEST_NAME);
    let name = shortened(&copy.key.to_string(), room);
    let gap = " ".repeat(room.saturating_sub(name.width()));
    fit(format!("  {name}{gap}{tail}"), columns)
}

/// `name` in at most `columns`, without its middle if it is longer. Its last part
/// is kept as far as possible: by that, it differs from its neighbours.
fn shortened(name: &str, columns: usize) -> String {
    if name.width() <= columns || columns == 0 {
        return taken(name.chars(), columns);
    }
    let room = columns - 1;
    let last = name.rfind('/').map_or(0, |slash| name[slash..].width());
    let end = if last <= room {
        last.max(room.div_ceil(2))
    } else {
        room.div_ceil(2)
    };
    let beginning = taken(name.chars(), room - end);
    let end: String = taken(name.chars().rev(), end).chars().rev().collect();
    format!("{beginning}…{end}")
}

/// As many of `chars` as fit into `columns`.
fn taken(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut text = String::new();
    for char in chars {
        text.push(char);
        if text.width() > columns {
            text.pop();
            break;
        }
    }
    text
}

fn fit(line: String, columns: usize) -> String {
    if line.width() <= columns {
        line
    } else {
        taken(line.chars(), columns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{copying, deleting, listing, planned};
    use super::*;

    fn drawn(view: &View, columns: usize) -> Vec<String> {
        lines(view, columns, Paint::Plain)
    }

    #[test]
    fn eighty_columns_have_room_for_everything() {
        let lines = drawn(&copying(), 80);
        assert_eq!(
            lines,
            [
                "uploading    ━━━━━━━━━━━━━━━━────────────────────────   42 %   1 min 30 s left",
                "             3.20 GiB of 7.60 GiB   120 of 4,500 files   45.20 MiB/s",
                "  2024/holiday/at the seaside/IMG_20240812_0012.mov              1.20 GiB  74 %",
                "  2024/holiday/b.mov                                           500.00 MiB   1 %",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for view in [copying(), deleting(), listing(), planned()] {
            for columns in 0..260 {
                for line in drawn(&view, columns) {
                    assert!(line.width() < columns.max(1), "{columns}: '{line}'");
                }
            }
        }
    }

    #[test]
    fn a_long_name_loses_its_middle() {
        assert_eq!(shortened("2024/holiday/IMG_0012.mov", 12), "2024/…12.mov");
        assert_eq!(shortened("short", 12), "short");
        // The last part is whole as long as it fits.
        assert_eq!(
            shortened("2024/holiday/IMG_0012.mov", 17),
            "202…/IMG_0012.mov"
        );
        // These are two columns wide each.
        assert_eq!(shortened("写真写真写真", 8), "写…写真");
    }

    #[test]
    fn colours_add_no_width() {
        let plain = drawn(&copying(), 120);
        let colored = lines(&copying(), 120, Paint::Colored);
        let bare = console::strip_ansi_codes(&colored[0]).into_owned();
        assert_eq!(bare, plain[0]);
        assert_ne!(colored[0], plain[0]);
    }
}
