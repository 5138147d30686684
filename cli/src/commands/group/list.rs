//! `runnel group list`.

use runnel_proto::v1;
use serde::Serialize;

use super::{state_name, type_name};
use crate::admin::Admin;
use crate::args::GroupListArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Report, Screen, Table, count, duration_ms, left, right, unknown_or};

/// Runs it.
pub(super) async fn run(context: &Context, args: GroupListArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let response = admin.groups.list_groups(v1::ListGroupsRequest {}).await?;
    let list = GroupList(response.into_inner().groups.into_iter().map(Row::from).collect());
    output::print(context, &list, args.output.output)
}

#[derive(Serialize)]
struct GroupList(Vec<Row>);

#[derive(Serialize)]
struct Row {
    group: String,
    r#type: &'static str,
    state: &'static str,
    protocol_type: String,
    members: u32,
    lag: Option<i64>,
    time_lag_ms: Option<i64>,
}

impl From<v1::GroupSummary> for Row {
    fn from(group: v1::GroupSummary) -> Self {
        Self {
            r#type: type_name(group.r#type()),
            state: state_name(group.state()),
            group: group.group,
            protocol_type: group.protocol_type,
            members: group.members,
            lag: group.lag,
            time_lag_ms: group.time_lag_ms,
        }
    }
}

impl Report for GroupList {
    fn text(&self, screen: &Screen) -> String {
        let columns =
            [left("GROUP"), left("TYPE"), left("STATE"), right("MEMBERS"), right("LAG"), right("TIME LAG")];
        let mut table = Table::new(columns);
        for group in &self.0 {
            let lag = unknown_or(group.lag.map(count));
            let time_lag = unknown_or(group.time_lag_ms.map(duration_ms));
            table.row([
                (&group.group).into(),
                group.r#type.into(),
                group.state.into(),
                group.members.into(),
                lag,
                time_lag,
            ]);
        }
        table.render(screen)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|group| group.group.clone()).collect()
    }
}
