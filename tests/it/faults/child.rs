//! The built binary as a child: watched while it runs, stopped as CI stops it, and what it left.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::events::assert_rebuilds;

/// Longer than any phase takes.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Started {
    child: Child,
    printed: Arc<(Mutex<String>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
    report: PathBuf,
    /// Its `TMPDIR`.
    temp: TempDir,
}

pub(super) struct Stopped {
    pub(super) code: Option<i32>,
    pub(super) text: String,
    /// What it reported, if it came to that.
    pub(super) results: Option<Value>,
    report_dir: PathBuf,
    pid: u32,
    temp: TempDir,
}

/// Starts `command`, whose report goes below `workspace`.
pub(super) fn start(mut command: Command, workspace: &Path) -> Started {
    let temp = tempfile::tempdir().unwrap();
    command.env("TMPDIR", temp.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let printed = Arc::new((Mutex::new(String::new()), Condvar::new()));
    let readers = vec![
        read_into(child.stdout.take().unwrap(), Arc::clone(&printed)),
        read_into(child.stderr.take().unwrap(), Arc::clone(&printed)),
    ];
    Started { child, printed, readers, report: workspace.join(".ci-healer/results.json"), temp }
}

impl Started {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has printed `text`, as a line of its own where that ends in one.
    pub(super) fn wait_for(&self, text: &str) {
        let (printed, changed) = &*self.printed;
        let mut all = printed.lock().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !all.contains(text) {
            assert!(Instant::now() < deadline, "it never printed {text:?}:\n{all}");
            all = changed.wait_timeout(all, Duration::from_millis(100)).unwrap().0;
        }
    }

    /// As the runner does: the signal, after 7.5 s SIGTERM, 2.5 s later the end.
    pub(super) fn stop(mut self, signal: &str) -> Stopped {
        for (signal, patience) in [(signal, 7500), ("TERM", 2500)] {
            self.send(signal);
            let deadline = Instant::now() + Duration::from_millis(patience);
            while Instant::now() < deadline {
                if self.child.try_wait().unwrap().is_some() {
                    return self.finish();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.kill()
    }

    /// As a machine that runs out of memory does.
    pub(super) fn kill(mut self) -> Stopped {
        self.child.kill().unwrap();
        self.finish()
    }

    pub(super) fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    pub(super) fn finish(mut self) -> Stopped {
        let pid = self.child.id();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("it does not end:\n{}", self.printed.0.lock().unwrap());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.readers.drain(..).for_each(|r| r.join().unwrap());
        let text = std::mem::take(&mut *self.printed.0.lock().unwrap());
        let results = std::fs::read(&self.report).ok().map(|b| serde_json::from_slice(&b).unwrap());
        let report_dir = self.report.parent().unwrap().to_owned();
        Stopped { code: status.code(), text, results, report_dir, pid, temp: self.temp }
    }
}

impl Stopped {
    /// It ended by itself with this outcome and code, and nothing is left of it in the engine or its temporary folder.
    #[track_caller]
    pub(super) fn expect(&self, outcome: &str, code: i32) -> &Value {
        assert_eq!(self.code, Some(code), "{}", self.text);
        let results = self.results.as_ref().unwrap_or_else(|| panic!("no report\n{}", self.text));
        assert_eq!(results["outcome"], outcome, "{}", self.text);
        assert_eq!(left_by(self.pid), Vec::<String>::new(), "{}", self.text);
        assert_eq!(self.temporary_files(), Vec::<PathBuf>::new(), "{}", self.text);
        assert_rebuilds(&self.report_dir);
        results
    }

    pub(super) fn temp_folder(&self) -> &Path {
        self.temp.path()
    }

    /// What it left in its temporary folder.
    pub(super) fn temporary_files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.temp.path()).unwrap().map(|e| e.unwrap().path()).collect()
    }
}

/// Everything in the engine that the process `pid` owns.
pub(super) fn left_by(pid: u32) -> Vec<String> {
    let mut left = Vec::new();
    for kind in ["container", "volume", "network", "image"] {
        let mut list = vec![kind, "ls", "-q", "--filter", "label=ci-healer.owner"];
        if kind == "container" {
            list.push("-a");
        }
        let labels = if matches!(kind, "container" | "image") { ".Config.Labels" } else { ".Labels" };
        let format = format!("{{{{index {labels} \"ci-healer.owner\"}}}}");
        for id in docker(&list).lines() {
            // Gone in the meantime: then it is somebody else's.
            if docker(&[kind, "inspect", "--format", &format, id]).contains(&format!(" {pid} ")) {
                left.push(format!("{kind} {id}"));
            }
        }
    }
    left
}

fn docker(args: &[&str]) -> String {
    crate::heal::docker(args)
}

fn read_into(stream: impl Read + Send + 'static, into: Arc<(Mutex<String>, Condvar)>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            into.0.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            into.1.notify_all();
            line.clear();
        }
    })
}
