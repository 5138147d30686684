//! Topics and brokers, as clients find them: `Metadata`, `DescribeTopicPartitions`, `DescribeCluster`, `FindCoordinator`.

use runnel_proto::kafka::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use runnel_proto::kafka::messages::metadata_request::MetadataRequestTopic;
use runnel_proto::kafka::messages::{
    DescribeClusterRequest, DescribeTopicPartitionsRequest, FindCoordinatorRequest, MetadataRequest,
};
use runnel_proto::kafka::{ApiKey, Uuid};

use super::{GROUP, TRANSACTION};
use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    let (one, three) = (pair.name("one"), pair.name("three"));
    pair.create_topic(&one, 1, &[]);
    pair.create_topic(&three, 3, &[("retention.ms", "1000000")]);
    by_name(pair, &one, &three);
    by_id(pair, &three);
    topic_partitions(pair, &one, &three);
    cluster(pair);
    coordinators(pair);
}

fn named(names: &[&str]) -> Option<Vec<MetadataRequestTopic>> {
    let topic = |name: &&str| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() };
    Some(names.iter().map(topic).collect())
}

fn by_name(pair: &mut Pair, one: &str, three: &str) {
    let ask = |topics| MetadataRequest { topics, allow_auto_topic_creation: true, ..Default::default() };
    pair.ask("all topics", ask(None));
    pair.ask("an empty list", ask(Some(Vec::new())));
    pair.ask("two topics", ask(named(&[one, three])));
    pair.ask("a topic named twice", ask(named(&[one, one])));
    let long = "x".repeat(250);
    for (case, name) in [
        ("an empty name", ""),
        ("a dot as name", "."),
        ("two dots as name", ".."),
        ("a name with a blank", "a b"),
        ("a name too long", &long),
        ("a name with an umlaut", "ä"),
    ] {
        pair.ask(case, ask(named(&[name])));
    }
    let authorized = MetadataRequest {
        topics: named(&[one]),
        include_topic_authorized_operations: true,
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    if pair.is_highest() {
        pair.ask("with what is permitted", authorized);
        let strictly = MetadataRequest {
            topics: named(&["nobody's"]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        pair.ask("an illegal name, without creation", strictly.clone());
        pair.ask(
            "an unknown topic, without creation",
            MetadataRequest { topics: named(&["unknown"]), ..strictly },
        );
    }
    let created = pair.name("created");
    pair.ask("a topic that is created", ask(named(&[&created])));
    pair.await_topics(&[&created]);
    pair.ask("a topic that was created", ask(named(&[&created])));
    let colliding = created.replace('-', "_");
    pair.ask("a name beside it", ask(named(&[&colliding])));
    pair.await_topics(&[&colliding]);
}

fn by_id(pair: &mut Pair, three: &str) {
    if pair.version(ApiKey::Metadata).is_none_or(|version| version < 12) {
        return;
    }
    let ask = |topic_id, name: Option<&str>| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id, name: name.map(Into::into) }]),
        ..Default::default()
    };
    pair.ask_each("a topic by its id", |peer, _| ask(peer.topic_id(three), None));
    pair.ask_each("an unknown id", |peer, _| ask(peer.topic_id("nobody"), None));
    pair.ask("neither id nor name", ask(Uuid::nil(), None));
    pair.ask_each("an id and a name", |peer, _| ask(peer.topic_id(three), Some(three)));
    pair.ask_each("an id with the name of another", |peer, _| ask(peer.topic_id(three), Some("other")));
}

fn topic_partitions(pair: &mut Pair, one: &str, three: &str) {
    let ask = |names: &[&str], limit, cursor: Option<(&str, i32)>| DescribeTopicPartitionsRequest {
        topics: names.iter().map(|name| TopicRequest { name: (*name).into() }).collect(),
        response_partition_limit: limit,
        cursor: cursor
            .map(|(topic_name, partition_index)| Cursor { topic_name: topic_name.into(), partition_index }),
    };
    pair.ask("partitions of two topics", ask(&[one, three], 2000, None));
    pair.ask("a few partitions", ask(&[one, three], 2, None));
    pair.ask("the next partitions", ask(&[one, three], 2, Some((three, 1))));
    pair.ask("no partition at all", ask(&[one, three], 0, None));
    pair.ask("a negative limit", ask(&[one, three], -1, None));
    pair.ask("partitions of an unknown topic", ask(&["nobody"], 2000, None));
    pair.ask("partitions of a topic named twice", ask(&[one, one], 2000, None));
    pair.ask("partitions of an illegal name", ask(&[""], 2000, None));
    pair.ask("a cursor behind all", ask(&[one, three], 2000, Some(("zzz", 0))));
    pair.ask("a cursor at a negative partition", ask(&[one], 2000, Some((one, -1))));
    pair.ask("a cursor beyond the topic's partitions", ask(&[one], 2000, Some((one, 7))));
    pair.ask("the start of all", ask(&[], 1, None));
}

fn cluster(pair: &mut Pair) {
    let ask = |endpoint_type, operations| DescribeClusterRequest {
        include_cluster_authorized_operations: operations,
        endpoint_type,
        include_fenced_brokers: false,
    };
    pair.ask("the cluster", ask(1, false));
    pair.ask("the cluster with what is permitted", ask(1, true));
    pair.ask("the controllers", ask(2, false));
    pair.ask("endpoints of no type", ask(3, false));
}

fn coordinators(pair: &mut Pair) {
    let batched = pair.version(ApiKey::FindCoordinator).is_some_and(|version| version >= 4);
    let ask = |key_type, keys: &[&str]| match batched {
        true => FindCoordinatorRequest {
            key_type,
            coordinator_keys: keys.iter().map(|key| (*key).into()).collect(),
            ..Default::default()
        },
        false => FindCoordinatorRequest { key: keys[0].into(), key_type, ..Default::default() },
    };
    pair.ask("a group's coordinator", ask(GROUP, &["a group"]));
    pair.ask("the coordinator of a group without name", ask(GROUP, &[""]));
    if batched {
        pair.ask("a transaction's coordinator", ask(TRANSACTION, &["a transaction"]));
        pair.ask("the coordinator of a transaction without name", ask(TRANSACTION, &[""]));
        pair.ask("a share group's coordinator", ask(2, &["a:b:0"]));
        pair.ask("a coordinator of no type", ask(3, &["a group"]));
        pair.ask("a coordinator of a negative type", ask(-1, &["a group"]));
        pair.ask("several coordinators", ask(GROUP, &["a", "b", "a", ""]));
        pair.ask("nobody's coordinator", ask(GROUP, &[]));
    }
}
