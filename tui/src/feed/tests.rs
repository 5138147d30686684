//! The feed against a server on loopback that comes and goes.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use runnel_proto::client::connect;
use runnel_proto::v1::monitor_server::{Monitor, MonitorServer};
use runnel_proto::v1::{Snapshot, WatchRequest};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

use super::watch;
use crate::state::{Command, Message};
use crate::{Connector, OnceFormat, Options, once};

/// Nothing here takes long; who waits longer than this waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a snapshot every few milliseconds; its time tells the interval that was asked for.
struct Fake;

#[tonic::async_trait]
impl Monitor for Fake {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Snapshot, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let time_ms = request.into_inner().interval_ms.into();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut full = true;
            while sender.send(Ok(Snapshot { time_ms, full, ..Default::default() })).await.is_ok() {
                full = false;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

async fn listen(address: &str) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder().add_service(MonitorServer::new(Fake));
    let task = tokio::spawn(async move {
        server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
    });
    (address, task)
}

fn connector(address: SocketAddr) -> Connector {
    Arc::new(move || {
        let address = address.to_string().parse().unwrap();
        Box::pin(
            async move { connect(&address, Duration::from_secs(5)).await.map_err(|error| error.to_string()) },
        )
    })
}

async fn next(messages: &mut mpsc::Receiver<Message>) -> Message {
    tokio::time::timeout(PATIENCE, messages.recv()).await.expect("a message in time").expect("the feed lives")
}

/// Waits for the first message that fits; those before it don't matter.
async fn until<T>(messages: &mut mpsc::Receiver<Message>, wanted: impl Fn(&Message) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(&next(messages).await) {
            return found;
        }
    }
}

fn snapshot(message: &Message) -> Option<Snapshot> {
    if let Message::Snapshot(snapshot) = message { Some((**snapshot).clone()) } else { None }
}

#[tokio::test]
async fn comes_back_when_the_broker_does() {
    // A runtime of the server's own: dropping it closes every connection, as the end of a process does.
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, _) = server.spawn(listen("127.0.0.1:0")).await.unwrap();
    let (sender, mut messages) = mpsc::channel(8);
    let (commands, receiver) = mpsc::channel(8);
    let feed = tokio::spawn(watch(connector(address), Duration::from_secs(1), sender, receiver));

    assert!(matches!(next(&mut messages).await, Message::Connecting { attempt: 1 }));
    assert!(matches!(next(&mut messages).await, Message::Opened { .. }));
    assert!(until(&mut messages, snapshot).await.full);

    // It stops: the loss is told with its cause, and attempts are counted while nobody is there.
    server.shutdown_background();
    let cause = until(&mut messages, |message| match message {
        Message::Lost { cause, .. } => Some(cause.clone()),
        _ => None,
    })
    .await;
    assert!(!cause.is_empty());
    let again = until(&mut messages, |message| match message {
        Message::Lost { attempt, retry_in, .. } if *attempt >= 2 => Some((*attempt, *retry_in)),
        _ => None,
    })
    .await;
    assert!(again.1 >= Duration::from_millis(500) && again.1 <= Duration::from_secs(30), "{again:?}");

    // It is there again: asked to, the feed doesn't wait for its turn.
    let (_, task) = listen(&address.to_string()).await;
    commands.send(Command::Reconnect).await.unwrap();
    until(&mut messages, |message| matches!(message, Message::Opened { .. }).then_some(())).await;
    assert!(until(&mut messages, snapshot).await.full, "a new stream begins with everything");

    // Another interval is another stream on the same connection.
    commands.send(Command::Interval(Duration::from_millis(200))).await.unwrap();
    until(&mut messages, |message| matches!(message, Message::Opened { .. }).then_some(())).await;
    assert_eq!(until(&mut messages, snapshot).await.time_ms, 200);

    // And another connection when the user wants one.
    commands.send(Command::Reconnect).await.unwrap();
    until(&mut messages, |message| matches!(message, Message::Connecting { attempt: 1 }).then_some(())).await;
    assert_eq!(until(&mut messages, snapshot).await.time_ms, 200, "the interval is kept");

    // When the loop is gone the feed ends.
    drop((messages, commands));
    tokio::time::timeout(PATIENCE, feed).await.expect("the feed ends").unwrap();
    task.abort();
}

#[tokio::test]
async fn once_tells_what_it_heard_or_why_it_heard_nothing() {
    let (address, task) = listen("127.0.0.1:0").await;
    let options = Options { address_label: "here".into(), connect: connector(address), color: false };
    let text = once(options.clone(), (80, 24), OnceFormat::Text, PATIENCE, Duration::ZERO).await.unwrap();
    assert_eq!(text.lines().count(), 24);
    assert!(text.contains("≈ runnel") && text.contains("● live"), "{text}");
    let json = once(options, (80, 24), OnceFormat::Json, PATIENCE, Duration::ZERO).await.unwrap();
    let data: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(data["totals"]["records_in_per_s"], 0.0);
    assert_eq!(data["groups"], serde_json::json!([]));
    task.abort();

    let refused: Connector = Arc::new(|| Box::pin(async { Err("nobody is there".to_owned()) }));
    let options = Options { address_label: "there".into(), connect: refused, color: false };
    let error = once(options, (80, 24), OnceFormat::Text, PATIENCE, Duration::ZERO).await.unwrap_err();
    assert_eq!(error, "nobody is there");

    let silent: Connector = Arc::new(|| Box::pin(std::future::pending()));
    let options = Options { address_label: "there".into(), connect: silent, color: false };
    let error = once(options, (80, 24), OnceFormat::Json, Duration::from_millis(20), Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error, "nothing was heard from the broker at there within 20 ms");
}
