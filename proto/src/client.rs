//! How a program reaches a broker.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// The largest gRPC message either side sends or takes. Set it on each generated client and server.
pub const MAX_MESSAGE_BYTES: usize = 128 << 20;

/// The port when none is named, as Kafka's.
pub const DEFAULT_PORT: u16 = 9092;

/// Where a broker listens. Read from `HOST:PORT`, `HOST`, `[IPV6]:PORT`, `[IPV6]` or `unix:PATH`, and written as the first,
/// third or last of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// A name, an IPv4 address, or an IPv6 address without its brackets.
        host: String,
        /// The port. A listener takes any free one for 0.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is no [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a broker's address: {reason}")]
pub struct AddressError {
    /// The text, as it was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map_err(|reason| AddressError { text: text.to_owned(), reason })
    }
}

fn parse(text: &str) -> Result<Address, &'static str> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err("name the socket's file after unix:, as in unix:/run/runnel.sock"),
            path => Ok(Address::Unix(PathBuf::from(path))),
        };
    }
    if text.contains("://") {
        return Err("leave out the scheme, as in localhost:9092");
    }
    let (host, port) = split_port(text)?;
    let port = match port {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().map_err(|_| "the port is not a number from 0 to 65535")?
        }
        Some(_) => return Err("the port is not a number from 0 to 65535"),
        None => DEFAULT_PORT,
    };
    Ok(Address::Tcp { host: host.to_owned(), port })
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("the bracket is not closed, as in [::1]:9092")?;
        host.parse::<std::net::Ipv6Addr>()
            .map_err(|_| "between brackets goes an IPv6 address, as in [::1]:9092")?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err("after the bracket goes a colon and the port, as in [::1]:9092"),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if port.is_some_and(|port| port.contains(':')) {
        return Err("put an IPv6 address into brackets, as in [::1]:9092");
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    match host {
        "" => Err("give HOST:PORT or unix:PATH, as in localhost:9092"),
        host if host.bytes().all(is_name) => Ok((host, port)),
        _ => Err("a host's name has letters, digits, dots and hyphens; give HOST:PORT or unix:PATH"),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why a broker could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The port is closed, or there is no such socket file, or nobody serves it any more.
    #[error("no broker listens at {address}; start one with `runnel broker`, or name another with -b")]
    NotListening { address: Address },
    /// The name does not resolve.
    #[error("the host of {address} is not known ({reason}); check its spelling")]
    UnknownHost { address: Address, reason: String },
    /// No answer within the time.
    #[error("{address} did not answer within {} s; check the address, the network and that the broker runs", timeout.as_secs_f64())]
    Timeout { address: Address, timeout: Duration },
    /// Something took the connection and did not answer as a gRPC server does.
    #[error(
        "{address} took the connection and ended it ({reason}); check that a Runnel broker listens there, and its log"
    )]
    NoBroker { address: Address, reason: String },
    /// Another refusal by the system, such as missing permission or no route.
    #[error("{address} can't be reached: {reason}; check the address and that you may use it")]
    Unreachable { address: Address, reason: String },
}

impl ConnectError {
    fn from_io(error: &io::Error, address: Address, timeout: Duration) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::NotListening { address },
            io::ErrorKind::TimedOut => Self::Timeout { address, timeout },
            _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<LookupFailed>()) {
                Some(LookupFailed(reason)) => Self::UnknownHost { address, reason: reason.to_string() },
                None => Self::Unreachable { address, reason: error.to_string() },
            },
        }
    }
}

/// Connects to a broker, within `timeout`: a first answer over HTTP/2 included, so that a peer that takes connections and
/// stays silent is noticed here.
///
/// The channel connects anew by itself when the connection breaks, each time within the same timeout; calls that were
/// under way fail. A peer that goes silent later is noticed after half a minute, even without calls. The windows are large
/// enough for record batches to stream at full speed. Whether the peer speaks Runnel's services shows at the first call.
pub async fn connect(address: &Address, timeout: Duration) -> Result<Channel, ConnectError> {
    match tokio::time::timeout(timeout, dial_and_greet(address, timeout)).await {
        Ok(connected) => connected,
        Err(_) => Err(ConnectError::Timeout { address: address.clone(), timeout }),
    }
}

async fn dial_and_greet(address: &Address, timeout: Duration) -> Result<Channel, ConnectError> {
    let target = address.clone();
    let endpoint = endpoint(timeout);
    let dialled = endpoint.connect_with_connector(service_fn(move |_| dial(target.clone())));
    let channel = dialled.await.map_err(|error| match io_cause(&error) {
        Some(cause) => ConnectError::from_io(cause, address.clone(), timeout),
        None => ConnectError::Unreachable { address: address.clone(), reason: error.to_string() },
    })?;
    greet(channel.clone())
        .await
        .map_err(|reason| ConnectError::NoBroker { address: address.clone(), reason })?;
    Ok(channel)
}

/// Asks for the peer's health and takes any answer: only that one comes matters here. An empty message asks for the whole
/// server's, and what is answered is not read.
async fn greet(channel: Channel) -> Result<(), String> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| error.to_string())?;
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let answered = client.unary(Request::new(()), path, ProstCodec::<(), ()>::default()).await;
    match answered {
        Err(status) if !is_from_peer(&status) => Err(innermost(&status)),
        _ => Ok(()),
    }
}

/// tonic attaches a source to those statuses alone that no server sent.
fn is_from_peer(status: &Status) -> bool {
    std::error::Error::source(status).is_none()
}

fn innermost(status: &Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(source) = cause.source() {
        cause = source;
    }
    crate::text::escape(&cause.to_string()).into_owned()
}

fn endpoint(timeout: Duration) -> Endpoint {
    // The name is only HTTP/2's `:authority`; the connector knows the real address.
    Endpoint::from_static("http://runnel")
        .connect_timeout(timeout)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_frame_size(256 << 10)
        .http2_keep_alive_interval(Duration::from_secs(15))
        .keep_alive_timeout(Duration::from_secs(15))
        .keep_alive_while_idle(true)
}

/// A host name that the resolver does not know, told apart from a host that does not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct LookupFailed(io::Error);

async fn dial(address: Address) -> io::Result<TokioIo<Box<dyn Stream>>> {
    let stream: Box<dyn Stream> = match &address {
        Address::Tcp { host, port } => Box::new(dial_tcp(host, *port).await?),
        Address::Unix(path) => loop {
            match UnixStream::connect(path).await {
                // The listener's queue is full. Unlike TCP's, the system does not wait by itself.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                connected => break Box::new(connected?),
            }
        },
    };
    Ok(TokioIo::new(stream))
}

async fn dial_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|e| io::Error::other(LookupFailed(e)))?;
    let mut last = None;
    for place in found {
        match TcpStream::connect(place).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other(LookupFailed(io::Error::other("it has no address")))))
}

/// Either kind of socket.
trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

fn io_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn addresses_are_read_and_written() {
        let cases = [
            ("localhost:9092", tcp("localhost", 9092), "localhost:9092"),
            ("broker_1.example", tcp("broker_1.example", 9092), "broker_1.example:9092"),
            ("127.0.0.1:0", tcp("127.0.0.1", 0), "127.0.0.1:0"),
            ("[::1]:65535", tcp("::1", 65535), "[::1]:65535"),
            ("[fe80::1]", tcp("fe80::1", 9092), "[fe80::1]:9092"),
            (
                "unix:/run/runnel/a:b.sock",
                Address::Unix("/run/runnel/a:b.sock".into()),
                "unix:/run/runnel/a:b.sock",
            ),
            ("unix:broker.sock", Address::Unix("broker.sock".into()), "unix:broker.sock"),
        ];
        for (text, address, written) in cases {
            assert_eq!(text.parse(), Ok(address.clone()), "{text}");
            assert_eq!(address.to_string(), written);
            assert_eq!(written.parse(), Ok(address), "{written}");
        }
    }

    #[test]
    fn a_bad_address_is_told_what_is_wrong() {
        let cases = [
            ("", "HOST:PORT"),
            (":9092", "HOST:PORT"),
            ("localhost:", "65535"),
            ("localhost:65536", "65535"),
            ("localhost:+1", "65535"),
            ("localhost:http", "65535"),
            ("::1", "brackets"),
            ("[::1", "not closed"),
            ("[::1]9092", "colon"),
            ("[localhost]:9092", "IPv6"),
            ("unix:", "socket's file"),
            ("http://localhost:9092", "scheme"),
            ("local host", "letters"),
            ("a/b:1", "letters"),
        ];
        for (text, words) in cases {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.reason.contains(words), "{text:?}: {error}");
        }
        let error = "\x1b[2J".parse::<Address>().expect_err("not a host");
        assert!(!error.to_string().contains('\x1b'), "{error}");
    }

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_closed_port_or_missing_socket_has_no_listener() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let missing = Address::Unix(std::env::temp_dir().join("runnel-no-such-folder/broker.sock"));
        for address in [tcp("127.0.0.1", port), missing] {
            let error = connect(&address, SOON).await.expect_err("nobody listens");
            assert!(matches!(error, ConnectError::NotListening { .. }), "{error:?}");
        }
    }

    /// A gRPC server that knows no service still answers.
    fn server() -> tonic::transport::server::Router {
        tonic::transport::Server::builder().add_routes(tonic::service::Routes::default())
    }

    #[tokio::test]
    async fn a_listener_is_reached_by_port_and_by_socket() {
        let by_port = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = by_port.local_addr().expect("bound").port();
        tokio::spawn(server().serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(by_port)));
        connect(&tcp("localhost", port), SOON).await.expect("it listens, if only on IPv4");

        let path = std::env::temp_dir().join(format!("runnel-client-{}.sock", std::process::id()));
        let by_socket = tokio::net::UnixListener::bind(&path).expect("a socket");
        let serving = tokio::spawn(
            server().serve_with_incoming(tokio_stream::wrappers::UnixListenerStream::new(by_socket)),
        );
        let connected = connect(&Address::Unix(path.clone()), SOON).await;
        connected.expect("it listens");
        serving.abort();
        let _ = serving.await;
        // The file outlives its listener, as after a kill.
        let left = connect(&Address::Unix(path.clone()), SOON).await;
        std::fs::remove_file(&path).expect("left behind");
        assert!(matches!(left, Err(ConnectError::NotListening { .. })), "{left:?}");
    }

    #[tokio::test]
    async fn a_peer_that_takes_connections_and_stays_silent_is_given_up_in_time() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = silent.local_addr().expect("bound").port();
        // Were the timeout not kept, the keep-alive would tell only after half a minute, as another error.
        let error = connect(&tcp("127.0.0.1", port), Duration::from_millis(200)).await.expect_err("silent");
        assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_peer_that_hangs_up_is_no_broker() {
        let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = rude.local_addr().expect("bound").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = rude.accept().await {
                drop(stream);
            }
        });
        let error = connect(&tcp("127.0.0.1", port), SOON).await.expect_err("no gRPC");
        assert!(
            matches!(error, ConnectError::NoBroker { .. } | ConnectError::Unreachable { .. }),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn an_unknown_host_is_named() {
        let error = connect(&tcp("no-such-host.invalid", 1), SOON).await.expect_err("reserved by RFC 2606");
        assert!(matches!(error, ConnectError::UnknownHost { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_unusable() {
        let path = std::env::temp_dir().join(format!("runnel-not-a-socket-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        let connected = connect(&Address::Unix(path.clone()), SOON).await;
        std::fs::remove_dir(&path).expect("still empty");
        let error = connected.expect_err("a folder can't answer");
        assert!(
            matches!(error, ConnectError::NotListening { .. } | ConnectError::Unreachable { .. }),
            "{error:?}"
        );
    }
}
