//! A server that takes the connection and says nothing, stops in the middle,
//! or sends one byte a second (case 26): an error in bounded time that says
//! what to look at.
//!
//! The limits are those of the product, a minute of silence and two for an
//! answer that drips, so this takes two minutes; all runs work at the same time.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use s3_endpoint::{Action, Fault};

use crate::support::{
    Content, Dir, Memory, World, assert_same,
    content::map,
    run::{Run, Running},
};

/// The longest limit, two minutes, and what a busy machine adds.
const LIMIT: Duration = Duration::from_secs(150);

const HOURS: Duration = Duration::from_secs(10_000);

/// Far beyond what is waited for; of drops, so many bytes a second.
const SILENT: Action = Action::Stall(HOURS);
const STALLING: Action = Action::StallBody {
    after: 5,
    pause: HOURS,
};
const DRIPPING: Action = Action::Trickle {
    bytes: 1,
    every: Duration::from_secs(1),
};

/// A server that does `answer` on every connection; its URL.
fn server(answer: fn(TcpStream) -> std::io::Result<()>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            thread::spawn(move || answer(connection.unwrap()));
        }
    });
    url
}

fn says_nothing(_connection: TcpStream) -> std::io::Result<()> {
    thread::sleep(HOURS);
    Ok(())
}

fn says_only_the_head(mut connection: TcpStream) -> std::io::Result<()> {
    head(&mut connection)?;
    says_nothing(connection)
}

fn drips(mut connection: TcpStream) -> std::io::Result<()> {
    head(&mut connection)?;
    loop {
        connection.write_all(b" ")?;
        thread::sleep(Duration::from_secs(1));
    }
}

fn head(connection: &mut TcpStream) -> std::io::Result<()> {
    let mut request = [0; 1024];
    let _ = connection.read(&mut request)?;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 1000\r\n\r\n";
    connection.write_all(head.as_bytes())
}

/// One attempt, so the time is that of one limit.
fn start(run: Run) -> Running {
    run.args(["--max-attempts", "1"]).within(LIMIT).start()
}

/// What the bucket has for `a`: at a byte a second, a quarter of an hour.
const LARGE: [u8; 1000] = [b'x'; 1000];

/// What the directory has.
const HERE: [(&str, &str); 2] = [("a", "small"), ("here", "2")];

/// A tree and a bucket that differ by what each direction writes, overwrites
/// and deletes.
fn with_a_large_object(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(memory, &[("there", "1")], &HERE);
    world.bucket.put("a", LARGE);
    (world, dir)
}

#[test]
#[ignore = "takes two minutes, the longest limit; `cargo xtask test` runs it"]
fn a_server_that_is_silent_or_drips_is_given_up_with_an_error_that_says_what_to_look_at() {
    let memory = Memory::start();
    let listings = Listings::start(&memory);
    // What is copied by then: a body of one byte is whole at once.
    let copied = map(&[("there", "1")]);
    let uploaded = map(&[("a", "small"), ("here", "2")]);
    let later = [
        ("PutObject", SILENT, map(&[])),
        ("GetObject", SILENT, map(&[])),
        ("GetObject", STALLING, copied.clone()),
        ("GetObject", DRIPPING, copied),
        ("DeleteObjects", SILENT, uploaded),
    ];
    let memories = [(); 5].map(|()| Memory::start());
    let mut transfers = Vec::new();
    for (memory, (operation, fault, copied)) in memories.iter().zip(later) {
        transfers.push(Transfers::start(memory, operation, fault, copied));
    }

    listings.end();
    for transfers in transfers {
        transfers.end();
    }
}

/// Runs that fail in a listing: nothing is known yet, so nothing is done.
struct Listings<'m> {
    world: World<'m>,
    runs: Vec<(String, Dir, Running)>,
}

impl<'m> Listings<'m> {
    fn start(memory: &'m Memory) -> Self {
        let (world, _) = with_a_large_object(memory);
        let mut runs = Vec::new();
        for answer in [says_nothing, says_only_the_head, drips] {
            let url = server(answer);
            for command in [World::backup, World::mock_restore] {
                // Two runs on one directory exclude each other.
                let dir = world.tree(&format!("dir-{}", runs.len()), &HERE);
                // Others print every ten seconds that they wait.
                let run = command(&world, &dir).env("S3MIRROR_ENDPOINT_URL", &url);
                runs.push((url.clone(), dir, start(run.arg("--quiet"))));
            }
        }
        Self { world, runs }
    }

    fn end(self) {
        let objects = self.world.bucket.objects();
        for (url, dir, running) in self.runs {
            let outcome = running.end().is(1).complains_in_one_line();
            outcome.says(&format!("is {url} the right --endpoint-url?"));
            assert_same(&dir.contents(), &map(&HERE));
        }
        assert_same(&self.world.bucket.objects(), &objects);
    }
}

/// A run that fails later: other entries are copied, nothing is deleted.
struct Transfers<'m> {
    memory: &'m Memory,
    world: World<'m>,
    dir: Dir,
    objects: BTreeMap<String, Content>,
    files: BTreeMap<String, Content>,
    running: Running,
}

impl<'m> Transfers<'m> {
    fn start(
        memory: &'m Memory,
        operation: &str,
        fault: Action,
        copied: BTreeMap<String, Content>,
    ) -> Self {
        let (world, dir) = with_a_large_object(memory);
        memory.inject(Fault::on(operation).always().act(fault));
        let (mut objects, mut files) = (world.bucket.contents(), dir.contents());
        let run = if operation == "GetObject" {
            files.extend(copied);
            world.restore(&dir)
        } else {
            objects.extend(copied);
            world.backup(&dir)
        };
        Self {
            memory,
            running: start(run),
            world,
            dir,
            objects,
            files,
        }
    }

    fn end(self) {
        let outcome = self.running.end().is(3);
        outcome.says(&format!(
            "is {} the right --endpoint-url?",
            self.memory.url()
        ));
        assert_same(&self.world.bucket.contents(), &self.objects);
        assert_same(&self.dir.contents(), &self.files);
        let nodes = self.dir.snapshot();
        assert_eq!(nodes.len(), self.files.len(), "no temporary: {nodes:?}");
    }
}
