//! Offsets committed, fetched and deleted.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use runnel_proto::kafka::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use runnel_proto::kafka::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use runnel_proto::kafka::messages::{
    JoinGroupResponse, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
};

use super::groups::{member, sync};
use crate::differential::pair::{Both, Pair, Side};
use crate::differential::peer::Peer;

pub(super) fn run(pair: &mut Pair) {
    let (topic, group) = (pair.name("commits"), pair.name("commits"));
    pair.create_topic(&topic, 2, &[]);
    alone(pair, &topic, &group);
    fetches(pair, &topic, &group);
    let group = pair.name("commits-members");
    let joined = member(pair, &group);
    of_members(pair, &topic, &group, &joined);
    deletes(pair, &topic, &pair.name("commits"), &group);
}

/// What is committed: topic, partition, offset and note.
type Row<'a> = (&'a str, i32, i64, Option<&'a str>);

/// Of somebody who is no member.
pub(super) fn commit(peer: &Peer, group: &str, rows: &[Row<'_>]) -> OffsetCommitRequest {
    let topic = |(name, partition_index, committed_offset, metadata): &Row<'_>| OffsetCommitRequestTopic {
        name: (*name).into(),
        topic_id: peer.topic_id(name),
        partitions: vec![OffsetCommitRequestPartition {
            partition_index: *partition_index,
            committed_offset: *committed_offset,
            committed_leader_epoch: -1,
            committed_metadata: metadata.map(Into::into),
        }],
    };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: -1,
        retention_time_ms: -1,
        topics: rows.iter().map(topic).collect(),
        ..Default::default()
    }
}

fn alone(pair: &mut Pair, topic: &str, group: &str) {
    let long = "x".repeat(4097);
    for (case, rows) in [
        ("an offset", &[(topic, 0, 5, Some("note"))][..]),
        ("an offset without a note", &[(topic, 1, 6, None)]),
        ("a negative offset", &[(topic, 0, -1, Some(""))]),
        ("a note too long", &[(topic, 0, 7, Some(&long))]),
        ("offsets of unknown places", &[("nobody", 0, 1, None), (topic, 7, 1, None), (topic, -1, 1, None)]),
        ("an offset of an illegal topic", &[("", 0, 1, None)]),
        ("no offset", &[]),
        ("an offset twice", &[(topic, 1, 8, Some("a")), (topic, 1, 9, Some("b"))]),
    ] {
        pair.ask_each(case, |peer, _| commit(peer, group, rows));
    }
    let one = [(topic, 0, 5, Some("note"))];
    pair.ask_each("an offset of a group without name", |peer, _| commit(peer, "", &one));
    for (case, group, generation, member_id) in [
        ("an offset of a generation of no members", group, 1, "nobody"),
        ("an offset of a member without generation", group, -1, "nobody"),
        ("an offset of a generation of nobody", group, 1, ""),
        ("an offset of a member of an unknown group", "unknown", 1, "nobody"),
    ] {
        pair.ask_each(case, |peer, _| OffsetCommitRequest {
            generation_id_or_member_epoch: generation,
            member_id: member_id.into(),
            ..commit(peer, group, &one)
        });
    }
}

/// Whether the version that is asked names several groups.
fn has_groups(pair: &Pair) -> bool {
    pair.version(ApiKey::OffsetFetch).is_some_and(|version| version >= 8)
}

/// In either form.
fn fetch(
    peer: &Peer,
    groups: bool,
    group: &str,
    rows: Option<&[(&str, &[i32])]>,
    require_stable: bool,
) -> OffsetFetchRequest {
    if groups {
        let topic = |(name, partitions): &(&str, &[i32])| OffsetFetchRequestTopics {
            name: (*name).into(),
            topic_id: peer.topic_id(name),
            partition_indexes: partitions.to_vec(),
        };
        let group = OffsetFetchRequestGroup {
            group_id: group.into(),
            topics: rows.map(|rows| rows.iter().map(topic).collect()),
            ..Default::default()
        };
        return OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() };
    }
    let topic = |(name, partitions): &(&str, &[i32])| OffsetFetchRequestTopic {
        name: (*name).into(),
        partition_indexes: partitions.to_vec(),
    };
    OffsetFetchRequest {
        group_id: group.into(),
        topics: rows.map(|rows| rows.iter().map(topic).collect()),
        require_stable,
        ..Default::default()
    }
}

fn fetches(pair: &mut Pair, topic: &str, group: &str) {
    let groups = has_groups(pair);
    for (case, group, rows) in [
        ("offsets", group, Some(&[(topic, &[0, 1][..])][..])),
        ("all offsets", group, None),
        ("offsets of unknown places", group, Some(&[("nobody", &[0]), (topic, &[7, -1])])),
        ("offsets of nothing", group, Some(&[])),
        ("offsets of no partition", group, Some(&[(topic, &[])])),
        ("offsets of a partition twice", group, Some(&[(topic, &[0, 0])])),
        ("offsets of an unknown group", "unknown", Some(&[(topic, &[0])])),
        ("all offsets of an unknown group", "unknown", None),
        ("offsets of a group without name", "", Some(&[(topic, &[0])])),
    ] {
        pair.ask_each(case, |peer, _| fetch(peer, groups, group, rows, false));
        if pair.is_highest() {
            pair.ask_each(&format!("stable {case}"), |peer, _| fetch(peer, groups, group, rows, true));
        }
    }
    if pair.is_highest() {
        let request = OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.into(),
                topics: None,
                ..Default::default()
            }],
            ..Default::default()
        };
        let twice = [request.groups.clone(), request.groups.clone()].concat();
        pair.ask("offsets of a group twice", OffsetFetchRequest { groups: twice, ..request.clone() });
        pair.ask("offsets of no group", OffsetFetchRequest { groups: Vec::new(), ..request.clone() });
        for (case, member_id, member_epoch) in
            [("as a member of a classic group", Some("nobody"), 1), ("as an epoch of nobody", None, 1)]
        {
            let mut request = request.clone();
            for group in &mut request.groups {
                (group.member_id, group.member_epoch) = (member_id.map(Into::into), member_epoch);
            }
            pair.ask(&format!("offsets {case}"), request);
        }
    }
}

fn of_members(pair: &mut Pair, topic: &str, group: &str, joined: &Both<JoinGroupResponse>) {
    let of = |peer: &Peer, generation: i32, side: Side| OffsetCommitRequest {
        generation_id_or_member_epoch: joined[side].generation_id + generation,
        member_id: joined[side].member_id.clone(),
        ..commit(peer, group, &[(topic, 0, 11, Some("note"))])
    };
    pair.ask_each("an offset before the sync", |peer, side| of(peer, 0, side));
    let requests = [Side::Kafka, Side::Runnel]
        .map(|side| sync(pair, group, &joined[side], &[(&joined[side].member_id, b"all")]));
    pair.ask_each("the sync", |_, side| requests[side as usize].clone());
    pair.ask_each("a member's offset", |peer, side| of(peer, 0, side));
    pair.ask_each("an offset of an older generation", |peer, side| of(peer, -1, side));
    pair.ask_each("an offset of a later generation", |peer, side| of(peer, 1, side));
    pair.ask_each("an offset of a stranger", |peer, _| commit(peer, group, &[(topic, 0, 11, None)]));
    pair.ask_each("an offset of an unknown member", |peer, side| OffsetCommitRequest {
        member_id: "nobody".into(),
        ..of(peer, 0, side)
    });
    if pair.version(ApiKey::OffsetCommit).is_some_and(|version| version >= 7) {
        pair.ask_each("an offset of an unknown instance", |peer, side| OffsetCommitRequest {
            group_instance_id: Some("one".into()),
            ..of(peer, 0, side)
        });
    }
    let groups = has_groups(pair);
    pair.ask_each("a member's offsets", |peer, _| fetch(peer, groups, group, None, false));
}

fn deletes(pair: &mut Pair, topic: &str, group: &str, active: &str) {
    let delete = |group: &str, rows: &[(&str, &[i32])]| {
        let topic = |(name, partitions): &(&str, &[i32])| OffsetDeleteRequestTopic {
            name: (*name).into(),
            partitions: partitions
                .iter()
                .map(|partition_index| OffsetDeleteRequestPartition { partition_index: *partition_index })
                .collect(),
        };
        OffsetDeleteRequest { group_id: group.into(), topics: rows.iter().map(topic).collect() }
    };
    pair.ask("deletion of an offset", delete(group, &[(topic, &[0])]));
    pair.ask("deletion of an offset that is gone", delete(group, &[(topic, &[0])]));
    pair.ask("deletion of offsets of unknown places", delete(group, &[("nobody", &[0]), (topic, &[7, -1])]));
    pair.ask("deletion of an offset in an unknown group", delete("unknown", &[(topic, &[0])]));
    pair.ask("deletion of an offset in a group without name", delete("", &[(topic, &[0])]));
    pair.ask("deletion of no offset", delete(group, &[]));
    pair.ask("deletion of an offset under a member", delete(active, &[(topic, &[0])]));
    let groups = has_groups(pair);
    pair.ask_each("offsets that are left", |peer, _| fetch(peer, groups, group, None, false));
}
