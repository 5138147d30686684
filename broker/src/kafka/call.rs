//! A request that is being handled, and the connection that it came by.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use runnel_proto::kafka::{ApiKey, StrBytes};

use super::session::Sessions;
use super::share_sessions::ShareSessions;
use crate::operations::{Operations, Taken};

/// APIs with the versions that are announced.
pub(super) type Served = &'static [(ApiKey, RangeInclusive<i16>)];

/// Who is connected.
#[derive(Debug)]
pub(super) struct Client {
    /// The broker's end: an address that the client can evidently reach.
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// The connection's number among those that have share sessions.
    pub(super) number: u64,
    shares: Arc<Mutex<ShareSessions>>,
    sessions: Mutex<Sessions>,
    /// The memory that the session has.
    session: Mutex<Taken>,
}

impl Client {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr, shares: Arc<Mutex<ShareSessions>>) -> Self {
        let number = lock(&shares).connected();
        Self { local, peer, number, shares, sessions: Mutex::default(), session: Mutex::default() }
    }

    /// Everybody's share sessions.
    pub(super) fn shares(&self) -> MutexGuard<'_, ShareSessions> {
        lock(&self.shares)
    }

    /// Whether the session of this connection may be as large as that; if not, it has no memory any more.
    pub(super) fn has_room(&self, operations: &Operations, session_bytes: usize) -> bool {
        let mut session = lock(&self.session);
        if session.bytes() == session_bytes {
            return true;
        }
        *session = Taken::default();
        let taken = operations.session_memory().try_take(session_bytes);
        let has_room = taken.is_some();
        *session = taken.unwrap_or_default();
        has_room
    }

    /// The fetch session of this connection.
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no one panics while holding sessions")
}

/// A request that is being handled.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) operations: Operations,
    pub(super) client: Arc<Client>,
    pub(super) client_id: StrBytes,
    pub(super) version: i16,
    /// All that is served, for those who ask.
    pub(super) served: Served,
}

impl Call {
    /// Where the client connects from, as groups show it.
    pub(super) fn client_host(&self) -> String {
        format!("/{}", self.client.peer.ip().to_canonical())
    }
}
