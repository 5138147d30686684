//! Settings told: every one, with its type, its source and its synonyms.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::describe_configs_request::DescribeConfigsResource;
use runnel_proto::kafka::messages::{DescribeConfigsRequest, ListConfigResourcesRequest};

use super::configs::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    let topic = pair.name("described");
    pair.create_topic(&topic, 1, &[("retention.ms", "100000"), ("cleanup.policy", "compact,delete")]);
    let request =
        |resources| DescribeConfigsRequest { resources, include_synonyms: true, ..Default::default() };
    pair.ask("a topic", request(vec![resource(TOPIC, &topic, None)]));
    pair.ask("the broker", request(vec![resource(BROKER, "1", None)]));
    pair.ask("all brokers", request(vec![resource(BROKER, "", None)]));
    pair.ask(
        "a topic without synonyms",
        DescribeConfigsRequest { resources: vec![resource(TOPIC, &topic, None)], ..Default::default() },
    );
    if pair.is_highest() {
        let documented = DescribeConfigsRequest {
            resources: vec![resource(TOPIC, &topic, Some(&["retention.ms"]))],
            include_documentation: true,
            ..Default::default()
        };
        pair.ask("a setting with documentation", documented);
    }
    for (case, resource) in [
        ("one setting", resource(TOPIC, &topic, Some(&["retention.ms"]))),
        ("an unknown setting", resource(TOPIC, &topic, Some(&["no.such.setting"]))),
        ("a setting named twice", resource(TOPIC, &topic, Some(&["retention.ms", "retention.ms"]))),
        ("no setting", resource(TOPIC, &topic, Some(&[]))),
        ("an unknown topic", resource(TOPIC, "nobody", None)),
        ("an illegal topic", resource(TOPIC, "a b", None)),
        ("a topic without name", resource(TOPIC, "", None)),
        ("an internal topic", resource(TOPIC, "__consumer_offsets", Some(&["cleanup.policy"]))),
        ("another broker", resource(BROKER, "9", None)),
        ("a broker that is no number", resource(BROKER, "x", None)),
        ("a negative broker", resource(BROKER, "-1", None)),
        ("a logger of another broker", resource(BROKER_LOGGER, "9", None)),
        ("loggers of no broker", resource(BROKER_LOGGER, "", None)),
        ("the root logger", resource(BROKER_LOGGER, "1", Some(&["root"]))),
        ("metrics of a client", resource(CLIENT_METRICS, "nobody", None)),
        ("metrics of no client", resource(CLIENT_METRICS, "", None)),
        ("a group", resource(GROUP, "nobody", None)),
        ("a group's setting", resource(GROUP, "nobody", Some(&["consumer.session.timeout.ms"]))),
        ("a setting that no group has", resource(GROUP, "nobody", Some(&["retention.ms"]))),
        ("a group without name", resource(GROUP, "", None)),
        ("a group with a blank name", resource(GROUP, " ", Some(&["consumer.session.timeout.ms"]))),
        ("an unknown type", resource(1, &topic, None)),
        ("a type of the future", resource(99, &topic, None)),
        ("a negative type", resource(-1, &topic, None)),
    ] {
        pair.ask(case, request(vec![resource]));
    }
    pair.ask("nothing", request(Vec::new()));
    let twice = vec![
        resource(TOPIC, &topic, Some(&["retention.ms"])),
        resource(TOPIC, &topic, Some(&["segment.ms"])),
    ];
    pair.ask("a topic named twice", request(twice));
    resources(pair);
}

fn resources(pair: &mut Pair) {
    let request =
        |resource_types: &[i8]| ListConfigResourcesRequest { resource_types: resource_types.to_vec() };
    pair.ask("all resources", request(&[]));
    if pair.version(ApiKey::ListConfigResources).is_some_and(|version| version >= 1) {
        pair.ask("topics", request(&[TOPIC]));
        pair.ask("brokers and loggers", request(&[BROKER, BROKER_LOGGER]));
        pair.ask("groups", request(&[GROUP]));
        pair.ask("an unknown type of resource", request(&[1]));
        pair.ask("a type of resource of the future", request(&[99]));
    }
}

/// A resource with the names of some of its settings, or all.
pub(super) fn resource(resource_type: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsResource {
    DescribeConfigsResource {
        resource_type,
        resource_name: name.into(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| (*key).into()).collect()),
    }
}
