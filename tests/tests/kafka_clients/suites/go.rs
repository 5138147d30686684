//! Test programs that `go test -c` has built of clients' own tests: kafka-go's, and those of franz-go's `kgo`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use runnel_tests::clients::{fetched, find, missing};
use runnel_tests::harness::TestBroker;

use super::list::{Outcome, Side};
use super::network::isolated;
use super::{Outcomes, Settings, Suite, kafka_address};

/// So long may a whole run take.
const LIMIT: &str = "10m";

/// kafka-go's tests talk to `localhost:9092` and to no other address.
const KAFKA_GO_ADDRESS: &str = "127.0.0.1:9092";

/// As its own set-up of Kafka has them.
const KAFKA_GO_SETTINGS: Settings = &["message.max.bytes=100000000", "advertised.listeners=localhost:9092"];

/// How many records its larger tests move; half a million, if it is not told.
const KGO_RECORDS: &str = "20000";

const KGO_SETTINGS: Settings = &["group.initial.rebalance.delay.ms=0"];

/// A test program, and what it is told by its environment.
struct Program {
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Program {
    /// Runs the tests that these names stand in, or all. When one of them ends the whole program, those that it has kept
    /// from running do so without it.
    fn run(&self, names: &[&str]) -> Outcomes {
        let mut left: BTreeSet<String> = match names {
            [] => self.tests(),
            names => names.iter().map(|name| outermost(name).to_owned()).collect(),
        };
        let mut outcomes = Outcomes::new();
        while !left.is_empty() {
            let within = outcomes.keys().filter(|name| left.contains(outermost(name)) && name.contains('/'));
            let Run { ended, panicked } = self.run_once(&left, &within.cloned().collect());
            assert!(!ended.is_empty(), "no test of {} ends: {left:?}", self.program.display());
            let is_new_part = |name: &String| name.contains('/') && !outcomes.contains_key(name);
            let parts: BTreeSet<&str> =
                ended.keys().filter(|name| is_new_part(name)).map(|name| outermost(name)).collect();
            // Of a test that has ended the program, further parts may be to come.
            let goes_on = |name: &String| panicked.as_ref() == Some(name) && parts.contains(name.as_str());
            left.retain(|name| !ended.contains_key(name) || goes_on(name));
            for (name, outcome) in ended {
                // What failed at first and not without some of its parts has failed.
                outcomes.entry(name).or_insert(outcome);
            }
        }
        outcomes
    }

    /// Its tests, without those within tests, and without benchmarks.
    fn tests(&self) -> BTreeSet<String> {
        let output = self.command().args(["-test.list", "^(Test|Example|Fuzz)"]).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    fn run_once(&self, tests: &BTreeSet<String>, without: &BTreeSet<String>) -> Run {
        let mut command = self.command();
        command.args(["-test.v", "-test.timeout", LIMIT, "-test.run", &any_of(tests)]);
        if !without.is_empty() {
            command.args(["-test.skip", &any_of(without)]);
        }
        let output = command.output().expect("it runs");
        Run::read(&String::from_utf8_lossy(&output.stdout), &String::from_utf8_lossy(&output.stderr))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Where what its tests read lies.
        command.current_dir(self.program.with_extension("sources"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// `TestConn` of `TestConn/seek`.
fn outermost(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// The pattern of these tests and no others: each part of a name stands alone.
fn any_of(names: &BTreeSet<String>) -> String {
    let whole = |name: &String| {
        let part = |part: &str| format!("^{}$", regex::escape(part));
        name.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    names.iter().map(whole).collect::<Vec<_>>().join("|")
}

/// What a run has printed, as `-test.v` does it.
struct Run {
    ended: Outcomes,
    /// The outermost test that ended the program, and with it the run.
    panicked: Option<String>,
}

impl Run {
    fn read(stdout: &str, stderr: &str) -> Self {
        let mut said: BTreeMap<&str, String> = BTreeMap::new();
        let (mut speaker, mut ended) = ("", Outcomes::new());
        for line in stdout.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["===", "RUN" | "CONT" | "NAME" | "PAUSE", name] => speaker = name,
                ["---", outcome, name, _] => {
                    let outcome = Outcome::parse(&outcome.trim_end_matches(':').to_lowercase());
                    if let Some(outcome) = outcome {
                        ended.insert(name.to_owned(), (outcome, said.remove(name).unwrap_or_default()));
                    }
                }
                _ => said.entry(speaker).or_default().push_str(&format!("{line}\n")),
            }
        }
        // The program's end is told on either stream; the last one to speak is who met it.
        let ends = |text: &str| text.lines().any(|line| line.starts_with("panic: "));
        let panicked = (ends(stdout) || ends(stderr)).then(|| outermost(speaker).to_owned());
        if let Some((_, told)) = panicked.as_ref().and_then(|name| ended.get_mut(name)) {
            told.push_str(stderr);
        }
        Self { ended, panicked }
    }
}

#[test]
fn kafka_go_suite() {
    let Some(program) = kafka_go("kafka_go_suite") else { return };
    let run = isolated(|| {
        // While its tests run, and no longer.
        let _broker = TestBroker::start_at(KAFKA_GO_ADDRESS, KAFKA_GO_SETTINGS);
        check("kafka-go", &program, Side::Runnel);
    });
    run.unwrap_or_else(|error| missing(&error, "kafka_go_suite", "run it as root"));
}

#[test]
#[ignore = "makes the list's other column: needs an Apache Kafka at localhost:9092"]
fn kafka_go_suite_against_kafka() {
    check("kafka-go", &kafka_go("kafka_go_suite").expect("it is fetched"), Side::Kafka);
}

#[test]
fn kgo_suite() {
    let broker = TestBroker::start_with(KGO_SETTINGS);
    let Some(program) = kgo(&broker.address(), "kgo_suite") else { return };
    check("kgo", &program, Side::Runnel);
}

#[test]
#[ignore = "makes the list's other column: needs an Apache Kafka"]
fn kgo_suite_against_kafka() {
    check("kgo", &kgo(&kafka_address(), "kgo_suite").expect("it is fetched"), Side::Kafka);
}

fn kafka_go(test: &str) -> Option<Program> {
    find("ip", test)?;
    // Without the tests of Go's own network library, as its authors run them.
    let environment = vec![("KAFKA_SKIP_NETTEST", "1".to_owned()), ("KAFKA_VERSION", "4.1.1".to_owned())];
    Some(Program { program: fetched("../target/peers/go/kafka-go.test", test)?, environment })
}

fn kgo(address: &str, test: &str) -> Option<Program> {
    let environment = [
        ("KGO_SEEDS", address),
        ("KGO_TEST_RF", "1"),
        ("KGO_TEST_RECORDS", KGO_RECORDS),
        ("KGO_LOG_LEVEL", "none"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
    Some(Program { program: fetched("../target/peers/go/kgo.test", test)?, environment })
}

fn check(name: &'static str, program: &Program, side: Side) {
    Suite { name, run: &|tests| program.run(tests) }.check(side);
}
