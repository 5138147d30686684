//! `runnel group reset`: shows where a group's offsets would go, and moves them when told to.

use std::collections::BTreeMap;

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use super::plan::{Move, Standing, plan};
use crate::admin::{Admin, ItemError, finish};
use crate::args::{GroupResetArgs, OutputFormat, ResetTarget, TopicSpec};
use crate::confirm::{ask, can_ask};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Cell, Report, Screen, Table, count, left, right, unknown_or};

/// Runs it.
pub(super) async fn run(context: &Context, args: GroupResetArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let group = describe_idle(&mut admin, &args.group).await?;
    let mut moves = plan_moves(&mut admin, &group, &args).await?;
    let movable = moves.iter().any(|partition| partition.target_offset.is_some());
    let asks = movable && !args.yes && can_ask();
    let applied = if asks { show_and_ask(context, &args.group, &moves)? } else { movable && args.yes };
    if applied {
        commit(&mut admin, &args.group, &mut moves).await?;
    }
    let shown_already = asks && args.output.output == OutputFormat::Table;
    let format = (!shown_already).then_some(args.output.output);
    let report = Reset { group: args.group, applied, partitions: moves };
    let errors = report.partitions.iter().filter_map(|partition| partition.error.as_ref());
    let outcome = finish(context, &report, format, errors);
    if applied {
        context.note("The offsets are moved.");
    } else if movable {
        context.note("Nothing was changed: --yes does it.");
    }
    outcome
}

/// The group, when it exists and nobody reads in it.
async fn describe_idle(admin: &mut Admin, name: &str) -> Result<v1::GroupDescription, Failure> {
    let group = admin.describe_groups(vec![name.to_owned()]).await?.into_iter().next();
    let group = group.ok_or_else(|| Failure::failed("the broker did not describe the group"))?;
    if let Some(error) = &group.error {
        return Err(Failure::failed(escape(&error.message).into_owned()));
    }
    if group.members.is_empty() {
        return Ok(group);
    }
    let members: Vec<String> = group.members.iter().map(member_name).collect();
    let message = format!("group {} has live members; stop them first: {}", escape(name), members.join(", "));
    Err(Failure::failed(message))
}

fn member_name(member: &v1::GroupMember) -> String {
    let (client, id, host) =
        (escape(&member.client_id), escape(&member.member_id), escape(&member.client_host));
    format!("{client} ({id} at {host})")
}

async fn plan_moves(
    admin: &mut Admin,
    group: &v1::GroupDescription,
    args: &GroupResetArgs,
) -> Result<Vec<Move>, Failure> {
    let committed: BTreeMap<(&str, i32), i64> = group
        .partitions
        .iter()
        .filter_map(|row| Some(((row.topic.as_str(), row.partition), row.committed_offset?)))
        .collect();
    let specs = if args.all_topics { committed_specs(&committed) } else { args.topics.clone() };
    if specs.is_empty() {
        return Err(Failure::failed(format!("group {} has no committed offsets", escape(&args.group))));
    }
    let names = specs.iter().map(|spec| spec.topic.clone()).collect();
    let topics = admin.describe_topics(names).await?;
    let mut found = Vec::new();
    let mut moves = Vec::new();
    for (spec, topic) in specs.iter().zip(topics) {
        for partition in standings(spec, topic, &committed) {
            match partition {
                Ok(standing) => found.push(standing),
                Err(refused) => moves.push(*refused),
            }
        }
    }
    if let ResetTarget::Time(timestamp_ms) = args.to {
        moves.extend(look_up_times(admin, &mut found, timestamp_ms).await?);
    }
    moves.extend(found.into_iter().map(|standing| plan(standing, args.to)));
    moves.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    moves.dedup();
    Ok(moves)
}

fn committed_specs(committed: &BTreeMap<(&str, i32), i64>) -> Vec<TopicSpec> {
    let spec =
        |&(topic, partition): &(&str, i32)| TopicSpec { topic: topic.to_owned(), partition: Some(partition) };
    committed.keys().map(spec).collect()
}

/// The partitions that a spec means, each as it stands or with the reason why it can't be reset.
fn standings(
    spec: &TopicSpec,
    topic: v1::TopicDescription,
    committed: &BTreeMap<(&str, i32), i64>,
) -> Vec<Result<Standing, Box<Move>>> {
    if let Some(error) = topic.error {
        return vec![Err(Box::new(Move::refused(topic.name, spec.partition, error.into())))];
    }
    let total = topic.partitions.len();
    let meant = topic
        .partitions
        .into_iter()
        .filter(|row| spec.partition.is_none_or(|number| number == row.partition));
    let rows: Vec<_> = meant
        .map(|row| match row.error {
            Some(error) => {
                Err(Box::new(Move::refused(spec.topic.clone(), Some(row.partition), error.into())))
            }
            None => Ok(Standing {
                topic: spec.topic.clone(),
                partition: row.partition,
                current: committed.get(&(spec.topic.as_str(), row.partition)).copied(),
                start: row.log_start_offset,
                end: row.high_watermark,
                at_time: None,
            }),
        })
        .collect();
    match spec.partition {
        Some(number) if rows.is_empty() => {
            let error = ItemError::unknown_partition(&spec.topic, number, total);
            vec![Err(Box::new(Move::refused(spec.topic.clone(), Some(number), error)))]
        }
        _ => rows,
    }
}

/// Fills in `at_time`; partitions where that fails are taken out and returned.
async fn look_up_times(
    admin: &mut Admin,
    found: &mut Vec<Standing>,
    timestamp_ms: i64,
) -> Result<Vec<Move>, Failure> {
    let query = |standing: &Standing| v1::OffsetQuery {
        topic: standing.topic.clone(),
        partition: standing.partition,
        spec: Some(v1::OffsetSpec { at: Some(v1::offset_spec::At::TimestampMs(timestamp_ms)) }),
    };
    let results = admin.list_offsets(found.iter().map(query).collect()).await?;
    let mut refused = Vec::new();
    let mut kept = Vec::new();
    for (mut standing, result) in found.drain(..).zip(results) {
        match result.error {
            Some(error) => {
                refused.push(Move::refused(standing.topic, Some(standing.partition), error.into()))
            }
            None => {
                standing.at_time = result.timestamp_ms.map(|_| result.offset);
                kept.push(standing);
            }
        }
    }
    *found = kept;
    Ok(refused)
}

/// Shows the plan on a terminal and asks whether to go on.
fn show_and_ask(context: &Context, group: &str, moves: &[Move]) -> Result<bool, Failure> {
    let preview = Reset { group: group.to_owned(), applied: false, partitions: moves.to_vec() };
    output::print(context, &preview, OutputFormat::Table)?;
    ask("Move the offsets? [y/N] ").map_err(|error| Failure::failed(format!("can't ask: {error}")))
}

async fn commit(admin: &mut Admin, group: &str, moves: &mut [Move]) -> Result<(), Failure> {
    let mut movable: Vec<&mut Move> = moves.iter_mut().filter(|row| row.target_offset.is_some()).collect();
    let offsets = movable
        .iter()
        .filter_map(|row| {
            let (partition, offset) = (row.partition?, row.target_offset?);
            Some(v1::OffsetCommit { topic: row.topic.clone(), partition, offset, ..Default::default() })
        })
        .collect();
    let request =
        v1::CommitOffsetsRequest { group: group.to_owned(), generation: -1, offsets, ..Default::default() };
    let response = admin.groups.commit_offsets(request).await?;
    for (row, result) in movable.iter_mut().zip(response.into_inner().results) {
        row.error = result.error.map(ItemError::from);
    }
    Ok(())
}

/// The plan, or what became of it.
#[derive(Serialize)]
struct Reset {
    group: String,
    applied: bool,
    partitions: Vec<Move>,
}

impl Report for Reset {
    fn text(&self, screen: &Screen) -> String {
        let mut table = Table::new([
            left("TOPIC"),
            right("PARTITION"),
            right("CURRENT"),
            right("TARGET"),
            right("READ AGAIN"),
            right("SKIPPED"),
            left("NOTE"),
        ]);
        for row in self.partitions.iter().filter(|row| row.error.is_none()) {
            table.row([
                (&row.topic).into(),
                unknown_or(row.partition),
                row.current_offset.map_or_else(|| "-".into(), Cell::from),
                row.target_offset.map_or_else(|| "-".into(), Cell::from),
                row.replayed.map_or_else(|| "-".into(), |records| count(records).into()),
                row.skipped.map_or_else(|| "-".into(), |records| count(records).into()),
                row.note.as_deref().unwrap_or("").into(),
            ]);
        }
        if table.is_empty() { String::new() } else { table.render(screen) }
    }

    fn names(&self) -> Vec<String> {
        let moved = self.partitions.iter().filter(|row| row.error.is_none() && row.target_offset.is_some());
        moved.filter_map(|row| Some(format!("{}:{}", row.topic, row.partition?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_shown_partition_by_partition() {
        let standing = |partition, current| Standing {
            topic: "orders".into(),
            partition,
            current,
            start: 0,
            end: 2000,
            at_time: None,
        };
        let partitions = vec![
            plan(standing(0, Some(1500)), ResetTarget::Offset(5000)),
            plan(standing(1, None), ResetTarget::Offset(0)),
        ];
        let reset = Reset { group: "g".into(), applied: false, partitions };
        let expected = "TOPIC   PARTITION  CURRENT  TARGET  READ AGAIN  SKIPPED  NOTE\n\
            orders          0     1500    2000           0      500  offset 5000 is outside the log: moved to its end\n\
            orders          1        -       0           -        -\n";
        assert_eq!(reset.text(&Screen { width: None, color: false }), expected);
        let json = serde_json::to_value(&reset).expect("json");
        assert_eq!(json["partitions"][0]["target_offset"], 2000);
        assert!(json["partitions"][1]["current_offset"].is_null());
    }
}
