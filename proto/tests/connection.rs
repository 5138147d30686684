//! Errors and connections over a real socket.

use std::path::Path;
use std::time::Duration;

use runnel_proto::client::{Address, connect};
use runnel_proto::status::{from_status, to_status};
use runnel_proto::v1::cluster_client::ClusterClient;
use runnel_proto::v1::cluster_server::{Cluster, ClusterServer};
use runnel_proto::v1::{Error, ErrorCode, GetClusterRequest, GetClusterResponse};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

const SOON: Duration = Duration::from_secs(10);

/// How the broker answers each call.
#[derive(Clone)]
enum Answer {
    Refusal(Error),
    Never,
}

#[tonic::async_trait]
impl Cluster for Answer {
    async fn get_cluster(
        &self,
        _: Request<GetClusterRequest>,
    ) -> Result<Response<GetClusterResponse>, Status> {
        match self {
            Self::Refusal(error) => Err(to_status(error.clone())),
            Self::Never => std::future::pending().await,
        }
    }
}

/// A broker in a runtime of its own, so that it can be killed with all its connections.
fn broker(socket: &Path, answer: Answer) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let entered = runtime.enter();
    let listener = UnixListener::bind(socket).expect("the socket is free");
    drop(entered);
    let serve = Server::builder()
        .add_service(ClusterServer::new(answer))
        .serve_with_incoming(UnixListenerStream::new(listener));
    runtime.spawn(serve);
    runtime
}

fn kill(broker: Runtime, socket: &Path) {
    broker.shutdown_background();
    std::fs::remove_file(socket).expect("the broker made it");
}

async fn call(client: &mut ClusterClient<tonic::transport::Channel>) -> Error {
    let called = tokio::time::timeout(SOON, client.get_cluster(GetClusterRequest::default())).await;
    from_status(&called.expect("an end in time").expect_err("the broker never says yes"))
}

#[tokio::test]
async fn an_error_crosses_the_wire_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("broker.sock");
    // As long as it gets, and all of it percent-encoded in the headers.
    for message in ["topic \"ü\" does not exist\n100 %".to_owned(), "ä".repeat(1024)] {
        let error = Error { code: ErrorCode::UnknownTopic.into(), message, name: "ü".repeat(256) };
        let broker = broker(&socket, Answer::Refusal(error.clone()));
        let channel = connect(&Address::Unix(socket.clone()), SOON).await.expect("it listens");
        assert_eq!(call(&mut ClusterClient::new(channel)).await, error);
        kill(broker, &socket);
    }
}

#[tokio::test]
async fn a_call_under_way_learns_that_the_broker_died_and_the_next_finds_its_successor() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("broker.sock");
    let first = broker(&socket, Answer::Never);
    let channel = connect(&Address::Unix(socket.clone()), SOON).await.expect("it listens");
    let mut client = ClusterClient::new(channel);

    let mut second_client = client.clone();
    let under_way = tokio::spawn(async move { call(&mut second_client).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    kill(first, &socket);
    let error = under_way.await.expect("no panic");
    assert_eq!(error.code(), ErrorCode::ShuttingDown, "{}", error.message);

    let error = call(&mut client).await;
    assert_eq!(error.code(), ErrorCode::ShuttingDown, "{}", error.message);
    assert!(error.message.contains("check that it runs"), "{}", error.message);

    let refusal = Error { code: ErrorCode::Busy.into(), message: "again".to_owned(), name: String::new() };
    let second = broker(&socket, Answer::Refusal(refusal.clone()));
    assert_eq!(call(&mut client).await, refusal);
    kill(second, &socket);
}
