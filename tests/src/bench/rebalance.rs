//! How long a group takes until each of its members has partitions, and all partitions have members.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::engine::{Bench, FreshTopic, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::Result;
use crate::measure::figures::Unit;

const SIZES: [u32; 2] = [10, 100];
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
const POLLS_FOR: Duration = Duration::from_millis(20);
/// Members learn of a rebalance by their heartbeats; by default every three seconds, which would hide the broker.
const HEARTBEAT_MS: &str = "100";

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka]);
    for size in SIZES {
        let size = bench.scaled(size, size / 5);
        let row = |what: String| {
            Row::new(what, Unit::S, kinds.iter().map(|kind| kind.name())).against(Kind::Kafka.name())
        };
        let rows = vec![
            row(format!("rebalance: {size} members start a group together")),
            row(format!("rebalance: one more joins a group of {size}")),
        ];
        bench.measure_brokers(rows, &kinds, |bench, kind| {
            let topic = bench.fresh_topic(kind, 2 * (size + 1))?;
            let mut group = Group::new(&topic);
            let (together_s, together) = watched(topic.pid, By::Time, || group.grow(size))?;
            let (joined_s, joined) = watched(topic.pid, By::Time, || group.grow(1))?;
            drop(group);
            topic.delete()?;
            Ok(Turn(vec![(together_s, Some(together)), (joined_s, Some(joined))]))
        });
    }
}

/// A consumer group that is named as the topic it consumes. Its members leave when it is dropped.
struct Group {
    broker: SocketAddr,
    topic: String,
    partitions: usize,
    stopping: Arc<AtomicBool>,
    members: Vec<Member>,
}

struct Member {
    /// How many it has now.
    partitions: Arc<AtomicUsize>,
    polls: Option<JoinHandle<()>>,
}

impl Group {
    fn new(topic: &FreshTopic) -> Self {
        Self {
            broker: topic.address,
            topic: topic.name.clone(),
            partitions: 0,
            stopping: Arc::default(),
            members: Vec::new(),
        }
    }

    /// Starts more members; seconds until each has partitions and all partitions are taken.
    fn grow(&mut self, more: u32) -> Result<f64> {
        let start = Instant::now();
        for _ in 0..more {
            let member = self.member()?;
            self.members.push(member);
        }
        while !self.is_balanced() {
            if start.elapsed() > PATIENCE {
                return Err("the group does not come to rest".into());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(start.elapsed().as_secs_f64())
    }

    fn is_balanced(&self) -> bool {
        let taken = self.members.iter().map(|member| member.partitions.load(Ordering::Relaxed));
        self.partitions > 0 && taken.clone().all(|count| count > 0) && taken.sum::<usize>() == self.partitions
    }

    fn member(&mut self) -> Result<Member> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.broker.to_string())
            .set("group.id", &self.topic)
            .set("heartbeat.interval.ms", HEARTBEAT_MS)
            .set("enable.auto.commit", "false")
            .create()?;
        if self.partitions == 0 {
            let told = consumer.fetch_metadata(Some(&self.topic), PATIENCE)?;
            self.partitions = told.topics().iter().map(|topic| topic.partitions().len()).sum();
        }
        consumer.subscribe(&[&self.topic])?;
        let partitions = Arc::new(AtomicUsize::new(0));
        let (counted, stopping) = (Arc::clone(&partitions), Arc::clone(&self.stopping));
        let polls = thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                // The topic is empty: what comes are rebalances, and errors that pass.
                let _ = consumer.poll(POLLS_FOR);
                let count = consumer.assignment().map_or(0, |partitions| partitions.count());
                counted.store(count, Ordering::Relaxed);
            }
        });
        Ok(Member { partitions, polls: Some(polls) })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for member in &mut self.members {
            if let Some(polls) = member.polls.take() {
                let _ = polls.join();
            }
        }
    }
}
