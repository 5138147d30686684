"""kafka-python: a client written in Python, blocking."""

import threading

from common import CODECS, Record, equal, main, records, same, until
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import InvalidPartitionsError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

# A poll that ends in the middle of a rebalance may lose the answer it waited for, and the member with it; so polls are
# longer than rebalances.
POLL_MS = 3000


def produce(address, idempotent, topic, sent, codec="none", partition=0):
    producer = KafkaProducer(
        bootstrap_servers=address, compression_type=None if codec == "none" else codec, linger_ms=5,
        enable_idempotence=idempotent)
    futures = [
        producer.send(topic, record.value, record.key, record.headers, partition, record.timestamp_ms)
        for record in sent
    ]
    producer.flush(timeout=20)
    offsets = [future.get(timeout=20).offset for future in futures]
    producer.close()
    return offsets


def read(consumer, count):
    found = []

    def step():
        for messages in consumer.poll(POLL_MS).values():
            found.extend(messages)

    until(f"{count} messages", lambda: len(found) >= count, step)
    return found


def record(message):
    return Record(message.key, message.value, message.headers, message.timestamp)


def codecs(address, idempotent):
    # It has no null for a header's value.
    expected = records(3000, null_headers=False)
    for codec in CODECS:
        topic = f"kafka-python-{codec}"
        offsets = produce(address, idempotent, topic, expected, codec)
        same(offsets, list(range(len(expected))), f"offsets told to the producer, {codec}")
        consumer = KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        messages = read(consumer, len(expected))
        same([record(message) for message in messages], expected, codec)
        equal(consumer.beginning_offsets([partition]), {partition: 0}, "first offset")
        equal(consumer.end_offsets([partition]), {partition: len(expected)}, "end offset")
        found = consumer.offsets_for_times({partition: expected[1234].timestamp_ms})
        equal(found[partition].offset, 1234, f"offset by time, {codec}")
        consumer.close()
    return f"{len(expected)} records in each of {', '.join(CODECS)}"


def group(address, idempotent):
    """Two members share a topic; one leaves; whoever comes next goes on where they ended."""
    topic = "kafka-python-shared"
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(topic, 4, 1)])

    def member():
        return KafkaConsumer(
            topic, bootstrap_servers=address, group_id="kafka-python", auto_offset_reset="earliest",
            enable_auto_commit=False, session_timeout_ms=10_000, heartbeat_interval_ms=300)

    members, found, threads = [], [[], []], []
    stop = threading.Event()

    def follow(at):
        # Whoever joins waits for the other, so each has a thread.
        while not stop.is_set():
            for messages in members[at].poll(POLL_MS).values():
                found[at].extend(messages)
        members[at].commit()

    # One after the other: a leader that does not know the topic yet gives nobody anything and may leave it at that.
    for at, shares in enumerate([[4], [2, 2]]):
        members.append(member())
        threads.append(threading.Thread(target=follow, args=[at], daemon=True))
        threads[at].start()
        until(f"shares {shares}", lambda: [len(each.assignment()) for each in members] == shares)
    sent = [records(400, null_headers=False)[partition * 100:][:100] for partition in range(4)]
    for partition in range(4):
        produce(address, idempotent, topic, sent[partition], "gzip", partition)
    until("all messages", lambda: [len(each) for each in found] == [200, 200])
    stop.set()
    for thread in threads:
        thread.join(20)
    for partition in range(4):
        mine = [record(message) for message in found[0] + found[1] if message.partition == partition]
        same(mine, sent[partition], f"partition {partition}")
    members.pop().close()
    until("the last member's share", lambda: len(members[0].assignment()) == 4, lambda: members[0].poll(POLL_MS))
    members.pop().close()
    produce(address, idempotent, topic, sent[3], "none", 3)
    resumed = member()
    same([(message.partition, message.offset) for message in read(resumed, 100)],
         [(3, offset) for offset in range(100, 200)], "resumed")
    described = admin.describe_groups(["kafka-python"])["kafka-python"]
    equal((described["group_state"], len(described["members"])), ("Stable", 1), "group")
    resumed.close()
    return "two members shared 4 partitions"


def refused(error, call, *args):
    try:
        call(*args)
    except error:
        return
    raise AssertionError(f"accepted, though {error.__name__} was due")


def settings(client, resource):
    [of_kind] = client.describe_configs([resource]).values()
    return {key: entry["value"] for key, entry in of_kind[resource.name].items()}


def admin(address, idempotent):
    client = KafkaAdminClient(bootstrap_servers=address)
    topic = "kafka-python-admin"
    client.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})])
    refused(TopicAlreadyExistsError, client.create_topics, [NewTopic(topic, 2, 1)])
    client.create_partitions({topic: NewPartitions(3)})
    refused(InvalidPartitionsError, client.create_partitions, {topic: NewPartitions(2)})
    [described] = client.describe_topics([topic])
    equal(len(described["partitions"]), 3, "partitions")
    assert topic in client.list_topics(), "the topic is not listed"
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    equal(settings(client, resource), {"retention.ms": "3600000"}, "settings that differ from the defaults")
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "2000000"})])
    equal(settings(client, resource), {"retention.ms": "3600000", "max.message.bytes": "2000000"}, "after a change")
    produce(address, idempotent, topic, records(50, null_headers=False), partition=1)
    partition = TopicPartition(topic, 1)
    removed = client.delete_records({partition: 20})[partition]
    equal((removed["low_watermark"], removed["error_code"]), (20, 0), "removed")
    cluster = client.describe_cluster()
    equal([(broker["broker_id"], broker["is_fenced"]) for broker in cluster["brokers"]], [(1, False)], "brokers")
    [described] = client.describe_log_dirs()
    sizes = {
        (each["name"], part["partition_index"]): part["partition_size"]
        for log_dir in described["log_dirs"] for each in log_dir["topics"] for part in each["partitions"]
    }
    equal([sizes[topic, at] > 0 for at in range(3)], [False, True, False], "which partitions have a size")

    consumer = KafkaConsumer(
        topic, bootstrap_servers=address, group_id=topic, auto_offset_reset="earliest", enable_auto_commit=False)
    equal(read(consumer, 30)[0].offset, 20, "first offset")
    consumer.commit()
    equal(client.delete_groups([topic]), {topic: "NonEmptyGroupError"}, "deletion of a group with a member")
    consumer.close()
    groups = {each["group_id"]: (each["group_state"], each["group_type"]) for each in client.list_groups()}
    equal(groups[topic], ("Empty", "classic"), "listed group")
    offsets = client.list_group_offsets({topic: [partition]})[topic]
    equal(offsets[partition].offset, 50, "committed offset")
    equal(client.delete_groups([topic]), {topic: "OK"}, "deletion of the group")
    client.delete_topics([topic])
    refused(UnknownTopicOrPartitionError, client.delete_topics, [topic])
    return "topics, configs, records and groups"


main({"codecs": codecs, "group": group, "admin": admin})
