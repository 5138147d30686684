//! What the broker takes when clients mean it no good: requests of as many items as they may have, answers that nobody
//! reads, frames that never end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use runnel_proto::kafka::frame::encode_request;
use runnel_proto::kafka::messages as m;
use runnel_proto::kafka::{Request, StrBytes, Uuid};
use runnel_tests::harness::TestBroker;

/// What all of them may make the broker grow by, at any time.
const GROWTH_KIB: u64 = 64 << 10;

/// Clients that do the same at once.
const CLIENTS: usize = 4;

/// Items of a request: as many as a client of so many partitions has.
const ITEMS: usize = 100_000;

/// Items whose answers are longer by far, and a request of them that needs no frame worth mentioning.
const FEW_ITEMS: usize = 1000;

/// Frames that never end: more than the budget for requests has room for.
const HALVES: usize = 20;

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn requests_of_many_items_take_little_however_many_come_at_once() {
    let mut broker = TestBroker::start();
    let address = broker.address();
    broker.runnel(["topic", "create", "some"]).run().ok();
    let growth = Growth::from_now_on(&mut broker);
    for (name, request) in &requests() {
        growth.reset(&mut broker);
        std::thread::scope(|scope| {
            let address = &address;
            for _ in 0..CLIENTS {
                scope.spawn(move || {
                    let mut connection = connect(address);
                    connection.write_all(request).unwrap_or_else(|error| panic!("{name}: {error}"));
                    let size = skip_answer(&mut connection);
                    size.unwrap_or_else(|error| panic!("{name}: {error}"))
                });
            }
        });
        growth.check(&mut broker, name);
    }
}

/// Each client asks, and reads nothing, so that its answer stays as long as nobody else needs the memory.
#[test]
fn answers_that_nobody_reads_take_little() {
    let mut broker = TestBroker::start();
    let address = broker.address();
    broker.runnel(["topic", "create", "some"]).run().ok();
    let growth = Growth::from_now_on(&mut broker);
    let mut deaf = Vec::new();
    for (name, request) in requests() {
        for _ in 0..CLIENTS {
            // The broker may have enough of it.
            let mut connection = connect(&address);
            connection.set_write_timeout(Some(Duration::from_millis(100))).expect("a timeout");
            let _ = connection.write_all(&request);
            deaf.push(connection);
        }
        // It serves others meanwhile.
        let mut other = connect(&address);
        other.write_all(&requests_of(named_metadata(1), 12)).expect("the broker reads");
        skip_answer(&mut other).unwrap_or_else(|error| panic!("after {name}: {error}"));
        growth.check(&mut broker, &name);
    }
    // The same large question is answered to one that reads.
    let mut other = connect(&address);
    other.write_all(&requests_of(many_metadata(), 12)).expect("the broker reads");
    skip_answer(&mut other).expect("an answer");
    growth.check(&mut broker, "all of them");
}

#[test]
fn frames_that_never_end_take_little() {
    let mut broker = TestBroker::start();
    let address = broker.address();
    let growth = Growth::from_now_on(&mut broker);
    let mut halves = Vec::new();
    for size_bytes in [4 << 10, 60 << 10, 2 << 20, 100_u32 << 20] {
        for _ in 0..300 {
            let mut connection = TcpStream::connect(&address).expect("a connection");
            connection.set_nonblocking(true).expect("a socket");
            // A Produce request, by its key.
            let mut half = vec![0; (size_bytes / 2).min(1 << 20) as usize];
            half[..4].copy_from_slice(&u32::to_be_bytes(size_bytes));
            let _ = connection.write(&half);
            halves.push((connection, half));
        }
    }
    // All that the system takes, again and again while the broker reads.
    for _ in 0..20 {
        for (connection, half) in &mut halves {
            let _ = connection.write(half);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    growth.check(&mut broker, "halves of frames");
}

#[test]
fn frames_that_never_end_are_in_nobodys_way_for_long() {
    let broker = TestBroker::start();
    let address = broker.address();
    let half = |_| {
        let mut connection = connect(&address);
        let half = [&(2_u32 << 20).to_be_bytes()[..], &[0; 1 << 10]].concat();
        connection.write_all(&half).expect("the broker reads");
        connection
    };
    let mut halves: Vec<_> = (0..HALVES).map(half).collect();
    let mut whole = connect(&address);
    whole.write_all(&requests_of(many_metadata(), 12)).expect("the broker reads");
    skip_answer(&mut whole).expect("an answer");
    // Some were let go for it.
    let is_open = |half: &mut TcpStream| {
        half.set_nonblocking(true).expect("a socket");
        half.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    assert!(!halves.iter_mut().all(is_open));
}

fn connect(address: &str) -> TcpStream {
    let connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    connection.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    connection
}

/// Reads an answer without keeping it: how long it was.
fn skip_answer(connection: &mut TcpStream) -> std::io::Result<u64> {
    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let length = u64::from(u32::from_be_bytes(length));
    let read = std::io::copy(&mut connection.take(length), &mut std::io::sink())?;
    assert_eq!(read, length, "the answer comes whole");
    let _ = connection.shutdown(Shutdown::Both);
    Ok(length)
}

fn requests_of<R: Request>(request: R, version: i16) -> Vec<u8> {
    encode_request(&request, version, 7, None).expect("a request").concat()
}

/// How much the broker has grown, but for what it has read of its own program.
struct Growth {
    resident_kib: u64,
    program_kib: u64,
}

impl Growth {
    fn from_now_on(broker: &mut TestBroker) -> Self {
        Self { resident_kib: status_kib(broker, "VmRSS:"), program_kib: status_kib(broker, "RssFile:") }
    }

    /// Forgets what was the most so far.
    fn reset(&self, broker: &mut TestBroker) {
        std::fs::write(format!("/proc/{}/clear_refs", broker.process().pid()), "5").expect("it runs");
    }

    /// Looks at the most that was resident since then.
    fn check(&self, broker: &mut TestBroker, what: &str) {
        let program_kib = status_kib(broker, "RssFile:") - self.program_kib;
        let grown_kib = (status_kib(broker, "VmHWM:") - self.resident_kib).saturating_sub(program_kib);
        assert!(grown_kib <= GROWTH_KIB, "{what}: {grown_kib} KiB more");
    }
}

fn status_kib(broker: &mut TestBroker, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.process().pid()));
    let status = status.expect("it runs");
    let line = status.lines().find(|line| line.starts_with(key)).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

fn many_metadata() -> m::MetadataRequest {
    named_metadata(ITEMS / 5)
}

fn named_metadata(count: usize) -> m::MetadataRequest {
    use m::metadata_request::MetadataRequestTopic;
    let topic = |name| MetadataRequestTopic { name: Some(name), topic_id: Uuid::nil() };
    let topics = Some(names(count).map(topic).collect());
    m::MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() }
}

/// Names that are all different, and short.
fn names(count: usize) -> impl Iterator<Item = StrBytes> {
    (0..count).map(|number| format!("{number:x}").into())
}

fn numbers(count: usize) -> Vec<i32> {
    (0..count as i32).collect()
}

/// The requests that take most, at both ends of their versions.
fn requests() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |name: &str, version: i16, bytes: Vec<u8>| all.push((format!("{name} {version}"), bytes));
    for version in [4, 13] {
        add("Metadata", version, requests_of(named_metadata(ITEMS / 5), version));
    }
    {
        use m::find_coordinator_request::FindCoordinatorRequest as R;
        let request = R { coordinator_keys: names(ITEMS).collect(), ..Default::default() };
        add("FindCoordinator", 6, requests_of(request, 6));
    }
    {
        use m::offset_fetch_request::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        };
        let partition_indexes = numbers(ITEMS);
        let topic = OffsetFetchRequestTopic { name: "some".into(), partition_indexes };
        let request =
            m::OffsetFetchRequest { group_id: "g".into(), topics: Some(vec![topic]), ..Default::default() };
        add("OffsetFetch", 1, requests_of(request, 1));
        let topics = OffsetFetchRequestTopics {
            name: "some".into(),
            partition_indexes: numbers(ITEMS),
            ..Default::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![topics]),
            ..Default::default()
        };
        let request = m::OffsetFetchRequest { groups: vec![group], ..Default::default() };
        add("OffsetFetch", 9, requests_of(request, 9));
        let topics = (0..ITEMS / 4).map(|number| OffsetFetchRequestTopics {
            topic_id: Uuid::from_u128(number as u128 + 9),
            partition_indexes: vec![0],
            ..Default::default()
        });
        let group = OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(topics.collect()),
            ..Default::default()
        };
        let request = m::OffsetFetchRequest { groups: vec![group], ..Default::default() };
        add("OffsetFetch", 10, requests_of(request, 10));
    }
    {
        use m::describe_configs_request::DescribeConfigsResource;
        for (version, count) in [(1, FEW_ITEMS), (4, FEW_ITEMS), (4, ITEMS)] {
            let broker =
                DescribeConfigsResource { resource_type: 4, configuration_keys: None, ..Default::default() };
            let request = m::DescribeConfigsRequest {
                resources: vec![broker; count],
                include_synonyms: true,
                include_documentation: version == 4,
            };
            add("DescribeConfigs", version, requests_of(request, version));
        }
    }
    for version in [0, 6] {
        let request = m::DescribeGroupsRequest { groups: names(ITEMS).collect(), ..Default::default() };
        add("DescribeGroups", version, requests_of(request, version));
    }
    {
        let request =
            m::ConsumerGroupDescribeRequest { group_ids: names(ITEMS).collect(), ..Default::default() };
        add("ConsumerGroupDescribe", 1, requests_of(request, 1));
        let request = m::DeleteGroupsRequest { groups_names: names(ITEMS).collect() };
        add("DeleteGroups", 2, requests_of(request, 2));
        let request = m::DescribeTransactionsRequest { transactional_ids: names(ITEMS).collect() };
        add("DescribeTransactions", 0, requests_of(request, 0));
    }
    {
        use m::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
        for version in [1, 11] {
            let row = |partition_index| ListOffsetsPartition {
                partition_index,
                timestamp: -1,
                ..Default::default()
            };
            let partitions = numbers(ITEMS).into_iter().map(row).collect();
            let topic = ListOffsetsTopic { name: "none".into(), partitions };
            let request = m::ListOffsetsRequest { topics: vec![topic], ..Default::default() };
            add("ListOffsets", version, requests_of(request, version));
        }
    }
    {
        use m::fetch_request::{FetchPartition, FetchTopic};
        for version in [4, 12] {
            let row =
                |partition| FetchPartition { partition, current_leader_epoch: -1, ..Default::default() };
            let partitions = numbers(ITEMS / 5 * 2).into_iter().map(row).collect();
            let topic = FetchTopic { topic: "none".into(), partitions, ..Default::default() };
            let request = m::FetchRequest {
                max_wait_ms: i32::MAX,
                min_bytes: 1,
                topics: vec![topic],
                session_id: 0,
                session_epoch: if version < 7 { -1 } else { 0 },
                ..Default::default()
            };
            add("Fetch", version, requests_of(request, version));
        }
    }
    {
        use m::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
        for version in [2, 9] {
            let row = |partition_index| OffsetCommitRequestPartition {
                partition_index,
                committed_metadata: Some("".into()),
                ..Default::default()
            };
            let partitions = numbers(ITEMS).into_iter().map(row).collect();
            let topic = OffsetCommitRequestTopic { name: "some".into(), partitions, ..Default::default() };
            let request = m::OffsetCommitRequest {
                group_id: "g".into(),
                generation_id_or_member_epoch: -1,
                topics: vec![topic],
                ..Default::default()
            };
            add("OffsetCommit", version, requests_of(request, version));
        }
    }
    {
        use m::create_topics_request::CreatableTopic;
        for (version, count) in [(2, ITEMS / 5), (7, FEW_ITEMS), (7, ITEMS / 5)] {
            let topic = |name| CreatableTopic {
                name,
                num_partitions: 1,
                replication_factor: 1,
                ..Default::default()
            };
            let request = m::CreateTopicsRequest {
                topics: names(count).map(topic).collect(),
                timeout_ms: 1000,
                validate_only: true,
            };
            add("CreateTopics", version, requests_of(request, version));
        }
    }
    {
        use m::delete_topics_request::DeleteTopicState;
        let request = m::DeleteTopicsRequest { topic_names: names(ITEMS).collect(), ..Default::default() };
        add("DeleteTopics", 1, requests_of(request, 1));
        let topic = |name| DeleteTopicState { name: Some(name), topic_id: Uuid::nil() };
        let request =
            m::DeleteTopicsRequest { topics: names(ITEMS).map(topic).collect(), ..Default::default() };
        add("DeleteTopics", 6, requests_of(request, 6));
    }
    {
        use m::create_partitions_request::CreatePartitionsTopic;
        let topic = |name| CreatePartitionsTopic { name, count: 2, assignments: None };
        let request = m::CreatePartitionsRequest {
            topics: names(ITEMS).map(topic).collect(),
            validate_only: true,
            ..Default::default()
        };
        add("CreatePartitions", 3, requests_of(request, 3));
    }
    {
        use m::incremental_alter_configs_request::AlterConfigsResource;
        let resource =
            |resource_name| AlterConfigsResource { resource_type: 2, resource_name, configs: Vec::new() };
        let request = m::IncrementalAlterConfigsRequest {
            resources: names(ITEMS).map(resource).collect(),
            validate_only: true,
        };
        add("IncrementalAlterConfigs", 1, requests_of(request, 1));
    }
    {
        use m::describe_producers_request::TopicRequest;
        let topic = TopicRequest { name: "some".into(), partition_indexes: numbers(ITEMS) };
        let request = m::DescribeProducersRequest { topics: vec![topic] };
        add("DescribeProducers", 0, requests_of(request, 0));
    }
    {
        use m::create_acls_request::AclCreation;
        let request = m::CreateAclsRequest { creations: vec![AclCreation::default(); ITEMS / 2] };
        add("CreateAcls", 3, requests_of(request, 3));
    }
    {
        use m::elect_leaders_request::TopicPartitions;
        let topic = TopicPartitions { topic: "some".into(), partitions: numbers(ITEMS) };
        let request = m::ElectLeadersRequest { topic_partitions: Some(vec![topic]), ..Default::default() };
        add("ElectLeaders", 2, requests_of(request, 2));
    }
    {
        use m::produce_request::{PartitionProduceData, TopicProduceData};
        for version in [3, 12] {
            let row = |index| PartitionProduceData { index, records: Some(bytes::Bytes::new()) };
            let partition_data = numbers(ITEMS).into_iter().map(row).collect();
            let topic = TopicProduceData { name: "some".into(), partition_data, ..Default::default() };
            let request = m::ProduceRequest { acks: -1, topic_data: vec![topic], ..Default::default() };
            add("Produce", version, requests_of(request, version));
        }
    }
    {
        use m::join_group_request::JoinGroupRequestProtocol;
        let protocol = |name| JoinGroupRequestProtocol { name, metadata: bytes::Bytes::new() };
        let request = m::JoinGroupRequest {
            group_id: "j".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 10_000,
            protocol_type: "consumer".into(),
            protocols: names(ITEMS).map(protocol).collect(),
            ..Default::default()
        };
        add("JoinGroup", 9, requests_of(request, 9));
    }
    all.extend(share_requests());
    all
}

/// Those about share groups.
fn share_requests() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |name: &str, version: i16, bytes: Vec<u8>| all.push((format!("{name} {version}"), bytes));
    {
        use m::share_fetch_request::{FetchPartition, FetchTopic};
        let row = |partition_index| FetchPartition { partition_index, ..Default::default() };
        let partitions = numbers(ITEMS / 5 * 2).into_iter().map(row).collect();
        let request = m::ShareFetchRequest {
            group_id: Some("g".into()),
            member_id: Some("m".into()),
            max_wait_ms: i32::MAX,
            max_records: 1,
            topics: vec![FetchTopic { topic_id: Uuid::from_u128(9), partitions }],
            ..Default::default()
        };
        add("ShareFetch", 2, requests_of(request, 2));
    }
    {
        use m::alter_share_group_offsets_request as r;
        let row =
            |partition_index| r::AlterShareGroupOffsetsRequestPartition { partition_index, start_offset: 0 };
        let partitions = numbers(ITEMS).into_iter().map(row).collect();
        let topic = r::AlterShareGroupOffsetsRequestTopic { topic_name: "some".into(), partitions };
        let request = m::AlterShareGroupOffsetsRequest { group_id: "g".into(), topics: vec![topic] };
        add("AlterShareGroupOffsets", 0, requests_of(request, 0));
    }
    {
        use m::describe_share_group_offsets_request as r;
        let topic = r::DescribeShareGroupOffsetsRequestTopic {
            topic_name: "some".into(),
            partitions: numbers(ITEMS),
        };
        let group =
            r::DescribeShareGroupOffsetsRequestGroup { group_id: "g".into(), topics: Some(vec![topic]) };
        let request = m::DescribeShareGroupOffsetsRequest { groups: vec![group] };
        add("DescribeShareGroupOffsets", 1, requests_of(request, 1));
    }
    {
        use m::delete_share_group_offsets_request as r;
        let topic = |topic_name| r::DeleteShareGroupOffsetsRequestTopic { topic_name };
        let topics = names(ITEMS).map(topic).collect();
        let request = m::DeleteShareGroupOffsetsRequest { group_id: "g".into(), topics };
        add("DeleteShareGroupOffsets", 0, requests_of(request, 0));
        let request =
            m::ShareGroupDescribeRequest { group_ids: names(ITEMS).collect(), ..Default::default() };
        add("ShareGroupDescribe", 1, requests_of(request, 1));
    }
    all
}
