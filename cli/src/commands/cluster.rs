//! `runnel cluster`.

use std::fmt::Write;

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use crate::admin::Admin;
use crate::args::{ClusterArgs, ClusterCommand, ClusterInfoArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Report, Screen, Table, counted, duration_ms, left, right};
use crate::time::now_ms;

/// Runs it.
pub(crate) async fn run(context: &Context, args: ClusterArgs) -> Result<(), Failure> {
    match args.command {
        ClusterCommand::Info(args) => info(context, args).await,
    }
}

async fn info(context: &Context, args: ClusterInfoArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let cluster = fetch(&mut admin).await?;
    output::print(context, &cluster, args.output.output)
}

/// Asks who answers.
pub(super) async fn fetch(admin: &mut Admin) -> Result<Cluster, Failure> {
    let response = admin.cluster.get_cluster(v1::GetClusterRequest {}).await;
    Ok(response?.into_inner().into())
}

/// The cluster.
#[derive(Debug, Serialize)]
pub(super) struct Cluster {
    pub(super) cluster_id: String,
    pub(super) topics: u32,
    pub(super) partitions: u32,
    /// `None`: the broker refuses groups, and knows none.
    pub(super) groups: Option<u32>,
    pub(super) brokers: Vec<BrokerInfo>,
}

/// One broker.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BrokerInfo {
    pub(super) id: i32,
    pub(super) version: String,
    pub(super) listeners: Vec<String>,
    pub(super) data_dir: String,
    pub(super) pid: u32,
    pub(super) start_time_ms: i64,
    pub(super) autostarted: bool,
}

impl From<v1::GetClusterResponse> for Cluster {
    fn from(cluster: v1::GetClusterResponse) -> Self {
        Self {
            cluster_id: cluster.cluster_id,
            topics: cluster.topics,
            partitions: cluster.partitions,
            groups: cluster.groups,
            brokers: cluster.brokers.into_iter().map(BrokerInfo::from).collect(),
        }
    }
}

impl From<v1::BrokerInfo> for BrokerInfo {
    fn from(broker: v1::BrokerInfo) -> Self {
        Self {
            id: broker.id,
            version: broker.version,
            listeners: broker.listeners,
            data_dir: broker.data_dir,
            pid: broker.pid,
            start_time_ms: broker.start_time_ms,
            autostarted: broker.autostarted,
        }
    }
}

impl Cluster {
    /// `1 topic, 8 partitions, 0 groups`.
    pub(super) fn counts(&self) -> String {
        let counts = [(self.topics, "topic"), (self.partitions, "partition")];
        let groups =
            self.groups.map_or_else(|| "? groups".to_owned(), |number| counted(number.into(), "group"));
        format!("{}, {groups}", counts.map(|(number, noun)| counted(number.into(), noun)).join(", "))
    }
}

impl Report for Cluster {
    fn text(&self, screen: &Screen) -> String {
        let mut text = format!("cluster {}\n", escape(&self.cluster_id));
        let _ = writeln!(text, "{}", self.counts());
        let columns = [
            right("BROKER"),
            left("VERSION"),
            right("PID"),
            right("UP"),
            left("LISTENS ON"),
            left("DATA DIRECTORY"),
        ];
        let mut table = Table::new(columns);
        for broker in &self.brokers {
            table.row([
                broker.id.into(),
                (&broker.version).into(),
                broker.pid.into(),
                duration_ms(now_ms() - broker.start_time_ms).into(),
                broker.listeners.join(" ").into(),
                (&broker.data_dir).into(),
            ]);
        }
        text + &table.render(screen)
    }

    fn names(&self) -> Vec<String> {
        vec![self.cluster_id.clone()]
    }
}
