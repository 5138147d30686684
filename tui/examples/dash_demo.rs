//! The dashboard on made-up data that moves, for whoever works on its looks: no broker is needed.
//!
//! `cargo run -p runnel-tui --example dash_demo -- [PARTITIONS] [OUTAGE_S]`: the first topic gets so many partitions
//! (12); with the second, the broker goes away for 10 s every OUTAGE_S seconds. With `DASH_ONCE=text` or `json` it prints
//! one frame of `DASH_SIZE` (120x40).

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use runnel_proto::client::{Address, connect};
use runnel_proto::v1::monitor_server::{Monitor, MonitorServer};
use runnel_proto::v1::{
    BrokerSample, Event, GroupMember, GroupPartition, GroupSample, GroupState, PartitionSample, Snapshot,
    TopicPartitions, TopicSample, Totals, WatchRequest,
};
use runnel_tui::{OnceFormat, Options};
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

const TOPICS: [(&str, i32, f64); 14] = [
    ("orders", 12, 310_000.0),
    ("clicks", 24, 220_000.0),
    ("payments.captured", 6, 41_000.0),
    ("inventory.changes", 6, 18_400.0),
    ("search.queries", 8, 12_100.0),
    ("logs.nginx", 3, 8_300.0),
    ("logs.app", 3, 5_120.0),
    ("mail.outbound", 2, 310.0),
    ("sensors.temperature", 4, 64.0),
    ("fraud.alerts", 1, 2.3),
    ("billing.invoices", 3, 0.4),
    ("deploys", 1, 0.02),
    ("archive.2023", 6, 0.0),
    ("__consumer_offsets", 4, 120.0),
];

/// Group, topic, members, and its speed as a share of the topic's.
const GROUPS: [(&str, usize, i32, f64); 9] = [
    ("billing", 0, 3, 0.97),
    ("search-indexer", 4, 2, 1.04),
    ("warehouse-sync", 3, 2, 1.0),
    ("fraud-detector", 2, 6, 1.0),
    ("clickstream-to-parquet", 1, 8, 1.01),
    ("mailer", 7, 1, 1.0),
    ("log-shipper", 5, 1, 0.99),
    ("night-report", 10, 0, 0.0),
    ("analytics-replay", 1, 4, 1.6),
];

/// The made-up cluster.
struct World {
    started: Instant,
    boot_ms: i64,
    partitions: Vec<Vec<PartitionSample>>,
    committed: Vec<Vec<f64>>,
    memory: u64,
    random: u64,
    events: Vec<Event>,
}

impl World {
    fn new(first_partitions: i32) -> Self {
        let sizes = TOPICS
            .iter()
            .enumerate()
            .map(|(place, topic)| if place == 0 { first_partitions } else { topic.1 });
        let partitions: Vec<Vec<_>> = sizes
            .map(|count| {
                let fresh = |partition| PartitionSample {
                    partition,
                    log_end_offset: 40_000_000 + i64::from(partition) * 1000,
                    high_watermark: 40_000_000 + i64::from(partition) * 1000,
                    log_start_offset: 12_345_678,
                    size_bytes: 3_400_000_000,
                    segments: 4,
                    ..Default::default()
                };
                (0..count).map(fresh).collect()
            })
            .collect();
        let behind = [3_000_000.0, 40_000.0, 900.0, 0.0, 9_000.0, 3.0, 20_000.0, 41.0, 90_000_000.0];
        let committed = GROUPS
            .iter()
            .zip(behind)
            .map(|(group, behind)| {
                let rows = &partitions[group.1];
                rows.iter().map(|row| row.high_watermark as f64 - behind / rows.len() as f64).collect()
            })
            .collect();
        Self {
            started: Instant::now(),
            boot_ms: now_ms() - 277_000_000,
            partitions,
            committed,
            memory: 18 << 20,
            random: 0x9e37_79b9_7f4a_7c15,
            events: Vec::new(),
        }
    }

    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn step(&mut self, dt_s: f64) {
        let age_s = self.started.elapsed().as_secs_f64();
        for (place, (_, _, rate)) in TOPICS.iter().enumerate() {
            let wave =
                1.0 + 0.35 * (age_s / (7.0 + place as f64)).sin() + 0.2 * (age_s / 2.3 + place as f64).sin();
            let count = self.partitions[place].len();
            for number in 0..count {
                // The fourth partition of everything is hotter than its neighbours.
                let skew = if number == 3 { 2.2 } else { 0.8 + 0.4 * self.random() };
                let per_s = rate / count as f64 * wave * skew;
                let appended = (per_s * dt_s + self.random()).floor();
                let row = &mut self.partitions[place][number];
                row.log_end_offset += appended as i64;
                row.high_watermark = row.log_end_offset;
                row.size_bytes += (appended * 210.0) as u64;
                row.segments = (row.size_bytes >> 30) as u32 + 1;
                row.records_in_per_s = appended / dt_s;
                row.bytes_in_per_s = row.records_in_per_s * 210.0;
                row.bytes_out_per_s = row.bytes_in_per_s * 1.4;
            }
        }
        for (place, (_, topic, members, speed)) in GROUPS.iter().enumerate() {
            for (number, row) in self.partitions[*topic].iter().enumerate() {
                let step = row.records_in_per_s * speed * dt_s * f64::from((*members).min(1));
                let committed = &mut self.committed[place][number];
                *committed = (*committed + step).min(row.high_watermark as f64);
            }
        }
        self.memory = (18 << 20) + (self.random() * 3e6) as u64;
        if self.random() < 0.1 * dt_s {
            let group = GROUPS[(self.random() * GROUPS.len() as f64) as usize].0;
            let messages = [
                format!("group {group} rebalanced: 3 → 2 members, generation 18"),
                "topic orders rolled a segment at offset 41,200,311".to_owned(),
                "retention deleted 3 segments (2.9 GiB) of logs.nginx".to_owned(),
            ];
            let message = messages[(self.random() * 3.0) as usize].clone();
            self.events.push(Event { time_ms: now_ms(), message });
        }
    }

    /// Everything there is, as a full snapshot.
    fn snapshot(&mut self) -> Snapshot {
        let topics: Vec<TopicSample> = TOPICS
            .iter()
            .zip(&self.partitions)
            .map(|((name, _, _), partitions)| TopicSample {
                id: format!("id-of-{name}"),
                name: (*name).into(),
                internal: name.starts_with("__"),
                records_estimated: false,
                partition_count: partitions.len() as u32,
                partitions: partitions.clone(),
            })
            .collect();
        let sum = |field: fn(&PartitionSample) -> f64| {
            let outer = topics.iter().filter(|topic| !topic.internal);
            outer.flat_map(|topic| &topic.partitions).map(field).sum::<f64>()
        };
        let totals = Totals {
            records_in_per_s: sum(|row| row.records_in_per_s),
            bytes_in_per_s: sum(|row| row.bytes_in_per_s),
            records_out_per_s: sum(|row| row.records_in_per_s) * 1.4,
            bytes_out_per_s: sum(|row| row.bytes_out_per_s),
            topics: topics.len() as u32 - 1,
            partitions: topics.iter().map(|topic| topic.partition_count).sum::<u32>() - 4,
            groups: Some(GROUPS.len() as u32),
            size_bytes: sum(|row| row.size_bytes as f64) as u64,
        };
        let groups = (0..GROUPS.len()).map(|place| self.group(place)).collect();
        Snapshot {
            time_ms: now_ms(),
            full: true,
            cluster_id: "demo".into(),
            brokers: vec![BrokerSample {
                id: 1,
                listeners: vec!["127.0.0.1:9092".into(), "unix:/run/runnel.sock".into()],
                version: "0.1.0".into(),
                start_time_ms: self.boot_ms,
                memory_bytes: self.memory,
                cpu_ms: (self.started.elapsed().as_secs_f64() * 310.0) as u64,
                connections: 29,
                disk_free_bytes: Some(530 << 30),
                disk_total_bytes: Some(1862 << 30),
            }],
            totals: Some(totals),
            topics,
            groups,
            events: std::mem::take(&mut self.events),
            ..Default::default()
        }
    }

    fn group(&self, place: usize) -> GroupSample {
        let (group, topic, members, _) = GROUPS[place];
        let (name, rate) = (TOPICS[topic].0, TOPICS[topic].2);
        let member_id = |number: i32| format!("{group}-{number}-5f3a1c2e-77d0-4f2b-9a41-0c6d2e8b9f10");
        let rows = &self.partitions[topic];
        let partitions = rows.iter().zip(&self.committed[place]).map(|(row, committed)| {
            let lag = (row.high_watermark - *committed as i64).max(0);
            GroupPartition {
                topic: name.into(),
                partition: row.partition,
                committed_offset: Some(*committed as i64),
                log_start_offset: Some(row.log_start_offset),
                end_offset: Some(row.high_watermark),
                lag: Some(lag),
                time_lag_ms: Some((lag as f64 / (rate / rows.len() as f64).max(0.001) * 1000.0) as i64),
                member_id: if members > 0 { member_id(row.partition % members) } else { String::new() },
                metadata: String::new(),
                commit_time_ms: now_ms() - if members == 0 { 86_400_000 } else { 700 },
            }
        });
        let member = |number| GroupMember {
            member_id: member_id(number),
            instance_id: None,
            client_id: format!("{group}-{number}"),
            client_host: format!("10.0.3.{}", 11 + number),
            assignment: vec![TopicPartitions {
                topic: name.into(),
                partitions: (0..rows.len() as i32)
                    .filter(|partition| partition % members == number)
                    .collect(),
            }],
            ..Default::default()
        };
        GroupSample {
            group: group.into(),
            state: if members > 0 { GroupState::Stable } else { GroupState::Empty } as i32,
            protocol_type: "consumer".into(),
            protocol: if members > 0 { "cooperative-sticky".into() } else { String::new() },
            generation: 17,
            members: (0..members).map(member).collect(),
            partitions: partitions.collect(),
            ..Default::default()
        }
    }
}

/// Leaves out what is as it was.
fn delta(before: &Snapshot, mut now: Snapshot) -> Snapshot {
    now.full = false;
    for (topic, old) in now.topics.iter_mut().zip(&before.topics) {
        topic.partitions = changed(&topic.partitions, &old.partitions);
    }
    for (group, old) in now.groups.iter_mut().zip(&before.groups) {
        group.partitions = changed(&group.partitions, &old.partitions);
    }
    now.topics.retain(|topic| !topic.partitions.is_empty());
    now
}

fn changed<T: PartialEq + Clone>(now: &[T], before: &[T]) -> Vec<T> {
    now.iter().zip(before).filter(|(now, before)| now != before).map(|(now, _)| now.clone()).collect()
}

struct Server {
    partitions: i32,
    outage: Option<Duration>,
    started: Instant,
}

#[tonic::async_trait]
impl Monitor for Server {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Snapshot, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let interval = Duration::from_millis(request.into_inner().interval_ms.max(100).into());
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let mut world = World::new(self.partitions);
        let (outage, started) = (self.outage, self.started);
        tokio::spawn(async move {
            let mut before: Option<Snapshot> = None;
            while !is_out(outage, started) {
                let now = world.snapshot();
                let message =
                    before.as_ref().map_or_else(|| now.clone(), |before| delta(before, now.clone()));
                if sender.send(Ok(message)).await.is_err() {
                    return;
                }
                before = Some(now);
                tokio::time::sleep(interval).await;
                world.step(interval.as_secs_f64());
            }
            let _ = sender.send(Err(Status::unavailable("the connection was closed by the broker"))).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// Whether the broker plays dead now.
fn is_out(outage: Option<Duration>, started: Instant) -> bool {
    const LASTS: Duration = Duration::from_secs(10);
    outage.is_some_and(|every| started.elapsed().as_secs() % (every + LASTS).as_secs() >= every.as_secs())
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as i64)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let partitions = arguments.next().map_or(Ok(12), |text| text.parse())?;
    let outage = arguments.next().map(|text| text.parse().map(Duration::from_secs)).transpose()?;
    let started = Instant::now();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address: Address = listener.local_addr()?.to_string().parse()?;
    let monitor =
        MonitorServer::new(Server { partitions, outage, started }).max_encoding_message_size(128 << 20);
    let server = tonic::transport::Server::builder().add_service(monitor);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let label = format!("demo at {address}");
    let connect = Arc::new(move || -> Pin<Box<dyn Future<Output = Result<_, String>> + Send>> {
        let address = address.clone();
        Box::pin(async move {
            if is_out(outage, started) {
                return Err(format!("cannot connect to {address}: connection refused"));
            }
            connect(&address, Duration::from_secs(3)).await.map_err(|error| error.to_string())
        })
    });
    let color = std::env::var_os("NO_COLOR").is_none();
    let options = Options { address_label: label, connect, color };
    let Ok(once) = std::env::var("DASH_ONCE") else {
        return Ok(runnel_tui::run(options).await?);
    };
    let size = std::env::var("DASH_SIZE").unwrap_or("120x40".into());
    let (columns, rows) = size.split_once('x').ok_or("DASH_SIZE is COLUMNSxROWS")?;
    let format = if once == "json" { OnceFormat::Json } else { OnceFormat::Text };
    let frame = runnel_tui::once(
        options,
        (columns.parse()?, rows.parse()?),
        format,
        Duration::from_secs(10),
        Duration::ZERO,
    )
    .await?;
    std::io::Write::write_all(&mut std::io::stdout(), frame.as_bytes())?;
    Ok(())
}
