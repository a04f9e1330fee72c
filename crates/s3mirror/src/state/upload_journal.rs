//! The open uploads, in a file beside the locks, so that the run after a killed
//! one can abort them.
//!
//! JSON lines, each written by one call: `{"begun":{"key":…,"upload_id":…}}`,
//! with a field `settings` where the object is made with any, and `covers`, up
//! to which time of the file it can be resumed; and `{"ended":…}`. There is no
//! file while nothing is open. It belongs to the run that holds the bucket's
//! lock: what it finds there was begun by a run that has ended. Nothing is
//! synced, so after a power cut an upload may be missed.
//!
//! If the journal cannot be written, because the disk is full or there is no
//! state directory, uploads continue, and the user is warned once.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sync_core::checksum::Crc64;
use sync_s3::{OpenUpload, UploadJournal};

/// Lines beyond twice those that are needed, after which the file is rewritten:
/// some 200 KB.
const SPARE_LINES: usize = 1_000;

/// The journal of one bucket and prefix. The file is first looked at when
/// there is something to note or to ask; by then the run must hold the lock.
pub(crate) struct FileJournal {
    /// None until it is placed; then nothing is noted.
    files: OnceLock<JournalFiles>,
    state: Mutex<Option<State>>,
    warn: Box<dyn Fn(String) + Send + Sync>,
    has_warned: AtomicBool,
}

/// Where a journal is.
#[derive(Debug, Clone, Default)]
pub(crate) struct JournalFiles {
    /// Its file.
    pub(crate) own: PathBuf,
    /// Those of journals that nobody uses any more: what is open according to them
    /// is this journal's from now on.
    pub(crate) left: Vec<PathBuf>,
}

impl fmt::Debug for FileJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileJournal").field(&self.files).finish()
    }
}

/// The content of the file.
#[derive(Debug, Default)]
struct State {
    /// Uploads that earlier runs left.
    left: Vec<OpenUpload>,
    /// Open uploads of this run.
    begun: Vec<OpenUpload>,
    /// The file, if it is complete and has all of this, and the number of its
    /// lines.
    file: Option<File>,
    lines: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Begun {
        key: String,
        upload_id: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        settings: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        covers: Option<DateTime<Utc>>,
    },
    Ended(String),
}

impl FileJournal {
    /// A journal without a file yet; `warn` says once that nothing can be
    /// noted.
    pub(crate) fn new(warn: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self {
            files: OnceLock::new(),
            state: Mutex::default(),
            warn: Box::new(warn),
            has_warned: AtomicBool::new(false),
        }
    }

    /// The file of the bucket `identity` in the state directory `state`.
    pub(crate) fn path_in(state: &Path, identity: &[u8]) -> PathBuf {
        let name = format!("{}.jsonl", Crc64::of(identity));
        state.join("uploads").join(name)
    }

    /// From now on these are its files.
    pub(crate) fn place_at(&self, files: JournalFiles) {
        // Only the first call counts; there is no other.
        let _ = self.files.set(files);
    }

    fn warn(&self, error: &io::Error) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            (self.warn)(format!(
                "cannot note which uploads are open: {error}; if this run is killed, the next one \
                 does not know of them (a lifecycle rule of the bucket removes such parts)"
            ));
        }
    }

    /// Works on what the file says; an error names the file.
    fn with<T: Default>(
        &self,
        work: impl FnOnce(&Path, &mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(files) = self.files.get() else {
            return Ok(T::default());
        };
        let path = &*files.own;
        let mut state = self.state.lock();
        let read = match state.take() {
            Some(state) => Ok(state),
            None => State::read(files),
        };
        let done = read.and_then(|read| work(path, state.insert(read)));
        done.map_err(|error| io::Error::new(error.kind(), format!("'{}': {error}", path.display())))
    }
}

impl UploadJournal for FileJournal {
    fn record(&self, upload: &OpenUpload) -> io::Result<()> {
        let noted = self.with(|path, state| {
            state.begun.push(upload.clone());
            // It stays among those that are open: the next note rewrites the
            // file, with all of them.
            state.note(path, &upload.clone().into())
        });
        if let Err(error) = noted {
            self.warn(&error);
        }
        Ok(())
    }

    fn remove(&self, upload_id: &str) {
        // What cannot be noted here will be found to be gone.
        let _ = self.with(|path, state| {
            if !state.forget(upload_id) {
                Ok(())
            } else if state.is_empty() {
                state.file = None;
                fs::remove_file(path)
            } else {
                state.note(path, &Line::Ended(upload_id.to_owned()))
            }
        });
    }

    fn pending(&self) -> io::Result<Vec<OpenUpload>> {
        self.with(|_, state| Ok(state.left.clone()))
    }
}

impl State {
    /// What an earlier run has left. What others have left is in the own file then,
    /// and nowhere else.
    fn read(files: &JournalFiles) -> io::Result<Self> {
        let JournalFiles { own, left } = files;
        // The file of a run that was killed while it rewrote the journal.
        let _ = fs::remove_file(unfinished(own));
        let mut state = Self::default();
        let mut done_with = Vec::new();
        for path in [own].into_iter().chain(left) {
            match fs::read(path) {
                Ok(text) => state.add(&text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            done_with.push(path);
        }
        if !state.is_empty() {
            if !left.is_empty() {
                state.write_anew(own)?;
            }
            done_with.retain(|path| *path != own);
        }
        for path in done_with {
            match fs::remove_file(path) {
                // Another process may have been the first.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(state)
    }

    /// Adds what is open according to `text`. A line that cannot be read, such as one
    /// that was cut, is ignored.
    fn add(&mut self, text: &[u8]) {
        for line in text.split(|&byte| byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Line::Begun {
                    key,
                    upload_id,
                    settings,
                    covers,
                }) => self.left.push(OpenUpload {
                    key,
                    upload_id,
                    settings,
                    covers,
                }),
                Ok(Line::Ended(upload_id)) => {
                    self.forget(&upload_id);
                }
                Err(_) => {}
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.left.is_empty() && self.begun.is_empty()
    }

    fn open(&self) -> impl Iterator<Item = &OpenUpload> {
        self.left.iter().chain(&self.begun)
    }

    /// Whether it was open.
    fn forget(&mut self, upload_id: &str) -> bool {
        let before = self.open().count();
        for uploads in [&mut self.left, &mut self.begun] {
            uploads.retain(|upload| upload.upload_id != upload_id);
        }
        self.open().count() < before
    }

    /// Appends a line with the change; or rewrites the whole file, if that is
    /// due or a line was cut, or if the file at `path` is another one or none: who took this
    /// run for dead has taken it over, and does not read it again.
    fn note(&mut self, path: &Path, line: &Line) -> io::Result<()> {
        let needed = self.open().count();
        let file = self.file.take();
        let file = file.filter(|file| is_at(file, path));
        let file = file.filter(|_| self.lines < 2 * needed + SPARE_LINES);
        let file = match file {
            Some(mut file) => {
                file.write_all(&encode([line])?)?;
                self.lines += 1;
                file
            }
            None => {
                let file = self.write_anew(path)?;
                self.lines = needed;
                file
            }
        };
        self.file = Some(file);
        Ok(())
    }

    /// Replaces the file by one with the open uploads and nothing else.
    fn write_anew(&self, path: &Path) -> io::Result<File> {
        let home = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(home)?;
        let lines: Vec<_> = self.open().cloned().map(Line::from).collect();
        let name = unfinished(path);
        let mut file = tempfile::Builder::new()
            .prefix(name.file_name().unwrap_or_default())
            .rand_bytes(0)
            .tempfile_in(home)?;
        file.write_all(&encode(&lines)?)?;
        Ok(file.persist(path)?)
    }
}

/// Whether it is this file that has the name `path`. That is opened, because what is known of
/// names may be old on NFS.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
    let found = File::open(path).ok();
    found.is_some_and(|found| place(&found).is_some_and(|found| place(file) == Some(found)))
}

/// The name under which the file is rewritten. Always the same, so that the
/// next run finds it; nobody else writes there while this run holds the lock.
fn unfinished(path: &Path) -> PathBuf {
    // Journals in one directory may differ in the extension alone.
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

impl From<OpenUpload> for Line {
    fn from(upload: OpenUpload) -> Self {
        Self::Begun {
            key: upload.key,
            upload_id: upload.upload_id,
            settings: upload.settings,
            covers: upload.covers,
        }
    }
}

fn encode<'a>(lines: impl IntoIterator<Item = &'a Line>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            let name = format!("uploads/{}.jsonl", Crc64::of(b"x"));
            self.0.path().join(name)
        }

        fn files(&self) -> JournalFiles {
            JournalFiles {
                own: FileJournal::path_in(self.0.path(), b"x"),
                left: Vec::new(),
            }
        }

        /// As a run opens it.
        fn journal(&self) -> FileJournal {
            let journal = FileJournal::new(|_| panic!("a warning"));
            journal.place_at(self.files());
            journal
        }

        fn text(&self) -> String {
            fs::read_to_string(self.path()).unwrap()
        }

        fn left(&self) -> Vec<String> {
            let left = self.journal().pending().unwrap().into_iter();
            left.map(|upload| upload.key + "=" + &upload.upload_id)
                .collect()
        }
    }

    fn upload(key: &str, upload_id: &str) -> OpenUpload {
        OpenUpload {
            key: key.to_owned(),
            upload_id: upload_id.to_owned(),
            settings: String::new(),
            covers: None,
        }
    }

    #[test]
    fn what_is_open_is_found_by_the_next_run() {
        let home = Home::new();
        let journal = home.journal();
        journal.record(&upload("p/a\n\"ä", "1")).unwrap();
        journal.record(&upload("p/b", "2")).unwrap();
        journal.record(&upload("p/b", "3")).unwrap();
        journal.remove("2");
        assert!(journal.pending().unwrap().is_empty(), "none of this run's");
        assert_eq!(
            home.text(),
            r#"{"begun":{"key":"p/a\n\"ä","upload_id":"1"}}
{"begun":{"key":"p/b","upload_id":"2"}}
{"begun":{"key":"p/b","upload_id":"3"}}
{"ended":"2"}
"#
        );
        assert_eq!(home.left(), ["p/a\n\"ä=1", "p/b=3"]);
    }

    #[test]
    fn what_an_upload_was_begun_with_is_found_too() {
        let home = Home::new();
        let settings = "0123456789abcdef".to_owned();
        let covers = Some("2024-05-01T12:00:00Z".parse().unwrap());
        let begun = OpenUpload {
            settings,
            covers,
            ..upload("a", "1")
        };
        home.journal().record(&begun).unwrap();
        assert!(home.text().contains(r#""settings":"0123456789abcdef""#));
        assert!(home.text().contains(r#""covers":"2024-05-01T12:00:00Z""#));
        assert_eq!(home.journal().pending().unwrap(), [begun]);
    }

    #[test]
    fn there_is_no_file_while_nothing_is_open() {
        let home = Home::new();
        let journal = home.journal();
        assert!(journal.pending().unwrap().is_empty());
        journal.remove("never begun");
        assert!(!home.path().exists());
        for _ in 0..2 {
            journal.record(&upload("a", "1")).unwrap();
            journal.remove("1");
            assert!(!home.path().exists());
        }
        fs::write(home.path(), "{\"ended\":\"1\"}\n").unwrap();
        assert!(home.left().is_empty());
        assert!(!home.path().exists());
    }

    #[test]
    fn a_line_that_was_cut_short_spoils_no_other() {
        let home = Home::new();
        let journal = home.journal();
        journal.record(&upload("a", "1")).unwrap();
        journal.record(&upload("b", "2")).unwrap();
        let text = home.text();
        fs::write(home.path(), &text[..text.len() - 5]).unwrap();
        assert_eq!(home.left(), ["a=1"]);

        let next = home.journal();
        next.record(&upload("c", "3")).unwrap();
        assert_eq!(home.left(), ["a=1", "c=3"]);
        next.remove("1");
        next.remove("3");
        assert!(!home.path().exists());
    }

    #[test]
    fn what_a_run_left_that_was_killed_while_it_wrote_the_file_anew_is_removed() {
        let home = Home::new();
        home.journal().record(&upload("a", "1")).unwrap();
        let unfinished = unfinished(&home.path());
        fs::write(&unfinished, "{\"begun\"").unwrap();
        let next = home.journal();
        next.record(&upload("b", "2")).unwrap();
        assert!(!unfinished.exists());
        assert_eq!(home.left(), ["a=1", "b=2"]);
    }

    #[test]
    fn what_others_have_left_is_taken_over_once() {
        let home = Home::new();
        let at = |name: &str| home.0.path().join(name);
        for (name, id) in [("uploads.1", "1"), ("uploads.2", "2")] {
            let journal = FileJournal::new(|_| panic!("a warning"));
            journal.place_at(JournalFiles {
                own: at(name),
                left: Vec::new(),
            });
            journal.record(&upload("a", id)).unwrap();
        }
        let files = JournalFiles {
            own: at("uploads.3"),
            left: ["uploads.1", "uploads.2", "uploads.0"].map(at).to_vec(),
        };
        let journal = FileJournal::new(|_| panic!("a warning"));
        journal.place_at(files.clone());
        assert_eq!(journal.pending().unwrap().len(), 2);
        assert!(!at("uploads.1").exists() && !at("uploads.2").exists());
        // Killed now, it leaves both to the next.
        let next = FileJournal::new(|_| panic!("a warning"));
        next.place_at(files);
        assert_eq!(next.pending().unwrap().len(), 2);
        next.remove("1");
        next.remove("2");
        assert_eq!(fs::read_dir(home.0.path()).unwrap().count(), 0);
    }

    /// It was taken for dead, and lives.
    #[test]
    fn a_journal_that_was_taken_over_is_written_anew_by_its_owner() {
        let home = Home::new();
        let journal = home.journal();
        journal.record(&upload("a", "1")).unwrap();
        let away = home.0.path().join("away");
        fs::rename(home.path(), &away).unwrap();
        journal.record(&upload("b", "2")).unwrap();
        assert!(!fs::read_to_string(&away).unwrap().contains("\"2\""));
        assert_eq!(home.left(), ["a=1", "b=2"]);
        // Another file in its place is not its own either.
        fs::rename(&away, home.path()).unwrap();
        journal.record(&upload("c", "3")).unwrap();
        assert_eq!(home.left(), ["a=1", "b=2", "c=3"]);
    }

    /// Two attempts rewrite their journals at the same time.
    #[test]
    fn journals_beside_each_other_are_rewritten_under_different_names() {
        assert_ne!(
            unfinished(Path::new("uploads.1")),
            unfinished(Path::new("uploads.2"))
        );
    }

    #[test]
    fn a_long_run_keeps_the_file_short() {
        let home = Home::new();
        let journal = home.journal();
        journal.record(&upload("long", "0")).unwrap();
        for n in 1..2 * SPARE_LINES {
            let id = n.to_string();
            journal.record(&upload("short", &id)).unwrap();
            journal.remove(&id);
        }
        assert!(home.text().lines().count() < SPARE_LINES + 10);
        assert_eq!(home.left(), ["long=0"]);
    }

    #[test]
    fn what_cannot_be_noted_is_warned_of_once_and_noted_later() {
        let home = Home::new();
        // A file where the directory should be.
        fs::write(home.0.path().join("uploads"), "").unwrap();
        let warnings = std::sync::Arc::new(Mutex::new(Vec::new()));
        let told = std::sync::Arc::clone(&warnings);
        let journal = FileJournal::new(move |warning| told.lock().push(warning));
        journal.record(&upload("nowhere", "0")).unwrap();
        journal.place_at(home.files());
        journal.record(&upload("a", "1")).unwrap();
        journal.record(&upload("b", "2")).unwrap();
        let warnings = warnings.lock();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("uploads/"), "{warnings:?}");

        fs::remove_file(home.0.path().join("uploads")).unwrap();
        journal.remove("2");
        journal.record(&upload("c", "3")).unwrap();
        assert_eq!(home.left(), ["c=3"]);
    }
}
