//! `runnel group describe`.

use std::fmt::Write;

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use super::{state_name, type_name};
use crate::admin::{Admin, ItemError, finish};
use crate::args::GroupDescribeArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Report, Screen, Table, count, duration_ms, left, right, unknown_or};

/// Runs it.
pub(super) async fn run(context: &Context, args: GroupDescribeArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let report =
        Descriptions(admin.describe_groups(args.groups).await?.into_iter().map(Group::from).collect());
    finish(context, &report, args.output.output, report.0.iter().filter_map(|group| group.error.as_ref()))
}

#[derive(Serialize)]
struct Descriptions(Vec<Group>);

/// One group; all but the name is unknown when there is an error.
#[derive(Serialize)]
struct Group {
    group: String,
    r#type: Option<&'static str>,
    state: Option<&'static str>,
    protocol_type: Option<String>,
    protocol: Option<String>,
    generation: Option<i32>,
    assignment_epoch: Option<i32>,
    leader: Option<String>,
    lag: Option<i64>,
    members: Vec<Member>,
    partitions: Vec<Partition>,
    error: Option<ItemError>,
}

#[derive(Serialize)]
struct Member {
    member_id: String,
    instance_id: Option<String>,
    client_id: String,
    client_host: String,
    assignment: Vec<Assigned>,
    epoch: Option<i32>,
    target: Vec<Assigned>,
}

#[derive(Serialize)]
struct Assigned {
    topic: String,
    partitions: Vec<i32>,
}

#[derive(Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    committed_offset: Option<i64>,
    log_start_offset: Option<i64>,
    end_offset: Option<i64>,
    lag: Option<i64>,
    time_lag_ms: Option<i64>,
    member_id: Option<String>,
    client_id: Option<String>,
    metadata: String,
    commit_time_ms: Option<i64>,
}

impl From<v1::GroupDescription> for Group {
    fn from(group: v1::GroupDescription) -> Self {
        let known = group.error.is_none();
        let state = state_name(group.state());
        let kind = type_name(group.r#type());
        let members: Vec<Member> = group.members.into_iter().map(Member::from).collect();
        let partitions: Vec<Partition> =
            group.partitions.into_iter().map(|partition| Partition::new(partition, &members)).collect();
        Self {
            group: group.group,
            r#type: known.then_some(kind),
            state: known.then_some(state),
            protocol_type: known.then_some(group.protocol_type),
            protocol: Some(group.protocol).filter(|name| !name.is_empty()),
            generation: known.then_some(group.generation),
            assignment_epoch: group.assignment_epoch,
            leader: Some(group.leader).filter(|id| !id.is_empty()),
            lag: if partitions.is_empty() {
                None
            } else {
                partitions.iter().map(|partition| partition.lag).sum()
            },
            members,
            partitions,
            error: group.error.map(ItemError::from),
        }
    }
}

impl From<v1::GroupMember> for Member {
    fn from(member: v1::GroupMember) -> Self {
        let assigned =
            |part: v1::TopicPartitions| Assigned { topic: part.topic, partitions: part.partitions };
        Self {
            member_id: member.member_id,
            instance_id: member.instance_id,
            client_id: member.client_id,
            client_host: member.client_host,
            assignment: member.assignment.into_iter().map(assigned).collect(),
            epoch: member.epoch,
            target: member.target.into_iter().map(assigned).collect(),
        }
    }
}

impl Partition {
    fn new(partition: v1::GroupPartition, members: &[Member]) -> Self {
        let member_id = Some(partition.member_id).filter(|id| !id.is_empty());
        // Several may share a partition.
        let owner = |id: &str| members.iter().find(|member| member.member_id == id);
        let owners =
            member_id.as_ref().and_then(|ids| ids.split(", ").map(owner).collect::<Option<Vec<_>>>());
        let client_ids =
            owners.map(|owners| owners.iter().map(|owner| &*owner.client_id).collect::<Vec<_>>());
        Self {
            topic: partition.topic,
            partition: partition.partition,
            committed_offset: partition.committed_offset,
            log_start_offset: partition.log_start_offset,
            end_offset: partition.end_offset,
            lag: partition.lag,
            time_lag_ms: partition.time_lag_ms,
            client_id: client_ids.map(|ids| ids.join(", ")),
            member_id,
            metadata: partition.metadata,
            commit_time_ms: Some(partition.commit_time_ms).filter(|&time| time > 0),
        }
    }
}

impl Report for Descriptions {
    fn text(&self, screen: &Screen) -> String {
        let known = self.0.iter().filter(|group| group.error.is_none());
        known.map(|group| group.text(screen)).collect::<Vec<_>>().join("\n")
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|group| group.error.is_none()).map(|group| group.group.clone()).collect()
    }
}

impl Group {
    fn text(&self, screen: &Screen) -> String {
        let mut text = self.heading();
        if !self.members.is_empty() {
            text += &self.member_table().render(screen);
        }
        if !self.partitions.is_empty() {
            text += &self.partition_table().render(screen);
        }
        text
    }

    fn heading(&self) -> String {
        let mut text = format!("{}  {}", escape(&self.group), self.state.unwrap_or("?"));
        if let Some(protocol) = &self.protocol {
            let _ = write!(text, ", {}", escape(protocol));
        }
        if let Some(generation) = self.generation {
            let name = if self.assignment_epoch.is_some() { "epoch" } else { "generation" };
            let _ = write!(text, ", {name} {generation}");
        }
        if let Some(epoch) = self.assignment_epoch.filter(|epoch| Some(*epoch) != self.generation) {
            let _ = write!(text, ", assigned {epoch}");
        }
        let lag = self.lag.map_or_else(|| "?".to_owned(), count);
        let _ = writeln!(text, ", lag {lag}");
        text
    }

    fn member_table(&self) -> Table {
        let columns = [left("CLIENT"), left("HOST"), left("INSTANCE"), left("MEMBER"), left("OWNS")];
        let mut table = Table::new(columns);
        for member in &self.members {
            let instance = member.instance_id.as_deref().unwrap_or("-");
            let owns: Vec<String> = member.assignment.iter().map(Assigned::text).collect();
            table.row([
                (&member.client_id).into(),
                (&member.client_host).into(),
                instance.into(),
                (&member.member_id).into(),
                if owns.is_empty() { "-".into() } else { Cell::from(owns.join(" ")) },
            ]);
        }
        table
    }

    fn partition_table(&self) -> Table {
        let mut table = Table::new([
            left("TOPIC"),
            right("PARTITION"),
            right("CURRENT"),
            right("END"),
            right("LAG"),
            right("TIME LAG"),
            left("OWNER"),
        ]);
        for partition in &self.partitions {
            table.row([
                (&partition.topic).into(),
                partition.partition.into(),
                partition.committed_offset.map_or_else(|| "-".into(), Cell::from),
                unknown_or(partition.end_offset),
                unknown_or(partition.lag.map(count)),
                unknown_or(partition.time_lag_ms.map(duration_ms)),
                partition.client_id.as_deref().or(partition.member_id.as_deref()).unwrap_or("-").into(),
            ]);
        }
        table
    }
}

impl Assigned {
    /// `orders:0,1,4`
    fn text(&self) -> String {
        let numbers: Vec<String> = self.partitions.iter().map(i32::to_string).collect();
        format!("{}:{}", self.topic, numbers.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen { width: None, color: false };

    fn sample() -> Descriptions {
        let member = v1::GroupMember {
            member_id: "app-1-x".into(),
            client_id: "app-1".into(),
            client_host: "127.0.0.1".into(),
            assignment: vec![v1::TopicPartitions { topic: "orders".into(), partitions: vec![0, 1] }],
            ..Default::default()
        };
        let known = v1::GroupPartition {
            topic: "orders".into(),
            committed_offset: Some(5),
            log_start_offset: Some(0),
            end_offset: Some(1505),
            lag: Some(1500),
            time_lag_ms: Some(492_000),
            member_id: "app-1-x".into(),
            commit_time_ms: 1,
            ..Default::default()
        };
        let unknown = v1::GroupPartition {
            topic: "orders".into(),
            partition: 1,
            end_offset: Some(9),
            ..Default::default()
        };
        let group = v1::GroupDescription {
            group: "billing".into(),
            state: v1::GroupState::Stable.into(),
            protocol: "range".into(),
            generation: 3,
            members: vec![member],
            partitions: vec![known, unknown],
            ..Default::default()
        };
        Descriptions(vec![group.into()])
    }

    #[test]
    fn unknown_lag_is_never_nought() {
        let expected = "billing  stable, range, generation 3, lag ?\n\
            CLIENT  HOST       INSTANCE  MEMBER   OWNS\n\
            app-1   127.0.0.1  -         app-1-x  orders:0,1\n\
            TOPIC   PARTITION  CURRENT   END    LAG  TIME LAG  OWNER\n\
            orders          0        5  1505  1,500     8m12s  app-1\n\
            orders          1        -     9      ?         ?  -\n";
        assert_eq!(sample().text(&PIPE), expected);
    }

    #[test]
    fn a_group_without_offsets_has_no_lag_to_tell() {
        let group = v1::GroupDescription {
            group: "new".into(),
            state: v1::GroupState::Stable.into(),
            ..Default::default()
        };
        let report = Descriptions(vec![group.into()]);
        assert!(report.text(&PIPE).contains("lag ?"), "{}", report.text(&PIPE));
        assert!(report.0[0].lag.is_none());
    }

    #[test]
    fn json_has_null_for_what_is_unknown() {
        let json = serde_json::to_value(sample()).expect("json");
        assert!(json[0]["lag"].is_null() && json[0]["partitions"][1]["time_lag_ms"].is_null());
        assert_eq!(json[0]["partitions"][0]["lag"], 1500);
        assert!(json[0]["partitions"][1]["commit_time_ms"].is_null());
    }
}
