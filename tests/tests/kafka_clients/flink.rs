//! Flink with an exactly-once sink: its job fails, its process is killed, the broker is killed, and each record comes out
//! once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use runnel_tests::clients::find;
use runnel_tests::harness::{Process, Runnel, TestBroker, eventually};

use crate::jvm::Jvm;

/// Flink's sink asks for an hour, four times what a broker grants.
const AN_HOUR: &str = "transaction.max.timeout.ms=3600000";

struct Flink {
    jvm: Jvm,
    kcat: PathBuf,
    broker: TestBroker,
    address: String,
    naming: &'static str,
    fed: Vec<String>,
}

impl Flink {
    fn start(naming: &'static str, settings: &[&str], test: &str) -> Option<Self> {
        let jvm = Jvm::find("flink", "ExactlyOnce.java", test)?;
        let kcat = find("kcat", test)?;
        let broker = TestBroker::start_at_one_address(settings);
        let address = broker.address();
        broker.runnel(["topic", "create", "in"]).run().ok();
        broker.runnel(["topic", "create", "out"]).run().ok();
        Some(Self { jvm, kcat, broker, address, naming, fed: Vec::new() })
    }

    /// A job, with settings of Flink and of its producer, each `KEY=VALUE`.
    fn job(&self, settings: &[&str]) -> Process {
        let checkpoints = self.checkpoints();
        let args = [&*self.address, self.naming, checkpoints.to_str().expect("a short path")];
        self.jvm.program("ExactlyOnce", &[&args, settings].concat()).spawn()
    }

    fn checkpoints(&self) -> PathBuf {
        self.broker.home().path().join("checkpoints")
    }

    /// Produces so many records, each its number.
    fn feed(&mut self, records: usize) {
        let first = self.fed.len();
        let values: Vec<String> = (first..first + records).map(|at| format!("record {at}")).collect();
        self.broker.produce("in", values.join("\n"));
        self.fed.extend(values);
    }

    /// Produces the record that makes a job fail.
    fn feed_failure(&mut self) {
        self.broker.produce("in", "fail");
        self.fed.push("fail".to_owned());
    }

    /// What came out.
    fn out(&self, isolation: &str) -> Vec<String> {
        let mut command = Command::new(&self.kcat);
        command.args(["-b", &self.address, "-C", "-e", "-q", "-t", "out"]);
        command.args(["-X", &format!("isolation.level={isolation}")]);
        Runnel::new(command).run().ok().lines().into_iter().map(str::to_owned).collect()
    }

    /// Waits until as many records are committed as were fed, and compares them.
    #[track_caller]
    fn wait_for_all(&self, job: &mut Process) {
        let out = eventually("all records", || {
            assert!(!job.has_ended(), "{}", job.shown());
            let out = self.out("read_committed");
            if out.len() >= self.fed.len() {
                Ok(out)
            } else {
                Err(format!("{} of {}; {}", out.len(), self.fed.len(), job.shown()))
            }
        });
        let fed: Vec<String> = self.fed.iter().map(|value| value.to_uppercase()).collect();
        assert!(out == fed, "{} records came out of {}: {}", out.len(), fed.len(), job.shown());
    }
}

/// The newest complete checkpoint: `JOB/chk-N`, which has its metadata last.
fn newest_checkpoint(checkpoints: &Path) -> PathBuf {
    let below = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let jobs = below(checkpoints).collect::<Vec<_>>();
    let complete = jobs.iter().flat_map(|job| below(job)).filter(|dir| dir.join("_metadata").exists());
    let written = |dir: &PathBuf| fs::metadata(dir.join("_metadata")).and_then(|data| data.modified()).ok();
    complete.max_by_key(written).expect("a checkpoint")
}

/// Everything happens once: a failure of the job, the end of the broker, and the end of the job's process.
fn once_each(mut flink: Flink, settings: &[&str]) {
    flink.feed(1000);
    let mut job = flink.job(settings);
    flink.wait_for_all(&mut job);
    flink.feed(1000);
    flink.feed_failure();
    flink.feed(1000);
    flink.wait_for_all(&mut job);
    let (all, committed) = (flink.out("read_uncommitted").len(), flink.out("read_committed").len());
    assert!(all > committed, "what the failed job wrote is there, and aborted: {all}, {committed}");

    flink.feed(1000);
    flink.broker.kill();
    flink.broker.start_again();
    flink.wait_for_all(&mut job);

    flink.feed(1000);
    job.kill();
    let checkpoint = newest_checkpoint(&flink.checkpoints());
    let resume = format!("execution.state-recovery.path=file://{}", checkpoint.display());
    let mut job = flink.job(&[settings, &[&resume]].concat());
    flink.feed(1000);
    flink.wait_for_all(&mut job);
    job.close_stdin();
    job.wait().ok();
}

/// Transactional ids are used again; what an earlier job left open is found by asking for the list of transactions.
#[test]
fn exactly_once_with_pooled_ids() {
    let Some(flink) = Flink::start("POOLING", &[], "flink::exactly_once_with_pooled_ids") else { return };
    once_each(flink, &["transaction.timeout.ms=600000"]);
}

/// Each checkpoint takes a transactional id of its own.
#[test]
fn exactly_once_with_new_ids() {
    let test = "flink::exactly_once_with_new_ids";
    let Some(flink) = Flink::start("INCREMENTING", &[AN_HOUR], test) else { return };
    once_each(flink, &[]);
}

/// As of any broker, which grants fifteen minutes.
#[test]
fn an_hour_is_too_long() {
    let Some(mut flink) = Flink::start("INCREMENTING", &[], "flink::an_hour_is_too_long") else { return };
    flink.feed(1);
    let mut job = flink.job(&["restart-strategy.type=none"]);
    eventually("a refusal", || if job.has_ended() { Ok(()) } else { Err(job.shown()) });
    let refused = job.wait().exits_with(1);
    let reason = "The transaction timeout is larger than the maximum value allowed by the broker";
    assert!(refused.err().contains(reason), "{}", refused.shown());
}
