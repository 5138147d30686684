//! Topics made and deleted.

use runnel_proto::kafka::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use runnel_proto::kafka::messages::delete_topics_request::DeleteTopicState;
use runnel_proto::kafka::messages::{CreateTopicsRequest, DeleteTopicsRequest};
use runnel_proto::kafka::{ApiKey, Uuid};

use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    create(pair);
    configs(pair);
    assignments(pair);
    delete(pair);
}

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions, replication_factor, ..Default::default() }
}

fn create_topics(topics: Vec<CreatableTopic>, validate_only: bool) -> CreateTopicsRequest {
    CreateTopicsRequest { topics, timeout_ms: 30_000, validate_only }
}

fn create(pair: &mut Pair) {
    let (first, second) = (pair.name("topics-first"), pair.name("topics-second"));
    pair.ask("a topic, validated", create_topics(vec![topic(&first, 2, 1)], true));
    pair.ask("a topic", create_topics(vec![topic(&first, 2, 1)], false));
    pair.await_topics(&[&first]);
    pair.ask("a topic that exists", create_topics(vec![topic(&first, 2, 1)], false));
    pair.ask("a topic that exists, validated", create_topics(vec![topic(&first, 2, 1)], true));
    pair.ask("no topic", create_topics(Vec::new(), false));
    if pair.is_highest() {
        pair.ask("a topic by the defaults", create_topics(vec![topic(&second, -1, -1)], false));
        pair.await_topics(&[&second]);
    }
    let refused = pair.name("topics-refused");
    for (case, partitions, factor) in [
        ("no partitions", 0, 1),
        ("a negative number of partitions", -2, 1),
        ("no replicas", 1, 0),
        ("a negative number of replicas", 1, -2),
        ("more replicas than brokers", 1, 2),
        ("no partitions and no replicas", 0, 0),
        ("more replicas than brokers and no partitions", 0, 2),
    ] {
        pair.ask(case, create_topics(vec![topic(&refused, partitions, factor)], false));
        pair.ask(
            &format!("{case}, validated"),
            create_topics(vec![topic(&refused, partitions, factor)], true),
        );
    }
    let long = "x".repeat(250);
    for (case, name) in [
        ("an empty name", ""),
        ("a dot as name", "."),
        ("two dots as name", ".."),
        ("a name with a blank", "a b"),
        ("a name with a slash", "a/b"),
        ("a name too long", &long),
        ("the metadata's own name", "__cluster_metadata"),
        ("the name of an internal topic", "__consumer_offsets"),
    ] {
        pair.ask(case, create_topics(vec![topic(name, 1, 1)], false));
    }
    let dotted = first.replace('-', ".");
    pair.ask(
        "a name that collides",
        create_topics(vec![topic(&dotted, 1, 1), topic(&dotted.replace('.', "_"), 1, 1)], true),
    );
    let twice = pair.name("topics-twice");
    pair.ask(
        "a topic named twice beside another",
        create_topics(vec![topic(&twice, 1, 1), topic(&twice, 2, 1), topic(&first, 1, 1)], false),
    );
    pair.ask("a mixture", create_topics(vec![topic(&pair.name("topics-good"), 1, 1), topic("", 1, 1)], true));
}

fn configs(pair: &mut Pair) {
    let name = pair.name("topics-configured");
    let with = |configs: &[(&str, Option<&str>)]| {
        let config = |(name, value): &(&str, Option<&str>)| CreatableTopicConfig {
            name: (*name).into(),
            value: value.map(Into::into),
        };
        let topic = CreatableTopic { configs: configs.iter().map(config).collect(), ..topic(&name, 1, 1) };
        create_topics(vec![topic], true)
    };
    for (case, configs) in [
        ("settings", &[("retention.ms", Some("5000")), ("cleanup.policy", Some("compact,delete"))][..]),
        ("an unknown setting", &[("no.such.setting", Some("1"))]),
        ("a setting without a name", &[("", Some("1"))]),
        ("a value of the wrong type", &[("retention.ms", Some("soon"))]),
        ("a value out of range", &[("retention.ms", Some("-2"))]),
        ("no value", &[("retention.ms", None)]),
        ("a setting named twice", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]),
        ("an empty policy", &[("cleanup.policy", Some(""))]),
        ("an unknown policy", &[("cleanup.policy", Some("keep"))]),
        (
            "a lag beyond its maximum",
            &[("min.compaction.lag.ms", Some("9")), ("max.compaction.lag.ms", Some("8"))],
        ),
        ("a broker's setting", &[("log.retention.ms", Some("1"))]),
        ("a value with blanks", &[("retention.ms", Some(" 5000 "))]),
        ("a boolean in capitals", &[("preallocate", Some("FALSE"))]),
    ] {
        pair.ask(case, with(configs));
    }
}

fn assignments(pair: &mut Pair) {
    let name = pair.name("topics-assigned");
    let assigned = |partitions, factor, rows: &[(i32, &[i32])]| {
        let row = |(partition_index, broker_ids): &(i32, &[i32])| CreatableReplicaAssignment {
            partition_index: *partition_index,
            broker_ids: broker_ids.to_vec(),
        };
        let topic = CreatableTopic {
            assignments: rows.iter().map(row).collect(),
            ..topic(&name, partitions, factor)
        };
        create_topics(vec![topic], true)
    };
    for (case, partitions, factor, rows) in [
        ("assigned replicas", -1, -1, &[(0, &[1][..]), (1, &[1])][..]),
        ("assigned replicas and a number", 2, -1, &[(0, &[1])]),
        ("assigned replicas and a factor", -1, 1, &[(0, &[1])]),
        ("a gap among partitions", -1, -1, &[(0, &[1]), (2, &[1])]),
        ("partitions that begin at 1", -1, -1, &[(1, &[1])]),
        ("a negative partition", -1, -1, &[(-1, &[1])]),
        ("a partition twice", -1, -1, &[(0, &[1]), (0, &[1])]),
        ("an unknown broker", -1, -1, &[(0, &[9])]),
        ("a broker twice", -1, -1, &[(0, &[1, 1])]),
        ("no broker", -1, -1, &[(0, &[])]),
        ("a different number of brokers", -1, -1, &[(0, &[1]), (1, &[1, 2])]),
    ] {
        pair.ask(case, assigned(partitions, factor, rows));
    }
}

fn delete(pair: &mut Pair) {
    let (first, again) = (pair.name("topics-first"), pair.name("topics-again"));
    pair.create_topic(&again, 1, &[]);
    if pair.version(ApiKey::DeleteTopics).is_none_or(|version| version < 6) {
        let delete = |names: &[&str]| DeleteTopicsRequest {
            topic_names: names.iter().map(|name| (*name).into()).collect(),
            timeout_ms: 30_000,
            ..Default::default()
        };
        pair.ask("deletion of a topic", delete(&[&first]));
        pair.ask("deletion of unknown topics", delete(&["nobody", "", "a b"]));
        pair.ask("deletion of a topic named twice", delete(&[&again, &again]));
        pair.ask("deletion of nothing", delete(&[]));
        return;
    }
    let by_name = |name: &str| DeleteTopicState { name: Some(name.into()), ..Default::default() };
    let by_id = |topic_id| DeleteTopicState { name: None, topic_id };
    let delete = |topics| DeleteTopicsRequest { topics, timeout_ms: 30_000, ..Default::default() };
    pair.ask_each("deletion by an unknown id", |peer, _| delete(vec![by_id(peer.topic_id("nobody"))]));
    pair.ask("deletion by neither", delete(vec![by_id(Uuid::nil())]));
    pair.ask_each("deletion by both", |peer, _| {
        delete(vec![DeleteTopicState { name: Some(again.as_str().into()), topic_id: peer.topic_id(&again) }])
    });
    pair.ask("deletion of a topic named twice", delete(vec![by_name(&again), by_name(&again)]));
    pair.ask_each("deletion by id and by name", |peer, _| {
        delete(vec![by_id(peer.topic_id(&again)), by_name(&again)])
    });
    pair.ask_each("deletion by id", |peer, _| delete(vec![by_id(peer.topic_id(&again))]));
    pair.ask("deletion by name", delete(vec![by_name(&first)]));
    pair.ask("deletion of unknown topics", delete(vec![by_name("nobody"), by_name(""), by_name("a b")]));
    pair.ask("deletion of nothing", delete(Vec::new()));
}
