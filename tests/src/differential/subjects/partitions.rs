//! Partitions: more of them, records deleted from them, where they lie and who leads them.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use runnel_proto::kafka::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use runnel_proto::kafka::messages::describe_log_dirs_request::DescribableLogDirTopic;
use runnel_proto::kafka::messages::elect_leaders_request::TopicPartitions;
use runnel_proto::kafka::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use runnel_proto::kafka::messages::{
    CreatePartitionsRequest, DeleteRecordsRequest, DescribeLogDirsRequest, ElectLeadersRequest,
    ListPartitionReassignmentsRequest,
};

use super::produce::produce;
use crate::differential::batches::batch;
use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    create(pair);
    delete_records(pair);
    log_dirs(pair);
    elections(pair);
    reassignments(pair);
}

fn create(pair: &mut Pair) {
    let name = pair.name("partitions-more");
    pair.create_topic(&name, 2, &[]);
    let more = |name: &str, count, assignments: Option<&[&[i32]]>| {
        let assignment = |broker_ids: &&[i32]| CreatePartitionsAssignment { broker_ids: broker_ids.to_vec() };
        CreatePartitionsTopic {
            name: name.into(),
            count,
            assignments: assignments.map(|rows| rows.iter().map(assignment).collect()),
        }
    };
    let request =
        |topics, validate_only| CreatePartitionsRequest { topics, timeout_ms: 30_000, validate_only };
    for (case, count, assignments) in [
        ("fewer partitions", 1, None),
        ("as many partitions", 2, None),
        ("no partitions", 0, None),
        ("a negative number of partitions", -1, None),
        ("more partitions, validated", 3, None),
        ("an assignment, validated", 3, Some(&[&[1][..]][..])),
        ("too many assignments", 3, Some(&[&[1], &[1]])),
        ("too few assignments", 4, Some(&[&[1]])),
        ("no assignments", 3, Some(&[])),
        ("an unknown broker", 3, Some(&[&[9]])),
        ("a broker twice", 3, Some(&[&[1, 1]])),
        ("no broker", 3, Some(&[&[]])),
    ] {
        pair.ask(case, request(vec![more(&name, count, assignments)], true));
    }
    pair.ask("an unknown topic", request(vec![more("nobody", 2, None)], false));
    pair.ask("a topic without name", request(vec![more("", 2, None)], false));
    pair.ask("a topic named twice", request(vec![more(&name, 3, None), more(&name, 4, None)], false));
    pair.ask("no topic", request(Vec::new(), false));
    pair.ask("more partitions", request(vec![more(&name, 3, None), more("nobody", 3, None)], false));
}

fn delete_records(pair: &mut Pair) {
    let (name, compacted) = (pair.name("partitions-cut"), pair.name("partitions-compacted"));
    pair.create_topic(&name, 1, &[]);
    pair.create_topic(&compacted, 1, &[("cleanup.policy", "compact")]);
    produce(pair, "five records", &name, 0, -1, Some(batch(pair.now_ms, &["1", "2", "3", "4", "5"])));
    let request = |name: &str, partition_index, offset| DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: name.into(),
            partitions: vec![DeleteRecordsPartition { partition_index, offset }],
        }],
        timeout_ms: 30_000,
    };
    pair.ask("records before 2", request(&name, 0, 2));
    pair.ask("records before 1, which are gone", request(&name, 0, 1));
    pair.ask("records before 6, beyond the end", request(&name, 0, 6));
    pair.ask("records before -2", request(&name, 0, -2));
    pair.ask("all records", request(&name, 0, -1));
    pair.ask("records of an unknown partition", request(&name, 1, 0));
    pair.ask("records of a negative partition", request(&name, -1, 0));
    pair.ask("records of an unknown topic", request("nobody", 0, 0));
    pair.ask("records of a compacted topic", request(&compacted, 0, 0));
    pair.ask("records of an internal topic", request("__consumer_offsets", 0, 0));
    pair.ask("records of no topic", DeleteRecordsRequest { topics: Vec::new(), timeout_ms: 30_000 });
}

fn log_dirs(pair: &mut Pair) {
    let name = pair.name("partitions-cut");
    let request = |topics| DescribeLogDirsRequest { topics };
    let topic = |name: &str, partitions: &[i32]| DescribableLogDirTopic {
        topic: name.into(),
        partitions: partitions.to_vec(),
    };
    pair.ask("where a topic lies", request(Some(vec![topic(&name, &[0])])));
    pair.ask("where unknown topics lie", request(Some(vec![topic("nobody", &[0]), topic(&name, &[7, -1])])));
    pair.ask("where nothing lies", request(Some(Vec::new())));
    pair.ask("where no partition lies", request(Some(vec![topic(&name, &[])])));
}

fn elections(pair: &mut Pair) {
    let name = pair.name("partitions-cut");
    let request = |election_type, partitions: Option<Vec<(&str, &[i32])>>| ElectLeadersRequest {
        election_type,
        topic_partitions: partitions.map(|rows| {
            let row = |(topic, partitions): (&str, &[i32])| TopicPartitions {
                topic: topic.into(),
                partitions: partitions.to_vec(),
            };
            rows.into_iter().map(row).collect()
        }),
        timeout_ms: 30_000,
    };
    pair.ask("an election", request(0, Some(vec![(&name, &[0])])));
    pair.ask("an election among unknown ones", request(0, Some(vec![("nobody", &[0]), (&name, &[7])])));
    pair.ask("an election of nobody", request(0, Some(Vec::new())));
    pair.ask("elections everywhere", request(0, None));
    if pair.version(ApiKey::ElectLeaders).is_some_and(|version| version >= 1) {
        pair.ask("an unclean election", request(1, Some(vec![(&name, &[0])])));
        pair.ask("an election of no type", request(2, Some(vec![(&name, &[0])])));
    }
}

fn reassignments(pair: &mut Pair) {
    let name = pair.name("partitions-cut");
    let request = |topics| ListPartitionReassignmentsRequest { timeout_ms: 30_000, topics };
    let topic =
        |name: &str| ListPartitionReassignmentsTopics { name: name.into(), partition_indexes: vec![0, 7] };
    pair.ask("all reassignments", request(None));
    pair.ask("reassignments of a topic", request(Some(vec![topic(&name)])));
    pair.ask("reassignments of an unknown topic", request(Some(vec![topic("nobody")])));
    pair.ask("reassignments of nothing", request(Some(Vec::new())));
}
