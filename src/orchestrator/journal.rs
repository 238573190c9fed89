//! Where every event of a run goes through: stamped with its time, written down, taken up into the report, and told to
//! whoever listens. The report is read from here while the run goes on, and written nowhere else.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use crate::contract::event::{Event, EventSink, Stamped};
use crate::contract::report::RunReport;
use crate::report::event_log::EventLog;
use crate::report::projection::Projection;

pub struct Journal {
    started: Instant,
    state: Mutex<State>,
    listener: Arc<dyn EventSink>,
}

struct State {
    projection: Projection,
    log: Option<EventLog>,
}

impl Journal {
    /// `log` is where events are written down, `listener` who hears them as they happen.
    #[must_use]
    pub fn new(started: Instant, log: Option<EventLog>, listener: Arc<dyn EventSink>) -> Self {
        let state = Mutex::new(State { projection: Projection::default(), log });
        Self { started, state, listener }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking thread leaves at worst an event that is not taken up.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The report as far as the run has come.
    #[must_use]
    pub fn report(&self) -> RunReport {
        self.state().projection.report().clone()
    }

    fn take(&self, event: Event) -> Option<String> {
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let stamped = Stamped { at, elapsed: self.started.elapsed(), event };
        let mut state = self.state();
        state.projection.apply(&as_written(&stamped));
        let trouble = state.log.as_mut().and_then(|log| {
            log.write(&stamped);
            log.trouble()
        });
        // Told under the lock, so that all hear the same order.
        self.listener.emit(stamped.event);
        trouble
    }
}

/// The event as it reads back from the file, where durations are of milliseconds: the report is made of nothing that the
/// file does not hold.
fn as_written(stamped: &Stamped) -> Cow<'_, Stamped> {
    if !stamped.event.is_recorded() {
        return Cow::Borrowed(stamped);
    }
    let read = serde_json::to_value(stamped).and_then(serde_json::from_value);
    read.map_or(Cow::Borrowed(stamped), Cow::Owned)
}

impl EventSink for Journal {
    fn emit(&self, event: Event) {
        if let Some(what) = self.take(event) {
            self.take(Event::Warning { what });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contract::outcome::Outcome;
    use crate::contract::report::Timings;

    struct Nobody;

    impl EventSink for Nobody {
        fn emit(&self, _event: Event) {}
    }

    #[test]
    fn the_report_holds_what_the_file_holds() {
        let journal = Journal::new(Instant::now(), None, Arc::new(Nobody));
        let timings = Timings { ci: Duration::from_micros(5_049_800), ..Timings::default() };
        let budget = Box::default();
        journal.emit(Event::RunFinished { outcome: Outcome::Healed, timings, budget, files: None });
        assert_eq!(journal.report().timings.ci, Duration::from_millis(5050));
    }
}
