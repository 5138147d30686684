//! Settings changed: as a whole, and one by one.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::alter_configs_request as whole;
use runnel_proto::kafka::messages::incremental_alter_configs_request as single;
use runnel_proto::kafka::messages::{
    AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
};

use super::described_configs::resource;
use crate::differential::pair::Pair;

pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const BROKER_LOGGER: i8 = 8;
pub(super) const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(super) fn run(pair: &mut Pair) {
    let topic = pair.name("configs");
    pair.create_topic(&topic, 1, &[("retention.ms", "100000"), ("cleanup.policy", "compact")]);
    alter(pair, &topic);
    alter_incrementally(pair, &topic);
    resources(pair, &topic);
    group(pair);
    broker(pair);
}

fn alter(pair: &mut Pair, topic: &str) {
    let request = |configs: &[(&str, Option<&str>)], validate_only| AlterConfigsRequest {
        resources: vec![altered(TOPIC, topic, configs)],
        validate_only,
    };
    for (case, configs) in [
        ("an unknown setting", &[("no.such.setting", Some("1"))][..]),
        ("a setting without a name", &[("", Some("1"))]),
        ("no value", &[("retention.ms", None)]),
        ("an empty value", &[("retention.ms", Some(""))]),
        ("a value of the wrong type", &[("retention.ms", Some("soon"))]),
        ("a value out of range", &[("retention.ms", Some("-2"))]),
        ("a setting named twice", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]),
        ("a broker's setting", &[("log.retention.ms", Some("1"))]),
        ("a good one and a bad one", &[("retention.ms", Some("1")), ("segment.bytes", Some("x"))]),
    ] {
        pair.ask(case, request(configs, false));
    }
    pair.ask("another setting, validated", request(&[("segment.ms", Some("200000"))], true));
    described(pair, topic, "after a validation");
    pair.ask("another setting", request(&[("segment.ms", Some("200000"))], false));
    described(pair, topic, "after all were replaced");
    pair.ask("no setting", request(&[], false));
    described(pair, topic, "after all were taken away");
    let twice = vec![altered(TOPIC, topic, &[("segment.ms", Some("1000"))]), altered(TOPIC, topic, &[])];
    pair.ask("a resource named twice", AlterConfigsRequest { resources: twice, validate_only: true });
    pair.ask("no resource", AlterConfigsRequest { resources: Vec::new(), validate_only: false });
}

fn alter_incrementally(pair: &mut Pair, topic: &str) {
    let request = |configs: &[(&str, i8, Option<&str>)], validate_only| IncrementalAlterConfigsRequest {
        resources: vec![changed(TOPIC, topic, configs)],
        validate_only,
    };
    for (case, configs) in [
        ("set", &[("retention.ms", SET, Some("5000"))][..]),
        ("set an unknown setting", &[("no.such.setting", SET, Some("1"))]),
        ("set a setting without a name", &[("", SET, Some("1"))]),
        ("set to nothing", &[("retention.ms", SET, None)]),
        ("set to an empty value", &[("retention.ms", SET, Some(""))]),
        ("set to a value of the wrong type", &[("retention.ms", SET, Some("soon"))]),
        ("set to a value out of range", &[("retention.ms", SET, Some("-2"))]),
        ("set one twice", &[("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))]),
        ("set and delete one", &[("retention.ms", SET, Some("1")), ("retention.ms", DELETE, None)]),
        ("delete what is not set", &[("segment.bytes", DELETE, None)]),
        ("delete an unknown setting", &[("no.such.setting", DELETE, None)]),
        ("delete with a value", &[("segment.bytes", DELETE, Some("1"))]),
        ("append to a list", &[("cleanup.policy", APPEND, Some("compact"))]),
        ("append what is there", &[("cleanup.policy", APPEND, Some("delete"))]),
        ("append two", &[("cleanup.policy", APPEND, Some("compact,delete"))]),
        ("append nonsense", &[("cleanup.policy", APPEND, Some("keep"))]),
        ("append nothing", &[("cleanup.policy", APPEND, None)]),
        ("append to a number", &[("retention.ms", APPEND, Some("1"))]),
        ("append to an unknown setting", &[("no.such.setting", APPEND, Some("1"))]),
        ("subtract all", &[("cleanup.policy", SUBTRACT, Some("delete"))]),
        ("subtract what is not there", &[("cleanup.policy", SUBTRACT, Some("compact"))]),
        ("subtract nothing", &[("cleanup.policy", SUBTRACT, None)]),
        ("subtract from a number", &[("retention.ms", SUBTRACT, Some("1"))]),
        ("an operation of the future", &[("retention.ms", 4, Some("1"))]),
        ("a negative operation", &[("retention.ms", -1, Some("1"))]),
        ("no operation", &[]),
    ] {
        pair.ask(&format!("{case}, validated"), request(configs, true));
    }
    described(pair, topic, "after validations");
    for (case, configs) in [
        ("set two", &[("retention.ms", SET, Some("5000")), ("segment.ms", SET, Some("7000"))][..]),
        ("append", &[("cleanup.policy", APPEND, Some("compact"))]),
        ("delete one", &[("segment.ms", DELETE, None)]),
        ("subtract", &[("cleanup.policy", SUBTRACT, Some("delete"))]),
    ] {
        pair.ask(case, request(configs, false));
        described(pair, topic, &format!("after: {case}"));
    }
    let twice = vec![
        changed(TOPIC, topic, &[("segment.ms", SET, Some("1000"))]),
        changed(TOPIC, topic, &[("retention.ms", SET, Some("1000"))]),
        changed(TOPIC, "nobody", &[]),
    ];
    pair.ask(
        "a resource named twice",
        IncrementalAlterConfigsRequest { resources: twice, validate_only: true },
    );
    pair.ask("no resource", IncrementalAlterConfigsRequest { resources: Vec::new(), validate_only: false });
}

fn resources(pair: &mut Pair, topic: &str) {
    for (case, resource_type, name) in [
        ("an unknown topic", TOPIC, "nobody"),
        ("an illegal topic", TOPIC, "a b"),
        ("a topic without name", TOPIC, ""),
        ("another broker", BROKER, "9"),
        ("a broker that is no number", BROKER, "x"),
        ("a logger of another broker", BROKER_LOGGER, "9"),
        ("a logger of no broker", BROKER_LOGGER, ""),
        ("an unknown type", 1, topic),
        ("a type of the future", 99, topic),
        ("a negative type", -1, topic),
    ] {
        pair.ask(
            &format!("set for {case}"),
            IncrementalAlterConfigsRequest {
                resources: vec![changed(resource_type, name, &[("retention.ms", SET, Some("1"))])],
                validate_only: true,
            },
        );
        pair.ask(
            &format!("alter for {case}"),
            AlterConfigsRequest {
                resources: vec![altered(resource_type, name, &[("retention.ms", Some("1"))])],
                validate_only: true,
            },
        );
    }
}

/// A group may be given settings before it exists.
fn group(pair: &mut Pair) {
    const INTERVAL: &str = "consumer.heartbeat.interval.ms";
    const TIMEOUT: &str = "consumer.session.timeout.ms";
    let group = pair.name("configured");
    let request = |name: &str, configs: &[(&str, i8, Option<&str>)], validate_only| {
        IncrementalAlterConfigsRequest { resources: vec![changed(GROUP, name, configs)], validate_only }
    };
    for (case, configs) in [
        ("an unknown setting", &[("no.such.setting", SET, Some("1"))][..]),
        ("a setting without a name", &[("", SET, Some("1"))]),
        ("a topic's setting", &[("retention.ms", SET, Some("1"))]),
        ("the broker's setting", &[("group.consumer.session.timeout.ms", SET, Some("50000"))]),
        ("nothing", &[(TIMEOUT, SET, None)]),
        ("an empty value", &[(TIMEOUT, SET, Some(""))]),
        ("a value of the wrong type", &[(TIMEOUT, SET, Some("soon"))]),
        ("a value beyond 32 bits", &[(TIMEOUT, SET, Some("4294967296"))]),
        ("a value with blanks", &[(TIMEOUT, SET, Some(" 50000 "))]),
        ("a negative value", &[(TIMEOUT, SET, Some("-1"))]),
        ("a session that is too short", &[(TIMEOUT, SET, Some("44999"))]),
        ("a session that is too long", &[(TIMEOUT, SET, Some("60001"))]),
        ("the shortest session", &[(TIMEOUT, SET, Some("45000"))]),
        ("the longest session", &[(TIMEOUT, SET, Some("60000"))]),
        ("an interval that is too short", &[(INTERVAL, SET, Some("4999"))]),
        ("an interval that is too long", &[(INTERVAL, SET, Some("15001"))]),
        ("both", &[(INTERVAL, SET, Some("15000")), (TIMEOUT, SET, Some("45000"))]),
        ("one twice", &[(TIMEOUT, SET, Some("50000")), (TIMEOUT, SET, Some("50001"))]),
        ("a good one and a bad one", &[(TIMEOUT, SET, Some("50000")), (INTERVAL, SET, Some("1"))]),
        ("a share session", &[("share.session.timeout.ms", SET, Some("50000"))]),
        ("a share session that is too short", &[("share.session.timeout.ms", SET, Some("1"))]),
        ("a share interval that is too long", &[("share.heartbeat.interval.ms", SET, Some("15001"))]),
        ("a lock", &[("share.record.lock.duration.ms", SET, Some("20000"))]),
        ("a lock that is too short", &[("share.record.lock.duration.ms", SET, Some("14999"))]),
        ("a lock that is far too short", &[("share.record.lock.duration.ms", SET, Some("999"))]),
        ("a lock that is too long", &[("share.record.lock.duration.ms", SET, Some("60001"))]),
        ("a reset to the start", &[("share.auto.offset.reset", SET, Some("earliest"))]),
        ("a reset by time", &[("share.auto.offset.reset", SET, Some("by_duration:PT1H"))]),
        ("a reset by a time of the future", &[("share.auto.offset.reset", SET, Some("by_duration:-PT1H"))]),
        ("a reset by no time", &[("share.auto.offset.reset", SET, Some("by_duration:"))]),
        ("a reset by nonsense", &[("share.auto.offset.reset", SET, Some("soon"))]),
        ("no reset", &[("share.auto.offset.reset", SET, Some("none"))]),
        ("an isolation", &[("share.isolation.level", SET, Some("read_committed"))]),
        ("an unknown isolation", &[("share.isolation.level", SET, Some("serializable"))]),
        ("a default of streams", &[("streams.session.timeout.ms", SET, Some("45000"))]),
        ("streams that are too quick", &[("streams.heartbeat.interval.ms", SET, Some("1"))]),
        ("streams with too many standbys", &[("streams.num.standby.replicas", SET, Some("9"))]),
        ("streams with a standby", &[("streams.num.standby.replicas", SET, Some("1"))]),
    ] {
        pair.ask(&format!("set {case} on a group"), request(&group, configs, true));
    }
    for (case, configs) in [
        ("delete what is not set", &[(TIMEOUT, DELETE, None)][..]),
        ("delete an unknown setting", &[("no.such.setting", DELETE, None)]),
        ("append to a number", &[(TIMEOUT, APPEND, Some("1"))]),
        ("subtract from a text", &[("share.isolation.level", SUBTRACT, Some("read_committed"))]),
        ("an operation of the future", &[(TIMEOUT, 4, Some("50000"))]),
        ("no operation", &[]),
    ] {
        pair.ask(&format!("{case}, on a group"), request(&group, configs, true));
    }
    pair.ask("set on a group without name", request("", &[(TIMEOUT, SET, Some("50000"))], true));
    described_group(pair, &group, "after validations");
    for (case, configs) in [
        ("set two", &[(TIMEOUT, SET, Some("50000")), (INTERVAL, SET, Some("6000"))][..]),
        ("set one to its default", &[(INTERVAL, SET, Some("5000"))]),
        ("delete one", &[(TIMEOUT, DELETE, None)]),
    ] {
        pair.ask(&format!("{case}, on a group"), request(&group, configs, false));
        described_group(pair, &group, &format!("after: {case}"));
    }
    for (case, configs) in [
        ("all replaced", &[(TIMEOUT, Some("46000"))][..]),
        ("one that is too large", &[(TIMEOUT, Some("99999"))]),
        ("no value", &[(TIMEOUT, None)]),
        ("none", &[]),
    ] {
        let resources = vec![altered(GROUP, &group, configs)];
        pair.ask(&format!("{case}, on a group"), AlterConfigsRequest { resources, validate_only: false });
        described_group(pair, &group, &format!("after: {case}"));
    }
    let resources = vec![altered(GROUP, "", &[(TIMEOUT, Some("46000"))])];
    pair.ask("alter a group without name", AlterConfigsRequest { resources, validate_only: true });
}

fn described_group(pair: &mut Pair, group: &str, case: &str) {
    let request = DescribeConfigsRequest {
        resources: vec![resource(GROUP, group, None)],
        include_synonyms: true,
        ..Default::default()
    };
    // Kafka's own brokers hear of a change a moment after it was answered.
    std::thread::sleep(std::time::Duration::from_millis(200));
    pair.ask(&format!("a group {case}"), request);
    if pair.version(ApiKey::ListConfigResources).is_some_and(|version| version >= 1) {
        let request = ListConfigResourcesRequest { resource_types: vec![GROUP] };
        pair.ask(&format!("groups {case}"), request);
    }
}

fn broker(pair: &mut Pair) {
    for (case, name, configs) in [
        ("set a broker's setting", "1", &[("log.cleaner.delete.retention.ms", SET, Some("5"))][..]),
        ("set a cluster's setting", "", &[("log.cleaner.delete.retention.ms", SET, Some("5"))]),
        ("set what is fixed", "1", &[("broker.id", SET, Some("2"))]),
        ("set what is fixed, by list", "1", &[("log.dirs", SET, Some("/tmp"))]),
        ("set an unknown one", "1", &[("no.such.setting", SET, Some("2"))]),
        ("set a topic's setting", "1", &[("retention.ms", SET, Some("2"))]),
        ("set to nonsense", "1", &[("log.retention.ms", SET, Some("soon"))]),
        ("delete what is not set", "1", &[("log.retention.ms", DELETE, None)]),
        ("append to a list", "1", &[("log.cleanup.policy", APPEND, Some("compact"))]),
        ("append to a number", "1", &[("log.retention.ms", APPEND, Some("1"))]),
    ] {
        pair.ask(
            case,
            IncrementalAlterConfigsRequest {
                resources: vec![changed(BROKER, name, configs)],
                validate_only: true,
            },
        );
    }
    for (case, operation, value) in [("set", SET, Some("1048588")), ("delete", DELETE, None)] {
        let request = IncrementalAlterConfigsRequest {
            resources: vec![changed(BROKER, "", &[("message.max.bytes", operation, value)])],
            validate_only: false,
        };
        pair.ask(&format!("{case} a cluster's setting for good"), request);
    }
    for (case, configs) in [
        ("set a logger", &[("org.apache.kafka", SET, Some("INFO"))][..]),
        ("set an unknown logger", &[("no.such.logger", SET, Some("INFO"))]),
        ("set a logger to nonsense", &[("org.apache.kafka", SET, Some("LOUD"))]),
        ("append to a logger", &[("org.apache.kafka", APPEND, Some("INFO"))]),
    ] {
        pair.ask(
            case,
            IncrementalAlterConfigsRequest {
                resources: vec![changed(BROKER_LOGGER, "1", configs)],
                validate_only: true,
            },
        );
    }
}

/// What a topic's settings are, for those that were changed.
fn described(pair: &mut Pair, topic: &str, case: &str) {
    let keys = ["cleanup.policy", "retention.ms", "segment.ms", "segment.bytes"];
    let request = DescribeConfigsRequest {
        resources: vec![resource(TOPIC, topic, Some(&keys))],
        include_synonyms: true,
        ..Default::default()
    };
    // Kafka's own brokers hear of a change a moment after it was answered.
    std::thread::sleep(std::time::Duration::from_millis(200));
    pair.ask(case, request);
}

fn altered(resource_type: i8, name: &str, configs: &[(&str, Option<&str>)]) -> whole::AlterConfigsResource {
    let config = |(name, value): &(&str, Option<&str>)| whole::AlterableConfig {
        name: (*name).into(),
        value: value.map(Into::into),
    };
    whole::AlterConfigsResource {
        resource_type,
        resource_name: name.into(),
        configs: configs.iter().map(config).collect(),
    }
}

fn changed(
    resource_type: i8,
    name: &str,
    configs: &[(&str, i8, Option<&str>)],
) -> single::AlterConfigsResource {
    let config = |(name, operation, value): &(&str, i8, Option<&str>)| single::AlterableConfig {
        name: (*name).into(),
        config_operation: *operation,
        value: value.map(Into::into),
    };
    single::AlterConfigsResource {
        resource_type,
        resource_name: name.into(),
        configs: configs.iter().map(config).collect(),
    }
}
