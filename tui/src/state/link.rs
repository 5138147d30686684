//! How the connection to the broker stands.

use std::time::{Duration, Instant};

use runnel_proto::v1::Snapshot;

/// The connection, as the feed reports it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Link {
    /// Asking for a connection for the so-manieth time since the last snapshot, from 1.
    Connecting { attempt: u32, cause: Option<String> },
    /// Snapshots come.
    Live,
    /// The connection is gone, or was never there; the next attempt comes at `retry_at`.
    Lost { cause: String, attempt: u32, retry_at: Instant },
}

impl Link {
    /// Why there are no news, if something went wrong.
    pub(crate) fn trouble(&self) -> Option<&str> {
        match self {
            Self::Connecting { cause, .. } => cause.as_deref(),
            Self::Live => None,
            Self::Lost { cause, .. } => Some(cause),
        }
    }
}

/// What the feed tells the loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// It asks for a connection.
    Connecting {
        attempt: u32,
    },
    /// A stream is open; a full snapshot comes next, then one an interval.
    Opened {
        interval: Duration,
    },
    Snapshot(Box<Snapshot>),
    /// No connection; it tries again after `retry_in`.
    Lost {
        cause: String,
        attempt: u32,
        retry_in: Duration,
    },
}

/// What the loop tells the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Try again now.
    Reconnect,
    /// Snapshots are wanted this often.
    Interval(Duration),
}

/// How long to wait before the attempt after the `attempt`th failed one (from 1): half a second, doubled each time up
/// to 30 s, of which a random half is taken away so that many dashboards don't come back in step. `random` is in [0, 1).
pub(crate) fn backoff(attempt: u32, random: f64) -> Duration {
    const FIRST_S: f64 = 0.5;
    const LONGEST_S: f64 = 30.0;
    let full_s = (FIRST_S * 2f64.powi(attempt.saturating_sub(1).min(16) as i32)).min(LONGEST_S);
    let floor_s = FIRST_S.max(full_s / 2.0);
    Duration::from_secs_f64(floor_s + (full_s - floor_s) * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_from_half_a_second_to_half_a_minute() {
        assert_eq!(backoff(1, 0.0), Duration::from_millis(500));
        assert_eq!(backoff(1, 0.99), Duration::from_millis(500));
        assert_eq!(backoff(3, 0.0), Duration::from_secs(1));
        assert_eq!(backoff(3, 0.5), Duration::from_millis(1500));
        assert_eq!(backoff(7, 0.0), Duration::from_secs(15));
        for attempt in [7, 40, u32::MAX] {
            let wait = backoff(attempt, 0.999);
            assert!(wait > Duration::from_secs(29) && wait <= Duration::from_secs(30), "{attempt}: {wait:?}");
        }
    }
}
