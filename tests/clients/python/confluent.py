"""confluent-kafka: librdkafka as Python programs use it."""

from common import CODECS, Record, equal, main, records, same, until
from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_CREATE_TIME,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

WAIT_S = 20


def produce(address, idempotent, topic, sent, codec="none", partition=0):
    failed = []
    producer = Producer({
        "bootstrap.servers": address, "compression.type": codec, "enable.idempotence": idempotent, "linger.ms": 5,
        "batch.size": 64 << 10,
    })
    for record in sent:
        producer.produce(
            topic, record.value, record.key, partition, headers=record.headers, timestamp=record.timestamp_ms,
            on_delivery=lambda error, _: error and failed.append(error))
        producer.poll(0)
    equal(producer.flush(WAIT_S), 0, "records left to send")
    equal(failed, [], "failed deliveries")


def read(consumer, count, limit_s=WAIT_S):
    """So many messages, and none that is an error."""
    found = []

    def step():
        for message in consumer.consume(1000, 0.2):
            if message.error():
                raise KafkaException(message.error())
            found.append(message)

    until(f"{count} messages", lambda: len(found) >= count, step, limit_s)
    return found


def record(message):
    kind, timestamp_ms = message.timestamp()
    equal(kind, TIMESTAMP_CREATE_TIME, "kind of timestamp")
    return Record(message.key(), message.value(), message.headers(), timestamp_ms)


def codecs(address, idempotent):
    expected = records(3000)
    for codec in CODECS:
        topic = f"confluent-{codec}"
        produce(address, idempotent, topic, expected, codec)
        consumer = Consumer({"bootstrap.servers": address, "group.id": "none", "check.crcs": True})
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        messages = read(consumer, len(expected))
        same([record(message) for message in messages], expected, codec)
        same([message.offset() for message in messages], list(range(len(expected))), f"offsets, {codec}")
        equal(consumer.get_watermark_offsets(TopicPartition(topic, 0), WAIT_S), (0, len(expected)), "watermarks")
        at = expected[1234]
        [found] = consumer.offsets_for_times([TopicPartition(topic, 0, at.timestamp_ms)], WAIT_S)
        equal(found.offset, 1234, f"offset by time, {codec}")
        consumer.close()
    return f"{len(expected)} records in each of {', '.join(CODECS)}"


# By the classic protocol, which members lead, and by the consumer protocol (KIP-848), where the broker assigns.
CLASSIC = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 300}
ASSIGNED = {
    **{strategy: {"partition.assignment.strategy": strategy, **CLASSIC}
       for strategy in ["range", "roundrobin", "cooperative-sticky"]},
    **{f"broker-{assignor}": {"group.protocol": "consumer", "group.remote.assignor": assignor}
       for assignor in ["range", "uniform"]},
}


def subscribed(address, group, topics, settings):
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "reconnect.backoff.max.ms": 500, **settings,
    })
    consumer.subscribe(topics)
    return consumer


def idle(members):
    """Has members do what they do when there is nothing to read."""
    for each in members:
        if (message := each.poll(0.05)) is not None:
            raise AssertionError(f"a message before there is one: {message.value()} {message.error()}")


def group(address, idempotent):
    """Two members share a topic under each kind of rebalance; one leaves; the next generation goes on where it ended."""
    for kind, settings in ASSIGNED.items():
        topic = f"confluent-shared-{kind}"
        create(address, topic, 4)

        def member():
            return subscribed(address, f"confluent-{kind}", [topic], settings)

        members = [member(), member()]

        until("fair shares", lambda: [len(each.assignment()) for each in members] == [2, 2], lambda: idle(members))
        owned = [{part.partition for part in each.assignment()} for each in members]
        equal(owned[0] | owned[1], {0, 1, 2, 3}, "partitions of both")
        sent = [records(400)[partition * 100:][:100] for partition in range(4)]
        for partition in range(4):
            produce(address, idempotent, topic, sent[partition], "lz4", partition)
        for each, partitions in zip(members, owned):
            messages = read(each, 200)
            equal({message.partition() for message in messages}, partitions, "where messages came from")
            for partition in partitions:
                mine = [record(message) for message in messages if message.partition() == partition]
                same(mine, sent[partition], f"partition {partition}")
            each.commit(asynchronous=False)
        members.pop().close()
        until("the last member's share", lambda: len(members[0].assignment()) == 4, lambda: idle(members))
        members.pop().close()
        produce(address, idempotent, topic, sent[3], "none", 3)
        resumed = member()
        messages = read(resumed, 100)
        same([(message.partition(), message.offset()) for message in messages],
             [(3, offset) for offset in range(100, 200)], "resumed")
        resumed.close()
    return f"two members shared 4 partitions by {', '.join(ASSIGNED)}"


def standing(address, idempotent):
    """Members with instance ids get back what they had; a pattern finds topics that are made later."""
    protocol = {"group.protocol": "consumer"}
    create(address, "confluent-standing", 4)

    def member(instance):
        return subscribed(address, "confluent-standing", ["confluent-standing"],
                          {"group.instance.id": instance, **protocol})

    def owned():
        return [sorted(part.partition for part in each.assignment()) for each in members]

    members = [member("one"), member("two")]
    until("fair shares", lambda: [len(each) for each in owned()] == [2, 2], lambda: idle(members))
    before = owned()
    members.pop().close()
    for _ in range(20):
        idle(members)
    equal(owned(), before[:1], "what the other has while one is away")
    members.append(member("two"))
    until("what it had", lambda: owned() == before, lambda: idle(members))
    for each in members:
        each.close()

    create(address, "confluent-of-1", 1)
    create(address, "confluent-off", 1)
    reader = subscribed(address, "confluent-patterns", ["^confluent-of-.*"],
                        {"topic.metadata.refresh.interval.ms": 500, **protocol})
    until("one topic", lambda: len(reader.assignment()) == 1, lambda: idle([reader]))
    create(address, "confluent-of-2", 2)
    until("two topics", lambda: len(reader.assignment()) == 3, lambda: idle([reader]))
    equal({part.topic for part in reader.assignment()}, {"confluent-of-1", "confluent-of-2"}, "topics found")
    for topic in ["confluent-of-1", "confluent-of-2", "confluent-off"]:
        produce(address, idempotent, topic, records(10))
    found = read(reader, 20)
    equal({message.topic() for message in found}, {"confluent-of-1", "confluent-of-2"}, "topics read")
    reader.close()
    return "members stood, and a pattern found two topics"


def committed(consumer):
    """Whether what it has read is committed now; not while the broker is down."""
    try:
        consumer.commit(asynchronous=False)
        return True
    except KafkaException as error:
        # Nothing new to commit.
        if error.args[0].name() == "_NO_OFFSET":
            return True
        if not error.args[0].retriable() and error.args[0].name() not in ["_TRANSPORT", "_TIMED_OUT", "_WAIT_COORD"]:
            raise
        return False


def bounced(address, _):
    """Two members read numbers and commit while the broker is killed: none is lost, and whoever comes later reads none of them."""
    topic, count = "confluent-bounced", 120
    create(address, topic, 4)

    def member():
        return subscribed(address, topic, [topic], {"group.protocol": "consumer"})

    members = [member(), member()]
    until("fair shares", lambda: [len(each.assignment()) for each in members] == [2, 2], lambda: idle(members))
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 0,
                         "reconnect.backoff.max.ms": 500})
    found = []

    def step():
        for each in members:
            if (message := each.poll(0.02)) is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            found.append(int(message.value()))
            committed(each)

    for number in range(count):
        producer.produce(topic, str(number), partition=number % 4)
        producer.poll(0)
        step()
    equal(producer.flush(WAIT_S), 0, "numbers left to send")
    until("every number", lambda: set(found) == set(range(count)), step)
    for each in members:
        until("a commit", lambda: committed(each))
        each.close()
    producer.produce(topic, "last", partition=0)
    producer.flush(WAIT_S)
    successor = member()
    [message] = read(successor, 1)
    equal(message.value(), b"last", "what nobody had committed")
    successor.close()
    return f"{count}"


def create(address, topic, partitions):
    client = AdminClient({"bootstrap.servers": address})
    client.create_topics([NewTopic(topic, partitions, 1)])[topic].result(WAIT_S)


def refused(future, code):
    try:
        future.result(WAIT_S)
    except KafkaException as error:
        equal(error.args[0].name(), code, "refusal")
    else:
        raise AssertionError(f"accepted, though {code} was due")


def admin(address, idempotent):
    client = AdminClient({"bootstrap.servers": address})
    topic = "confluent-admin"
    new = NewTopic(topic, 2, 1, config={"retention.ms": "3600000"})
    client.create_topics([new])[topic].result(WAIT_S)
    refused(client.create_topics([new])[topic], "TOPIC_ALREADY_EXISTS")
    refused(client.create_topics([NewTopic("a/b", 1, 1)])["a/b"], "TOPIC_EXCEPTION")
    refused(client.create_topics([NewTopic("three", 1, 3)])["three"], "INVALID_REPLICATION_FACTOR")
    refused(client.create_topics([NewTopic("odd", 1, 1, config={"no.such": "1"})])["odd"], "INVALID_CONFIG")
    client.create_partitions([NewPartitions(topic, 3)])[topic].result(WAIT_S)
    refused(client.create_partitions([NewPartitions(topic, 2)])[topic], "INVALID_PARTITIONS")
    equal(len(client.list_topics(topic, WAIT_S).topics[topic].partitions), 3, "partitions")

    resource = ConfigResource(ResourceType.TOPIC, topic)
    config = client.describe_configs([resource])[resource].result(WAIT_S)
    equal(config["retention.ms"].value, "3600000", "retention.ms")
    equal(config["retention.ms"].source, ConfigSource.DYNAMIC_TOPIC_CONFIG.value, "its source")
    equal(config["cleanup.policy"].value, "delete", "cleanup.policy")
    for operation, policy in [("APPEND", "delete,compact"), ("SUBTRACT", "delete")]:
        change = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType[operation])
        changed = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
        client.incremental_alter_configs([changed])[resource].result(WAIT_S)
        config = client.describe_configs([resource])[resource].result(WAIT_S)
        equal(config["cleanup.policy"].value, policy, f"cleanup.policy after {operation}")
    broker = ConfigResource(ResourceType.BROKER, "1")
    settings = client.describe_configs([broker])[broker].result(WAIT_S)
    assert len(settings) > 10, f"few settings of the broker: {settings}"

    produce(address, idempotent, topic, records(50), partition=1)
    partition = TopicPartition(topic, 1)
    latest = client.list_offsets({partition: OffsetSpec.latest()})[partition].result(WAIT_S)
    equal(latest.offset, 50, "latest offset")
    newest = client.list_offsets({partition: OffsetSpec.max_timestamp()})[partition].result(WAIT_S)
    equal(newest.offset, 49, "offset of the greatest timestamp")
    removed = client.delete_records([TopicPartition(topic, 1, 20)])
    equal([future.result(WAIT_S).low_watermark for future in removed.values()], [20], "low watermark")
    refused(next(iter(client.delete_records([TopicPartition(topic, 1, 51)]).values())), "OFFSET_OUT_OF_RANGE")

    consumer = Consumer({"bootstrap.servers": address, "group.id": "confluent-admin", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    equal(read(consumer, 30)[0].offset(), 20, "first offset")
    consumer.commit(offsets=[TopicPartition(topic, 1, 42, metadata="why")], asynchronous=False)
    [described] = client.describe_consumer_groups(["confluent-admin"]).values()
    described = described.result(WAIT_S)
    equal((described.state.name, len(described.members)), ("STABLE", 1), "group")
    equal(described.partition_assignor, "range", "assignor")
    refused(client.delete_consumer_groups(["confluent-admin"])["confluent-admin"], "NON_EMPTY_GROUP")
    consumer.close()
    asked = [ConsumerGroupTopicPartitions("confluent-admin", [partition])]
    [stored] = client.list_consumer_group_offsets(asked)["confluent-admin"].result(WAIT_S).topic_partitions
    equal((stored.offset, stored.metadata), (42, "why"), "committed")
    moved = [ConsumerGroupTopicPartitions("confluent-admin", [TopicPartition(topic, 1, 30)])]
    client.alter_consumer_group_offsets(moved)["confluent-admin"].result(WAIT_S)
    [stored] = client.list_consumer_group_offsets(asked)["confluent-admin"].result(WAIT_S).topic_partitions
    equal(stored.offset, 30, "committed after the change")
    groups = client.list_consumer_groups().result(WAIT_S)
    equal(groups.errors, [], "errors of listing groups")
    listed = [each for each in groups.valid if each.group_id == "confluent-admin"]
    equal([(each.state.name, each.type.name) for each in listed], [("EMPTY", "CLASSIC")], "listed")
    client.delete_consumer_groups(["confluent-admin"])["confluent-admin"].result(WAIT_S)

    cluster = client.describe_cluster().result(WAIT_S)
    equal([node.id for node in cluster.nodes], [1], "brokers")
    client.delete_topics([topic])[topic].result(WAIT_S)
    refused(client.delete_topics([topic])[topic], "UNKNOWN_TOPIC_OR_PART")
    return "topics, configs, records, offsets and groups"


def ended(end):
    """Ends a transaction, and asks again for as long as that may help."""
    while True:
        try:
            return end(WAIT_S)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise


def transact(producer, topic, number):
    """One transaction, aborted if its number is odd; false when it has to be done again."""
    producer.begin_transaction()
    try:
        for partition in (0, 1):
            producer.produce(topic, str(number), partition=partition)
        ended(producer.abort_transaction if number % 2 else producer.commit_transaction)
        return True
    except KafkaException as error:
        if not error.args[0].txn_requires_abort():
            raise
        ended(producer.abort_transaction)
        return False


def transactions(address, _):
    """Numbers in transactions, of which the odd ones are aborted: each even number comes out of both partitions, once."""
    topic, count = "confluent-transactions", 60
    client = AdminClient({"bootstrap.servers": address})
    client.create_topics([NewTopic(topic, 2, 1)])[topic].result(WAIT_S)
    producer = Producer({
        "bootstrap.servers": address, "transactional.id": "confluent", "transaction.timeout.ms": 30_000,
        "linger.ms": 0, "reconnect.backoff.max.ms": 500,
    })
    producer.init_transactions(WAIT_S)
    for number in range(count):
        while not transact(producer, topic, number):
            pass
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in (0, 1)])
    found = {0: [], 1: []}
    for message in read(consumer, count):
        found[message.partition()].append(int(message.value()))
    consumer.close()
    for partition in (0, 1):
        same(found[partition], list(range(0, count, 2)), f"committed in partition {partition}")
    return f"{count}"


main({
    "codecs": codecs, "group": group, "standing": standing, "admin": admin, "transactions": transactions,
    "bounced": bounced,
})
