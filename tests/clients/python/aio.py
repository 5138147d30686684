"""aiokafka: a client written in Python, for asyncio."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from common import CODECS, Record, equal, main, records, same

WAIT_S = 30


async def until(what, attempt):
    deadline = time.monotonic() + WAIT_S
    while not attempt():
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {WAIT_S} s")
        await asyncio.sleep(0.1)


async def produce(address, idempotent, topic, sent, codec="none", partition=0):
    producer = AIOKafkaProducer(
        bootstrap_servers=address, compression_type=None if codec == "none" else codec, linger_ms=5,
        enable_idempotence=idempotent)
    async with producer:
        futures = [
            await producer.send(topic, record.value, record.key, partition, record.timestamp_ms, record.headers)
            for record in sent
        ]
        return [(await future).offset for future in futures]


async def read(consumer, count):
    return [await asyncio.wait_for(consumer.getone(), WAIT_S) for _ in range(count)]


def record(message):
    return Record(message.key, message.value, message.headers, message.timestamp)


async def codecs(address, idempotent):
    expected = records(3000)
    for codec in CODECS:
        topic = f"aiokafka-{codec}"
        offsets = await produce(address, idempotent, topic, expected, codec)
        same(offsets, list(range(len(expected))), f"offsets told to the producer, {codec}")
        partition = TopicPartition(topic, 0)
        async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
            consumer.assign([partition])
            messages = await read(consumer, len(expected))
            same([record(message) for message in messages], expected, codec)
            equal(await consumer.beginning_offsets([partition]), {partition: 0}, "first offset")
            equal(await consumer.end_offsets([partition]), {partition: len(expected)}, "end offset")
            found = await consumer.offsets_for_times({partition: expected[1234].timestamp_ms})
            equal(found[partition].offset, 1234, f"offset by time, {codec}")
    return f"{len(expected)} records in each of {', '.join(CODECS)}"


async def group(address, idempotent):
    """Two members share a topic; one leaves; whoever comes next goes on where they ended."""
    topic = "aiokafka-shared"
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1)])

    async def member():
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=address, group_id="aiokafka", auto_offset_reset="earliest",
            enable_auto_commit=False, session_timeout_ms=10_000, heartbeat_interval_ms=300)
        await consumer.start()
        return consumer

    first = await member()
    await until("the whole topic", lambda: len(first.assignment()) == 4)
    second = await member()
    await until("fair shares", lambda: [len(each.assignment()) for each in (first, second)] == [2, 2])
    sent = [records(400)[partition * 100:][:100] for partition in range(4)]
    for partition in range(4):
        await produce(address, idempotent, topic, sent[partition], "zstd", partition)
    found = await asyncio.gather(read(first, 200), read(second, 200))
    for partition in range(4):
        mine = [record(message) for message in found[0] + found[1] if message.partition == partition]
        same(mine, sent[partition], f"partition {partition}")
    for each in (first, second):
        await each.commit()
    await second.stop()
    await until("the last member's share", lambda: len(first.assignment()) == 4)
    await first.stop()
    await produce(address, idempotent, topic, sent[3], "none", 3)
    resumed = await member()
    same([(message.partition, message.offset) for message in await read(resumed, 100)],
         [(3, offset) for offset in range(100, 200)], "resumed")
    await resumed.stop()
    await admin.close()
    return "two members shared 4 partitions"


async def admin(address, idempotent):
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    await client.start()
    topic = "aiokafka-admin"
    new = NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})
    accepted(await client.create_topics([new]))
    equal(refusals(await client.create_topics([new])), [TopicAlreadyExistsError], "a second creation")
    accepted(await client.create_partitions({topic: NewPartitions(3)}))
    [described] = await client.describe_topics([topic])
    equal(len(described["partitions"]), 3, "partitions")
    assert topic in await client.list_topics(), "the topic is not listed"
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    [answer] = await client.describe_configs([resource])
    [(code, _, _, _, entries)] = answer.resources
    equal((code, {entry[0]: entry[1] for entry in entries}["retention.ms"]), (0, "3600000"), "setting")
    await produce(address, idempotent, topic, records(50), partition=1)
    partition = TopicPartition(topic, 1)
    async with AIOKafkaConsumer(
            topic, bootstrap_servers=address, group_id=topic, auto_offset_reset="earliest",
            enable_auto_commit=False) as consumer:
        await read(consumer, 50)
        await consumer.commit()
    assert (topic, "consumer") in await client.list_consumer_groups(), "the group is not listed"
    offsets = await client.list_consumer_group_offsets(topic)
    equal(offsets[partition].offset, 50, "committed offset")
    accepted(await client.delete_topics([topic]))
    await client.close()
    return "topics, configs and groups"


def refusals(answer):
    rows = getattr(answer, "topic_errors", None) or getattr(answer, "topic_error_codes", None)
    return [for_code(row[1]) for row in rows if row[1] != 0]


def accepted(answer):
    equal(refusals(answer), [], "refusals")


main({"codecs": codecs, "group": group, "admin": admin})
