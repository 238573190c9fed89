//! Whose a container, volume, network or image is, and whether that run is still alive.
//!
//! Everything a run creates carries labels: the run's id, its owner, and when it is over at the latest. A sweep removes
//! what belongs to dead runs only, so death must be seen, never guessed; in doubt a run lives:
//!
//! - an owner in a container known to this engine lives exactly as long as that container runs;
//! - an owner that is a process of this kernel and this pid namespace lives exactly as long as the process with that
//!   number *and* start time exists (numbers are reused, start times are not). A process that cannot be looked at, for
//!   want of file handles or of rights, is not a dead one;
//! - any other owner (another machine, another pid namespace) cannot be seen from here. Its own date of expiry, set from
//!   its time budget with a wide margin, ends it, unless a sandbox of it still runs: that one would end with its owner.
//!   On the same kernel the date is one of a clock that nobody sets and that stands still with the machine.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use rustix::time::{ClockId, clock_gettime};

use super::engine::{Engine, QUICK};

pub(super) const RUN: &str = "ci-healer.run";
const OWNER: &str = "ci-healer.owner";
const EXPIRES: &str = "ci-healer.expires";
/// The same on the kernel's own clock: its boot, and seconds of that.
const UPTIME: &str = "ci-healer.expires-uptime";
/// What a thing is for, for people who look.
pub(super) const ROLE: &str = "ci-healer.role";

/// Who runs us, as others can check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Container(String),
    Process { boot: String, namespace: String, pid: u32, start: u64 },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(id) => write!(f, "container {id}"),
            Self::Process { boot, namespace, pid, start } => {
                write!(f, "process {boot} {namespace} {pid} {start}")
            }
        }
    }
}

impl Owner {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["container", id] => Some(Self::Container(id.to_owned())),
            ["process", boot, namespace, pid, start] => Some(Self::Process {
                boot: boot.to_owned(),
                namespace: namespace.to_owned(),
                pid: pid.parse().ok()?,
                start: start.parse().ok()?,
            }),
            _ => None,
        }
    }

    /// Whether its life can be seen from here.
    fn is_visible(&self) -> bool {
        match self {
            Self::Container(_) => true,
            Self::Process { boot, namespace, .. } => {
                *boot != UNKNOWN
                    && *namespace != UNKNOWN
                    && *boot == boot_id()
                    && *namespace == pid_namespace()
            }
        }
    }

    /// Us. A container counts only where this very engine runs it.
    async fn ourselves(engine: &Engine) -> Self {
        for id in container_ids() {
            let known = engine.ask("asking who we are", QUICK, |d| d.inspect_container(&id, None)).await;
            if let Ok(Some(id)) = known.map(|c| c.id) {
                return Self::Container(id);
            }
        }
        let pid = std::process::id();
        Self::Process {
            boot: boot_id(),
            namespace: pid_namespace(),
            pid,
            start: start_time(Path::new(PROC), pid).ok().flatten().unwrap_or(0),
        }
    }
}

/// A run and its labels.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) run: String,
    owner: Owner,
    expires: u64,
    expires_uptime: u64,
}

impl Identity {
    pub(super) async fn new(engine: &Engine, run: &str, lifetime: Duration) -> Self {
        let lifetime = lifetime.max(Duration::from_secs(3600)).as_secs();
        Self {
            run: run.to_owned(),
            owner: Owner::ourselves(engine).await,
            expires: now() + lifetime,
            expires_uptime: uptime() + lifetime,
        }
    }

    pub(super) fn labels(&self, role: &str) -> HashMap<String, String> {
        HashMap::from([
            (RUN.to_owned(), self.run.clone()),
            (OWNER.to_owned(), self.owner.to_string()),
            (EXPIRES.to_owned(), self.expires.to_string()),
            (UPTIME.to_owned(), format!("{} {}", boot_id(), self.expires_uptime)),
            (ROLE.to_owned(), role.to_owned()),
        ])
    }
}

/// Decides about runs by their labels; asks the engine about each owner once.
pub(super) struct OwnerCheck<'a> {
    engine: &'a Engine,
    /// Our own run is never swept.
    own_run: Option<&'a str>,
    /// Runs with a running sandbox.
    at_work: HashSet<String>,
    seen: HashMap<String, bool>,
}

impl<'a> OwnerCheck<'a> {
    pub(super) fn new(engine: &'a Engine, own_run: Option<&'a str>, at_work: HashSet<String>) -> Self {
        Self { engine, own_run, at_work, seen: HashMap::new() }
    }

    /// Whether what carries these labels was left by a run that is over.
    pub(super) async fn is_dead(&mut self, labels: &HashMap<String, String>) -> bool {
        let Some(run) = labels.get(RUN) else { return false };
        if Some(run.as_str()) == self.own_run {
            return false;
        }
        let owner = labels.get(OWNER).map_or("", String::as_str);
        // Of one owner that cannot be seen from here, each thing has its own date.
        let Some(visible) = Owner::parse(owner).filter(Owner::is_visible) else {
            return has_expired(labels) && !self.at_work.contains(run);
        };
        if let Some(alive) = self.seen.get(owner) {
            return !alive;
        }
        let alive = match visible {
            Owner::Container(id) => self.container_runs(&id).await,
            Owner::Process { pid, start, .. } => lives(Path::new(PROC), pid, start),
        };
        self.seen.insert(owner.to_owned(), alive);
        !alive
    }

    /// In doubt (the engine did not say) a run is alive.
    async fn container_runs(&self, id: &str) -> bool {
        let asked = self.engine.ask("asking whether a run lives", QUICK, |d| d.inspect_container(id, None));
        match asked.await {
            Ok(container) => container.state.and_then(|s| s.running).unwrap_or(true),
            Err(error) => !error.is_absent(),
        }
    }
}

fn has_expired(labels: &HashMap<String, String>) -> bool {
    let uptime_there = labels.get(UPTIME).and_then(|u| u.split_once(' '));
    match uptime_there.filter(|(boot, _)| *boot != UNKNOWN && *boot == boot_id()) {
        Some((_, at)) => at.parse::<u64>().is_ok_and(|at| at < uptime()),
        None => labels.get(EXPIRES).and_then(|e| e.parse::<u64>().ok()).is_none_or(|at| at < now()),
    }
}

/// Seconds since boot, without those that the machine slept.
fn uptime() -> u64 {
    u64::try_from(clock_gettime(ClockId::Monotonic).tv_sec).unwrap_or_default()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Ids under which an engine may know the container we run in, if we do.
fn container_ids() -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut ids: Vec<String> = ids_of_mounts(&mounts).map(str::to_owned).collect();
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    if hostname.trim().len() == 12 && is_hex(hostname.trim()) {
        ids.push(hostname.trim().to_owned());
    }
    ids
}

/// `/etc/hostname` of a container is a mount from the engine's folder for it. That very place alone says who we are: an
/// engine that copies files into a container mounts the same file below that container's root, and while it does, every
/// process of the machine sees the mount.
fn ids_of_mounts(mountinfo: &str) -> impl Iterator<Item = &str> {
    mountinfo.lines().filter_map(|line| {
        // Number, parent, device, folder in its file system, where it is mounted (proc(5)).
        let mut fields = line.split(' ').skip(3);
        let (folder, place) = (fields.next()?, fields.next()?);
        let id = folder.split('/').find(|part| part.len() == 64 && is_hex(part));
        id.filter(|_| place == "/etc/hostname")
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

const PROC: &str = "/proc";
/// Says nothing, so that nobody is recognised by it.
const UNKNOWN: &str = "unknown";

fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if text.trim().is_empty() { UNKNOWN.to_owned() } else { text.trim().to_owned() }
}

/// `pid:[4026531836]`. Unknown also where `/proc` counts processes otherwise than we do, as after `unshare --pid`
/// without a mount of its own: the numbers there are other processes'.
fn pid_namespace() -> String {
    let number = std::fs::read_link("/proc/self").ok().and_then(|p| p.to_str()?.parse::<u32>().ok());
    let namespace = std::fs::read_link("/proc/self/ns/pid");
    match namespace {
        Ok(path) if number == Some(std::process::id()) => path.display().to_string(),
        _ => UNKNOWN.to_owned(),
    }
}

/// Whether the process of this number that started then is there, or may be.
fn lives(proc: &Path, pid: u32, start: u64) -> bool {
    match start_time(proc, pid) {
        Ok(Some(found)) => found == start,
        // The kernel may show us nobody else's processes (`hidepid`), and yet tells whether one has the number.
        Ok(None) => i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| is_hidden(proc, pid) && test_kill_process(pid) != Err(Errno::SRCH)),
        // No handle, no memory, no right: that says nothing about the process.
        Err(_) => true,
    }
}

/// Whether there is no trace of the process, not even remains.
fn is_hidden(proc: &Path, pid: Pid) -> bool {
    !proc.join(pid.as_raw_nonzero().to_string()).exists()
}

/// Clock ticks between boot and the start of the process; `None` where there is no such process, or only its remains.
fn start_time(proc: &Path, pid: u32) -> io::Result<Option<u64>> {
    let stat = match std::fs::read_to_string(proc.join(pid.to_string()).join("stat")) {
        Ok(stat) => stat,
        // The second: it ended between opening and reading.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => return Ok(None),
        Err(e) => return Err(e),
    };
    let odd = || io::Error::new(io::ErrorKind::InvalidData, stat.clone());
    // The second field is the name in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or_else(odd)?.1.split_ascii_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return Ok(None);
    }
    fields.get(19).and_then(|f| f.parse().ok()).map(Some).ok_or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_survive_their_label() {
        let process = Owner::Process { boot: "b".into(), namespace: "pid:[1]".into(), pid: 7, start: 9 };
        for owner in [Owner::Container("abc".into()), process] {
            assert_eq!(Owner::parse(&owner.to_string()), Some(owner));
        }
        assert_eq!(Owner::parse(""), None);
        assert_eq!(Owner::parse("process x"), None);
    }

    #[test]
    fn nobody_takes_a_container_that_is_copied_into_for_itself() {
        let id = "d8953e37adc4e8e091f524068d637e5c1532de5ca36685798e22b3f2ce01e2f1";
        let layer = "40d9a4bc0cd7b9ee4d1fdd4ff1ac06e8d4dc2a9bd2a36b2f0f4f6d5f06f2c11e";
        let folder = format!("/var/lib/docker/containers/{id}/hostname");
        let inside = format!("812 790 254:0 {folder} /etc/hostname rw,relatime - ext4 /dev/vda rw\n");
        assert_eq!(ids_of_mounts(&inside).collect::<Vec<_>>(), [id]);
        let copied = format!(
            "411 29 254:0 {folder} /var/lib/docker/overlay2/{layer}/merged/etc/hostname rw,relatime - ext4 /dev/vda rw\n\
             38 28 0:31 / /etc/hostname rw - tmpfs tmpfs rw\n"
        );
        assert_eq!(ids_of_mounts(&copied).count(), 0);
    }

    #[test]
    fn a_process_is_dead_when_that_is_seen() {
        let own = std::process::id();
        let proc = Path::new(PROC);
        let start = start_time(proc, own).unwrap().unwrap();
        assert!(lives(proc, own, start));
        assert!(!lives(proc, own, start + 1), "the number is another process's now");
        assert!(!lives(proc, i32::MAX.cast_unsigned(), 1));
        #[expect(clippy::disallowed_methods, reason = "a process that has ended, to ask about")]
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let remains = || start_time(proc, child.id()).unwrap().is_none();
        while !remains() {
            std::thread::yield_now();
        }
        assert!(!lives(proc, child.id(), 1), "what is left of it until its parent asks");
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_cannot_be_looked_at_may_live() {
        let proc = tempfile::tempdir().unwrap();
        // As with hidepid: the number is somebody's, and nothing is shown of it.
        assert!(lives(proc.path(), std::process::id(), 7));
        // Reading fails, as it does without a free file handle.
        std::fs::create_dir_all(proc.path().join("12/stat")).unwrap();
        assert!(lives(proc.path(), 12, 7));
        std::fs::create_dir(proc.path().join("13")).unwrap();
        std::fs::write(proc.path().join("13/stat"), "13 (x").unwrap();
        assert!(lives(proc.path(), 13, 7));
    }

    #[test]
    fn what_nobody_knows_is_nobody() {
        let owner = Owner::Process { boot: UNKNOWN.into(), namespace: UNKNOWN.into(), pid: 1, start: 0 };
        assert!(!owner.is_visible());
        let here = Owner::Process { boot: boot_id(), namespace: UNKNOWN.into(), pid: 1, start: 0 };
        assert!(!here.is_visible());
    }

    #[test]
    fn on_the_same_kernel_no_clock_that_is_set_ends_a_run() {
        let labels = |expires: u64, uptime: String| {
            HashMap::from([(EXPIRES.to_owned(), expires.to_string()), (UPTIME.to_owned(), uptime)])
        };
        assert!(!has_expired(&labels(1, format!("{} {}", boot_id(), uptime() + 60))));
        assert!(has_expired(&labels(u64::MAX, format!("{} 0", boot_id()))));
        assert!(has_expired(&labels(1, format!("elsewhere {}", u64::MAX))));
        assert!(!has_expired(&labels(now() + 60, "elsewhere 0".to_owned())));
        assert!(has_expired(&HashMap::new()));
    }
}
