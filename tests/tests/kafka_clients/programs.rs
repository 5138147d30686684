//! Programs of ours on client libraries of many languages. Each has three scenarios: `codecs` sends records of every
//! kind in every codec and reads them back, byte by byte; `group` has members come, share and go, and resumes where they
//! ended; `admin` manages topics, settings, records and groups, and is refused what must be refused.

use std::path::Path;
use std::process::Command;

use runnel_tests::clients::{fetched, find};
use runnel_tests::harness::{Runnel, TestBroker, eventually};

use crate::IDEMPOTENT;

/// Runs a program's scenarios, one after the other, on one broker.
#[track_caller]
fn check(program: impl Fn() -> Command) {
    let broker = TestBroker::start();
    let address = broker.address();
    for scenario in ["codecs", "group", "admin"] {
        let mut command = program();
        command.args([&address, scenario]).args(IDEMPOTENT.then_some("idempotent"));
        let output = Runnel::new(command).run().ok();
        assert!(output.text().starts_with(&format!("{scenario}: ")), "{}", output.shown());
    }
}

/// Runs a program's transactions while the broker is killed and started again, mostly in the middle of one. Returns what it
/// tells.
#[track_caller]
fn check_transactions(mut program: Command, topic: &str) -> String {
    let mut broker = TestBroker::start_at_one_address(&[]);
    program.args([&*broker.address(), "transactions"]);
    let mut process = Runnel::new(program).spawn();
    for reached in [6, 18] {
        eventually("some transactions", || {
            assert!(!process.has_ended(), "{}", process.wait().shown());
            let committed = broker.runnel(["consume", topic, "-p", "0", "-e"]).run().lines().len();
            if committed >= reached { Ok(()) } else { Err(committed.to_string()) }
        });
        broker.start_again();
    }
    let output = process.wait().ok();
    output.text().strip_prefix("transactions: ").expect("its line").trim().to_owned()
}

#[track_caller]
fn python(program: &str) {
    let Some(python) = fetched("../target/peers/python/bin/python", program) else { return };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python").join(program);
    check(|| {
        let mut command = Command::new(&python);
        // No compiled files beside the sources.
        command.arg("-B").arg(&source);
        command
    });
}

#[track_caller]
fn node(program: &str) {
    let Some(node) = find("node", program) else { return };
    if fetched("clients/node/node_modules/.package-lock.json", program).is_none() {
        return;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/node").join(program);
    check(|| {
        let mut command = Command::new(&node);
        command.arg(&source);
        command
    });
}

#[track_caller]
fn go(program: &str) {
    let Some(program) = fetched(&format!("../target/peers/go/{program}"), program) else { return };
    check(|| Command::new(&program));
}

#[test]
fn confluent_kafka_python() {
    python("confluent.py");
}

#[test]
fn confluent_kafka_python_in_transactions() {
    let test = "confluent_kafka_python_in_transactions";
    let Some(python) = fetched("../target/peers/python/bin/python", test) else { return };
    let mut program = Command::new(python);
    program.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python/confluent.py"));
    assert_eq!(check_transactions(program, "confluent-transactions"), "60");
}

#[test]
fn kafka_python() {
    python("kafka_python.py");
}

#[test]
fn aiokafka() {
    python("aio.py");
}

#[test]
fn kafkajs() {
    node("kafkajs.js");
}

#[test]
fn platformatic_kafka() {
    node("platformatic.js");
}

#[test]
fn franz_go() {
    go("franz");
}

#[test]
fn franz_go_in_transactions() {
    let Some(program) = fetched("../target/peers/go/franz", "franz_go_in_transactions") else { return };
    let told = check_transactions(Command::new(program), "franz-transactions");
    let epoch = told.strip_prefix("60, and the epoch is ").and_then(|epoch| epoch.parse::<i16>().ok());
    assert!(epoch.is_some_and(|epoch| epoch >= 60), "version 2: {told}");
}

#[test]
fn kafka_go() {
    go("kafkago");
}

#[test]
fn sarama() {
    go("sarama");
}
