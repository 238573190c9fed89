//! "Stop now", told to whatever is running.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by who decides to stop and who has to. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Cancel {
    told: Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    #[must_use]
    pub fn new() -> Self {
        Self { told: Arc::new(watch::Sender::new(false)) }
    }

    /// Once told, it stays told.
    pub fn cancel(&self) {
        self.told.send_replace(true);
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.told.borrow()
    }

    /// Returns when it is told; at once if it was.
    pub async fn cancelled(&self) {
        let mut receiver = self.told.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = receiver.wait_for(|told| *told).await;
    }
}
