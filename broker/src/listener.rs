//! One address for everything: the first byte of a connection tells what it speaks.
//!
//! | first byte | protocol | what happens |
//! |---|---|---|
//! | a capital letter | HTTP/1 (`GET …`) or HTTP/2 (`PRI …`, gRPC) | served by the router |
//! | 0x00 to 0x06 | Kafka: a length of at most 100 MiB | served by `kafka` |
//! | 0x16 | TLS | refused: the listener is plain |

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::connections::Ticket;
use crate::kafka;
use crate::operations::Operations;

/// The first byte of a Kafka request is the highest of a length of at most 100 MiB.
const KAFKA_LENGTH_BYTE_MAX: u8 = 0x06;
/// A client that says nothing for so long after connecting is let go.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open requests may take to end when the broker stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// Where clients come in.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// The socket in the data directory.
    Unix(UnixListener),
}

/// Where a connection comes from, as handlers see it.
#[derive(Debug, Clone)]
pub struct Peer(pub Arc<str>);

impl Listener {
    /// Binds a TCP address; tells which, since port 0 takes a free one.
    pub async fn tcp(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((Self::Tcp(listener), bound))
    }

    /// Binds the Unix socket; whoever holds the data directory's lock may take the place of a socket left behind.
    pub fn unix(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Self::Unix(UnixListener::bind(path)?)),
        }
    }

    /// Accepts and serves connections until `stop` turns true, then lets open requests end.
    pub async fn serve(self, router: Router, operations: Operations, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        // Every Kafka connection holds a sender: when none is left, all are through.
        let (kafka, mut kafka_ended) = mpsc::channel(1);
        let server = Arc::new(http_server());
        let shares = Arc::default();
        loop {
            tokio::select! {
                accepted = self.accept() => match accepted {
                    Ok(stream) => {
                        let Some(ticket) = operations.connections().open() else {
                            tracing::warn!("a connection was refused: max.connections is reached");
                            continue;
                        };
                        let front = Front {
                            router: router.clone(),
                            server: Arc::clone(&server),
                            watcher: graceful.watcher(),
                            operations: operations.clone(),
                            kafka: kafka.clone(),
                            shares: Arc::clone(&shares),
                        };
                        tokio::spawn(async move { stream.serve(front, ticket).await });
                    }
                    // Descriptors may be short for a moment; spinning would make it worse.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                () = stopped(&mut stop) => break,
            }
        }
        drop((self, kafka));
        let ended = async { tokio::join!(graceful.shutdown(), kafka_ended.recv()) };
        if timeout(DRAIN_TIMEOUT, ended).await.is_err() {
            tracing::info!("some connections were still open when the broker stopped");
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the broker is gone, which is a stop, too.
    let _ = stop.wait_for(|stop| *stop).await;
}

enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(tokio::net::UnixStream),
}

/// What a connection is served with, whatever it turns out to speak.
struct Front {
    router: Router,
    server: Arc<auto::Builder<TokioExecutor>>,
    watcher: hyper_util::server::graceful::Watcher,
    operations: Operations,
    kafka: mpsc::Sender<()>,
    shares: Arc<Mutex<kafka::ShareSessions>>,
}

impl Accepted {
    async fn serve(self, front: Front, ticket: Ticket) {
        match self {
            Self::Unix(stream) => serve_http(stream, Peer("unix".into()), front).await,
            Self::Tcp(stream, peer) => {
                let mut first = [0];
                match timeout(FIRST_BYTE_TIMEOUT, stream.peek(&mut first)).await {
                    Ok(Ok(1)) if first[0].is_ascii_uppercase() => {
                        let peer = Peer(peer.ip().to_string().into());
                        serve_http(stream, peer, front).await;
                    }
                    Ok(Ok(1)) if first[0] <= KAFKA_LENGTH_BYTE_MAX => serve_kafka(stream, peer, front).await,
                    Ok(Ok(1)) => tracing::warn!(%peer, "a connection was refused: {}", refusal(first[0])),
                    // Gone, or silent: nothing to serve.
                    _ => {}
                }
            }
        }
        drop(ticket);
    }
}

fn refusal(first_byte: u8) -> &'static str {
    match first_byte {
        0x16 => "it speaks TLS, and this listener is plain",
        _ => "it speaks neither gRPC, Kafka nor HTTP",
    }
}

fn http_server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(FIRST_BYTE_TIMEOUT);
    server
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    server
}

async fn serve_kafka(stream: TcpStream, peer: SocketAddr, front: Front) {
    if let Err(error) = kafka::serve(stream, front.operations, front.shares).await {
        tracing::info!(%peer, %error, "a Kafka connection was closed");
    }
    drop(front.kafka);
}

async fn serve_http<S>(stream: S, peer: Peer, front: Front)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Front { router, server, watcher, .. } = front;
    let service = router.map_request(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request.map(axum::body::Body::new)
    });
    let connection =
        server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, "a connection broke");
    }
}
