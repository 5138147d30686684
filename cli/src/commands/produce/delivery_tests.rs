//! Delivery against a broker that does as it is told.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::Stream;
use runnel_proto::v1::records_server::{Records, RecordsServer};
use runnel_proto::v1::{ConsumeRequest, ConsumeResponse, ListOffsetsRequest, ListOffsetsResponse};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::super::batching::Place;
use super::*;
use crate::args::{Cli, Command};
use crate::context::Context;

/// What the broker does with one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaction {
    Store,
    Refuse(ErrorCode),
    /// Ends the stream without an answer.
    Vanish,
}

/// Decides by how many batches came before this one, on this stream and in all, and by the batch.
type React = Arc<dyn Fn(usize, usize, &[u8]) -> Reaction + Send + Sync>;

#[derive(Clone)]
struct FakeBroker {
    react: React,
    seen: Arc<Mutex<usize>>,
    stored: Arc<Mutex<Vec<Bytes>>>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Records for FakeBroker {
    type ProduceStream = ReceiverStream<Result<ProduceResponse, Status>>;
    type ConsumeStream = Answers<ConsumeResponse>;

    async fn produce(
        &self,
        request: Request<Streaming<ProduceRequest>>,
    ) -> Result<Response<Self::ProduceStream>, Status> {
        let (answers, stream) = mpsc::channel(100);
        let broker = self.clone();
        tokio::spawn(async move { broker.answer(request.into_inner(), answers).await });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn consume(&self, _: Request<ConsumeRequest>) -> Result<Response<Self::ConsumeStream>, Status> {
        Err(Status::unimplemented("only produces"))
    }

    async fn list_offsets(
        &self,
        _: Request<ListOffsetsRequest>,
    ) -> Result<Response<ListOffsetsResponse>, Status> {
        Err(Status::unimplemented("only produces"))
    }
}

impl FakeBroker {
    async fn answer(
        self,
        mut requests: Streaming<ProduceRequest>,
        answers: mpsc::Sender<Result<ProduceResponse, Status>>,
    ) {
        let mut on_stream = 0;
        while let Ok(Some(request)) = requests.message().await {
            let in_all = {
                let mut seen = self.seen.lock().expect("no panic");
                *seen += 1;
                *seen - 1
            };
            let reaction = (self.react)(on_stream, in_all, &request.batch);
            on_stream += 1;
            let error = match reaction {
                Reaction::Store => {
                    self.stored.lock().expect("no panic").push(request.batch.clone());
                    None
                }
                Reaction::Refuse(code) => {
                    Some(Error { code: code.into(), message: format!("{code:?}"), name: String::new() })
                }
                Reaction::Vanish => return,
            };
            if request.acks() != Acks::None {
                let correlation_id = request.correlation_id;
                let answer =
                    ProduceResponse { correlation_id, base_offset: 0, log_append_time_ms: -1, error };
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Delivers batches of one record each, named 0, 1, …; returns the end, the tally and what was stored.
async fn deliver(
    count: u64,
    policy: DeliveryPolicy,
    react: impl Fn(usize, usize, &[u8]) -> Reaction + Send + Sync + 'static,
) -> (Ended, Tally, Vec<String>) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let broker = FakeBroker { react: Arc::new(react), seen: Arc::default(), stored: Arc::clone(&stored) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string().parse().expect("an address");
    let server = Server::builder().add_service(RecordsServer::new(broker));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = runnel_proto::client::connect(&address, Duration::from_secs(10)).await.expect("a broker");

    let (sender, batches) = mpsc::channel(count as usize + 1);
    for number in 0..count {
        let place = Place { source: 0, number: number + 1 };
        let bytes = Bytes::from(number.to_string());
        let batch = Batch { partition: 0, bytes, records: 1, input_bytes: 10, first: place, last: place };
        sender.try_send(batch).expect("room");
    }
    drop(sender);
    let mut delivery = Delivery::new(policy, channel, batches, reporter());
    let ended = delivery.run().await;
    let stored = stored.lock().expect("no panic").clone();
    let stored = stored.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (ended, delivery.tally(), stored.collect())
}

fn reporter() -> Reporter {
    use clap::Parser as _;
    let cli = Cli::try_parse_from(["runnel", "-q", "topic", "list"]).expect("arguments");
    assert!(matches!(cli.command, Some(Command::Topic(_))));
    Reporter::new(&Context::new(cli.global), vec!["stdin".to_owned()], true, None)
}

fn policy() -> DeliveryPolicy {
    DeliveryPolicy {
        topic: "t".to_owned(),
        acks: Acks::All,
        timeout: Duration::from_secs(20),
        on_error: OnError::Stop,
    }
}

fn numbers(count: u64) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn everything_arrives_in_order() {
    for acks in [Acks::All, Acks::Leader, Acks::None] {
        let policy = DeliveryPolicy { acks, ..policy() };
        let (ended, tally, stored) = deliver(2000, policy, |_, _, _| Reaction::Store).await;
        assert_eq!(ended, Ended::Done, "{acks:?}");
        assert_eq!((tally.acknowledged, tally.acknowledged_bytes, tally.partitions), (2000, 20_000, 1));
        assert_eq!(stored, numbers(2000));
    }
}

#[tokio::test]
async fn a_full_disk_delays_but_keeps_the_order() {
    // Full from the 10th batch on until a new stream comes.
    let react = |on_stream: usize, in_all: usize, _: &[u8]| {
        if in_all == on_stream && on_stream >= 10 {
            Reaction::Refuse(ErrorCode::DiskFull)
        } else {
            Reaction::Store
        }
    };
    let (ended, tally, stored) = deliver(100, policy(), react).await;
    assert_eq!((ended, tally.acknowledged, tally.refused), (Ended::Done, 100, 0));
    assert_eq!(stored, numbers(100));
}

#[tokio::test]
async fn patience_ends() {
    let policy = DeliveryPolicy { timeout: Duration::from_millis(300), ..policy() };
    let (ended, tally, stored) = deliver(5, policy, |_, _, _| Reaction::Refuse(ErrorCode::Busy)).await;
    assert_eq!((ended, tally.acknowledged, tally.unknown, stored.len()), (Ended::GaveUp, 0, 0, 0));
}

#[tokio::test]
async fn a_refused_record_stops_the_rest_or_is_skipped() {
    let react = |_: usize, _: usize, batch: &[u8]| {
        if batch == b"3" { Reaction::Refuse(ErrorCode::RecordTooLarge) } else { Reaction::Store }
    };
    let (ended, tally, stored) = deliver(5000, policy(), react).await;
    assert_eq!((ended, tally.refused), (Ended::Stopped, 1));
    assert_eq!(tally.acknowledged, stored.len() as u64);
    assert!((3..5000).contains(&stored.len()), "{}", stored.len());

    let policy = DeliveryPolicy { on_error: OnError::Skip, ..policy() };
    let (ended, tally, stored) = deliver(100, policy, react).await;
    assert_eq!((ended, tally.refused, tally.acknowledged), (Ended::Done, 1, 99));
    assert!(!stored.contains(&"3".to_owned()));
}

#[tokio::test]
async fn lost_answers_are_unknown_and_never_sent_again() {
    let react =
        |_: usize, _: usize, batch: &[u8]| if batch == b"7" { Reaction::Vanish } else { Reaction::Store };
    let (ended, tally, stored) = deliver(8, policy(), react).await;
    assert_eq!((ended, tally.acknowledged, tally.unknown), (Ended::Lost, 7, 1));
    assert_eq!(stored, numbers(7));
}

#[test]
fn patience_slows_down_tells_once_and_ends() {
    let start = Instant::now();
    let mut now = start;
    let mut patience = Patience::new(Duration::from_secs(10));
    let (mut told, mut tries) = (0, 0);
    while let Next::Pause { pause, tell } = patience.next(now) {
        told += u32::from(tell);
        tries += 1;
        now += pause;
    }
    assert_eq!((told, now - start), (1, Duration::from_secs(10)));
    assert!((8..20).contains(&tries), "{tries}");
    patience.reset();
    assert_eq!(patience.next(now), Next::Pause { pause: FIRST_PAUSE, tell: false });
}

#[test]
fn answers_out_of_turn_are_noticed() {
    let place = Place { source: 0, number: 1 };
    let bytes = Bytes::from_static(b"12345");
    let batch = Batch { partition: 0, bytes, records: 3, input_bytes: 5, first: place, last: place };
    let mut under_way = UnderWay::default();
    under_way.push(7, batch.clone());
    under_way.push(8, batch);
    assert_eq!((under_way.records(), under_way.bytes), (6, 10));
    assert!(under_way.take(8).is_none());
    assert!(under_way.take(7).is_some() && under_way.take(8).is_some());
    assert!(under_way.is_empty() && under_way.bytes == 0);
}
