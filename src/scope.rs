//! How long something may go on: one deadline and one word to stop, handed down to every wait of a run.
//!
//! Whoever waits for a peer (the Docker engine, an HTTP server, a git child, the disk) waits inside a `Scope`; the
//! constructors of their clients take one. A scope that is stopped ends every such wait, whatever the peer does.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep_until;

pub use crate::contract::stop::{StopReason, Stopped};

/// A word to stop, once it is said.
#[derive(Debug, Clone, Copy)]
struct Told {
    reason: StopReason,
    at: Instant,
    /// Said again: nothing is given time to finish any more.
    again: bool,
}

/// The bounds of a run, or of a part of it. Clones and children hear the same word to stop.
#[derive(Debug, Clone)]
pub struct Scope {
    deadline: Option<(Instant, StopReason)>,
    told: Arc<watch::Sender<Option<Told>>>,
    /// How long after the end of the run this part may still go on, to finish what must not be left half done.
    grace: Duration,
}

impl Default for Scope {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl Scope {
    /// Without a deadline: ends only when told.
    #[must_use]
    pub fn unbounded() -> Self {
        Self { deadline: None, told: Arc::new(watch::Sender::new(None)), grace: Duration::ZERO }
    }

    /// The same word to stop, and the run's time budget, which is spent at `deadline`.
    #[must_use]
    pub fn with_time_budget(&self, deadline: Instant) -> Self {
        self.until(deadline, StopReason::TimeBudget)
    }

    /// A part that has `limit` at most, and never more than what it is a part of.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ci_healer::scope::Scope;
    ///
    /// let run = Scope::unbounded();
    /// let request = run.child(Duration::from_secs(30));
    /// assert!(request.time_left().is_some_and(|left| left <= Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn child(&self, limit: Duration) -> Self {
        self.until(Instant::now() + limit, StopReason::Limit)
    }

    fn until(&self, at: Instant, reason: StopReason) -> Self {
        let own = ends_at(self.grace, Some((at, reason)));
        let deadline = if self.deadline().is_none_or(|now| own < Some(now)) {
            Some((at, reason))
        } else {
            self.deadline
        };
        Self { deadline, ..self.clone() }
    }

    /// A part that may still go on for `grace` after the run was stopped: a push must not be left half done. Told to
    /// stop a second time, it ends at once.
    #[must_use]
    pub fn with_grace(&self, grace: Duration) -> Self {
        Self { grace, ..self.clone() }
    }

    /// Tells everything in this scope to stop. The strongest reason stays.
    pub fn stop(&self, reason: StopReason) {
        self.told.send_modify(|told| {
            *told = Some(match told {
                None => Told { reason, at: Instant::now(), again: false },
                Some(was) => Told { reason: reason.max(was.reason), at: was.at, again: true },
            });
        });
    }

    /// When and why this ends, as far as is known now.
    fn end(&self) -> Option<(Instant, StopReason)> {
        let told = self.told.borrow().map(|told| {
            let at = if told.again { told.at } else { told.at + self.grace };
            (at, told.reason)
        });
        match (told, self.deadline()) {
            (Some(told), Some(at)) if at < told.0 => {
                Some((at, self.deadline.map_or(told.1, |(_, reason)| reason)))
            }
            (Some(told), _) => Some(told),
            (None, at) => at.zip(self.deadline.map(|(_, reason)| reason)),
        }
    }

    /// Why this is over; `None` while it may go on.
    #[must_use]
    pub fn stopped(&self) -> Option<StopReason> {
        self.end().filter(|(at, _)| *at <= Instant::now()).map(|(_, reason)| reason)
    }

    /// How long this may still go on; `None`: as long as it likes.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.end().map(|(at, _)| at.saturating_duration_since(Instant::now()))
    }

    /// When this ends by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        ends_at(self.grace, self.deadline)
    }

    /// Returns when this is over; at once if it is.
    pub async fn ended(&self) -> StopReason {
        let mut told = self.told.subscribe();
        loop {
            told.mark_unchanged();
            match self.end() {
                Some((at, reason)) if at <= Instant::now() => return reason,
                Some((at, _)) => tokio::select! {
                    () = sleep_until(at.into()) => {}
                    // The sender lives in `self`: this cannot fail.
                    _ = told.changed() => {}
                },
                None => {
                    let _ = told.changed().await;
                }
            }
        }
    }

    /// Waits for `work`, no longer than this scope lasts. What is stopped is dropped where it waits.
    pub async fn run<T>(&self, during: &'static str, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            // What is over already does not begin.
            biased;
            reason = self.ended() => Err(Stopped { reason, during }),
            value = work => Ok(value),
        }
    }

    /// Does blocking work on a thread of its own and waits for it, no longer than this scope lasts. What is stopped is
    /// abandoned: the thread ends by itself, or with the process.
    pub async fn blocking<T: Send + 'static>(
        &self,
        during: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        if let Some(reason) = self.stopped() {
            return Err(Stopped { reason, during });
        }
        #[expect(clippy::disallowed_methods, reason = "what waits for it can be stopped")]
        let thread = tokio::task::spawn_blocking(work);
        match self.run(during, thread).await? {
            Ok(value) => Ok(value),
            // A panic goes on where the work was asked for.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that shuts down cancels a thread.
                Err(_) => Err(Stopped { reason: StopReason::Terminated, during }),
            },
        }
    }
}

/// A limit of a part's own is kept to the point; the end of the run gives its grace.
fn ends_at(grace: Duration, deadline: Option<(Instant, StopReason)>) -> Option<Instant> {
    deadline.map(|(at, reason)| if reason == StopReason::Limit { at } else { at + grace })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(30);
    const LATE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn the_sooner_end_counts_and_says_why() {
        let run = Scope::unbounded().with_time_budget(Instant::now() + SOON);
        assert_eq!(run.child(LATE).ended().await, StopReason::TimeBudget);
        let run = Scope::unbounded().with_time_budget(Instant::now() + LATE);
        assert_eq!(run.child(SOON).ended().await, StopReason::Limit);
        assert_eq!(run.stopped(), None, "a part's limit is not the run's");
    }

    #[tokio::test]
    async fn a_word_to_stop_reaches_children_and_the_strongest_reason_stays() {
        let run = Scope::unbounded();
        let part = run.child(LATE);
        let waiting = tokio::spawn(async move { part.run("waiting", std::future::pending::<()>()).await });
        run.stop(StopReason::Terminated);
        run.stop(StopReason::Interrupted);
        let stopped = waiting.await.unwrap().unwrap_err();
        assert_eq!(stopped.during, "waiting");
        assert!(stopped.reason.is_signal());
        assert_eq!(run.stopped(), Some(StopReason::Terminated));
        assert_eq!(run.run("more", async { 1 }).await.unwrap_err().reason, StopReason::Terminated);
    }

    #[tokio::test]
    async fn grace_outlasts_the_first_word_but_not_the_second() {
        let run = Scope::unbounded();
        let publishing = run.with_grace(LATE);
        run.stop(StopReason::Interrupted);
        assert_eq!(run.stopped(), Some(StopReason::Interrupted));
        assert_eq!(publishing.stopped(), None);
        assert_eq!(publishing.child(SOON).ended().await, StopReason::Limit, "a limit of its own is kept");
        run.stop(StopReason::Terminated);
        assert_eq!(publishing.stopped(), Some(StopReason::Terminated));
    }

    #[tokio::test]
    async fn grace_follows_the_time_budget_too() {
        let run = Scope::unbounded().with_time_budget(Instant::now());
        let publishing = run.with_grace(SOON);
        assert_eq!(publishing.run("pushing", async { "pushed" }).await, Ok("pushed"));
        assert_eq!(publishing.ended().await, StopReason::TimeBudget);
    }

    #[tokio::test]
    async fn blocking_work_is_abandoned() {
        let scope = Scope::unbounded().child(SOON);
        let started = Instant::now();
        let stopped = scope.blocking("reading", || std::thread::sleep(Duration::from_millis(800))).await;
        assert_eq!(stopped.unwrap_err().reason, StopReason::Limit);
        assert!(started.elapsed() < Duration::from_millis(700), "the work was waited for");
    }
}
