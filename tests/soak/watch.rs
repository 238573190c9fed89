//! What there is of ours outside of this program's memory.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Names of things, and how many sockets and files are open.
pub(crate) struct State {
    things: BTreeSet<String>,
    open: usize,
}

impl State {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let mut things = BTreeSet::new();
        // Other runs may be at work on the same engine: only this process's count.
        let owner = format!(" {} ", std::process::id());
        for kind in ["container", "volume", "network", "image"] {
            let mut list = Command::new("docker");
            list.args([kind, "ls", "-q", "--filter", "label=ci-healer.run"]);
            if kind == "container" {
                list.arg("-a");
            }
            let listed = text(&mut list)?;
            for id in listed.lines() {
                let labels = if matches!(kind, "container" | "image") { ".Config.Labels" } else { ".Labels" };
                let format = format!("{{{{index {labels} \"ci-healer.owner\"}}}}");
                // It may be gone by now: another run's.
                let found = text(Command::new("docker").args([kind, "inspect", "--format", &format, id]));
                if found.is_ok_and(|o| o.contains(&owner)) {
                    things.insert(format!("{kind} {id}"));
                }
            }
        }
        let ours = format!("-{}", std::process::id());
        for entry in std::fs::read_dir(std::env::temp_dir())?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("ci-healer") && name.ends_with(&ours) {
                things.insert(format!("file {}", entry.path().display()));
            }
        }
        let open = std::fs::read_dir("/proc/self/fd")?.count();
        Ok(Self { things, open })
    }

    /// What `later` has that this one had not.
    pub(crate) fn left_in(&self, later: &Self) -> Vec<String> {
        let mut left: Vec<String> = later.things.difference(&self.things).cloned().collect();
        if later.open > self.open {
            left.push(format!("{} open files or sockets, {} before", later.open, self.open));
        }
        left
    }
}

fn text(command: &mut Command) -> anyhow::Result<String> {
    let out = command.output().context("the docker command does not run")?;
    ensure!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Resident memory of this process.
pub(crate) fn resident_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("the kernel says no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
