//! What a key was at a moment, from its versions and delete markers as they come.
//!
//! The first line in the order of the document that is not later than the moment
//! counts. That order is distrusted where it contradicts the times or `IsLatest`, or
//! where versions may be apart from markers: then times decide, and the latest version
//! comes first. Only a few lines are held, however many versions a key has.

use chrono::{DateTime, Utc};

use crate::error::Failure;
use crate::list::versions::page_xml::{Line, NULL};

/// What a key was.
#[derive(Debug)]
pub(crate) enum Was {
    /// There was none.
    Absent,
    /// An object of this version.
    Version(Line),
    /// That cannot be told.
    Unknown(&'static str),
}

const OVERWRITTEN: &str = "what it has without a version id was written later, and may have \
                           replaced what it was then";

const AMBIGUOUS: &str = "several versions of it, or a deletion, have the same time, and the server \
                         does not tell which came last";

/// The lines of one key so far.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The times of the lines before; of torn pages, apart for versions and markers.
    previous: [Option<DateTime<Utc>>; 2],
    /// Whether a line has a later time than the one before it, or an earlier one.
    rises: bool,
    falls: bool,
    is_torn: bool,
    /// Whether a line that is not the first is the latest, and whether the last one is.
    latest_is_late: bool,
    latest_is_last: bool,
    has_later_null: bool,
    /// The first line that is old enough.
    first: Option<Short>,
    /// The one that is the latest of all, if it is old enough.
    latest: Option<Short>,
    /// Those of the latest time that is old enough.
    tie: Option<Tie>,
}

/// A line without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Short {
    id: String,
    modified: DateTime<Utc>,
    is_marker: bool,
    size: Option<u64>,
    etag: Option<String>,
}

#[derive(Debug)]
struct Tie {
    first: Short,
    last: Short,
    lines: u64,
    markers: u64,
}

impl History {
    /// Adds the next line of the key.
    pub(crate) fn add(
        &mut self,
        line: &Line,
        is_torn: bool,
        at: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let Some(modified) = line.modified else {
            let key = &line.key;
            return Err(Failure::protocol(format!(
                "the server lists a version of '{key}' without a time"
            )));
        };
        self.is_torn |= is_torn;
        self.watch_order(line.is_marker, line.is_latest, modified);
        let id = line.id();
        if modified > at {
            self.has_later_null |= id == NULL;
            return Ok(());
        }
        let is_newest = self
            .tie
            .as_ref()
            .is_none_or(|it| modified >= it.last.modified);
        if self.first.is_some() && !line.is_latest && !is_newest {
            return Ok(());
        }
        self.keep(
            Short {
                id: id.to_owned(),
                modified,
                is_marker: line.is_marker,
                size: line.size,
                etag: line.etag.clone(),
            },
            line.is_latest,
        );
        Ok(())
    }

    fn watch_order(&mut self, is_marker: bool, is_latest: bool, modified: DateTime<Utc>) {
        let [versions, markers] = &mut self.previous;
        let previous = if self.is_torn && is_marker {
            markers
        } else {
            versions
        };
        if let Some(previous) = previous.replace(modified) {
            self.rises |= modified > previous;
            self.falls |= modified < previous;
            self.latest_is_late |= is_latest;
        }
        self.latest_is_last = is_latest;
    }

    /// Keeps a line that is old enough, as far as it may be the answer.
    fn keep(&mut self, line: Short, is_latest: bool) {
        let markers = u64::from(line.is_marker);
        match &mut self.tie {
            Some(tie) if tie.last.modified == line.modified => {
                tie.lines += 1;
                tie.markers += markers;
                tie.last = line.clone();
            }
            Some(tie) if tie.last.modified > line.modified => {}
            tie => {
                *tie = Some(Tie {
                    first: line.clone(),
                    last: line.clone(),
                    lines: 1,
                    markers,
                });
            }
        }
        if is_latest {
            self.latest = Some(line.clone());
        }
        self.first.get_or_insert(line);
    }

    /// What the key was, once all of its lines have come.
    pub(crate) fn end(self, key: String) -> Was {
        if self.has_later_null {
            return Was::Unknown(OVERWRITTEN);
        }
        let is_distrusted = self.rises || self.latest_is_late || self.is_torn;
        let answer = if is_distrusted {
            self.by_time()
        } else {
            Ok(self.first)
        };
        match answer {
            Err(why) => Was::Unknown(why),
            Ok(Some(line)) if !line.is_marker => Was::Version(Line {
                key,
                id: Some(line.id),
                modified: Some(line.modified),
                size: line.size,
                etag: line.etag,
                ..Line::default()
            }),
            Ok(_) => Was::Absent,
        }
    }

    fn by_time(self) -> Result<Option<Short>, &'static str> {
        if self.latest.is_some() {
            return Ok(self.latest);
        }
        let Some(tie) = self.tie else { return Ok(None) };
        let is_oldest_first = !self.falls && (self.rises || self.latest_is_last);
        let is_one_kind = tie.markers == 0 || tie.markers == tie.lines;
        // Within a kind, a server that separates them lists the newest first.
        let is_in_order = self.is_torn && is_one_kind && !self.rises && !self.latest_is_late;
        if tie.lines == 1 || tie.markers == tie.lines || is_in_order {
            Ok(Some(tie.first))
        } else if is_oldest_first && !self.is_torn {
            Ok(Some(tie.last))
        } else {
            Err(AMBIGUOUS)
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    /// Of lines like `v2@5*`: an id, `-` before that of a marker, the time, and `*` for
    /// the latest.
    fn was(lines: &str, is_torn: bool, moment: i64) -> String {
        let mut history = History::default();
        for text in lines.split_whitespace() {
            let (name, time) = text.split_once('@').unwrap();
            let line = Line {
                key: "k".to_owned(),
                id: Some(name.trim_start_matches('-').to_owned()),
                modified: Some(at(time.trim_end_matches('*').parse().unwrap())),
                is_latest: time.ends_with('*'),
                is_marker: name.starts_with('-'),
                ..Line::default()
            };
            history.add(&line, is_torn, at(moment)).unwrap();
        }
        match history.end("k".to_owned()) {
            Was::Absent => "absent".to_owned(),
            Was::Version(line) => line.id.unwrap(),
            Was::Unknown(AMBIGUOUS) => "ambiguous".to_owned(),
            Was::Unknown(_) => "unknown".to_owned(),
        }
    }

    #[test]
    fn the_first_line_that_is_old_enough_counts() {
        let lines = "v4@9* -m@7 v3@5 v2@5 v1@2";
        for (moment, expected) in [
            (1, "absent"),
            (2, "v1"),
            (4, "v1"),
            (5, "v3"),
            (6, "v3"),
            (7, "absent"),
            (9, "v4"),
            (99, "v4"),
        ] {
            assert_eq!(was(lines, false, moment), expected, "{moment}");
        }
    }

    #[test]
    fn where_the_order_contradicts_the_times_these_decide() {
        // The oldest first, with ties.
        let lines = "v1@2 v2@5 v3@5 -m@7 v4@9 v5@9*";
        for (moment, expected) in [(2, "v1"), (5, "v3"), (7, "absent"), (9, "v5")] {
            assert_eq!(was(lines, false, moment), expected, "{moment}");
        }
        // All of one second: only `IsLatest` tells.
        assert_eq!(was("v1@5 v2@5*", false, 5), "v2");
        // An upload in parts is dated when it was begun.
        let upload = "mp@5* put@7 v1@2";
        assert_eq!(was(upload, false, 6), "mp");
        assert_eq!(was(upload, false, 9), "mp");
        assert_eq!(was("v9@9* mp@5 put@7 v1@2", false, 8), "put");
        // No order at all.
        assert_eq!(was("v1@2 v3@5 v9@9* v2@5", false, 6), "ambiguous");
        assert_eq!(was("v1@2 v3@5 v9@9* v2@4", false, 6), "v3");
    }

    #[test]
    fn a_marker_apart_from_its_versions_has_its_place_by_time() {
        let lines = "v3@9* v2@5 v1@2 -m@7";
        for (moment, expected) in [(5, "v2"), (7, "absent"), (8, "absent"), (9, "v3")] {
            assert_eq!(was(lines, true, moment), expected, "{moment}");
        }
        assert_eq!(was("v3@9* v2@5 -m@5", true, 6), "ambiguous");
        // Both are versions, which are in order among each other.
        assert_eq!(was("v3@9* v2@5 v1@5 -m@2", true, 6), "v2");
        assert_eq!(was("v2@5 v1@5 -m@7*", true, 6), "v2");
        assert_eq!(was("v2@5 -m@5*", true, 6), "absent");
        // In a server that does not separate them, the order tells.
        assert_eq!(was("v3@9* v2@5 -m@5", false, 6), "v2");
    }

    #[test]
    fn what_has_no_id_and_is_later_hides_what_was_before() {
        assert_eq!(was("null@9* v1@2", false, 5), "unknown");
        assert_eq!(was("-null@9* v1@2", false, 5), "unknown");
        assert_eq!(was("null@9*", false, 5), "unknown");
        assert_eq!(was("v2@9* null@2", false, 5), "null");
        assert_eq!(was("null@2* v1@1", false, 5), "null");
    }
}
