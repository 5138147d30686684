//! Runnel brokers whose start is timed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use runnel_proto::client::{Address, connect};
use runnel_proto::v1::GetClusterRequest;
use runnel_proto::v1::cluster_client::ClusterClient;

use crate::command;
use crate::harness::{Home, PATIENCE, Process};
use crate::measure::Result;
use crate::measure::lines::Lines;

/// A broker on a home's data directory; killed when dropped.
pub(crate) struct Broker {
    process: Process,
    /// From its start to its first answer.
    pub(crate) started_in_ms: f64,
}

impl Broker {
    /// Starts one; returns once it has told about the cluster.
    pub(crate) fn start(home: &Home) -> Result<Self> {
        Self::start_with(home, &[], &[])
    }

    /// The same with settings, each `KEY=VALUE`, and with an environment.
    pub(crate) fn start_with(home: &Home, settings: &[&str], environment: &[(&str, &Path)]) -> Result<Self> {
        let mut command = home.runnel(["broker", "--listen", "127.0.0.1:0"]);
        for setting in settings {
            command = command.arg("--set").arg(setting);
        }
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let socket = Address::Unix(home.data_dir().join("broker.sock"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let start = Instant::now();
        let mut process = command.spawn();
        while !runtime.block_on(answers(&socket)) {
            if process.has_ended() || start.elapsed() > PATIENCE {
                return Err(format!("the broker does not answer: {}", process.shown()).into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let started_in_ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(Self { process, started_in_ms })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Where Kafka clients reach it.
    pub(crate) fn address(&self, home: &Home) -> Result<SocketAddr> {
        let told = command::run(&mut runnel(home, &["cluster", "info", "-o", "json"]))?;
        let cluster: serde_json::Value = serde_json::from_str(&told)?;
        let listeners = cluster["brokers"][0]["listeners"].as_array().ok_or("no listeners")?;
        let address = listeners.iter().find_map(|listener| listener.as_str()?.parse().ok());
        Ok(address.ok_or("it does not listen on TCP")?)
    }

    /// Stops it in order.
    pub(crate) fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        self.process.wait().ok();
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }
}

async fn answers(address: &Address) -> bool {
    let Ok(channel) = connect(address, PATIENCE).await else { return false };
    ClusterClient::new(channel).get_cluster(GetClusterRequest {}).await.is_ok()
}

/// `runnel` in a home, as a bare command.
pub(crate) fn runnel(home: &Home, args: &[&str]) -> Command {
    home.runnel(args).into_command()
}

/// Creates a topic.
pub(crate) fn create_topic(home: &Home, topic: &str, partitions: u32) -> Result<()> {
    let create = ["topic", "create", topic, "-p", &partitions.to_string()];
    command::run(&mut runnel(home, &create)).map(drop)
}

/// Deletes a topic.
pub(crate) fn delete_topic(home: &Home, topic: &str) -> Result<()> {
    command::run(&mut runnel(home, &["topic", "delete", topic, "--yes"])).map(drop)
}

/// Writes lines into all partitions of a topic, by their keys.
pub(crate) fn fill(home: &Home, topic: &str, lines: &Lines) -> Result<()> {
    let mut produce = runnel(home, &["produce", topic, "-K", " "]);
    command::run(produce.arg(lines.path())).map(drop)
}
