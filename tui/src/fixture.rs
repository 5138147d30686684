//! Fixed data for tests: a cluster that is the same on every run.

use std::time::{Duration, Instant};

use runnel_proto::v1::{
    BrokerSample, Error, Event, GroupMember, GroupPartition, GroupSample, GroupState, PartitionSample,
    Snapshot, TopicPartitions, TopicSample, Totals,
};

use crate::state::{Message, State};

/// When the fixed data was taken: some time in 2025.
pub(crate) const TIME_MS: i64 = 1_750_000_000_000;

/// A state that heard these snapshots, a second apart, the last one at `now`.
pub(crate) fn heard(snapshots: Vec<Snapshot>, now: Instant) -> State {
    let mut state = State::new("prod.example:9092".into(), Duration::from_secs(1));
    state.receive(Message::Opened { interval: Duration::from_secs(1) }, now);
    for snapshot in snapshots {
        state.receive(Message::Snapshot(Box::new(snapshot)), now);
    }
    state
}

/// One partition, with a log from `start` to `end`.
pub(crate) fn partition(number: i32, start: i64, end: i64, per_s: f64) -> PartitionSample {
    PartitionSample {
        partition: number,
        log_start_offset: start,
        high_watermark: end,
        log_end_offset: end,
        size_bytes: (end.saturating_sub(start) as u64).saturating_mul(200),
        segments: 4,
        records_in_per_s: per_s,
        bytes_in_per_s: per_s * 200.0,
        bytes_out_per_s: per_s * 400.0,
        error: None,
    }
}

/// One topic with these partitions.
pub(crate) fn topic(name: &str, partitions: Vec<PartitionSample>) -> TopicSample {
    TopicSample {
        id: format!("id-{name}"),
        name: name.into(),
        internal: name.starts_with("__"),
        records_estimated: false,
        partition_count: partitions.len() as u32,
        partitions,
    }
}

/// A group's place in one partition.
pub(crate) fn position(topic: &str, number: i32, committed: i64, end: i64, owner: &str) -> GroupPartition {
    GroupPartition {
        topic: topic.into(),
        partition: number,
        committed_offset: Some(committed),
        log_start_offset: Some(0),
        end_offset: Some(end),
        lag: Some((end - committed).max(0)),
        time_lag_ms: Some((end - committed).max(0) / 10),
        member_id: owner.into(),
        metadata: String::new(),
        commit_time_ms: TIME_MS - 1_500,
    }
}

/// One group; its members own what `positions` say.
pub(crate) fn group(
    name: &str,
    state: GroupState,
    members: &[&str],
    positions: Vec<GroupPartition>,
) -> GroupSample {
    let member = |id: &&str| GroupMember {
        member_id: (*id).into(),
        instance_id: None,
        client_id: format!("client-of-{id}"),
        client_host: "10.0.3.11".into(),
        assignment: positions
            .iter()
            .filter(|row| row.member_id == *id)
            .map(|row| TopicPartitions { topic: row.topic.clone(), partitions: vec![row.partition] })
            .collect(),
        ..Default::default()
    };
    GroupSample {
        group: name.into(),
        state: state as i32,
        protocol_type: "consumer".into(),
        protocol: if members.is_empty() { String::new() } else { "cooperative-sticky".into() },
        generation: 17,
        members: members.iter().map(member).collect(),
        partitions: positions.clone(),
        ..Default::default()
    }
}

/// The sums over these topics.
pub(crate) fn totals(topics: &[TopicSample], groups: usize) -> Totals {
    let all = || topics.iter().filter(|topic| !topic.internal).flat_map(|topic| &topic.partitions);
    Totals {
        records_in_per_s: all().map(|row| row.records_in_per_s).sum(),
        bytes_in_per_s: all().map(|row| row.bytes_in_per_s).sum(),
        records_out_per_s: all().map(|row| row.records_in_per_s * 2.0).sum(),
        bytes_out_per_s: all().map(|row| row.bytes_out_per_s).sum(),
        topics: topics.iter().filter(|topic| !topic.internal).count() as u32,
        partitions: all().count() as u32,
        groups: Some(groups as u32),
        size_bytes: all().map(|row| row.size_bytes).sum(),
    }
}

/// A full snapshot of these topics and groups.
pub(crate) fn full(time_ms: i64, topics: Vec<TopicSample>, groups: Vec<GroupSample>) -> Snapshot {
    Snapshot {
        time_ms,
        full: true,
        cluster_id: "Qm9vdHN0cmFw".into(),
        brokers: vec![BrokerSample {
            id: 1,
            listeners: vec!["127.0.0.1:9092".into()],
            version: "0.1.0".into(),
            start_time_ms: TIME_MS - 277_000_000,
            memory_bytes: 19 << 20,
            cpu_ms: ((time_ms - TIME_MS + 1_000_000) as f64 * 0.31) as u64,
            connections: 29,
            disk_free_bytes: Some(530 << 30),
            disk_total_bytes: Some(1862 << 30),
        }],
        totals: Some(totals(&topics, groups.len())),
        topics,
        groups,
        ..Default::default()
    }
}

/// A minute of a busy cluster: one group falls behind, one catches up, one rebalances, one is away.
pub(crate) fn busy() -> Vec<Snapshot> {
    (0..60).map(|second| busy_at(second - 59)).collect()
}

fn busy_at(second: i64) -> Snapshot {
    let wave = 1.0 + 0.4 * (second as f64 / 9.0).sin();
    let topics = [("orders", 6, 310_000.0), ("clicks", 12, 220_000.0), ("payments.captured", 3, 41_000.0)]
        .into_iter()
        .chain([("logs.nginx", 3, 8_300.0), ("deploys", 1, 0.02), ("archive.2023", 6, 0.0)])
        .chain([("__consumer_offsets", 4, 120.0)]);
    let topics: Vec<TopicSample> = topics
        .map(|(name, count, per_s)| {
            let end =
                |number: i32| 50_000_000 + second * per_s as i64 / i64::from(count) + i64::from(number) * 977;
            let share = |number: i32| {
                per_s * wave / f64::from(count)
                    * if number == 3 { 2.0 } else { 1.0 - 0.02 * f64::from(number) }
            };
            topic(
                name,
                (0..count).map(|number| partition(number, 12_345_678, end(number), share(number))).collect(),
            )
        })
        .collect();
    let at = |topic: usize, behind: i64, owners: &[&str]| -> Vec<GroupPartition> {
        let sample = &topics[topic];
        let rows = sample.partitions.iter().zip(owners.iter().cycle());
        rows.map(|(row, owner)| {
            position(&sample.name, row.partition, row.high_watermark - behind, row.high_watermark, owner)
        })
        .collect()
    };
    let groups = vec![
        group(
            "billing",
            GroupState::Stable,
            &["b-1", "b-2"],
            at(0, 500_000 + (second + 59) * 2_000, &["b-1", "b-2"]),
        ),
        group(
            "search-indexer",
            GroupState::Stable,
            &["s-1"],
            at(1, 90_000 - (second + 59) * 1_400, &["s-1"]),
        ),
        group("fraud-detector", GroupState::PreparingRebalance, &["f-1", "f-2"], at(2, 40, &[""])),
        group("mailer", GroupState::Stable, &["m-1"], at(4, 0, &["m-1"])),
        group("night-report", GroupState::Empty, &[], {
            let mut rows = at(5, 8_000_000, &[""]);
            rows.iter_mut().for_each(|row| row.commit_time_ms = TIME_MS - 36_000_000);
            rows
        }),
        group("just-joined", GroupState::CompletingRebalance, &["j-1"], {
            let mut rows = at(3, 0, &["j-1"]);
            for row in &mut rows {
                (row.committed_offset, row.lag, row.time_lag_ms, row.commit_time_ms) = (None, None, None, 0);
            }
            rows
        }),
    ];
    let mut snapshot = full(TIME_MS + second * 1000, topics, groups);
    snapshot.full = second == -59;
    snapshot.events = match second {
        -50 => vec!["topic deploys was created with 1 partition"],
        -7 => vec!["group fraud-detector rebalances: a member joined", "group fraud-detector: 2 members"],
        _ => Vec::new(),
    }
    .into_iter()
    .map(|message| Event { time_ms: TIME_MS + second * 1000, message: message.into() })
    .collect();
    snapshot
}

/// Names that would harm a terminal, break a layout or fool the eye.
pub(crate) fn hostile() -> Vec<Snapshot> {
    let names = [
        "\u{1b}[2J\u{1b}[31mred",
        "tab\tand\nnewline",
        "\u{202e}desrever",
        "日本語トピックの長い名前です",
        "",
    ];
    let long = "x".repeat(249);
    let topics: Vec<_> = names
        .iter()
        .copied()
        .chain([long.as_str()])
        .enumerate()
        .map(|(place, name)| {
            let mut sample = topic(name, vec![partition(0, 0, 1000, 10.0 * (place + 1) as f64)]);
            sample.id = format!("id-{place}");
            sample
        })
        .collect();
    let groups = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let mut row = position(name, 0, 0, (place as i64 + 1) * 100, "\u{7}bell");
            row.metadata = "\u{9b}31m".into();
            group(name, GroupState::Stable, &["\u{7}bell"], vec![row])
        })
        .collect();
    let mut snapshot = full(TIME_MS, topics, groups);
    snapshot.brokers[0].version = "\u{1b}]0;title\u{7}".into();
    snapshot.brokers[0].disk_total_bytes = None;
    snapshot.events = vec![Event { time_ms: TIME_MS, message: "event \u{1b}[1mwith\r\nescapes".into() }];
    vec![snapshot.clone(), Snapshot { time_ms: TIME_MS + 1000, ..snapshot }]
}

/// Figures at the end of their ranges.
pub(crate) fn huge() -> Vec<Snapshot> {
    let mut big = partition(i32::MAX, 0, i64::MAX, f64::MAX / 4.0);
    big.size_bytes = u64::MAX;
    big.segments = u32::MAX;
    let mut broken = partition(0, i64::MIN, i64::MIN, f64::NAN);
    broken.size_bytes = 0;
    broken.error = Some(Error {
        code: 14,
        message:
            "segment 00000000000000000042.log fails its checksum at byte 1,048,576; restore it from a copy"
                .into(),
        name: "huge".into(),
    });
    let rows = vec![position("huge", i32::MAX, 0, i64::MAX, "m")];
    let mut snapshot = full(
        TIME_MS,
        vec![topic("huge", vec![broken, big])],
        vec![group("behind", GroupState::Stable, &["m"], rows)],
    );
    snapshot.totals = Some(Totals {
        records_in_per_s: 1e300,
        bytes_in_per_s: 1e300,
        records_out_per_s: 9.9e15,
        bytes_out_per_s: 9.9e15,
        topics: u32::MAX,
        partitions: u32::MAX,
        groups: Some(u32::MAX),
        size_bytes: u64::MAX,
    });
    snapshot.brokers[0].memory_bytes = u64::MAX;
    snapshot.brokers[0].disk_free_bytes = Some(0);
    snapshot.brokers[0].disk_total_bytes = Some(u64::MAX);
    snapshot.brokers[0].connections = u32::MAX;
    vec![snapshot.clone(), Snapshot { time_ms: i64::MAX, ..snapshot }]
}

/// One topic with so many partitions, all read by one group.
pub(crate) fn many_partitions(count: i32) -> Vec<Snapshot> {
    let rate = |number: i32| f64::from(number % 97) + if number == count / 2 { 400.0 } else { 0.0 };
    let end = |number: i32| 1_000_000 + i64::from(number);
    let partitions = (0..count).map(|number| partition(number, 0, end(number), rate(number))).collect();
    let rows = (0..count)
        .map(|number| position("wide", number, end(number) - i64::from(number % 1013), end(number), "m"));
    let snapshot = full(
        TIME_MS,
        vec![topic("wide", partitions)],
        vec![group("reader", GroupState::Stable, &["m"], rows.collect())],
    );
    vec![snapshot.clone(), Snapshot { time_ms: TIME_MS + 1000, ..snapshot }]
}
