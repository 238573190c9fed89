//! A child with all that it has started.

use rustix::process::Pid;

use crate::after_panic::{self, Duty};

/// The process group that a child leads; killed when this is dropped before the child has ended, and after a panic.
pub struct ProcessGroup {
    leader: Option<Pid>,
    _on_panic: Duty,
}

impl ProcessGroup {
    /// Of a child that was started as the leader of a group of its own.
    #[must_use]
    pub fn of(leader: Option<u32>) -> Self {
        let leader = leader.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        Self { leader, _on_panic: after_panic::duty(move || kill(leader)) }
    }

    /// The child has ended, and its number may soon be another's.
    pub fn has_ended(&mut self) {
        self.leader = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        kill(self.leader);
    }
}

fn kill(leader: Option<Pid>) {
    if let Some(leader) = leader {
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}
