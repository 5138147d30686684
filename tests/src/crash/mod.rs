//! kill -9 in a loop under load: what was acknowledged must be there afterwards, once, at its offset, in its order.
//!
//! Each cycle lets several producers, readers, a committing group and an administrator work against a broker, kills it at
//! a random moment, starts it anew and compares what it holds with what it had promised. Producers never send a batch
//! again, so whatever stands twice in a log was doubled by the broker.

mod bystander;
mod check;
mod writer;

use std::fmt;
use std::time::Duration;

use runnel_proto::client::{Address, connect};
use runnel_proto::v1::CreateTopicRequest;
use runnel_proto::v1::topics_client::TopicsClient;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::harness::{PATIENCE, Random, TestBroker, read_partition};
use bystander::{Administrator, Committer, Witness};
use check::{LogCheck, verify_all};
use writer::{Sent, Writer};

const TOPIC: &str = "crash";
const PARTITIONS: i32 = 3;
const WRITERS_PER_PARTITION: u32 = 2;
/// Small, so that segments roll all the time.
const SETTINGS: [&str; 2] = ["log.segment.bytes=65536", "log.index.interval.bytes=512"];
const LONGEST_CYCLE_MS: u64 = 300;

/// How long to go on, and with which randomness.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often to kill.
    pub cycles: u32,
    /// Decides the moments and the batches; the machine's own timing is not repeatable.
    pub seed: u64,
}

/// What went through without anything lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Kills survived.
    pub cycles: u32,
    /// The run's seed.
    pub seed: u64,
    /// Records that were acknowledged; all were found.
    pub acknowledged: u64,
    /// Records whose answer the kill cut off.
    pub unknown: u64,
    /// How many of those were stored; each of their batches wholly.
    pub unknown_stored: u64,
    /// Records that readers had seen before a kill; all were found.
    pub seen: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kills             {:>12}   seed {}", self.cycles, self.seed)?;
        writeln!(f, "acknowledged      {:>12}   records, 0 lost, 0 twice, no hole", self.acknowledged)?;
        writeln!(f, "seen by readers   {:>12}   records, 0 gone or changed", self.seen)?;
        writeln!(
            f,
            "without an answer {:>12}   records, {} of them stored",
            self.unknown, self.unknown_stored
        )?;
        // No failure in n trials: the true share is below 3/n with 95 % confidence.
        let bound = 300.0 / f64::from(self.cycles.max(1));
        write!(f, "bound             {bound:>11.2}%   of kills may lose something, with 95 % confidence")
    }
}

/// Runs the loop.
///
/// # Errors
/// What was lost, doubled or left out, with the seed.
pub fn run(plan: Plan) -> Result<Summary, String> {
    let told = |error: String| format!("{error}; seed {}", plan.seed);
    Loop::start(plan).map_err(told)?.run().map_err(told)
}

struct Loop {
    plan: Plan,
    random: Random,
    runtime: Runtime,
    broker: TestBroker,
    writers: Vec<Writer>,
    witnesses: Vec<Witness>,
    committer: Committer,
    administrator: Administrator,
    logs: Vec<LogCheck>,
}

impl Loop {
    fn start(plan: Plan) -> Result<Self, String> {
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let broker = TestBroker::start_with(&SETTINGS);
        let request = CreateTopicRequest {
            name: TOPIC.into(),
            partitions: PARTITIONS,
            ..CreateTopicRequest::default()
        };
        runtime.block_on(async {
            let created = TopicsClient::new(dial(&broker).await?).create_topic(request).await;
            created.map(drop).map_err(|status| status.message().to_owned())
        })?;
        let mut random = Random::new(plan.seed);
        let writers = (0..PARTITIONS as u32 * WRITERS_PER_PARTITION)
            .map(|id| Writer::new(id, (id % PARTITIONS as u32) as i32, random.bits()))
            .collect();
        Ok(Self {
            plan,
            random,
            runtime,
            broker,
            writers,
            witnesses: (0..PARTITIONS).map(Witness::new).collect(),
            committer: Committer::default(),
            administrator: Administrator::default(),
            logs: (0..PARTITIONS).map(LogCheck::new).collect(),
        })
    }

    fn run(mut self) -> Result<Summary, String> {
        for cycle in 1..=self.plan.cycles {
            let in_cycle = |error| format!("cycle {cycle}: {error}");
            let sent = self.work_and_kill().map_err(in_cycle)?;
            self.broker.start_again();
            self.check(sent).map_err(in_cycle)?;
        }
        self.check_all()
    }

    /// Lets everybody work, and kills the broker meanwhile. Returns what the writers sent.
    fn work_and_kill(&mut self) -> Result<Vec<Sent>, String> {
        let moment = Duration::from_millis(10 + self.random.below(LONGEST_CYCLE_MS));
        let Self { runtime, broker, writers, witnesses, committer, administrator, .. } = self;
        let pid = broker.process().pid();
        let working = async {
            let channel = dial(broker).await?;
            tokio::join!(
                futures_util::future::join_all(
                    writers.iter_mut().map(|writer| writer.write(channel.clone()))
                ),
                futures_util::future::join_all(
                    witnesses.iter_mut().map(|witness| witness.watch(channel.clone()))
                ),
                committer.commit(channel.clone()),
                administrator.toggle(channel.clone()),
            );
            Ok::<(), String>(())
        };
        // Everybody's work ends with the broker.
        runtime.block_on(async {
            let killing = async {
                tokio::time::sleep(moment).await;
                kill(pid)
            };
            let (worked, killed) = tokio::join!(tokio::time::timeout(PATIENCE, working), killing);
            worked.map_err(|_| "clients hang although the broker is gone".to_owned())??;
            killed
        })?;
        self.broker.kill();
        Ok(self.writers.iter_mut().flat_map(Writer::take_sent).collect())
    }

    /// Compares what is new in the logs with what was promised.
    fn check(&mut self, sent: Vec<Sent>) -> Result<(), String> {
        let Self { runtime, broker, logs, witnesses, committer, administrator, .. } = self;
        runtime.block_on(async {
            let channel = dial(broker).await?;
            for log in logs.iter_mut() {
                let partition = log.partition();
                let batches = read_partition(channel.clone(), TOPIC, partition, log.next_offset()).await?;
                log.append(&batches)?;
                log.settle(sent.iter().filter(|sent| sent.partition == partition))?;
                for witness in witnesses.iter_mut().filter(|witness| witness.partition() == partition) {
                    log.has_all(witness.take_seen())?;
                    witness.go_on_at(log.next_offset());
                }
                log.forget_new();
            }
            committer.check(channel.clone()).await?;
            administrator.check(channel).await
        })
    }

    /// Reads everything once more from the beginning.
    fn check_all(self) -> Result<Summary, String> {
        let Self { plan, runtime, broker, logs, .. } = self;
        let mut summary = Summary {
            cycles: plan.cycles,
            seed: plan.seed,
            acknowledged: 0,
            unknown: 0,
            unknown_stored: 0,
            seen: 0,
        };
        for log in logs {
            let reading = async { read_partition(dial(&broker).await?, TOPIC, log.partition(), 0).await };
            let batches = runtime.block_on(reading)?;
            verify_all(&log, &batches)?;
            summary.acknowledged += log.tally().acknowledged;
            summary.unknown += log.tally().unknown;
            summary.unknown_stored += log.tally().unknown_stored;
            summary.seen += log.tally().seen;
        }
        Ok(summary)
    }
}

fn kill(pid: i32) -> Result<(), String> {
    use nix::sys::signal::{Signal, kill};
    kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)
        .map_err(|error| format!("can't kill the broker: {error}"))
}

async fn dial(broker: &TestBroker) -> Result<Channel, String> {
    connect(&Address::Unix(broker.socket()), PATIENCE).await.map_err(|error| error.to_string())
}
