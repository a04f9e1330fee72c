//! How much memory the control groups of this process permit (cgroups(7)): that
//! is what a container or a unit of systemd is given.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What of the limit may be content: the rest is for the program itself, its
/// connections, the listings and the kernel's buffers of both.
const SHARE: u64 = 4;

/// What a request in flight takes besides content, generously: buffers of its
/// connection, here and in the kernel, and what the threads keep that serve it.
const REQUEST: u64 = 2 << 20;

/// What a thread that sends requests takes besides these, generously: its runtime, the
/// certificates that it trusts, and what the allocator keeps for it.
const THREAD: u64 = 16 << 20;

/// Below this limit memory is dearer than the time that more of it may save.
const SMALL: u64 = 1 << 30;

/// The limit on the memory of this process.
fn own_limit() -> Option<u64> {
    static LIMIT: OnceLock<Option<u64>> = OnceLock::new();
    *LIMIT.get_or_init(|| limit(Path::new("/")))
}

/// The most bytes of content to be held in memory, as far as a limit says so.
pub fn content_limit() -> Option<u64> {
    own_limit().map(|limit| limit / SHARE)
}

/// The most requests in flight for which the memory suffices.
pub fn most_requests() -> usize {
    most_of(REQUEST)
}

/// The most threads that send requests for which the memory suffices.
pub fn most_threads() -> usize {
    most_of(THREAD)
}

/// How many of which each takes so much the memory suffices for; one at least.
fn most_of(each: u64) -> usize {
    own_limit().map_or(usize::MAX, |limit| within(limit, each))
}

fn within(limit: u64, each: u64) -> usize {
    usize::try_from(limit / each).unwrap_or(usize::MAX).max(1)
}

/// Whether the memory of this process is limited so far that time should be spent on
/// using less of it.
#[must_use]
pub fn is_little() -> bool {
    own_limit().is_some_and(|limit| limit < SMALL)
}

/// Keeps the kernel from giving 2 MiB to each thread for its first few bytes,
/// where that would be much of what there is. Some systems do so unasked.
pub fn save() {
    #[cfg(target_os = "linux")]
    if is_little() {
        // Where it is refused, it takes more.
        let _ = rustix::thread::disable_transparent_huge_pages(true);
    }
}

/// The smallest limit of a group of this process, or of one above, in bytes;
/// none if there is none. `root` is where `/proc` and `/sys` are.
fn limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
    let limits = groups.lines().filter_map(|line| {
        // `0::/path` is the unified hierarchy, `4:memory:/path` an old one.
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let kind = match controllers {
            "" => Kind::Unified,
            names if names.split(',').any(|name| name == "memory") => Kind::Memory,
            _ => return None,
        };
        let mount = mounts.iter().find(|mount| mount.kind == kind)?;
        mount.limit(root, path)
    });
    limits.min()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Version 2.
    Unified,
    /// Version 1, with the controller of memory.
    Memory,
}

/// Where a hierarchy of groups is.
struct Mount<'t> {
    kind: Kind,
    /// Which of its groups is at the mount point.
    group: &'t str,
    point: &'t str,
}

impl<'t> Mount<'t> {
    /// A line of proc_pid_mountinfo(5).
    fn parse(line: &'t str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (file_system, _, options) = (kind.next()?, kind.next()?, kind.next()?);
        let kind = match file_system {
            "cgroup2" => Kind::Unified,
            "cgroup" if options.split(',').any(|option| option == "memory") => Kind::Memory,
            _ => return None,
        };
        let mut place = place.split(' ').skip(3);
        Some(Self {
            kind,
            group: place.next()?,
            point: place.next()?,
        })
    }

    /// The smallest limit from the group `path` up to the mount point.
    fn limit(&self, root: &Path, path: &str) -> Option<u64> {
        let point = root.join(self.point.trim_start_matches('/'));
        // A container may see only its own group, at the mount point, and be
        // told a path that it cannot see.
        let below = Path::new(path).strip_prefix(self.group).ok();
        let below = below.filter(|below| point.join(below).is_dir());
        let group: PathBuf = point.join(below.unwrap_or(Path::new("")));
        let groups = group
            .ancestors()
            .take_while(|group| group.starts_with(&point));
        let limits = groups.flat_map(|group| {
            let files: &[&str] = match self.kind {
                Kind::Unified => &["memory.max", "memory.high"],
                Kind::Memory => &["memory.limit_in_bytes"],
            };
            files.iter().filter_map(move |file| {
                // No limit is `max`, or a number near to that of all bytes.
                let text = fs::read_to_string(group.join(file)).ok()?;
                text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
            })
        });
        limits.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(groups: &str, mounts: &str) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.write("proc/self/cgroup", groups);
            machine.write("proc/self/mountinfo", mounts);
            machine
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn limit(&self) -> Option<u64> {
            limit(self.0.path())
        }
    }

    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
    const OLD: &str = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

    #[test]
    fn the_smallest_limit_up_to_the_top_counts() {
        let machine = Machine::new("0::/a/b\n", UNIFIED);
        assert_eq!(machine.limit(), None);
        machine.write("sys/fs/cgroup/a/b/memory.max", "max\n");
        assert_eq!(machine.limit(), None);
        machine.write("sys/fs/cgroup/a/memory.max", "67108864\n");
        assert_eq!(machine.limit(), Some(64 << 20));
        machine.write("sys/fs/cgroup/a/b/memory.high", "1000\n");
        assert_eq!(machine.limit(), Some(1000));
    }

    #[test]
    fn requests_and_content_together_leave_room_for_the_rest() {
        for limit in [32 << 20, 48 << 20, 64 << 20, 512 << 20] {
            let requests = within(limit, REQUEST) as u64;
            // Half of it is what most requests really take.
            assert!(requests * REQUEST / 2 + limit / SHARE < limit, "{limit}");
        }
        assert_eq!(within(64 << 20, REQUEST), 32);
        assert_eq!(within(0, REQUEST), 1, "it is tried all the same");
        assert_eq!(within(64 << 20, THREAD), 4);
    }

    #[test]
    fn the_old_hierarchy_has_limits_too() {
        let machine = Machine::new("5:cpu:/x\n4:hugetlb,memory:/a\n0::/\n", OLD);
        machine.write(
            "sys/fs/cgroup/memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        assert_eq!(machine.limit(), None);
        machine.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n");
        assert_eq!(machine.limit(), Some(5000));
    }

    #[test]
    fn a_container_finds_its_own_group_at_the_mount_point() {
        // Its own group is mounted, and the path is that of the host.
        let mounts = "35 31 0:32 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let machine = Machine::new("4:memory:/docker/1\n", mounts);
        machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n");
        assert_eq!(machine.limit(), Some(5000));
        // The path is that of its own space.
        let machine = Machine::new("4:memory:/\n", mounts);
        machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "6000\n");
        assert_eq!(machine.limit(), Some(6000));
        // It has a space of its own, but the whole is not mounted.
        let machine = Machine::new("0::/../../other\n", UNIFIED);
        machine.write("sys/fs/cgroup/memory.max", "7000\n");
        assert_eq!(machine.limit(), Some(7000));
    }
}
