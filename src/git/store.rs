//! The one place that opens the private clone: a thread that owns the repository and runs what it is handed.
//!
//! The git library keeps its caches in single-threaded cells, so its repository cannot be shared; a thread of its own
//! costs less than building the library for many threads, and keeps file access off the async runtime.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use super::error::GitError;

type Job = Box<dyn FnOnce(&gix::Repository) + Send>;

/// A handle on the repository; the thread ends when the last one is gone.
#[derive(Debug)]
pub(super) struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    pub(super) fn open(git_dir: &Path) -> Result<Self, GitError> {
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
        answer.recv().map_err(|_| gone())??;
        Ok(Self { jobs })
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
        answer.recv().map_err(|_| gone())?
    }
}

fn gone() -> GitError {
    GitError::Repository { what: "read objects".to_owned(), why: "its thread has ended".to_owned() }
}
