//! SIGINT and SIGTERM: the first asks the run to end in order, a second to leave off; the runner kills us a few seconds
//! later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::scope::{Scope, StopReason};

/// Which signal came, if any.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    code: Arc<AtomicU8>,
}

impl Received {
    /// 130 for SIGINT, 143 for SIGTERM.
    pub(super) fn signal(&self) -> Option<u8> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }
}

/// From now on signals stop the returned scope instead of killing. As PID 1 of a container we would not even be killed.
pub(super) fn listen() -> (Scope, Received) {
    let scope = Scope::unbounded();
    let received = Received::default();
    let signals = [
        (SignalKind::interrupt(), 130, StopReason::Interrupted),
        (SignalKind::terminate(), 143, StopReason::Terminated),
    ];
    for (kind, code, reason) in signals {
        match signal(kind) {
            Ok(mut stream) => {
                let (scope, received) = (scope.clone(), received.clone());
                tokio::spawn(async move {
                    while stream.recv().await.is_some() {
                        let _ = received.code.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
                        scope.stop(reason);
                    }
                });
            }
            Err(error) => log::warn!("cannot listen for signals: {error}"),
        }
    }
    (scope, received)
}
