//! What is to end within a time ends within it, whatever the other side does.

use std::time::Duration;

use nix::sys::signal::Signal;
use runnel_tests::harness::{Home, TestBroker, eventually};

/// A peer that takes connections and never says a word.
fn silent_peer() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    (listener, address)
}

#[test]
fn a_peer_that_stays_silent_is_given_up_within_the_limit() {
    let home = Home::new();
    let (_peer, address) = silent_peer();
    let lines: [&[&str]; 3] = [
        &["consume", "logs", "-e", "--timeout", "300ms"],
        &["consume", "logs", "-g", "readers", "--timeout", "300ms"],
        &["produce", "logs", "--timeout", "300ms"],
    ];
    for line in lines {
        home.runnel([&["-b", &address], line].concat())
            .input("a\n")
            .run()
            .exits_with(124)
            .says("timed out after 300ms")
            .says_one_line();
    }
    home.runnel(["-b", &address, "topic", "list"]).run().exits_with(3).says("did not answer").says_one_line();
    home.runnel(["-b", &address, "dash", "--once"]).run().exits_with(3).says(&address).says_one_line();
}

#[test]
fn a_broker_that_stops_answering_is_given_up_within_the_limit() {
    let mut broker = TestBroker::start();
    broker.runnel(["topic", "create", "logs"]).run().ok();
    let mut producer = broker.runnel(["produce", "logs", "--timeout", "1s"]).spawn();
    producer.write("first\n");
    eventually("the first record", || {
        let got = broker.consume("logs");
        (got.text() == "first\n").then_some(()).ok_or_else(|| got.shown())
    });
    broker.process().signal(Signal::SIGSTOP);
    eventually("the broker to stand still", || stands_still(broker.process().pid()));
    producer.write("second\n");
    producer.wait().exits_with(124).says("timed out").says("may be stored or not");
    broker.process().signal(Signal::SIGCONT);
    broker.stop().ok();
}

#[test]
fn whoever_leaves_a_group_does_not_wait_for_a_broker_that_is_away() {
    let mut broker = TestBroker::start();
    broker.produce("logs", "a\n").ok();
    let mut reader = broker.runnel(["consume", "logs", "-g", "readers"]).spawn();
    reader.wait_for_lines(1);
    broker.kill();
    let asked = std::time::Instant::now();
    reader.signal(Signal::SIGINT);
    let _ = reader.wait();
    // Its own limit is 3 s, that of a reader who stays 30 s.
    assert!(asked.elapsed() < Duration::from_secs(20), "it waited for {:?}", asked.elapsed());
}

/// Each thread stops by itself, some a moment after the signal.
fn stands_still(pid: i32) -> Result<(), String> {
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).expect("it is there").flatten() {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if !stat.contains(") T ") {
            return Err(stat);
        }
    }
    Ok(())
}
