//! The one place that opens the private clone: a thread that owns the repository and runs what it is handed.
//!
//! The git library keeps its caches in single-threaded cells, so its repository cannot be shared; a thread of its own
//! costs less than building the library for many threads. Who asks waits for it no longer than the scope lasts: what
//! hangs on a disk is abandoned, with its thread.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::error::GitError;
use crate::scope::{Scope, Stopped};

type Job = Box<dyn FnOnce(&gix::Repository) + Send>;

/// Between two looks at the scope, while an answer is awaited.
const LOOK: Duration = Duration::from_millis(20);
/// Every answer has so long, also after the scope's end: the report is still to be written then.
const LEAST: Duration = Duration::from_millis(400);
/// What errors say was going on.
const DURING: &str = "reading the private clone";

/// A handle on the repository; the thread ends when the last one is gone.
#[derive(Debug)]
pub(super) struct Store {
    jobs: mpsc::Sender<Job>,
    scope: Scope,
    /// An answer was given up: what comes after stands behind it, and gets no time of its own.
    hangs: AtomicBool,
}

impl Store {
    pub(super) fn open(git_dir: &Path, scope: &Scope) -> Result<Self, GitError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (opened, answer) = mpsc::channel();
        let git_dir = git_dir.to_owned();
        thread::Builder::new()
            .name("git-objects".to_owned())
            .spawn(move || {
                // Isolated: no system or user configuration, no environment.
                let options =
                    gix::open::Options::isolated().open_path_as_is(true).with(gix::sec::Trust::Full);
                match gix::open_opts(&git_dir, options) {
                    Ok(repository) => {
                        let _ = opened.send(Ok(()));
                        for job in inbox {
                            job(&repository);
                        }
                    }
                    Err(error) => {
                        let _ = opened.send(Err(GitError::repository("open objects", &error)));
                    }
                }
            })
            .map_err(|e| GitError::io("start the thread that reads objects", &e))?;
        let store = Self { jobs, scope: scope.clone(), hangs: AtomicBool::new(false) };
        store.wait(&answer)??;
        Ok(store)
    }

    /// Another handle on the same repository.
    pub(super) fn share(&self) -> Self {
        Self { jobs: self.jobs.clone(), scope: self.scope.clone(), hangs: AtomicBool::new(false) }
    }

    /// Answers are waited for within `scope` from now on.
    pub(super) fn set_scope(&mut self, scope: &Scope) {
        self.scope = scope.clone();
    }

    /// Runs `task` on the repository and waits for its answer.
    pub(super) fn with<T: Send + 'static>(
        &self,
        task: impl FnOnce(&gix::Repository) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let (reply, answer) = mpsc::channel();
        let job = Box::new(move |repository: &gix::Repository| {
            let _ = reply.send(task(repository));
        });
        self.jobs.send(job).map_err(|_| gone())?;
        self.wait(&answer)?
    }

    /// Waits for the thread without a runtime: half of those who ask are not async.
    fn wait<T>(&self, answer: &mpsc::Receiver<T>) -> Result<T, GitError> {
        let started = Instant::now();
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(value) => {
                    self.hangs.store(false, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if let Some(reason) = self.scope.stopped()
                && (started.elapsed() >= LEAST || self.hangs.load(Ordering::Relaxed))
            {
                self.hangs.store(true, Ordering::Relaxed);
                return Err(Stopped { reason, during: DURING }.into());
            }
        }
    }
}

fn gone() -> GitError {
    GitError::Repository { what: "read objects".to_owned(), why: "its thread has ended".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::object_store_copy::{Format, skeleton};
    use crate::scope::StopReason;

    #[test]
    fn what_hangs_is_abandoned_with_the_scope() {
        let dir = tempfile::tempdir().unwrap();
        skeleton(dir.path(), Format::Sha1).unwrap();
        let run = Scope::unbounded().with_time_budget(Instant::now() + Duration::from_millis(300));
        let mut store = Store::open(dir.path(), &run).unwrap();
        assert_eq!(store.with(|_| Ok(1)), Ok(1));
        let started = Instant::now();
        let (_hold, held) = mpsc::channel::<()>();
        let hanging = store.with(move |_| {
            let _ = held.recv();
            Ok(())
        });
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert_eq!(
            hanging,
            Err(GitError::Stopped(Stopped { reason: StopReason::TimeBudget, during: DURING }))
        );
        // What comes after waits behind it, and no longer than the scope allows either.
        store.set_scope(&run.with_grace(Duration::from_millis(500)));
        assert!(matches!(store.with(|_| Ok(())), Err(GitError::Stopped(_))));
    }
}
