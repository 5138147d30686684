//! `runnel demo`: a broker on a temporary directory, a shop's worth of records through it, and the dashboard.

mod consumer;
mod producer;
mod workload;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use runnel_broker::config::BrokerConfig;
use runnel_broker::{Broker, BrokerOptions};
use runnel_proto::client::{Address, connect};
use runnel_tui::{OnceFormat, Options};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tonic::transport::Channel;

use crate::admin::Admin;
use crate::args::DemoArgs;
use crate::commands::dash;
use crate::context::Context;
use crate::failure::Failure;
use crate::local;
use crate::signals::Interrupts;

use producer::Producer;

/// Without a terminal the one picture is taken after this time.
const PICTURE_AFTER: Duration = Duration::from_secs(8);
/// A player whose topic is gone looks that often whether it is there again.
const PLAYERS_REST: Duration = Duration::from_secs(2);
/// The broker is in this very process.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The dice start here: every demo invents the same records.
const SEED: u64 = 2026;

/// Runs it. The temporary directory goes with it, however it ends.
pub(crate) async fn run(context: &Context, args: DemoArgs) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::failed(format!("can't make a temporary directory: {error}"));
    let mut interrupts =
        Interrupts::catch().map_err(|error| Failure::failed(format!("can't catch signals: {error}")))?;
    let directory = tempfile::Builder::new().prefix("runnel-demo-").tempdir().map_err(failed)?;
    let demo = Demo::start(directory.path()).await?;
    context.note(&format!("A demo broker listens on {}; it leaves nothing behind.", demo.tcp));
    let outcome = tokio::select! {
        outcome = demo.show(context, &args) => outcome,
        outcome = demo.play() => outcome,
        () = interrupts.next() => Ok(()),
    };
    demo.stop().await;
    outcome
}

/// The broker of a demo.
struct Demo {
    socket: Address,
    tcp: String,
    stop: oneshot::Sender<()>,
    broker: JoinHandle<()>,
}

impl Demo {
    async fn start(data_dir: &Path) -> Result<Self, Failure> {
        // Nobody else will join: there is nothing to wait for.
        let settings = [("group.initial.rebalance.delay.ms".to_owned(), "0".to_owned())];
        let options = BrokerOptions {
            data_dir: data_dir.to_owned(),
            listen: vec!["127.0.0.1:0".to_owned()],
            config: BrokerConfig::load(None, &settings)
                .map_err(|error| Failure::failed(error.to_string()))?,
            insecure: false,
            autostarted: false,
        };
        let socket = Address::Unix(local::socket_path(data_dir).map_err(Failure::failed)?);
        let broker = Broker::start(options).await.map_err(|error| Failure::failed(error.to_string()))?;
        let tcp = broker.addresses().iter().find(|address| !address.starts_with("unix:")).cloned();
        let (stop, stopped) = oneshot::channel();
        let broker = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            // Its directory is about to go: how it stopped no longer matters.
            let _ = broker.run_until(shutdown).await;
        });
        Ok(Self { socket, tcp: tcp.unwrap_or_default(), stop, broker })
    }

    /// Writes and reads for as long as it is polled; returns only when that can't begin.
    ///
    /// People try things on the demo: whoever finds its topic deleted waits until it is there again.
    async fn play(&self) -> Result<(), Failure> {
        let mut players = JoinSet::new();
        for (number, stream) in workload::STREAMS.into_iter().enumerate() {
            // Opened one by one, before anybody reads: readers find the topics when they join.
            let mut producer =
                Producer::open(Admin::new(self.channel().await?), stream, SEED + number as u64).await?;
            let channel = self.channel().await?;
            players.spawn(async move {
                let mut outcome = producer.write_history().await;
                loop {
                    if outcome.is_ok() {
                        outcome = producer.run().await;
                    }
                    tokio::time::sleep(PLAYERS_REST).await;
                    if let Ok(Some(again)) = Producer::reopen(Admin::new(channel.clone()), stream, SEED).await
                    {
                        (producer, outcome) = (again, Ok(()));
                    }
                }
            });
        }
        for consumer in consumer::CONSUMERS {
            let channel = self.channel().await?;
            players.spawn(async move {
                loop {
                    // Why it ended is on the dashboard: its topic is gone.
                    let _ = consumer.run(channel.clone()).await;
                    tokio::time::sleep(PLAYERS_REST).await;
                }
            });
        }
        let ended: Option<Result<std::convert::Infallible, _>> = players.join_next().await;
        match ended {
            Some(Ok(never)) => match never {},
            _ => Err(Failure::failed("the demo's workload stopped unexpectedly; this is a defect")),
        }
    }

    async fn channel(&self) -> Result<Channel, Failure> {
        connect(&self.socket, CONNECT_LIMIT).await.map_err(|error| Failure::unreachable(error.to_string()))
    }

    /// The dashboard; without a terminal, or when asked for, one picture of it.
    async fn show(&self, context: &Context, args: &DemoArgs) -> Result<(), Failure> {
        let options = Options {
            address_label: format!("demo {}", self.tcp),
            connect: dash::to_address(self.socket.clone()),
            color: context.colors_stdout(),
        };
        let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let duration = args.duration.map(Duration::from_millis);
        if args.once || !on_terminal {
            let gather = duration.unwrap_or(PICTURE_AFTER);
            return dash::print_once(options, args.size, OnceFormat::Text, gather).await;
        }
        match duration {
            None => dash::watch(options).await,
            Some(duration) => tokio::time::timeout(duration, dash::watch(options)).await.unwrap_or(Ok(())),
        }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.broker.await;
    }
}
