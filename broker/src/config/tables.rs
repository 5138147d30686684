//! Every setting there is, by name. `docs/CONFIG.md` is made from these tables.

use super::key::{Key, Kind};

const ANY_SIZE: Kind = Kind::Int { min: 0, max: i32::MAX };
const TIME: Kind = Kind::Long { min: 0, max: i64::MAX };
const POSITIVE_TIME: Kind = Kind::Long { min: 1, max: i64::MAX };
/// -1 lifts the limit.
const LIMIT: Kind = Kind::Long { min: -1, max: i64::MAX };
const SHARE: Kind = Kind::Double { min: 0.0, max: 1.0 };
const POLICIES: Kind = Kind::Choices(&["compact", "delete"]);
const CLOCKS: Kind = Kind::Choice(&["CreateTime", "LogAppendTime"]);
/// A batch must fit into one message of either protocol.
const BATCH_SIZE: Kind = Kind::Int { min: 0, max: 100 << 20 };
const SEGMENT_SIZE: Kind = Kind::Int { min: 14, max: i32::MAX };
const GROUP_TIME: Kind = Kind::Int { min: 1, max: i32::MAX };
const LOCK_TIME: Kind = Kind::Int { min: 1000, max: i32::MAX };

const DAY_MS: &str = "86400000";
const WEEK_MS: &str = "604800000";
const FOREVER: &str = "9223372036854775807";

/// A topic's setting that falls back on the broker's.
const fn topic(
    name: &'static str,
    twin: &'static str,
    kind: Kind,
    default: &'static str,
    documentation: &'static str,
) -> Key {
    Key { name, kind, default, documentation, read_only: false, twin: Some(twin) }
}

/// A setting that Kafka's topics have and that can only be what it is here: accepted so that tools which set it go on.
const fn given(
    name: &'static str,
    wire_name: &'static str,
    value: &'static str,
    documentation: &'static str,
) -> Key {
    let kind = Kind::Only { value, wire_name };
    Key { name, kind, default: value, documentation, read_only: false, twin: None }
}

/// A group's setting that falls back on the broker's.
const fn group(
    name: &'static str,
    twin: &'static str,
    kind: Kind,
    default: &'static str,
    documentation: &'static str,
) -> Key {
    topic(name, twin, kind, default, documentation)
}

/// A group's setting that the broker has no default of its own for.
const fn groups_own(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    documentation: &'static str,
) -> Key {
    live(name, kind, default, documentation)
}

/// A broker's setting that can be changed while it runs.
const fn live(name: &'static str, kind: Kind, default: &'static str, documentation: &'static str) -> Key {
    Key { name, kind, default, documentation, read_only: false, twin: None }
}

/// A broker's setting that is fixed when it starts.
const fn fixed(name: &'static str, kind: Kind, default: &'static str, documentation: &'static str) -> Key {
    Key { name, kind, default, documentation, read_only: true, twin: None }
}

/// The settings of a topic.
pub(super) static TOPIC_KEYS: [Key; 33] = [
    topic(
        "cleanup.policy",
        "log.cleanup.policy",
        POLICIES,
        "delete",
        "What happens to old records: `delete` removes segments by age and size, `compact` keeps the newest record of each \
         key, both together do both.",
    ),
    given(
        "compression.gzip.level",
        "int",
        "-1",
        "Nothing is compressed again, so levels of compression are for producers to choose.",
    ),
    given(
        "compression.lz4.level",
        "int",
        "9",
        "Nothing is compressed again, so levels of compression are for producers to choose.",
    ),
    given(
        "compression.type",
        "string",
        "producer",
        "Batches are stored as their producers compressed them; nothing is compressed again.",
    ),
    given(
        "compression.zstd.level",
        "int",
        "3",
        "Nothing is compressed again, so levels of compression are for producers to choose.",
    ),
    topic(
        "delete.retention.ms",
        "log.cleaner.delete.retention.ms",
        TIME,
        DAY_MS,
        "How long a compacted topic shows that a key was deleted. A reader who starts at the beginning and takes longer may \
         miss deletions.",
    ),
    given("file.delete.delay.ms", "long", "0", "Files are removed at once; who still reads them reads on."),
    topic(
        "flush.messages",
        "log.flush.interval.messages",
        POSITIVE_TIME,
        "1",
        "How many records may be acknowledged before they are on disk. 1: none, every acknowledged record is on disk. More \
         is faster and loses them in a power cut.",
    ),
    topic(
        "flush.ms",
        "log.flush.interval.ms",
        TIME,
        FOREVER,
        "How long an acknowledged record may be not yet on disk. It matters only when `flush.messages` is above 1.",
    ),
    given(
        "follower.replication.throttled.replicas",
        "list",
        "",
        "There is one copy of each record, so nothing is copied between brokers.",
    ),
    topic(
        "index.interval.bytes",
        "log.index.interval.bytes",
        ANY_SIZE,
        "4096",
        "How many bytes of log lie between two entries of its index. Less finds offsets with less reading and takes more \
         space.",
    ),
    given(
        "leader.replication.throttled.replicas",
        "list",
        "",
        "There is one copy of each record, so nothing is copied between brokers.",
    ),
    given(
        "local.retention.bytes",
        "long",
        "-2",
        "Records are kept on the broker's own disk, as long as `retention.bytes` says.",
    ),
    given(
        "local.retention.ms",
        "long",
        "-2",
        "Records are kept on the broker's own disk, as long as `retention.ms` says.",
    ),
    topic(
        "max.compaction.lag.ms",
        "log.cleaner.max.compaction.lag.ms",
        POSITIVE_TIME,
        FOREVER,
        "A record is compacted at the latest after this time, even if little has changed. A larger `min.compaction.lag.ms` \
         goes before it.",
    ),
    topic(
        "max.message.bytes",
        "message.max.bytes",
        BATCH_SIZE,
        "1048588",
        "The largest record batch that is accepted, compressed. A single record has to fit, too.",
    ),
    topic(
        "message.timestamp.after.max.ms",
        "log.message.timestamp.after.max.ms",
        TIME,
        "3600000",
        "How far a producer's timestamp may lie in the future; records beyond are refused, since they would keep their \
         segment from expiring. Without effect with `LogAppendTime`.",
    ),
    topic(
        "message.timestamp.before.max.ms",
        "log.message.timestamp.before.max.ms",
        TIME,
        FOREVER,
        "How far a producer's timestamp may lie in the past; older records are refused. Without effect with `LogAppendTime`.",
    ),
    topic(
        "message.timestamp.type",
        "log.message.timestamp.type",
        CLOCKS,
        "CreateTime",
        "Whose clock gives a record its timestamp: the producer's (`CreateTime`) or the broker's (`LogAppendTime`).",
    ),
    topic(
        "min.cleanable.dirty.ratio",
        "log.cleaner.min.cleanable.ratio",
        SHARE,
        "0.5",
        "The share of a compacted log that must be new since the last compaction before the next one starts. Less saves \
         space and costs more work.",
    ),
    topic(
        "min.compaction.lag.ms",
        "log.cleaner.min.compaction.lag.ms",
        TIME,
        "0",
        "A record is safe from compaction for this time, so that readers who are no further behind see every one.",
    ),
    given(
        "min.insync.replicas",
        "int",
        "1",
        "There is one copy of each record, on disk before it is acknowledged.",
    ),
    given("preallocate", "boolean", "false", "Segment files grow as records come, by up to 256 KiB at once."),
    given("remote.log.copy.disable", "boolean", "false", "Records are kept on the broker's own disk."),
    given("remote.log.delete.on.disable", "boolean", "false", "Records are kept on the broker's own disk."),
    given("remote.storage.enable", "boolean", "false", "Records are kept on the broker's own disk."),
    topic(
        "retention.bytes",
        "log.retention.bytes",
        LIMIT,
        "-1",
        "The size of a partition above which its oldest segments are deleted. -1: no limit. The topic takes up to this many \
         times its partitions.",
    ),
    topic(
        "retention.ms",
        "log.retention.ms",
        LIMIT,
        WEEK_MS,
        "How long records are kept: a segment is deleted when its newest record is older. -1: for ever.",
    ),
    topic(
        "segment.bytes",
        "log.segment.bytes",
        SEGMENT_SIZE,
        "1073741824",
        "The size at which a segment file is closed and the next one begun. Only closed segments are deleted and compacted.",
    ),
    given(
        "segment.index.bytes",
        "int",
        "10485760",
        "An index grows with its segment; its size ends no segment early.",
    ),
    given("segment.jitter.ms", "long", "0", "Segments are closed when they are due, without a random delay."),
    topic(
        "segment.ms",
        "log.roll.ms",
        POSITIVE_TIME,
        WEEK_MS,
        "The age at which a segment file is closed even if it is not full, so that what it holds can expire or be compacted.",
    ),
    given(
        "unclean.leader.election.enable",
        "boolean",
        "false",
        "What is acknowledged is never given up for availability.",
    ),
];

/// The settings of a group.
pub(super) static GROUP_KEYS: [Key; 10] = [
    group(
        "consumer.heartbeat.interval.ms",
        "group.consumer.heartbeat.interval.ms",
        GROUP_TIME,
        "5000",
        "How often members of the consumer protocol are to show signs of life; within `group.consumer.min.heartbeat.interval.ms` \
         and `group.consumer.max.heartbeat.interval.ms`.",
    ),
    group(
        "consumer.session.timeout.ms",
        "group.consumer.session.timeout.ms",
        GROUP_TIME,
        "45000",
        "Without a sign of life for so long a member of the consumer protocol is dropped from the group; within \
         `group.consumer.min.session.timeout.ms` and `group.consumer.max.session.timeout.ms`, and longer than the heartbeat \
         interval.",
    ),
    groups_own(
        "share.auto.offset.reset",
        Kind::OffsetReset,
        "latest",
        "Where a share group begins in a partition that is new to it.",
    ),
    group(
        "share.heartbeat.interval.ms",
        "group.share.heartbeat.interval.ms",
        GROUP_TIME,
        "5000",
        "How often members of a share group are to show signs of life; within `group.share.min.heartbeat.interval.ms` and \
         `group.share.max.heartbeat.interval.ms`.",
    ),
    groups_own(
        "share.isolation.level",
        Kind::Choice(&["read_committed", "read_uncommitted"]),
        "read_uncommitted",
        "Whether a share group is given records of transactions that are not committed.",
    ),
    group(
        "share.record.lock.duration.ms",
        "group.share.record.lock.duration.ms",
        LOCK_TIME,
        "30000",
        "How long a record that a member of a share group has taken is kept from the others; within \
         `group.share.min.record.lock.duration.ms` and `group.share.max.record.lock.duration.ms`.",
    ),
    group(
        "share.session.timeout.ms",
        "group.share.session.timeout.ms",
        GROUP_TIME,
        "45000",
        "Without a sign of life for so long a member of a share group is dropped from it; within \
         `group.share.min.session.timeout.ms` and `group.share.max.session.timeout.ms`, and longer than the heartbeat interval.",
    ),
    given("streams.heartbeat.interval.ms", "int", "5000", "Groups of the streams protocol are not served."),
    given("streams.num.standby.replicas", "int", "0", "Groups of the streams protocol are not served."),
    given("streams.session.timeout.ms", "int", "45000", "Groups of the streams protocol are not served."),
];

/// The settings of the broker.
pub(super) static BROKER_KEYS: [Key; 61] = [
    fixed(
        "advertised.listeners",
        Kind::Addresses,
        "",
        "The one address that Kafka clients are told to reach the broker at, HOST:PORT, for brokers behind a port mapping or a \
         proxy. Nothing: each client is told the address by which it came.",
    ),
    live(
        "auto.create.topics.enable",
        Kind::Boolean,
        "true",
        "Whether producing to a topic that does not exist creates it, with `num.partitions` partitions.",
    ),
    fixed(
        "broker.id",
        Kind::Int { min: 0, max: i32::MAX },
        "1",
        "The broker's number, by which clients tell brokers apart.",
    ),
    fixed(
        "group.consumer.assignors",
        Kind::Choices(&["uniform", "range"]),
        "uniform,range",
        "The assignors that members of the consumer protocol can ask for. The first one is for groups whose members do not ask.",
    ),
    fixed(
        "group.consumer.heartbeat.interval.ms",
        Kind::Int { min: 1, max: i32::MAX },
        "5000",
        "How often members of the consumer protocol are to show signs of life. They learn of changes with them, so that less \
         makes rebalances quicker and costs more requests.",
    ),
    fixed(
        "group.consumer.max.heartbeat.interval.ms",
        GROUP_TIME,
        "15000",
        "The longest `consumer.heartbeat.interval.ms` that a group may be given.",
    ),
    fixed(
        "group.consumer.max.session.timeout.ms",
        GROUP_TIME,
        "60000",
        "The longest `consumer.session.timeout.ms` that a group may be given.",
    ),
    fixed(
        "group.consumer.max.size",
        Kind::Int { min: 1, max: i32::MAX },
        "10000",
        "How many members a group of the consumer protocol may have.",
    ),
    fixed(
        "group.consumer.migration.policy",
        Kind::Choice(&["bidirectional", "upgrade", "downgrade", "disabled"]),
        "bidirectional",
        "Whether a group with members may go from the classic to the consumer protocol (`upgrade`: when the first member of that \
         protocol joins), back (`downgrade`: when the last one leaves), or both.",
    ),
    fixed(
        "group.consumer.min.heartbeat.interval.ms",
        GROUP_TIME,
        "5000",
        "The shortest `consumer.heartbeat.interval.ms` that a group may be given.",
    ),
    fixed(
        "group.consumer.min.session.timeout.ms",
        GROUP_TIME,
        "45000",
        "The shortest `consumer.session.timeout.ms` that a group may be given.",
    ),
    fixed(
        "group.consumer.session.timeout.ms",
        Kind::Int { min: 1, max: i32::MAX },
        "45000",
        "Without a sign of life for so long a member of the consumer protocol is dropped from its group.",
    ),
    fixed(
        "group.initial.rebalance.delay.ms",
        ANY_SIZE,
        "0",
        "How long an empty group waits for more members before its first rebalance. Kafka waits 3 s, so that consumers which \
         are started together share one rebalance; here a rebalance takes milliseconds, and a lone consumer should begin at \
         once.",
    ),
    fixed(
        "group.max.session.timeout.ms",
        Kind::Int { min: 1, max: i32::MAX },
        "1800000",
        "The longest session timeout that a member may ask for.",
    ),
    fixed(
        "group.max.size",
        Kind::Int { min: 1, max: i32::MAX },
        "10000",
        "How many members a group may have. More are refused, so that a client gone wild can't exhaust the broker.",
    ),
    fixed(
        "group.min.session.timeout.ms",
        Kind::Int { min: 1, max: i32::MAX },
        "6000",
        "The shortest session timeout that a member may ask for. Shorter ones notice a dead member sooner and take a slow one \
         for dead.",
    ),
    fixed(
        "group.share.delivery.count.limit",
        Kind::Int { min: 2, max: 10 },
        "5",
        "How often a record is delivered to a share group at most. Then it counts as rejected.",
    ),
    fixed(
        "group.share.heartbeat.interval.ms",
        GROUP_TIME,
        "5000",
        "How often members of share groups are to show signs of life, where their group does not say.",
    ),
    fixed(
        "group.share.max.heartbeat.interval.ms",
        GROUP_TIME,
        "15000",
        "The longest `share.heartbeat.interval.ms` that a group may be given.",
    ),
    fixed(
        "group.share.max.record.lock.duration.ms",
        LOCK_TIME,
        "60000",
        "The longest `share.record.lock.duration.ms` that a group may be given.",
    ),
    fixed(
        "group.share.max.session.timeout.ms",
        GROUP_TIME,
        "60000",
        "The longest `share.session.timeout.ms` that a group may be given.",
    ),
    fixed(
        "group.share.max.share.sessions",
        Kind::Int { min: 1, max: i32::MAX },
        "2000",
        "How many members of share groups may fetch at the same time.",
    ),
    fixed(
        "group.share.max.size",
        Kind::Int { min: 1, max: 1_000 },
        "200",
        "How many members a share group may have.",
    ),
    fixed(
        "group.share.min.heartbeat.interval.ms",
        GROUP_TIME,
        "5000",
        "The shortest `share.heartbeat.interval.ms` that a group may be given.",
    ),
    fixed(
        "group.share.min.record.lock.duration.ms",
        LOCK_TIME,
        "15000",
        "The shortest `share.record.lock.duration.ms` that a group may be given.",
    ),
    fixed(
        "group.share.min.session.timeout.ms",
        GROUP_TIME,
        "45000",
        "The shortest `share.session.timeout.ms` that a group may be given.",
    ),
    fixed(
        "group.share.partition.max.record.locks",
        Kind::Int { min: 100, max: 10_000 },
        "2000",
        "How many records of a partition a share group may have under way, released ones among them. The last batch may go \
         beyond it.",
    ),
    fixed(
        "group.share.record.lock.duration.ms",
        LOCK_TIME,
        "30000",
        "How long a record that a member of a share group has taken is kept from the others, where their group does not say.",
    ),
    fixed(
        "group.share.session.timeout.ms",
        GROUP_TIME,
        "45000",
        "Without a sign of life for so long a member of a share group is dropped from it, where its group does not say.",
    ),
    fixed(
        "idle.exit.ms",
        TIME,
        "0",
        "The broker leaves by itself after so long without clients; brokers that start on demand use it. 0: never.",
    ),
    fixed(
        "listeners",
        Kind::Addresses,
        "127.0.0.1:9092",
        "The TCP addresses that the broker listens on, beside the socket in its data directory. Port 0 takes any free one. \
         Nothing: the socket alone.",
    ),
    live(
        "log.cleaner.delete.retention.ms",
        TIME,
        DAY_MS,
        "`delete.retention.ms` of topics that do not set it.",
    ),
    live(
        "log.cleaner.max.compaction.lag.ms",
        POSITIVE_TIME,
        FOREVER,
        "`max.compaction.lag.ms` of topics that do not set it.",
    ),
    live(
        "log.cleaner.min.cleanable.ratio",
        SHARE,
        "0.5",
        "`min.cleanable.dirty.ratio` of topics that do not set it.",
    ),
    live(
        "log.cleaner.min.compaction.lag.ms",
        TIME,
        "0",
        "`min.compaction.lag.ms` of topics that do not set it.",
    ),
    live("log.cleanup.policy", POLICIES, "delete", "`cleanup.policy` of topics that do not set it."),
    live("log.flush.interval.messages", POSITIVE_TIME, "1", "`flush.messages` of topics that do not set it."),
    live("log.flush.interval.ms", TIME, FOREVER, "`flush.ms` of topics that do not set it."),
    live(
        "log.index.interval.bytes",
        ANY_SIZE,
        "4096",
        "`index.interval.bytes` of topics that do not set it.",
    ),
    live(
        "log.message.timestamp.after.max.ms",
        TIME,
        "3600000",
        "`message.timestamp.after.max.ms` of topics that do not set it.",
    ),
    live(
        "log.message.timestamp.before.max.ms",
        TIME,
        FOREVER,
        "`message.timestamp.before.max.ms` of topics that do not set it.",
    ),
    live(
        "log.message.timestamp.type",
        CLOCKS,
        "CreateTime",
        "`message.timestamp.type` of topics that do not set it.",
    ),
    live("log.retention.bytes", LIMIT, "-1", "`retention.bytes` of topics that do not set it."),
    fixed(
        "log.retention.check.interval.ms",
        POSITIVE_TIME,
        "300000",
        "How often the broker looks for segments to close, delete and compact.",
    ),
    live("log.retention.ms", LIMIT, WEEK_MS, "`retention.ms` of topics that do not set it."),
    live("log.roll.ms", POSITIVE_TIME, WEEK_MS, "`segment.ms` of topics that do not set it."),
    live(
        "log.scrub.interval.ms",
        POSITIVE_TIME,
        WEEK_MS,
        "How long after one check of all stored bytes the next one begins; the first begins with the broker. A partition whose \
         bytes have changed is quarantined.",
    ),
    live("log.segment.bytes", SEGMENT_SIZE, "1073741824", "`segment.bytes` of topics that do not set it."),
    fixed(
        "log.sync.method",
        Kind::Choice(&["auto", "fdatasync", "syncfs"]),
        "auto",
        "How what is acknowledged gets onto the disk: `fdatasync` syncs one file after the other, `syncfs` the whole file \
         system at once (with what other programs left there), `auto` takes whichever is faster for the number of files.",
    ),
    fixed(
        "max.connections",
        Kind::Int { min: 1, max: i32::MAX },
        "10000",
        "How many clients may be connected at once. More are turned away until others leave.",
    ),
    live("message.max.bytes", BATCH_SIZE, "1048588", "`max.message.bytes` of topics that do not set it."),
    live(
        "num.partitions",
        Kind::Int { min: 1, max: 100_000 },
        "1",
        "How many partitions a topic gets when its creator does not say.",
    ),
    fixed(
        "offset.metadata.max.bytes",
        ANY_SIZE,
        "4096",
        "How much text a consumer may leave with each offset that it commits.",
    ),
    fixed(
        "offsets.retention.minutes",
        Kind::Int { min: 1, max: i32::MAX },
        "10080",
        "How long a group's committed offsets are kept after its last member has left or its last commit.",
    ),
    fixed(
        "offsets.salvage.enable",
        Kind::Boolean,
        "false",
        "What to do at the start when `__consumer_offsets` is damaged so that some of its records are lost: `false` refuses all \
         requests of groups, lest they begin anew or skip records; `true` sets the damaged files aside and serves what could be \
         read, so that some groups may read records again or not find their offsets.",
    ),
    live(
        "producer.id.expiration.ms",
        POSITIVE_TIME,
        "86400000",
        "How long a partition remembers an idempotent producer that sends nothing. What it sends again after that is appended \
         again.",
    ),
    fixed(
        "queued.max.request.bytes",
        Kind::Long { min: 1 << 20, max: i64::MAX },
        "16777216",
        "How many bytes of requests the broker holds in memory at once; a larger request has it all. When they are used up it \
         stops reading from its clients until some are answered.",
    ),
    fixed(
        "socket.request.max.bytes",
        Kind::Int { min: 1 << 10, max: 104_857_600 },
        "104857600",
        "The largest request of a Kafka client. The connection of one that sends more is closed.",
    ),
    fixed(
        "transaction.max.timeout.ms",
        Kind::Int { min: 1, max: i32::MAX },
        "900000",
        "The longest transaction timeout that a producer may ask for. A transaction that is open for longer than its timeout \
         is aborted; until then it holds up those who read committed records only.",
    ),
    fixed(
        "transactional.id.expiration.ms",
        Kind::Int { min: 1, max: i32::MAX },
        "604800000",
        "How long the broker remembers a transactional id that nobody uses.",
    ),
    fixed(
        "transactions.salvage.enable",
        Kind::Boolean,
        "false",
        "What to do at the start when `__transaction_state` is damaged so that some of its records are lost: `false` refuses all \
         transactions; `true` sets the damaged files aside, goes on with what could be read, and aborts what is open and known to \
         no transactional id any more, at this start and at each while it is set.",
    ),
];

/// The broker's or topic's setting of this name.
pub(super) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_their_defaults_hold() {
        for keys in [&TOPIC_KEYS[..], &GROUP_KEYS[..], &BROKER_KEYS[..]] {
            assert!(keys.is_sorted_by(|a, b| a.name < b.name));
            for key in keys {
                assert_eq!(key.kind.check(key.default), Ok(key.default), "{}", key.name);
                assert!(key.documentation.ends_with('.'), "{}", key.name);
            }
        }
    }

    #[test]
    fn a_key_agrees_with_the_brokers() {
        for key in TOPIC_KEYS.iter().chain(&GROUP_KEYS) {
            let Some(twin) = key.twin.and_then(|twin| find(&BROKER_KEYS, twin)) else {
                assert_eq!(key.twin, None, "the twin of {} is listed", key.name);
                continue;
            };
            assert_eq!(key.default, twin.default, "{}", key.name);
            assert_eq!(key.kind.to_string(), twin.kind.to_string(), "{}", key.name);
        }
    }

    #[test]
    fn a_topics_key_has_a_live_twin_or_is_given() {
        for key in &TOPIC_KEYS {
            let is_live =
                key.twin.and_then(|twin| find(&BROKER_KEYS, twin)).is_some_and(|twin| !twin.read_only);
            let is_given = matches!(key.kind, Kind::Only { value, .. } if value == key.default);
            assert!(is_live || is_given, "{}", key.name);
        }
    }
}
