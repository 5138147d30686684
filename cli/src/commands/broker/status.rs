//! `runnel broker status`.

use std::path::Path;
use std::time::Duration;

use runnel_proto::client::{Address, connect};
use runnel_proto::text::escape;
use serde::Serialize;

use crate::admin::Admin;
use crate::args::BrokerStatusArgs;
use crate::commands::cluster::{BrokerInfo, Cluster, fetch};
use crate::context::Context;
use crate::failure::Failure;
use crate::local;
use crate::output::{self, Report, Screen, duration_ms};
use crate::time::now_ms;

/// A broker that says nothing for so long does not count as running.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Runs it. Exits with 1 when no broker runs.
pub(super) async fn run(context: &Context, args: BrokerStatusArgs) -> Result<(), Failure> {
    let address = match &context.broker {
        Some(address) => address.clone(),
        None => Address::Unix(local::socket_path(&context.data_dir()?).map_err(Failure::usage)?),
    };
    let status = match ask_cluster(&address).await {
        Ok(cluster) => Status::up(&address, cluster),
        Err(failure) => Status::down(&address, failure.message),
    };
    output::print(context, &status, args.output.output)?;
    if status.running { Ok(()) } else { Err(Failure::reported()) }
}

/// What the local broker says of itself.
pub(super) async fn ask(data_dir: &Path) -> Result<BrokerInfo, Failure> {
    let socket = local::socket_path(data_dir).map_err(Failure::usage)?;
    let cluster = ask_cluster(&Address::Unix(socket)).await?;
    cluster.brokers.into_iter().next().ok_or_else(|| Failure::failed("the broker does not know itself"))
}

async fn ask_cluster(address: &Address) -> Result<Cluster, Failure> {
    let channel =
        connect(address, ANSWER_LIMIT).await.map_err(|error| Failure::unreachable(error.to_string()))?;
    let mut admin = Admin::new(channel);
    tokio::time::timeout(ANSWER_LIMIT, fetch(&mut admin)).await.unwrap_or_else(|_| {
        let seconds = ANSWER_LIMIT.as_secs();
        Err(Failure::timeout(format!(
            "the broker at {address} accepts connections but did not answer within {seconds} s"
        )))
    })
}

/// Whether a broker runs, and which.
#[derive(Debug, Serialize)]
struct Status {
    running: bool,
    address: String,
    reason: Option<String>,
    uptime_ms: Option<i64>,
    cluster: Option<Cluster>,
}

impl Status {
    fn up(address: &Address, cluster: Cluster) -> Self {
        let started = cluster.brokers.first().map(|broker| broker.start_time_ms);
        let uptime_ms = started.map(|start| now_ms().saturating_sub(start).max(0));
        Self { running: true, address: address.to_string(), reason: None, uptime_ms, cluster: Some(cluster) }
    }

    fn down(address: &Address, reason: String) -> Self {
        let address = address.to_string();
        Self { running: false, address, reason: Some(reason), uptime_ms: None, cluster: None }
    }
}

impl Report for Status {
    fn text(&self, _screen: &Screen) -> String {
        let Some(cluster) = &self.cluster else {
            return format!("not running: {}\n", escape(self.reason.as_deref().unwrap_or("no answer")));
        };
        let mut lines = Vec::new();
        if let Some(broker) = cluster.brokers.first() {
            let up = self.uptime_ms.map_or_else(|| "?".to_owned(), duration_ms);
            let how = if broker.autostarted { ", leaves when idle" } else { "" };
            lines.push(format!(
                "running, process {}, up {up}, version {}{how}",
                broker.pid,
                escape(&broker.version)
            ));
            lines.extend(broker.listeners.iter().map(|address| format!("listens on {}", escape(address))));
            lines.push(format!("data in {}", escape(&broker.data_dir)));
        }
        lines.push(cluster.counts());
        lines.join("\n") + "\n"
    }

    fn names(&self) -> Vec<String> {
        if self.running { vec![self.address.clone()] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_is_down_has_no_figures() {
        let address = Address::Unix("/d/broker.sock".into());
        let status = Status::down(&address, "no broker listens".into());
        assert_eq!(status.text(&Screen { width: None, color: false }), "not running: no broker listens\n");
        let json = serde_json::to_value(&status).expect("json");
        assert_eq!(json["running"], false);
        assert!(json["cluster"].is_null() && json["uptime_ms"].is_null());
        assert!(status.names().is_empty());
    }
}
