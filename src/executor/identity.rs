//! Whose a container, volume, network or image is, and whether that run is still alive.
//!
//! Everything a run creates carries three labels: the run's id, its owner, and when it is over at the latest. A sweep
//! removes what belongs to dead runs only, so liveness must never be guessed:
//!
//! - an owner in a container known to this engine lives exactly as long as that container runs;
//! - an owner that is a process of this kernel and this pid namespace lives exactly as long as the process with that
//!   number *and* start time exists (numbers are reused, start times are not);
//! - any other owner (another machine, another pid namespace) cannot be seen from here. Only its own date of expiry,
//!   set from its time budget with a wide margin, ends it.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::engine::{Engine, QUICK};
use super::error::status_of;

pub(super) const RUN: &str = "ci-healer.run";
const OWNER: &str = "ci-healer.owner";
const EXPIRES: &str = "ci-healer.expires";
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
            Self::Process { boot, namespace, .. } => *boot == boot_id() && *namespace == pid_namespace(),
        }
    }

    /// Us. A container counts only where this very engine runs it.
    async fn ourselves(engine: &Engine) -> Self {
        for id in container_ids() {
            let known =
                engine.ask("asking who we are", QUICK, engine.docker.inspect_container(&id, None)).await;
            if let Ok(Some(id)) = known.map(|c| c.id) {
                return Self::Container(id);
            }
        }
        let pid = std::process::id();
        Self::Process {
            boot: boot_id(),
            namespace: pid_namespace(),
            pid,
            start: start_time(pid).unwrap_or(0),
        }
    }
}

/// A run and its labels.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) run: String,
    owner: Owner,
    expires: u64,
}

impl Identity {
    pub(super) async fn new(engine: &Engine, run: &str, lifetime: Duration) -> Self {
        let expires = now() + lifetime.max(Duration::from_secs(3600)).as_secs();
        Self { run: run.to_owned(), owner: Owner::ourselves(engine).await, expires }
    }

    pub(super) fn labels(&self, role: &str) -> HashMap<String, String> {
        HashMap::from([
            (RUN.to_owned(), self.run.clone()),
            (OWNER.to_owned(), self.owner.to_string()),
            (EXPIRES.to_owned(), self.expires.to_string()),
            (ROLE.to_owned(), role.to_owned()),
        ])
    }
}

/// Decides about runs by their labels; asks the engine about each owner once.
pub(super) struct Judge<'a> {
    engine: &'a Engine,
    /// Our own run is never swept.
    own_run: Option<&'a str>,
    seen: HashMap<String, bool>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(engine: &'a Engine, own_run: Option<&'a str>) -> Self {
        Self { engine, own_run, seen: HashMap::new() }
    }

    /// Whether what carries these labels was left by a run that is over.
    pub(super) async fn is_dead(&mut self, labels: &HashMap<String, String>) -> bool {
        let Some(run) = labels.get(RUN) else { return false };
        if Some(run.as_str()) == self.own_run {
            return false;
        }
        let owner = labels.get(OWNER).map_or("", String::as_str);
        let expired = labels.get(EXPIRES).and_then(|e| e.parse::<u64>().ok()).is_none_or(|at| at < now());
        // Of one owner that cannot be seen from here, each thing has its own date.
        let Some(visible) = Owner::parse(owner).filter(Owner::is_visible) else { return expired };
        if let Some(alive) = self.seen.get(owner) {
            return !alive;
        }
        let alive = match visible {
            Owner::Container(id) => self.container_runs(&id).await,
            Owner::Process { pid, start, .. } => start_time(pid) == Some(start),
        };
        self.seen.insert(owner.to_owned(), alive);
        !alive
    }

    /// In doubt (the engine did not say) a run is alive.
    async fn container_runs(&self, id: &str) -> bool {
        match tokio::time::timeout(QUICK, self.engine.docker.inspect_container(id, None)).await {
            Ok(Ok(container)) => container.state.and_then(|s| s.running).unwrap_or(true),
            Ok(Err(error)) => status_of(&error) != Some(404),
            Err(_) => true,
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Ids under which an engine may know the container we run in, if we do.
fn container_ids() -> Vec<String> {
    let mut ids = Vec::new();
    let looks_like_id = |s: &str| s.len() >= 12 && s.bytes().all(|b| b.is_ascii_hexdigit());
    // `/etc/hostname` is a mount from the engine's folder for this container.
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in mounts.lines().filter(|l| l.contains("/hostname")) {
        ids.extend(line.split(['/', ' ']).find(|p| p.len() == 64 && looks_like_id(p)).map(str::to_owned));
    }
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    if hostname.trim().len() == 12 && looks_like_id(hostname.trim()) {
        ids.push(hostname.trim().to_owned());
    }
    ids
}

fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if text.trim().is_empty() { "unknown".to_owned() } else { text.trim().to_owned() }
}

/// `pid:[4026531836]`, or something that no other machine says either.
fn pid_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map_or_else(|_| "unknown".to_owned(), |p| p.display().to_string())
}

/// Clock ticks between boot and the start of the process; `None` where there is no such process, or only its remains.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return None;
    }
    fields.get(19)?.parse().ok()
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
    fn a_process_is_known_by_number_and_start() {
        assert!(start_time(std::process::id()).is_some());
        assert_eq!(start_time(u32::MAX), None);
    }
}
