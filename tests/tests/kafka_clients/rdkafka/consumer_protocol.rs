//! librdkafka with `group.protocol=consumer` (KIP-848): the broker assigns.

use serde_json::Value;

use super::*;

const GROUP: &str = "readers";

/// So that members learn soon of what has changed.
const SOON: &[&str] = &["group.consumer.heartbeat.interval.ms=200"];

/// In each partition with each round.
const RECORDS: usize = 50;

/// The partitions that a member has, by topic and number.
type Share = Vec<(String, i32)>;

impl Cluster {
    /// One that its clients find again after a restart.
    fn start_at_one_address() -> Self {
        let broker = TestBroker::start_at_one_address(SOON);
        let address = broker.address();
        Self { broker, address }
    }

    /// A member by the consumer protocol.
    fn modern(&self, topics: &[&str], settings: &[(&str, &str)]) -> StreamConsumer {
        let protocol = [
            ("group.protocol", "consumer"),
            ("group.id", GROUP),
            ("reconnect.backoff.max.ms", "500"),
            ("topic.metadata.refresh.interval.ms", "500"),
        ];
        let member = self.consumer(&[&protocol, settings].concat());
        member.subscribe(topics).expect("a subscription");
        member
    }

    fn create(&self, topic: &str, partitions: &str) {
        block_in_place(|| self.broker.runnel(["topic", "create", topic, "-p", partitions]).run().ok());
    }

    async fn fill(&self, topic: &str, partitions: i32, round: usize) {
        let producer = self.producer(&[]);
        for partition in 0..partitions {
            let sent = lines((0..RECORDS).map(|at| format!("{round} {topic}/{partition} {at}")));
            send(&producer, topic, partition, &sent).await.expect("all are stored");
        }
    }

    /// The group as the command line tells of it.
    fn group(&self) -> Value {
        let told =
            block_in_place(|| self.broker.runnel(["group", "describe", GROUP, "-o", "json"]).run().ok());
        told.json()[0].clone()
    }
}

fn share(member: &StreamConsumer) -> Share {
    let assigned = member.assignment().expect("a list");
    let partition = |part: TopicPartitionListElem<'_>| (part.topic().to_owned(), part.partition());
    let mut share: Share = assigned.elements().into_iter().map(partition).collect();
    share.sort();
    share
}

/// Polls members until the sizes of their shares are these, in any order, while there is nothing to be read. Which member has
/// the larger one goes by ids that are random.
async fn settle(what: &str, members: &[StreamConsumer], expected: &[usize]) -> Vec<Share> {
    let sizes = || {
        let mut sizes: Vec<_> = members.iter().map(|member| share(member).len()).collect();
        sizes.sort_unstable();
        sizes
    };
    let polled = async || {
        while sizes() != expected {
            let step = Duration::from_millis(50);
            let early = join_all(members.iter().map(|member| timeout(step, member.recv()))).await;
            assert!(early.iter().all(Result::is_err), "{what}: {early:?} before there is a record");
        }
    };
    timeout(PATIENCE, polled()).await.unwrap_or_else(|_| panic!("{what}: {:?}", sizes()));
    members.iter().map(share).collect()
}

fn is_of_the_network(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, CoordinatorNotAvailable, NotCoordinator};
    let code = error.rdkafka_error_code();
    let codes = [AllBrokersDown, BrokerTransportFailure, CoordinatorNotAvailable, NotCoordinator];
    code.is_some_and(|code| codes.contains(&code))
}

/// Has each member read its share of a round, all of it and nothing else, and commit it.
async fn read_round(what: &str, members: &[StreamConsumer], shares: &[Share], round: usize) {
    for (member, share) in members.iter().zip(shares) {
        let mut read = Vec::new();
        while read.len() < share.len() * RECORDS {
            match timeout(PATIENCE, member.recv()).await.unwrap_or_else(|_| panic!("{what}: {}", read.len()))
            {
                Ok(message) => read.push(message.detach()),
                // While the broker is away.
                Err(error) => assert!(is_of_the_network(&error), "{what}: {error}"),
            }
        }
        read.sort_by_key(|message| (message.topic().to_owned(), message.partition(), message.offset()));
        let filled = share.iter().flat_map(|(topic, partition)| {
            (0..RECORDS).map(move |at| format!("{round} {topic}/{partition} {at}"))
        });
        assert_eq!(values(&read), filled.collect::<Vec<_>>(), "{what}");
        member.commit_consumer_state(CommitMode::Sync).expect("offsets are committed");
    }
}

/// One leaves, another comes; nothing is read twice, nothing is left out. The assignor is the one that was asked for: of two
/// topics with three partitions each, `range` gives one member two of each, `uniform` deals out all of them.
#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_with_each_assignor() {
    for (assignor, shares_of_two) in [("uniform", [3, 3]), ("range", [2, 4])] {
        let cluster = Cluster::start_at_one_address();
        cluster.create("a", "3");
        cluster.create("b", "3");
        let member = || cluster.modern(&["a", "b"], &[("group.remote.assignor", assignor)]);
        let round = async |number: usize, members: &[StreamConsumer], expected: &[usize]| {
            let shares = settle(assignor, members, expected).await;
            cluster.fill("a", 3, number).await;
            cluster.fill("b", 3, number).await;
            read_round(assignor, members, &shares, number).await;
        };
        let mut members = vec![member(), member()];
        round(0, &members, &shares_of_two).await;
        let told = cluster.group();
        assert_eq!((&told["type"], &told["state"]), (&"consumer".into(), &"stable".into()), "{told}");
        assert_eq!(told["protocol"], assignor, "{told}");
        drop(members.pop());
        round(1, &members, &[6]).await;
        members.push(member());
        round(2, &members, &shares_of_two).await;
        drop(members);
        // The last member reads again what nobody has committed, which is nothing.
        round(3, &[member()], &[6]).await;
    }
}

/// A member with an instance id that goes and comes back has what it had before, and nobody else gets it meanwhile. While it is
/// there, another of its name is turned away.
#[tokio::test(flavor = "multi_thread")]
async fn static_members_come_back_to_what_they_had() {
    let cluster = Cluster::start_at_one_address();
    cluster.create("orders", "4");
    let member = |instance| cluster.modern(&["orders"], &[("group.instance.id", instance)]);
    let mut members = vec![member("one"), member("two")];
    let shares = settle("both", &members, &[2, 2]).await;
    cluster.fill("orders", 4, 0).await;
    read_round("both", &members, &shares, 0).await;

    let usurper = member("two");
    let refused = timeout(PATIENCE, async {
        loop {
            if let Err(error) = usurper.recv().await {
                return error;
            }
        }
    });
    let refused = refused.await.expect("an error");
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::UnreleasedInstanceId), "{refused}");
    drop(usurper);

    drop(members.pop());
    cluster.fill("orders", 4, 1).await;
    read_round("the one that stays", &members, &shares[..1], 1).await;
    let more = timeout(Duration::from_secs(1), members[0].recv()).await;
    assert!(more.is_err(), "the other's partitions wait for it: {more:?}");
    members.push(member("two"));
    read_round("the one that is back", &members[1..], &shares[1..], 1).await;
    assert_eq!(members.iter().map(share).collect::<Vec<_>>(), shares);
}

/// The broker looks which topics a pattern means, later ones among them.
#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_finds_topics_that_come_later() {
    let cluster = Cluster::start_at_one_address();
    for topic in ["orders-de", "others"] {
        cluster.create(topic, "2");
    }
    let members = [cluster.modern(&["^orders-.*"], &[])];
    settle("one topic", &members, &[2]).await;
    cluster.create("orders-at", "1");
    let shares = settle("two topics", &members, &[3]).await;
    assert_eq!(shares[0], [("orders-at", 0), ("orders-de", 0), ("orders-de", 1)].map(owned));
    for (topic, partitions) in [("orders-at", 1), ("orders-de", 2), ("others", 2)] {
        cluster.fill(topic, partitions, 0).await;
    }
    read_round("both topics", &members, &shares, 0).await;
}

fn owned((topic, partition): (&str, i32)) -> (String, i32) {
    (topic.to_owned(), partition)
}

/// The broker is killed between two commits. Its members stay what they were, and go on where they had committed.
#[tokio::test(flavor = "multi_thread")]
async fn members_go_on_after_the_broker_was_killed() {
    let mut cluster = Cluster::start_at_one_address();
    cluster.create("orders", "4");
    let members = [cluster.modern(&["orders"], &[]), cluster.modern(&["orders"], &[])];
    let shares = settle("both", &members, &[2, 2]).await;
    let ids = |told: &Value| -> Vec<String> {
        let members = told["members"].as_array().expect("members").iter();
        members.map(|member| member["member_id"].as_str().expect("an id").to_owned()).collect()
    };
    let before = ids(&cluster.group());
    for round in 0..3 {
        cluster.fill("orders", 4, round).await;
        read_round("both", &members, &shares, round).await;
        block_in_place(|| {
            cluster.broker.kill();
            cluster.broker.start_again();
        });
    }
    cluster.fill("orders", 4, 3).await;
    read_round("after all", &members, &shares, 3).await;
    assert_eq!(ids(&cluster.group()), before);
    drop(members);
    let successor = [cluster.modern(&["orders"], &[])];
    let shares = settle("the successor", &successor, &[4]).await;
    cluster.fill("orders", 4, 4).await;
    read_round("the successor", &successor, &shares, 4).await;
}
