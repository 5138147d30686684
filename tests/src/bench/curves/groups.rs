//! A commit of offsets beside more and more groups, each with a member.

use std::time::{Duration, Instant};

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::join_group_request::JoinGroupRequestProtocol;
use runnel_proto::kafka::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use runnel_proto::kafka::messages::{
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    OffsetCommitRequest, SyncGroupRequest,
};

use crate::bench::engine::{Bench, FreshTopic, Turn};
use crate::bench::row::Row;
use crate::bench::servers::Kind;
use crate::bench::watch::{By, watched};
use crate::measure::Result;
use crate::measure::figures::Unit;
use crate::measure::wire::{Connection, expect_none};

const GROUPS: [u32; 4] = [1, 10, 100, 1000];
/// Nobody here is quick enough with heartbeats.
const SESSION: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

// The last versions before those that clients have to ask twice with.
const FIND_COORDINATOR: i16 = 2;
const JOIN_GROUP: i16 = 3;
const SYNC_GROUP: i16 = 2;
const HEARTBEAT: i16 = 2;
const OFFSET_COMMIT: i16 = 6;
const LEAVE_GROUP: i16 = 2;

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let commits: u32 = bench.scaled(1000, 20);
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]);
    let rows = |kind: Kind| {
        let row = |what: &str| {
            let what = format!("{what}, mean, as groups grow: {}", kind.name());
            Row::curve(what, Unit::Ms, "groups", &GROUPS)
        };
        vec![row("commit of an offset"), row("heartbeat")]
    };
    bench.measure_each(&kinds, rows, |bench, kind, line| {
        let topic = bench.fresh_topic(kind, 1)?;
        let mut members = join(&topic, GROUPS[line])?;
        let (commit_s, commit) = watched(topic.pid, By::Time, || {
            each(&mut members, commits, |member, number| member.commit(&topic.name, number))
        })?;
        let (heartbeat_s, heartbeat) =
            watched(topic.pid, By::Time, || each(&mut members, commits, |member, _| member.heartbeat()))?;
        for member in members {
            member.leave()?;
        }
        topic.delete()?;
        let each_ms = |seconds: f64| seconds * 1e3 / f64::from(commits);
        Ok(Turn(vec![(each_ms(commit_s), Some(commit)), (each_ms(heartbeat_s), Some(heartbeat))]))
    });
}

/// The only member of a group.
struct Member {
    connection: Connection,
    group: String,
    id: String,
    generation: i32,
}

/// Seconds for so many requests, one after the other, by all members in turn.
fn each(
    members: &mut [Member],
    count: u32,
    mut ask: impl FnMut(&mut Member, i64) -> Result<()>,
) -> Result<f64> {
    let start = Instant::now();
    for number in 0..count as usize {
        let place = number % members.len();
        ask(&mut members[place], number as i64)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Has groups joined by a member each, all at once: Kafka waits three seconds for a group's first member.
fn join(topic: &FreshTopic, count: u32) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for number in 0..count {
        let mut connection = Connection::open(topic.address)?;
        let group = format!("{}-{number}", topic.name);
        await_coordinator(&mut connection, &group)?;
        let protocol = JoinGroupRequestProtocol { name: "any".into(), ..Default::default() };
        let request = JoinGroupRequest {
            group_id: group.as_str().into(),
            session_timeout_ms: SESSION.as_millis().try_into()?,
            rebalance_timeout_ms: SESSION.as_millis().try_into()?,
            protocol_type: "bench".into(),
            protocols: vec![protocol],
            ..Default::default()
        };
        connection.send(&request, JOIN_GROUP)?;
        members.push(Member { connection, group, id: String::new(), generation: 0 });
    }
    for member in &mut members {
        let joined: JoinGroupResponse = member.connection.receive::<JoinGroupRequest>(JOIN_GROUP)?;
        expect_none(joined.error_code, "a member can't join")?;
        member.id = joined.member_id.to_string();
        member.generation = joined.generation_id;
        member.sync()?;
    }
    Ok(members)
}

/// A Kafka makes the topic for offsets with its first group, and then reads each of its partitions: until the group's is
/// there, every request is refused.
fn await_coordinator(connection: &mut Connection, group: &str) -> Result<()> {
    const NOT_YET: [ErrorCode; 3] =
        [ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable, ErrorCode::NotCoordinator];
    let deadline = Instant::now() + PATIENCE;
    let find = FindCoordinatorRequest { key: group.into(), ..Default::default() };
    let touch = HeartbeatRequest { group_id: group.into(), member_id: "nobody".into(), ..Default::default() };
    loop {
        connection.ask(&find, FIND_COORDINATOR)?;
        let code = connection.ask(&touch, HEARTBEAT)?.error_code;
        if !NOT_YET.iter().any(|error| error.code() == code) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return expect_none(code, "no coordinator");
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

impl Member {
    fn sync(&mut self) -> Result<()> {
        let request = SyncGroupRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            ..Default::default()
        };
        expect_none(self.connection.ask(&request, SYNC_GROUP)?.error_code, "a member gets nothing")
    }

    fn commit(&mut self, topic: &str, offset: i64) -> Result<()> {
        let partition = OffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
        let topic = OffsetCommitRequestTopic {
            name: topic.into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group.as_str().into(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.id.as_str().into(),
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.connection.ask(&request, OFFSET_COMMIT)?;
        let answered = answer.topics.first().and_then(|topic| topic.partitions.first());
        expect_none(answered.ok_or("no partition is answered")?.error_code, "an offset can't be committed")
    }

    fn heartbeat(&mut self) -> Result<()> {
        let request = HeartbeatRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            ..Default::default()
        };
        expect_none(self.connection.ask(&request, HEARTBEAT)?.error_code, "a heartbeat is refused")
    }

    fn leave(mut self) -> Result<()> {
        let request = LeaveGroupRequest {
            group_id: self.group.as_str().into(),
            member_id: self.id.as_str().into(),
            ..Default::default()
        };
        expect_none(self.connection.ask(&request, LEAVE_GROUP)?.error_code, "a member can't leave")
    }
}
