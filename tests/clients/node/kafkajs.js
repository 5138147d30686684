// KafkaJS: a client written in JavaScript. It knows gzip, and snappy by an add-on.
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import { equal, main, records, same, until } from './common.js'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, Partitioners } = kafkajs
CompressionCodecs[CompressionTypes.Snappy] = snappy

const CODECS = ['None', 'GZIP', 'Snappy']

function client (address) {
  return new Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50 } })
}

async function produce (kafka, idempotent, topic, sent, codec = 'None', partition = 0) {
  const producer = kafka.producer({ idempotent, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const messages = sent.map(({ key, value, headers, timestampMs }) => {
    // Several headers of one name are an array; which came first among other names is lost.
    const named = {}
    for (const [name, content] of headers) {
      (named[name] ??= []).push(content)
    }
    return { key, value, headers: named, partition, timestamp: String(timestampMs) }
  })
  await producer.send({ topic, messages, compression: CompressionTypes[codec] })
  await producer.disconnect()
}

// A message in the shape of a record: headers by name, single ones alone, as KafkaJS reads them.
function expected (record) {
  const headers = {}
  for (const [name, content] of record.headers) {
    headers[name] = name in headers ? [headers[name], content].flat() : content
  }
  return { ...record, headers }
}

function found ({ key, value, headers, timestamp }) {
  return { key, value, headers: { ...headers }, timestampMs: Number(timestamp) }
}

async function member (kafka, groupId, topic) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 300, maxWaitTimeInMs: 100 })
  const seen = { consumer, messages: [], partitions: [], generation: 0 }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    seen.partitions = payload.memberAssignment[topic] ?? []
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => { seen.messages.push({ partition, ...message }) }
  })
  return seen
}

async function codecs (address, idempotent) {
  const kafka = client(address)
  // It writes no header without a value.
  const sent = records(3000, { nullHeaders: false })
  for (const codec of CODECS) {
    const topic = `kafkajs-${codec}`
    await create(kafka, topic, 1)
    await produce(kafka, idempotent, topic, sent, codec)
    const { consumer, messages } = await member(kafka, `${topic}-readers`, topic)
    await until('all messages', () => messages.length >= sent.length)
    same(messages.map(found), sent.map(expected), codec)
    same(messages.map(({ offset }) => Number(offset)), sent.map((_, at) => at), `offsets, ${codec}`)
    await consumer.disconnect()
  }
  return `${sent.length} records in each of ${CODECS.join(', ')}`
}

async function group (address, idempotent) {
  const kafka = client(address)
  const topic = 'kafkajs-shared'
  await create(kafka, topic, 4)
  const first = await member(kafka, topic, topic)
  await until('the whole topic', () => first.partitions.length === 4)
  const second = await member(kafka, topic, topic)
  await until('fair shares', () => first.partitions.length === 2 && second.partitions.length === 2)
  const sent = [0, 1, 2, 3].map(partition => records(400, { nullHeaders: false }).slice(partition * 100, partition * 100 + 100))
  for (const partition of [0, 1, 2, 3]) {
    await produce(kafka, idempotent, topic, sent[partition], 'GZIP', partition)
  }
  await until('all messages', () => first.messages.length === 200 && second.messages.length === 200)
  for (const partition of [0, 1, 2, 3]) {
    const mine = [...first.messages, ...second.messages].filter(message => message.partition === partition)
    same(mine.map(found), sent[partition].map(expected), `partition ${partition}`)
  }
  await second.consumer.disconnect()
  await until("the last member's share", () => first.partitions.length === 4)
  await first.consumer.disconnect()
  await produce(kafka, idempotent, topic, sent[3], 'None', 3)
  const resumed = await member(kafka, topic, topic)
  await until('what came meanwhile', () => resumed.messages.length >= 100)
  same(resumed.messages.map(({ partition, offset }) => [partition, Number(offset)]),
    sent[3].map((_, at) => [3, 100 + at]), 'resumed')
  await resumed.consumer.disconnect()
  return 'two members shared 4 partitions'
}

async function create (kafka, topic, numPartitions) {
  const admin = kafka.admin()
  await admin.connect()
  equal(await admin.createTopics({ topics: [{ topic, numPartitions }] }), true, 'created')
  await admin.disconnect()
}

async function admin (address, idempotent) {
  const kafka = client(address)
  const admin = kafka.admin()
  await admin.connect()
  const topic = 'kafkajs-admin'
  const topics = [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '3600000' }] }]
  equal(await admin.createTopics({ topics }), true, 'created')
  equal(await admin.createTopics({ topics }), false, 'created again')
  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
  const described = await admin.fetchTopicMetadata({ topics: [topic] })
  equal(described.topics[0].partitions.length, 3, 'partitions')
  equal((await admin.listTopics()).includes(topic), true, 'the topic is listed')
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  const retention = async () => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    return resources[0].configEntries.find(({ configName }) => configName === 'retention.ms').configValue
  }
  equal(await retention(), '3600000', 'retention.ms')
  await admin.alterConfigs({
    validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '7200000' }] }]
  })
  equal(await retention(), '7200000', 'retention.ms after its change')
  await produce(kafka, idempotent, topic, records(50, { nullHeaders: false }), 'GZIP', 1)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '20' }] })
  const offsets = (await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 1)
  same([offsets], [{ partition: 1, offset: '50', high: '50', low: '20' }], 'offsets')
  await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 1, offset: '33' }] })
  const stored = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
  equal(stored[0].partitions.find(({ partition }) => partition === 1).offset, '33', 'committed')
  const { groups } = await admin.listGroups()
  equal(groups.some(({ groupId }) => groupId === topic), true, 'the group is listed')
  const { groups: [{ state }] } = await admin.describeGroups([topic])
  equal(state, 'Empty', "the group's state")
  await admin.deleteGroups([topic])
  const cluster = await admin.describeCluster()
  same(cluster.brokers.map(({ nodeId }) => nodeId), [1], 'brokers')
  await admin.deleteTopics({ topics: [topic] })
  equal((await admin.listTopics()).includes(topic), false, 'the topic is listed still')
  await admin.disconnect()
  return 'topics, configs, records, offsets and groups'
}

main({ codecs, group, admin })
