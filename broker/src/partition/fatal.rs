//! The one way to say that the disk can't be trusted any more: the broker then stops and re-verifies on its next start.

use tokio::sync::watch;

/// Raised once, by whoever sees a write or sync fail; the broker's main loop waits for it.
#[derive(Debug, Clone)]
pub struct Fatal(watch::Sender<Option<String>>);

impl Default for Fatal {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Fatal {
    /// Tells the broker to stop. The first reason is kept.
    pub fn raise(&self, reason: &str) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                tracing::error!(reason, "the disk failed; the broker stops");
                *current = Some(reason.to_owned());
            }
            first
        });
    }

    /// Waits until it is raised; tells why.
    pub async fn raised(&self) -> String {
        let mut receiver = self.0.subscribe();
        let reason = receiver.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        // The sender lives in `self`, so the channel can't close while we wait.
        reason.unwrap_or_default()
    }
}
