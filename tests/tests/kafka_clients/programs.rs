//! Programs of ours on client libraries of many languages. Each has three scenarios: `codecs` sends records of every
//! kind in every codec and reads them back, byte by byte; `group` has members come, share and go, and resumes where they
//! ended; `admin` manages topics, settings, records and groups, and is refused what must be refused.

use std::path::Path;
use std::process::Command;

use runnel_tests::clients::{fetched, find};
use runnel_tests::harness::{Runnel, TestBroker};

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
fn kafka_go() {
    go("kafkago");
}

#[test]
fn sarama() {
    go("sarama");
}
