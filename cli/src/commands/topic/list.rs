//! `runnel topic list`.

use runnel_proto::v1;
use serde::Serialize;

use crate::admin::Admin;
use crate::args::TopicListArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{
    self, Cell, Report, Screen, Table, bytes, counted, left, records_text, right, unknown_or,
};

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
    /// Unknown while a partition is not served.
    records: Option<i64>,
    /// There may be fewer: compaction leaves gaps between offsets.
    records_estimated: bool,
    size_bytes: Option<u64>,
    unserved_partitions: i32,
    internal: bool,
}

impl From<v1::TopicSummary> for Row {
    fn from(topic: v1::TopicSummary) -> Self {
        let served = topic.unserved_partitions == 0;
        Self {
            name: topic.name,
            id: topic.id,
            partitions: topic.partitions,
            records: served.then_some(topic.records),
            records_estimated: topic.records_estimated,
            size_bytes: served.then_some(topic.size_bytes),
            unserved_partitions: topic.unserved_partitions,
            internal: topic.internal,
        }
    }
}

impl Row {
    fn problem(&self) -> String {
        match self.unserved_partitions {
            0 => "-".to_owned(),
            unserved => format!("{unserved} of {} not served", counted(self.partitions.into(), "partition")),
        }
    }
}

impl Report for TopicList {
    fn text(&self, screen: &Screen) -> String {
        let mut columns = vec![left("TOPIC"), right("PARTITIONS"), right("RECORDS"), right("SIZE")];
        // Trouble gets a column where there is some.
        let troubled = self.0.iter().any(|topic| topic.unserved_partitions > 0);
        columns.extend(troubled.then_some(left("PROBLEM")));
        let mut table = Table::new(columns);
        for topic in &self.0 {
            let mut cells = vec![
                (&topic.name).into(),
                topic.partitions.into(),
                unknown_or(topic.records.map(|records| records_text(records, topic.records_estimated))),
                unknown_or(topic.size_bytes.map(bytes)),
            ];
            cells.extend(troubled.then(|| Cell::from(topic.problem())));
            table.row(cells);
        }
        table.render(screen)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|topic| topic.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen { width: None, color: false };

    #[test]
    fn half_the_figures_are_no_figures() {
        let whole = v1::TopicSummary {
            name: "users".into(),
            partitions: 1,
            records: 21_001,
            records_estimated: true,
            ..Default::default()
        };
        let half = v1::TopicSummary {
            name: "orders".into(),
            partitions: 2,
            records: 7,
            size_bytes: 9,
            unserved_partitions: 1,
            ..Default::default()
        };
        let list = TopicList(vec![half.into(), whole.clone().into()]);
        let expected = "TOPIC   PARTITIONS  RECORDS  SIZE  PROBLEM\n\
            orders           2        ?     ?  1 of 2 partitions not served\n\
            users            1  ~21,001   0 B  -\n";
        assert_eq!(list.text(&PIPE), expected);
        let json = serde_json::to_value(&list).expect("json");
        assert!(json[0]["records"].is_null() && json[0]["size_bytes"].is_null());
        assert_eq!(
            (&json[0]["unserved_partitions"], &json[1]["records_estimated"]),
            (&1.into(), &true.into())
        );
        assert!(!TopicList(vec![whole.into()]).text(&PIPE).contains("PROBLEM"));
    }
}
