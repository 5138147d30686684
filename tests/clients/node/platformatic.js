// @platformatic/kafka: a client written in JavaScript that speaks recent versions alone.
import { Admin, Consumer, Producer } from '@platformatic/kafka'
import zlib from 'node:zlib'
import { equal, main, records, same, until } from './common.js'

// Node has zstd since 22.15.
const CODECS = ['none', 'gzip', 'snappy', 'lz4', ...(zlib.zstdCompressSync ? ['zstd'] : [])]
const TOPIC = 2
const SET = 0

function options (address) {
  return { clientId: 'platformatic', bootstrapBrokers: [address] }
}

async function produce (address, idempotent, topic, sent, compression = 'none', partition = 0) {
  const producer = new Producer({ ...options(address), idempotent, acks: -1, compression, autocreateTopics: true })
  // Keys of a map are told apart as objects, so a name may come twice.
  const messages = sent.map(({ key, value, headers, timestampMs }) => (
    { topic, partition, key, value, headers: named(headers), timestamp: BigInt(timestampMs) }))
  for (let at = 0; at < messages.length; at += 1000) {
    await producer.send({ messages: messages.slice(at, at + 1000) })
  }
  await producer.close()
}

function named (headers) {
  return new Map(headers.map(([name, content]) => [Buffer.from(name), content]))
}

// It tells no null from an empty key or value.
function expected ({ key, value, headers, timestampMs }) {
  const empty = Buffer.alloc(0)
  return { key: key ?? empty, value: value ?? empty, headers: headers.map(([name, content]) => [name, content ?? empty]), timestampMs }
}

function found ({ key, value, headers, timestamp }) {
  const empty = Buffer.alloc(0)
  const pairs = [...headers].map(([name, content]) => [String(name), content ?? empty])
  return { key: key ?? empty, value: value ?? empty, headers: pairs, timestampMs: Number(timestamp) }
}

async function member (address, groupId, topic) {
  const consumer = new Consumer({
    ...options(address), groupId, sessionTimeout: 10_000, heartbeatInterval: 300, rebalanceTimeout: 10_000, maxWaitTime: 100
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false })
  const seen = { consumer, stream, messages: [], failed: null }
  stream.on('data', message => seen.messages.push(message))
  stream.on('error', error => { seen.failed = error })
  return seen
}

function share ({ consumer }) {
  return (consumer.assignments ?? []).flatMap(({ partitions }) => partitions).length
}

async function leave ({ consumer, stream, messages }) {
  const last = new Map(messages.map(message => [message.partition, message]))
  for (const message of last.values()) {
    await message.commit()
  }
  await stream.close()
  await consumer.close(true)
}

// What members have read. A member goes on with fetches from before a rebalance, so two may read the same.
async function arrived (members, count) {
  const distinct = () => {
    const places = new Map()
    for (const message of members.flatMap(({ messages }) => messages)) {
      const place = `${message.partition}/${message.offset}`
      places.set(place, places.get(place) ?? message)
    }
    return [...places.values()]
  }
  await until('all messages', () => {
    const failed = members.find(({ failed }) => failed)
    if (failed) {
      throw failed.failed
    }
    return distinct().length >= count
  })
  return distinct()
}

async function create (address, topic, partitions) {
  const admin = new Admin(options(address))
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
  await admin.close()
}

async function codecs (address, idempotent) {
  const sent = records(3000)
  for (const codec of CODECS) {
    const topic = `platformatic-${codec}`
    await create(address, topic, 1)
    await produce(address, idempotent, topic, sent, codec)
    const reader = await member(address, `${topic}-readers`, topic)
    await arrived([reader], sent.length)
    same(reader.messages.map(found), sent.map(expected), codec)
    same(reader.messages.map(({ offset }) => Number(offset)), sent.map((_, at) => at), `offsets, ${codec}`)
    const offsets = await reader.consumer.listOffsets({ topics: [topic], timestamp: BigInt(sent[1234].timestampMs) })
    same(offsets.get(topic), [1234n], `offset by time, ${codec}`)
    await leave(reader)
  }
  return `${sent.length} records in each of ${CODECS.join(', ')}`
}

async function group (address, idempotent) {
  const topic = 'platformatic-shared'
  await create(address, topic, 4)
  const first = await member(address, topic, topic)
  await until('the whole topic', () => share(first) === 4)
  const second = await member(address, topic, topic)
  await until('fair shares', () => share(first) === 2 && share(second) === 2)
  const sent = [0, 1, 2, 3].map(partition => records(400).slice(partition * 100, partition * 100 + 100))
  for (const partition of [0, 1, 2, 3]) {
    await produce(address, idempotent, topic, sent[partition], 'lz4', partition)
  }
  const messages = await arrived([first, second], 400)
  for (const partition of [0, 1, 2, 3]) {
    const mine = messages.filter(message => message.partition === partition)
    same(mine.map(found), sent[partition].map(expected), `partition ${partition}`)
  }
  await leave(second)
  await until("the last member's share", () => share(first) === 4)
  await leave(first)
  await produce(address, idempotent, topic, sent[3], 'none', 3)
  const resumed = await member(address, topic, topic)
  await arrived([resumed], 100)
  same(resumed.messages.map(({ partition, offset }) => [partition, Number(offset)]),
    sent[3].map((_, at) => [3, 100 + at]), 'resumed')
  await leave(resumed)
  return 'two members shared 4 partitions'
}

async function refused (code, attempt) {
  try {
    await attempt()
  } catch (error) {
    const codes = [error, ...(error.errors ?? [])].flatMap(each => [each, ...(each.errors ?? [])]).map(({ apiId }) => apiId)
    equal(codes.includes(code), true, `${codes.filter(Boolean)} instead of ${code}`)
    return
  }
  throw new Error(`accepted, though ${code} was due`)
}

async function admin (address, idempotent) {
  const admin = new Admin(options(address))
  const topic = 'platformatic-admin'
  const configs = [{ name: 'retention.ms', value: '3600000' }]
  const [created] = await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1, configs })
  equal(created.partitions, 2, 'partitions created')
  await refused('TOPIC_ALREADY_EXISTS', () => admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 }))
  await admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] })
  const metadata = await admin.metadata({ topics: [topic] })
  equal(metadata.topics.get(topic).partitions.length, 3, 'partitions')
  equal((await admin.listTopics()).includes(topic), true, 'the topic is listed')
  const resources = [{ resourceType: TOPIC, resourceName: topic, configurationKeys: null }]
  const retention = async () => {
    const [{ configs }] = await admin.describeConfigs({ resources })
    return configs.find(({ name }) => name === 'retention.ms').value
  }
  equal(await retention(), '3600000', 'retention.ms')
  const change = [{ name: 'retention.ms', configOperation: SET, value: '7200000' }]
  await admin.incrementalAlterConfigs({ resources: [{ resourceType: TOPIC, resourceName: topic, configs: change }] })
  equal(await retention(), '7200000', 'retention.ms after its change')
  await produce(address, idempotent, topic, records(50), 'gzip', 1)
  const [removed] = await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 1, offset: 20n }] }] })
  equal(removed.partitions[0].lowWatermark, 20n, 'low watermark')
  await admin.alterConsumerGroupOffsets({
    groupId: topic, topics: [{ name: topic, partitionOffsets: [{ partition: 1, offset: 33n }] }]
  })
  const [stored] = await admin.listConsumerGroupOffsets({ groups: [topic] })
  equal(stored.topics[0].partitions[0].committedOffset, 33n, 'committed')
  const listed = (await admin.listGroups()).get(topic)
  same([listed.state, listed.groupType], ['EMPTY', 'classic'], 'the listed group')
  await admin.deleteGroups({ groups: [topic] })
  await refused('GROUP_ID_NOT_FOUND', () => admin.deleteGroups({ groups: [topic] }))
  await admin.deleteTopics({ topics: [topic] })
  equal((await admin.listTopics()).includes(topic), false, 'the topic is listed still')
  await admin.close()
  return 'topics, configs, records, offsets and groups'
}

main({ codecs, group, admin })
