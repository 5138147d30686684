//! A request that is being handled, and the connection that it came by.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use runnel_proto::kafka::{ApiKey, StrBytes};

use super::session::Sessions;
use crate::operations::{Operations, Taken};

/// APIs with the versions that are announced.
pub(super) type Served = &'static [(ApiKey, RangeInclusive<i16>)];

/// Who is connected.
#[derive(Debug)]
pub(super) struct Client {
    /// The broker's end: an address that the client can evidently reach.
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    sessions: Mutex<Sessions>,
    /// The memory that the session has.
    session: Mutex<Taken>,
}

impl Client {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        Self { local, peer, sessions: Mutex::default(), session: Mutex::default() }
    }

    /// Whether the session of this connection may be as large as that; if not, it has no memory any more.
    pub(super) fn has_room(&self, operations: &Operations, session_bytes: usize) -> bool {
        let mut session = self.session.lock().expect("no one panics while holding it");
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
        self.sessions.lock().expect("no one panics while holding a session")
    }
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
