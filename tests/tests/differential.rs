//! Runnel's answers beside those of a real Apache Kafka: nothing differs but what `on_purpose.md` explains.

use runnel_tests::clients::{fetched, find};
use runnel_tests::differential::run;

#[test]
fn answers_are_kafkas_but_for_what_is_on_purpose() {
    const TEST: &str = "answers_are_kafkas_but_for_what_is_on_purpose";
    let there = find("java", TEST).is_some() && fetched("../target/peers/kafka/pom.xml", TEST).is_some();
    if there {
        let report = run(&[]).expect("both brokers run");
        assert!(report.is_clean(), "{report}");
    }
}
