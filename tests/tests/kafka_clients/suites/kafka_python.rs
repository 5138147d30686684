//! kafka-python's integration tests, out of its source distribution.

use std::process::Command;

use runnel_tests::clients::fetched;
use runnel_tests::harness::TestBroker;

use super::list::{Outcome, Side};
use super::{Outcomes, Settings, Suite, kafka_address};

/// As its own set-up of Kafka has them.
const SETTINGS: Settings =
    &["num.partitions=4", "group.min.session.timeout.ms=1000", "group.initial.rebalance.delay.ms=0"];

/// A test that takes longer hangs.
const TEST_LIMIT_S: u32 = 120;

/// Runs tests, or all, with the broker's release told as a client would infer it.
fn run(address: &str, release: &str, tests: &[&str]) -> Outcomes {
    let folder = fetched("../target/peers/kafka-python", "kafka_python_suite").expect("it was there");
    let python = folder.join("../python/bin/python");
    let all = ["test/integration"];
    let output = Command::new(python)
        .current_dir(&folder)
        .args(["-B", "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider", "--no-header"])
        .arg(format!("--timeout={TEST_LIMIT_S}"))
        .args(if tests.is_empty() { &all[..] } else { tests })
        .env("KAFKA_URI", format!("kafka://{address}"))
        .env("KAFKA_VERSION", release)
        // It looks for a folder of Kafka's before it learns that Kafka runs elsewhere.
        .env("KAFKA_ROOT", &folder)
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let outcomes: Outcomes = said
        .lines()
        .filter_map(outcome)
        .map(|(name, outcome)| (name.to_owned(), (outcome, reason(&said, name))))
        .collect();
    assert!(!outcomes.is_empty(), "no test ran: {said}{}", String::from_utf8_lossy(&output.stderr));
    outcomes
}

/// `NAME PASSED`, with a percentage behind it or a reason.
fn outcome(line: &str) -> Option<(&str, Outcome)> {
    let mut words = line.split_whitespace();
    let name = words.next().filter(|name| name.contains("::"))?;
    let outcome = match words.next()? {
        "PASSED" => Outcome::Pass,
        "FAILED" | "ERROR" => Outcome::Fail,
        "SKIPPED" => Outcome::Skip,
        _ => return None,
    };
    Some((name, outcome))
}

/// What pytest says below the test's name, `___ NAME ___`.
fn reason(said: &str, name: &str) -> String {
    let short = name.rsplit("::").next().unwrap_or(name);
    let is_head = |line: &str| line.starts_with("___") && line.contains(&format!(" {short} "));
    let below = said.lines().skip_while(|line| !is_head(line)).skip(1);
    below
        .take_while(|line| !line.starts_with("___") && !line.starts_with("==="))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn suite(address: &str, release: &str, side: Side) {
    Suite { name: "kafka-python", run: &|tests| run(address, release, tests) }.check(side);
}

#[test]
fn kafka_python_suite() {
    if fetched("../target/peers/kafka-python", "kafka_python_suite").is_none() {
        return;
    }
    let broker = TestBroker::start_with(SETTINGS);
    suite(&broker.address(), "4.2", Side::Runnel);
}

#[test]
#[ignore = "makes the list's other column: needs an Apache Kafka"]
fn kafka_python_suite_against_kafka() {
    suite(&kafka_address(), "4.1", Side::Kafka);
}
