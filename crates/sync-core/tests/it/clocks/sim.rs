//! A directory and a bucket beside two clocks: each call takes some time, in
//! which whatever else is due happens, and each side cuts and rounds its times
//! as its file system or server does.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt};
use sync_core::{
    Entry, ErrorKind, Expected, Key, Listed, NewEntry, Result, Selection, Store, StoreError,
    Writer,
    checksum::{Crc64, Digest},
    clock::{Answer, LONGEST_WAIT, Present, ServerClock},
    entry::{Coarse, Revision},
    store::{Chunks, KeyProblem, Listing},
};

use crate::support::{Random, key};

pub(super) const MILLI: i64 = 1_000_000;
pub(super) const SECOND: i64 = 1000 * MILLI;

/// How the server makes the time of an object out of its present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rounding {
    Millisecond,
    Cut,
    Up,
    Nearest,
}

#[derive(Debug, Clone)]
pub(super) struct Config {
    /// In which units the file system keeps times, in nanoseconds.
    pub(super) unit: i64,
    /// Whether it keeps the time of the last change beside that of the content.
    pub(super) has_change_time: bool,
    pub(super) rounding: Rounding,
    /// How far the server's clock is ahead, in nanoseconds.
    pub(super) offset: i64,
    /// The longest way to the server and back, in nanoseconds.
    pub(super) way: i64,
    pub(super) seed: u64,
}

/// What another program does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    /// Writes other content of the same size.
    Write,
    /// Changes the mode, which leaves the content and its time.
    Chmod,
    /// Gives the file another name and back.
    Rename,
    /// Puts another object of the same size.
    Put,
}

#[derive(Debug, Clone, PartialEq)]
struct File {
    body: u64,
    modified: i64,
    changed: i64,
    inode: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Object {
    body: u64,
    modified: i64,
    etag: u64,
}

struct State {
    config: Config,
    random: Random,
    /// Our clock, in nanoseconds; the server's is `offset` ahead.
    now: i64,
    due: Vec<(i64, What, String)>,
    files: BTreeMap<String, File>,
    objects: BTreeMap<String, Object>,
    clock: ServerClock,
    versions: u64,
    writes: u64,
}

/// Clones share everything.
#[derive(Clone)]
pub(super) struct Sim(Arc<Mutex<State>>);

/// The directory.
pub(super) struct Disk(pub(super) Sim);

/// The bucket.
pub(super) struct Bucket(pub(super) Sim);

impl Sim {
    pub(super) fn new(config: Config, start: i64) -> Self {
        let random = Random::new(config.seed);
        Self(Arc::new(Mutex::new(State {
            config,
            random,
            now: start,
            due: Vec::new(),
            files: BTreeMap::new(),
            objects: BTreeMap::new(),
            clock: ServerClock::default(),
            versions: 0,
            writes: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn now(&self) -> i64 {
        self.lock().now
    }

    pub(super) fn rest(&self, time: i64) {
        let mut state = self.lock();
        let to = state.now + time;
        state.advance(to);
    }

    /// `what` happens to `name` at `time`; at once if that is past.
    pub(super) fn plan(&self, time: i64, what: What, name: &str) {
        let mut state = self.lock();
        state.due.push((time, what, name.to_owned()));
        state.due.sort_by_key(|(time, ..)| *time);
    }

    /// When the last of it has happened.
    pub(super) fn rest_until_done(&self) {
        let mut state = self.lock();
        if let Some((last, ..)) = state.due.last() {
            let last = *last;
            state.advance(last);
        }
    }

    /// An object of other content, dated `ahead` of the server's present.
    pub(super) fn put_dated(&self, name: &str, ahead: i64) {
        let mut state = self.lock();
        let modified = state.dated() + ahead;
        state.put(name, None, modified);
    }

    /// A new process knows nothing of the server yet.
    pub(super) fn forget_clock(&self) {
        self.lock().clock = ServerClock::default();
    }

    /// Another empty directory.
    pub(super) fn empty_directory(&self) {
        self.lock().files.clear();
    }

    /// What has been written to either side by us.
    pub(super) fn writes(&self) -> u64 {
        self.lock().writes
    }

    pub(super) fn difference(&self) -> Option<String> {
        let state = self.lock();
        let files: BTreeMap<_, _> = state.files.iter().map(|(name, f)| (name, f.body)).collect();
        let objects = state.objects.iter().map(|(name, o)| (name, o.body));
        let objects: BTreeMap<_, _> = objects.collect();
        (files != objects).then(|| format!("{:?}\n{:?}", state.files, state.objects))
    }
}

impl State {
    fn advance(&mut self, to: i64) {
        while let Some((time, ..)) = self.due.first().filter(|(time, ..)| *time <= to) {
            self.now = self.now.max(*time);
            let (_, what, name) = self.due.remove(0);
            self.happen(what, &name);
        }
        self.now = self.now.max(to);
    }

    /// A call takes its time.
    fn pass(&mut self, most: i64) {
        let time = self.random.below(most as usize) as i64;
        self.advance(self.now + time);
    }

    fn happen(&mut self, what: What, name: &str) {
        let now = self.file_time();
        self.versions += 1;
        let body = self.versions;
        match what {
            What::Put => {
                let modified = self.dated();
                self.put(name, Some(body), modified);
            }
            What::Write => {
                let inode = self.files.get(name).map_or(body, |file| file.inode);
                let (modified, changed) = (now, now);
                let file = File {
                    body,
                    modified,
                    changed,
                    inode,
                };
                self.files.insert(name.to_owned(), file);
            }
            What::Chmod | What::Rename => {
                if let Some(file) = self.files.get_mut(name) {
                    file.changed = now;
                }
            }
        }
    }

    fn put(&mut self, name: &str, body: Option<u64>, modified: i64) {
        self.versions += 1;
        let (etag, body) = (self.versions, body.unwrap_or(self.versions));
        let object = Object {
            body,
            modified,
            etag,
        };
        self.objects.insert(name.to_owned(), object);
    }

    /// The unit that the type of the file system tells: FAT's.
    fn known_unit(&self) -> i64 {
        match self.config.unit {
            ..=SECOND => 1,
            unit => unit,
        }
    }

    fn file_time(&self) -> i64 {
        // A kernel's ticks have no relation to seconds.
        let phase = if self.config.unit == 4 * MILLI {
            1_234_567
        } else {
            0
        };
        // Nor does any nanosecond.
        let now = self.now + i64::from(self.config.unit == 1 && self.now % SECOND == 0);
        (now - phase).div_euclid(self.config.unit) * self.config.unit + phase
    }

    /// How the server dates an object that is written now.
    fn dated(&self) -> i64 {
        let now = self.now + self.config.offset;
        let second = now.div_euclid(SECOND) * SECOND;
        match self.config.rounding {
            Rounding::Millisecond => now.div_euclid(MILLI) * MILLI,
            Rounding::Cut => second,
            Rounding::Up if now > second => second + SECOND,
            Rounding::Nearest if now - second >= SECOND / 2 => second + SECOND,
            Rounding::Up | Rounding::Nearest => second,
        }
    }

    /// A request to the server, on which `work` is done.
    fn request<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let (sent, way) = (self.now, self.config.way);
        self.pass(way / 2);
        let done = work(self);
        let date = (self.now + self.config.offset).div_euclid(SECOND) * SECOND;
        self.pass(way / 2);
        let cuts = self.config.rounding == Rounding::Cut;
        self.clock.observe(Answer {
            sent: time(sent),
            received: time(self.now),
            date: time(date),
            cuts,
        });
        done
    }

    fn file(&self, name: &str) -> Option<Entry> {
        let file = self.files.get(name)?;
        let Config {
            unit,
            has_change_time,
            ..
        } = self.config;
        let mut entry = Entry::new(key(name), 8, time(file.modified))
            .with_revision(Revision::new(format!("{}.{}", file.inode, file.changed)));
        entry.coarse = (unit >= SECOND).then_some(Coarse {
            unit: unit as u32,
            is_change_time: has_change_time && file.modified == file.changed,
        });
        Some(entry)
    }

    fn object(&self, name: &str) -> Option<Entry> {
        let object = self.objects.get(name)?;
        let entry = Entry::new(key(name), 8, time(object.modified));
        Some(entry.with_revision(Revision::new(object.etag.to_string())))
    }

    /// The content of the object that `entry` describes, if it is still there.
    fn body(&self, entry: &Entry) -> Result<Bytes> {
        let name = entry.key.as_str();
        let there = self.object(name);
        if !there.is_some_and(|there| entry.is_same_version(&there)) {
            return Err(changed(&entry.key));
        }
        let body = self.objects[name].body.to_be_bytes();
        Ok(Bytes::copy_from_slice(&body))
    }
}

fn time(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

fn nanos(time: DateTime<Utc>) -> i64 {
    time.timestamp_nanos_opt().unwrap()
}

/// How long after its date a file may still be changed without another.
const TICK: i64 = 20 * MILLI;

fn changed(key: &Key) -> StoreError {
    StoreError::new(ErrorKind::Changed, format!("'{key}' has changed"))
}

/// As the directory compares files: where the time of the last change is coarse,
/// that of the content may still tell two versions apart.
fn is_same_file(one: &Entry, other: &Entry) -> bool {
    one.is_same_version(other) && one.modified == other.modified
}

fn check(expected: &Expected, there: Option<Entry>, key: &Key) -> Result<()> {
    match (expected, there) {
        (_, None) => Ok(()),
        (Expected::Version(seen), Some(there)) if seen.is_same_version(&there) => Ok(()),
        _ => Err(changed(key)),
    }
}

fn number(body: &Bytes) -> u64 {
    u64::from_be_bytes(body[..].try_into().unwrap())
}

#[async_trait]
impl Store for Disk {
    fn location(&self) -> String {
        "disk".to_owned()
    }

    async fn list(&self, _: &Arc<Selection>) -> Listing {
        let mut state = self.0.lock();
        let names: Vec<String> = state.files.keys().cloned().collect();
        let mut items = Vec::new();
        for name in names {
            state.pass(3 * MILLI);
            items.extend(state.file(&name).map(|entry| Ok(Listed::Entry(entry))));
        }
        Listing::new(stream::iter(items).boxed())
    }

    fn accepts(&self, _: &Key) -> Result<(), KeyProblem> {
        Ok(())
    }

    fn present(&self) -> Option<Present> {
        let state = self.0.lock();
        let (now, unit) = (state.now, state.known_unit());
        Some(Present {
            earliest: time((now - TICK).div_euclid(unit) * unit),
            latest: time(now),
            least_lead: TimeDelta::zero(),
            most_lead: TimeDelta::zero(),
            unit: TimeDelta::nanoseconds(unit),
        })
    }

    async fn wait_for(&self, moment: DateTime<Utc>) {
        let mut state = self.0.lock();
        let unit = state.known_unit();
        let at = (nanos(moment) + unit - 1).div_euclid(unit) * unit + TICK;
        if time(at) - time(state.now) <= LONGEST_WAIT {
            state.advance(at);
        }
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        let mut state = self.0.lock();
        state.pass(MILLI);
        Ok(state.file(key.as_str()))
    }

    async fn is_unchanged(&self, seen: &Entry, now: &Entry) -> bool {
        is_same_file(seen, now)
    }

    /// As the directory does: what may have changed without a trace is read a
    /// little later.
    async fn read(&self, entry: &Entry, _: Range<u64>) -> Result<Chunks> {
        let mut state = self.0.lock();
        let name = entry.key.as_str();
        state.pass(MILLI);
        if let Some(file) = state.files.get(name) {
            let settled = file.modified.max(file.changed) + state.config.unit + TICK;
            state.advance(settled);
        }
        let before = state.file(name).filter(|now| is_same_file(entry, now));
        let body = state.files.get(name).map(|file| file.body);
        state.pass(5 * MILLI);
        let after = state.file(name);
        match (before, body) {
            (Some(before), Some(body)) if after.as_ref() == Some(&before) => {
                Ok(Bytes::copy_from_slice(&body.to_be_bytes()).into())
            }
            _ => Err(changed(&entry.key)),
        }
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        _: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        let mut state = self.0.lock();
        state.pass(5 * MILLI);
        check(expected, state.file(entry.key.as_str()), &entry.key)?;
        let unit = state.config.unit;
        state.versions += 1;
        state.writes += 1;
        let file = File {
            body: number(&body),
            modified: match unit {
                ..SECOND => nanos(entry.modified),
                unit => nanos(entry.modified).div_euclid(unit) * unit,
            },
            changed: state.file_time(),
            inode: state.versions,
        };
        state.files.insert(entry.key.as_str().to_owned(), file);
        Ok(())
    }

    async fn write(&self, _: &NewEntry, _: u64, _: &Expected) -> Result<Box<dyn Writer>> {
        unreachable!("all entries are of one part")
    }

    async fn delete(&self, _: &[Entry]) -> Vec<Result<()>> {
        unreachable!("nothing is deleted")
    }
}

#[async_trait]
impl Store for Bucket {
    fn location(&self) -> String {
        "bucket".to_owned()
    }

    async fn list(&self, _: &Arc<Selection>) -> Listing {
        let mut state = self.0.lock();
        let listed = state.request(|state| {
            let names = state.objects.keys();
            let entries = names.filter_map(|name| state.object(name));
            entries.map(Listed::Entry).map(Ok).collect::<Vec<_>>()
        });
        Listing {
            entries: stream::iter(listed).boxed(),
            clock_offset: state.clock.offset(),
        }
    }

    fn accepts(&self, _: &Key) -> Result<(), KeyProblem> {
        Ok(())
    }

    fn present(&self) -> Option<Present> {
        let state = self.0.lock();
        state.clock.present(time(state.now))
    }

    async fn wait_for(&self, moment: DateTime<Utc>) {
        let mut state = self.0.lock();
        let at = state.clock.reaches(moment).unwrap_or(time(state.now));
        if at - time(state.now) <= LONGEST_WAIT {
            state.advance(nanos(at));
        }
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        let mut state = self.0.lock();
        Ok(state.request(|state| state.object(key.as_str())))
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        let body = self.0.lock().request(|state| state.body(entry))?;
        Ok(Some(Crc64::of(&body).into()))
    }

    async fn read(&self, entry: &Entry, _: Range<u64>) -> Result<Chunks> {
        let body = self.0.lock().request(|state| state.body(entry))?;
        Ok(body.into())
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        _: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        self.0.lock().request(|state| {
            let name = entry.key.as_str();
            check(expected, state.object(name), &entry.key)?;
            state.writes += 1;
            let modified = state.dated();
            state.put(name, Some(number(&body)), modified);
            Ok(())
        })
    }

    async fn write(&self, _: &NewEntry, _: u64, _: &Expected) -> Result<Box<dyn Writer>> {
        unreachable!("all entries are of one part")
    }

    async fn delete(&self, _: &[Entry]) -> Vec<Result<()>> {
        unreachable!("nothing is deleted")
    }
}
