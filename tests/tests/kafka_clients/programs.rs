//! Programs of ours on client libraries of many languages. Each has three scenarios: `codecs` sends records of every
//! kind in every codec and reads them back, byte by byte; `group` has members come, share and go, and resumes where they
//! ended; `admin` manages topics, settings, records and groups, and is refused what must be refused.

use std::path::Path;
use std::process::Command;

use runnel_tests::clients::{fetched, find};
use runnel_tests::harness::{Runnel, TestBroker, eventually};

use crate::IDEMPOTENT;

/// So that members of the consumer protocol learn soon of what has changed.
const SOON: &[&str] = &["group.consumer.heartbeat.interval.ms=200"];

/// Runs a program's scenarios, one after the other, on one broker.
#[track_caller]
fn check(program: impl Fn() -> Command) {
    check_scenarios(program, &["codecs", "group", "admin"]);
}

#[track_caller]
fn check_scenarios(program: impl Fn() -> Command, scenarios: &[&str]) {
    let broker = TestBroker::start_with(SOON);
    let address = broker.address();
    for scenario in scenarios {
        let mut command = program();
        command.args([&address, *scenario]).args(IDEMPOTENT.then_some("idempotent"));
        let output = Runnel::new(command).run().ok();
        assert!(output.text().starts_with(&format!("{scenario}: ")), "{}", output.shown());
    }
}

/// Runs a program's transactions while the broker is killed and started again, mostly in the middle of one. Returns what it
/// tells.
#[track_caller]
fn check_transactions(program: Command, topic: &str) -> String {
    check_bounced(program, "transactions", topic, [6, 18])
}

/// Runs a scenario while the broker is killed and started again, each time that a topic's first partition has so many records.
#[track_caller]
fn check_bounced(mut program: Command, scenario: &str, topic: &str, kills: [usize; 2]) -> String {
    let mut broker = TestBroker::start_at_one_address(SOON);
    program.args([&*broker.address(), scenario]);
    let mut process = Runnel::new(program).spawn();
    for reached in kills {
        eventually("some records", || {
            assert!(!process.has_ended(), "{}", process.wait().shown());
            let committed = broker.runnel(["consume", topic, "-p", "0", "-e"]).run().lines().len();
            if committed >= reached { Ok(()) } else { Err(committed.to_string()) }
        });
        broker.start_again();
    }
    let output = process.wait().ok();
    output.text().strip_prefix(&format!("{scenario}: ")).expect("its line").trim().to_owned()
}

#[track_caller]
fn python(program: &str) {
    if let Some(command) = python_program(program, program) {
        check(command);
    }
}

/// One of ours; none when Python's clients are not there and need not be.
#[track_caller]
fn python_program(test: &str, program: &str) -> Option<impl Fn() -> Command> {
    let python = fetched("../target/peers/python/bin/python", test)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python").join(program);
    Some(move || {
        let mut command = Command::new(&python);
        // No compiled files beside the sources.
        command.arg("-B").arg(&source);
        command
    })
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
    let Some(program) = python_program(test, "confluent.py") else { return };
    assert_eq!(check_transactions(program(), "confluent-transactions"), "60");
}

#[test]
fn confluent_kafka_python_with_standing_members_and_patterns() {
    let test = "confluent_kafka_python_with_standing_members_and_patterns";
    let Some(program) = python_program(test, "confluent.py") else { return };
    check_scenarios(program, &["standing"]);
}

/// By the consumer protocol.
#[test]
fn confluent_kafka_python_members_outlive_the_broker() {
    let test = "confluent_kafka_python_members_outlive_the_broker";
    let Some(program) = python_program(test, "confluent.py") else { return };
    assert_eq!(check_bounced(program(), "bounced", "confluent-bounced", [5, 15]), "120");
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
