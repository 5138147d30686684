//! `runnel topic list`.

use runnel_proto::v1;
use serde::Serialize;

use crate::admin::Admin;
use crate::args::TopicListArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Report, Screen, Table, bytes, count, left, right};

/// Runs it.
pub(super) async fn run(context: &Context, args: TopicListArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let request = v1::ListTopicsRequest { include_internal: args.internal };
    let response = admin.topics.list_topics(request).await?;
    let list = TopicList(response.into_inner().topics.into_iter().map(Row::from).collect());
    output::print(context, &list, args.output.output)
}

#[derive(Serialize)]
struct TopicList(Vec<Row>);

#[derive(Serialize)]
struct Row {
    name: String,
    id: String,
    partitions: i32,
    records: i64,
    size_bytes: u64,
    internal: bool,
}

impl From<v1::TopicSummary> for Row {
    fn from(topic: v1::TopicSummary) -> Self {
        Self {
            name: topic.name,
            id: topic.id,
            partitions: topic.partitions,
            records: topic.records,
            size_bytes: topic.size_bytes,
            internal: topic.internal,
        }
    }
}

impl Report for TopicList {
    fn text(&self, screen: &Screen) -> String {
        let mut table = Table::new([left("TOPIC"), right("PARTITIONS"), right("RECORDS"), right("SIZE")]);
        for topic in &self.0 {
            let (records, size) = (count(topic.records), bytes(topic.size_bytes));
            table.row([(&topic.name).into(), topic.partitions.into(), records.into(), size.into()]);
        }
        table.render(screen)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|topic| topic.name.clone()).collect()
    }
}
