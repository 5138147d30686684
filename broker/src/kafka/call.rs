//! A request that is being handled, and the connection that it came by.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use runnel_proto::kafka::{ApiKey, StrBytes};

use super::session::Sessions;
use crate::operations::Operations;

/// APIs with the versions that are announced.
pub(super) type Served = &'static [(ApiKey, RangeInclusive<i16>)];

/// Who is connected.
#[derive(Debug)]
pub(super) struct Client {
    /// The broker's end: an address that the client can evidently reach.
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    sessions: Mutex<Sessions>,
}

impl Client {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        Self { local, peer, sessions: Mutex::default() }
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
