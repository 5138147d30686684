//! Spark's structured streaming: in by offset and by time, out to another topic, and on from its checkpoint.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use runnel_tests::clients::fetched;
use runnel_tests::harness::{Output, Runnel, TestBroker};

use crate::jvm::Jvm;

const PARTITIONS: &str = "2";

struct Spark {
    jvm: Jvm,
    python: PathBuf,
    broker: TestBroker,
    address: String,
}

impl Spark {
    fn start(test: &str) -> Option<Self> {
        let jvm = Jvm::find("spark", "pom.xml", test)?;
        let marker = fetched("../target/peers/pyspark/requirements.txt", test)?;
        let broker = TestBroker::start();
        let address = broker.address();
        Some(Self { jvm, python: marker.with_file_name("bin/python"), broker, address })
    }

    /// Takes steps of `tests/clients/spark/stream.py` in a new process.
    #[track_caller]
    fn run(&self, steps: &[&str]) -> Output {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/spark/stream.py");
        let mut command = Command::new(&self.python);
        command.arg("-B").arg(source).arg(&self.address).arg(self.jvm.folder());
        command.arg(self.broker.home().path().join("spark")).args(steps);
        Runnel::new(command).run().ok()
    }

    /// Produces so many records on two partitions, numbered from `first`; returns the time after them.
    fn feed(&self, first: usize, count: usize) -> u128 {
        for partition in ["0", "1"] {
            let values: Vec<_> = (first..first + count).map(|at| format!("p{partition} r{at}")).collect();
            self.broker.runnel(["produce", "in", "-p", partition]).input(values.join("\n")).run().ok();
        }
        // What was stamped in this millisecond is not after it.
        thread::sleep(Duration::from_millis(5));
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis()
    }

    /// A topic's values, sorted.
    fn values(&self, topic: &str) -> Vec<String> {
        let consumed = self.broker.consume(topic);
        let mut values: Vec<String> = consumed.lines().into_iter().map(str::to_owned).collect();
        values.sort_unstable();
        values
    }
}

/// The values of so many records on both partitions, in capitals and sorted.
fn capitals(records: Range<usize>) -> Vec<String> {
    let mut values: Vec<_> = records.flat_map(|at| [format!("P0 R{at}"), format!("P1 R{at}")]).collect();
    values.sort_unstable();
    values
}

#[test]
fn structured_streaming() {
    let Some(spark) = Spark::start("spark::structured_streaming") else { return };
    for topic in ["in", "out", "since"] {
        spark.broker.runnel(["topic", "create", topic, "-p", PARTITIONS]).run().ok();
    }
    let after_first = spark.feed(0, 100);
    spark.run(&["copy"]);
    assert_eq!(spark.values("out"), capitals(0..100));

    let after_second = spark.feed(100, 100);
    spark.feed(200, 100);
    let range = spark.run(&[
        "copy",
        &format!("since={after_second}"),
        &format!("range={after_first},{after_second}"),
    ]);
    assert_eq!(spark.values("out"), capitals(0..300), "from the checkpoint on, each once");
    assert_eq!(spark.values("since"), capitals(200..300));
    let second = |partition| (100..200).map(move |at| format!("p{partition} r{at}"));
    assert_eq!(range.lines(), second(0).chain(second(1)).collect::<Vec<_>>());
}
