//! Classic groups: members that join, stay, leave, and those who only look.

use bytes::Bytes;
use runnel_proto::group::Subscription;
use runnel_proto::kafka::messages::join_group_request::JoinGroupRequestProtocol;
use runnel_proto::kafka::messages::leave_group_request::MemberIdentity;
use runnel_proto::kafka::messages::sync_group_request::SyncGroupRequestAssignment;
use runnel_proto::kafka::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, ListGroupsRequest, SyncGroupRequest,
};
use runnel_proto::kafka::{ApiKey, StrBytes};

use crate::differential::pair::{Both, Pair, Side};

pub(super) fn run(pair: &mut Pair) {
    let group = pair.name("groups");
    refused_joins(pair, &group);
    let joined = member(pair, &group);
    stays(pair, &group, &joined);
    second(pair, &group, &joined);
    looks(pair, &group);
    leaves(pair, &group, &joined);
    statics(pair);
    deletes(pair, &group);
}

/// A consumer that has not joined yet.
pub(super) fn join(group: &str, member_id: &StrBytes) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: 60_000,
        member_id: member_id.clone(),
        group_instance_id: None,
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range"), protocol("sticky")],
        reason: None,
    }
}

/// Kafka's broker looks into subscriptions, so it has to be one.
fn protocol(name: &str) -> JoinGroupRequestProtocol {
    let subscription = Subscription { topics: vec!["subscribed".to_owned()], ..Default::default() };
    JoinGroupRequestProtocol { name: name.into(), metadata: subscription.encode() }
}

/// Lets a first member join and lead: at once, or in two steps where the versions have those (KIP-394).
pub(super) fn member(pair: &mut Pair, group: &str) -> Both<JoinGroupResponse> {
    let first = pair.ask("the first join", join(group, &StrBytes::default()));
    if pair.version(ApiKey::JoinGroup).is_none_or(|version| version < 4) {
        return first;
    }
    pair.ask_each("the join with an id", |_, side| join(group, &first[side].member_id))
}

/// The leader's word on who gets what.
pub(super) fn sync(
    pair: &Pair,
    group: &str,
    joined: &JoinGroupResponse,
    rows: &[(&StrBytes, &'static [u8])],
) -> SyncGroupRequest {
    let named = pair.version(ApiKey::SyncGroup).is_some_and(|version| version >= 5);
    let assignment = |(member_id, assignment): &(&StrBytes, &'static [u8])| SyncGroupRequestAssignment {
        member_id: (*member_id).clone(),
        assignment: Bytes::from_static(assignment),
    };
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        group_instance_id: None,
        protocol_type: named.then(|| "consumer".into()),
        protocol_name: named.then(|| "range".into()),
        assignments: rows.iter().map(assignment).collect(),
    }
}

fn heartbeat(group: &str, member_id: &StrBytes, generation_id: i32) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group.into(),
        generation_id,
        member_id: member_id.clone(),
        group_instance_id: None,
    }
}

fn refused_joins(pair: &mut Pair, group: &str) {
    let fresh = join(group, &StrBytes::default());
    for (case, request) in [
        ("a group without name", join("", &StrBytes::default())),
        ("a session too short", JoinGroupRequest { session_timeout_ms: 1, ..fresh.clone() }),
        ("a session too long", JoinGroupRequest { session_timeout_ms: i32::MAX, ..fresh.clone() }),
        ("no protocol", JoinGroupRequest { protocols: Vec::new(), ..fresh.clone() }),
        ("no type of protocol", JoinGroupRequest { protocol_type: "".into(), ..fresh.clone() }),
        ("an unknown member", join(group, &"nobody".into())),
    ] {
        pair.ask(case, request);
    }
    let nobody: StrBytes = "nobody".into();
    pair.ask("a heartbeat of an unknown group", heartbeat("unknown", &nobody, 1));
    pair.ask("a heartbeat of a group without name", heartbeat("", &nobody, 1));
    let unknown = JoinGroupResponse { generation_id: 1, member_id: nobody, ..Default::default() };
    let request = sync(pair, "unknown", &unknown, &[]);
    pair.ask("a sync of an unknown group", request);
    let request = sync(pair, "", &unknown, &[]);
    pair.ask("a sync of a group without name", request);
}

fn stays(pair: &mut Pair, group: &str, joined: &Both<JoinGroupResponse>) {
    let beat = |generation: i32| move |joined: &JoinGroupResponse| joined.generation_id + generation;
    pair.ask_each("a heartbeat before the sync", |_, side| {
        heartbeat(group, &joined[side].member_id, beat(0)(&joined[side]))
    });
    let syncs = |pair: &Pair, change: fn(&mut SyncGroupRequest)| {
        [Side::Kafka, Side::Runnel].map(|side| {
            let mut request = sync(pair, group, &joined[side], &[(&joined[side].member_id, b"all")]);
            change(&mut request);
            request
        })
    };
    for (case, change) in [
        (
            "a sync of an older generation",
            (|request| request.generation_id -= 1) as fn(&mut SyncGroupRequest),
        ),
        ("a sync of an unknown member", |request| request.member_id = "nobody".into()),
        ("the sync", |_| ()),
        ("the sync again", |_| ()),
        ("a sync without assignments", |request| request.assignments.clear()),
    ] {
        let requests = syncs(pair, change);
        pair.ask_each(case, |_, side| requests[side as usize].clone());
    }
    if pair.is_highest() {
        for (case, change) in [
            (
                "a sync of another protocol",
                (|request| request.protocol_name = Some("other".into())) as fn(&mut SyncGroupRequest),
            ),
            ("a sync of another type", |request| request.protocol_type = Some("connect".into())),
            ("a sync of no protocol", |request| request.protocol_name = None),
        ] {
            let requests = syncs(pair, change);
            pair.ask_each(case, |_, side| requests[side as usize].clone());
        }
    }
    pair.ask_each("a heartbeat", |_, side| {
        heartbeat(group, &joined[side].member_id, joined[side].generation_id)
    });
    pair.ask_each("a heartbeat of an older generation", |_, side| {
        heartbeat(group, &joined[side].member_id, joined[side].generation_id - 1)
    });
    pair.ask_each("a heartbeat of a later generation", |_, side| {
        heartbeat(group, &joined[side].member_id, joined[side].generation_id + 1)
    });
    pair.ask("a heartbeat of an unknown member", heartbeat(group, &"nobody".into(), 1));
    pair.ask("a heartbeat of no member", heartbeat(group, &StrBytes::default(), 1));
    pair.ask(
        "another type of protocol",
        JoinGroupRequest { protocol_type: "connect".into(), ..join(group, &StrBytes::default()) },
    );
    pair.ask(
        "other protocols",
        JoinGroupRequest { protocols: vec![protocol("other")], ..join(group, &StrBytes::default()) },
    );
}

/// A second member: the first hears of a rebalance, joins again, and both share.
fn second(pair: &mut Pair, group: &str, first: &Both<JoinGroupResponse>) {
    const OTHER: usize = 1;
    let mut id = [StrBytes::default(), StrBytes::default()];
    if pair.version(ApiKey::JoinGroup).is_some_and(|version| version >= 4) {
        let asked = pair.ask("a second's first join", join(group, &StrBytes::default()));
        id = [Side::Kafka, Side::Runnel].map(|side| asked[side].member_id.clone());
    }
    pair.send(OTHER, |_, side| join(group, &id[side as usize]));
    pair.ask_until(
        "a heartbeat in a rebalance",
        |_, side| heartbeat(group, &first[side].member_id, first[side].generation_id),
        |answer| answer.error_code != 0,
    );
    let requests = [Side::Kafka, Side::Runnel].map(|side| sync(pair, group, &first[side], &[]));
    pair.ask_each("a sync in a rebalance", |_, side| requests[side as usize].clone());
    described(pair, group, "a group in a rebalance");
    let leader = pair.ask_each("the first's next join", |_, side| join(group, &first[side].member_id));
    let follower = pair.answered::<JoinGroupRequest>(OTHER, "the second's join");
    let of_follower = [Side::Kafka, Side::Runnel].map(|side| sync(pair, group, &follower[side], &[]));
    let of_leader = [Side::Kafka, Side::Runnel].map(|side| {
        let rows: [(&StrBytes, &'static [u8]); 2] =
            [(&leader[side].member_id, b"one"), (&follower[side].member_id, b"two")];
        sync(pair, group, &leader[side], &rows)
    });
    pair.send(OTHER, |_, side| of_follower[side as usize].clone());
    pair.ask_each("the leader's sync", |_, side| of_leader[side as usize].clone());
    pair.answered::<SyncGroupRequest>(OTHER, "the follower's sync");
    pair.ask_each("a follower that joins unchanged", |_, side| join(group, &follower[side].member_id));
    leave(pair, group, "the second leaves", |side| follower[side].member_id.clone());
}

fn described(pair: &mut Pair, group: &str, case: &str) {
    let request = DescribeGroupsRequest { groups: vec![group.into()], include_authorized_operations: false };
    pair.ask(case, request);
}

fn looks(pair: &mut Pair, group: &str) {
    let describe = |groups: &[&str]| DescribeGroupsRequest {
        groups: groups.iter().map(|group| (*group).into()).collect(),
        include_authorized_operations: false,
    };
    pair.ask("a group", describe(&[group]));
    pair.ask("an unknown group", describe(&["unknown"]));
    pair.ask("a group with no name", describe(&[""]));
    pair.ask("a group twice", describe(&[group, group]));
    pair.ask("no groups", describe(&[]));
    let all = ListGroupsRequest::default();
    pair.ask("all groups", all.clone());
    if pair.is_highest() {
        let permitted = DescribeGroupsRequest { include_authorized_operations: true, ..describe(&[group]) };
        pair.ask("a group with what is permitted", permitted);
        let list = |states: &[&str], types: &[&str]| ListGroupsRequest {
            states_filter: states.iter().map(|state| (*state).into()).collect(),
            types_filter: types.iter().map(|kind| (*kind).into()).collect(),
        };
        pair.ask("stable groups", list(&["stable"], &[]));
        pair.ask("groups about to rebalance", list(&["PREPARINGREBALANCE", "Stable"], &[]));
        pair.ask("groups in unknown states", list(&["Nowhere"], &[]));
        pair.ask("classic groups", list(&[], &["Classic"]));
        pair.ask("consumer groups", list(&[], &["consumer"]));
        pair.ask("groups of an unknown type", list(&[], &["planet"]));
    }
}

fn leave(pair: &mut Pair, group: &str, case: &str, member_id: impl Fn(Side) -> StrBytes) {
    let batched = pair.version(ApiKey::LeaveGroup).is_some_and(|version| version >= 3);
    pair.ask_each(case, |_, side| match batched {
        false => {
            LeaveGroupRequest { group_id: group.into(), member_id: member_id(side), ..Default::default() }
        }
        true => LeaveGroupRequest {
            group_id: group.into(),
            members: vec![MemberIdentity { member_id: member_id(side), ..Default::default() }],
            ..Default::default()
        },
    });
}

fn leaves(pair: &mut Pair, group: &str, joined: &Both<JoinGroupResponse>) {
    leave(pair, group, "an unknown member leaves", |_| "nobody".into());
    leave(pair, "unknown", "somebody leaves an unknown group", |_| "nobody".into());
    leave(pair, "", "somebody leaves a group without name", |_| "nobody".into());
    pair.ask("deletion of a group with members", DeleteGroupsRequest { groups_names: vec![group.into()] });
    leave(pair, group, "the member leaves", |side| joined[side].member_id.clone());
    leave(pair, group, "the member leaves again", |side| joined[side].member_id.clone());
    pair.ask_each("a heartbeat of who left", |_, side| {
        heartbeat(group, &joined[side].member_id, joined[side].generation_id)
    });
    described(pair, group, "an empty group");
}

fn statics(pair: &mut Pair) {
    if pair.version(ApiKey::JoinGroup).is_none_or(|version| version < 5) {
        return;
    }
    let group = pair.name("groups-static");
    let request = |member_id: &StrBytes| JoinGroupRequest {
        group_instance_id: Some("one".into()),
        ..join(&group, member_id)
    };
    let first = pair.ask("a static member", request(&StrBytes::default()));
    let requests = [Side::Kafka, Side::Runnel].map(|side| SyncGroupRequest {
        group_instance_id: Some("one".into()),
        ..sync(pair, &group, &first[side], &[(&first[side].member_id, b"all")])
    });
    pair.ask_each("a static member's sync", |_, side| requests[side as usize].clone());
    let next = pair.ask("a static member that comes again", request(&StrBytes::default()));
    pair.ask_each("the member that it replaced", |_, side| HeartbeatRequest {
        group_instance_id: Some("one".into()),
        ..heartbeat(&group, &first[side].member_id, first[side].generation_id)
    });
    pair.ask_each("the member itself", |_, side| HeartbeatRequest {
        group_instance_id: Some("one".into()),
        ..heartbeat(&group, &next[side].member_id, next[side].generation_id)
    });
    pair.ask_each("an unknown instance", |_, side| HeartbeatRequest {
        group_instance_id: Some("two".into()),
        ..heartbeat(&group, &next[side].member_id, next[side].generation_id)
    });
    pair.ask_each("a join of the one replaced", |_, side| request(&first[side].member_id));
    described(pair, &group, "a group with a static member");
    let leave = |members: &[(&str, Option<&str>)]| LeaveGroupRequest {
        group_id: group.as_str().into(),
        members: members
            .iter()
            .map(|(member_id, instance)| MemberIdentity {
                member_id: (*member_id).into(),
                group_instance_id: instance.map(Into::into),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    pair.ask("instances leave, one with another's id", leave(&[("nobody", Some("one")), ("", Some("two"))]));
    pair.ask("an instance leaves", leave(&[("", Some("one"))]));
    pair.ask("nobody leaves", leave(&[]));
}

fn deletes(pair: &mut Pair, group: &str) {
    let delete = |groups: &[&str]| DeleteGroupsRequest {
        groups_names: groups.iter().map(|group| (*group).into()).collect(),
    };
    pair.ask("deletion of unknown groups", delete(&["unknown", ""]));
    pair.ask("deletion of a group", delete(&[group]));
    pair.ask("deletion of a group that is gone", delete(&[group]));
    pair.ask("deletion of no group", delete(&[]));
    pair.ask(
        "deletion of a group named twice",
        delete(&[&pair.name("groups-static"), &pair.name("groups-static")]),
    );
    described(pair, group, "a deleted group");
}
