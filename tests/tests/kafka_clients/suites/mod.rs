//! The test suites of clients that others wrote, as they are.
//!
//! `tests/clients/suites/` has a list for each suite: how each of its tests ends against an Apache Kafka 4.1.1 and against
//! Runnel, and why, unless it passes. What ends otherwise, is missing or is new fails here. The lists were made by the
//! same runs: with `RUNNEL_REGENERATE=1` they are renewed, and the ignored tests beside the others run against Kafka.

mod go;
mod kafka_python;
mod list;
mod network;
mod page;

use std::collections::BTreeMap;
use std::io::{self, Write};

use list::{List, Outcome, Side};

/// How often tests run again that end otherwise than listed. Some count on moments that a busy machine does not give
/// them; all that they expect of the broker they expect each time.
const FURTHER_TRIES: usize = 2;

/// How tests ended, by name, and what they said.
type Outcomes = BTreeMap<String, (Outcome, String)>;

/// A suite that talks to one broker.
struct Suite<'a> {
    /// Its list's name.
    name: &'static str,
    /// Runs the tests of these names, or all when there is none.
    run: &'a dyn Fn(&[&str]) -> Outcomes,
}

impl Suite<'_> {
    /// Runs it, and expects what its list says of this side.
    #[track_caller]
    fn check(&self, side: Side) {
        let mut list = List::read(self.name);
        let mut outcomes = (self.run)(&[]);
        for _ in 0..FURTHER_TRIES {
            let odd = list.differing(side, &outcomes);
            let again: Vec<&str> = odd.into_iter().filter(|name| outcomes.contains_key(*name)).collect();
            if again.is_empty() || List::is_to_be_renewed() {
                break;
            }
            let _ = writeln!(io::stderr(), "{}: once more: {}", self.name, again.join(", "));
            let new = (self.run)(&again);
            outcomes.extend(new);
        }
        if List::is_to_be_renewed() {
            list.renew(side, &outcomes);
            return;
        }
        let told = |name: &&str| match outcomes.get(*name) {
            Some((outcome, said)) => format!("{name} ends with {outcome}:\n{said}"),
            None => format!("{name} did not run"),
        };
        let odd: Vec<String> = list.differing(side, &outcomes).iter().map(told).collect();
        assert!(odd.is_empty(), "{}: otherwise than listed:\n{}", self.name, odd.join("\n"));
    }
}

/// The broker's settings that a suite's own set-up gives to Kafka.
type Settings = &'static [&'static str];

/// Where the Kafka listens that the ignored tests talk to, one with the suite's settings, and with access rules that
/// forbid nothing (`authorizer.class.name`, `allow.everyone.if.no.acl.found`), as suites want it.
///
/// # Panics
/// When nobody has told.
fn kafka_address() -> String {
    std::env::var("RUNNEL_SUITES_KAFKA").expect("RUNNEL_SUITES_KAFKA names a Kafka, HOST:PORT")
}
