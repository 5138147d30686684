//! librdkafka, by way of kcat, understands the batches that we build.

use std::process::Command;

use runnel_proto::records::{BatchBuilder, Compression};
use runnel_tests::clients;
use runnel_tests::fake_kafka::FakeKafka;
use serde_json::{Value, json};

const TOPIC: &str = "ours";
const TIMESTAMP_MS: i64 = 1_767_225_600_000;

type Fields<'a> = (Option<&'a str>, Option<&'a str>, Vec<(&'a str, Option<&'a str>)>);

/// Pushes a record, and returns how kcat is to print it.
fn push(builder: &mut BatchBuilder, offset: i64, (key, value, headers): &Fields<'_>) -> Value {
    // Timestamps go back and forth.
    let timestamp_ms = TIMESTAMP_MS - 5000 * (offset % 2) + offset;
    let raw: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_bytes(), value.map(str::as_bytes))).collect();
    builder.push(timestamp_ms, key.map(str::as_bytes), value.map(str::as_bytes), &raw);
    let mut printed = json!({
        "topic": TOPIC, "partition": 0, "offset": offset, "tstype": "create", "ts": timestamp_ms,
        "broker": 0, "key": key, "payload": value,
    });
    if !headers.is_empty() {
        printed["headers"] =
            headers.iter().flat_map(|(name, value)| [Some(*name), *value]).collect::<Vec<_>>().into();
    }
    printed
}

/// Two batches: odd records of every kind, then more than a codec's block holds.
fn fill(broker: &FakeKafka, compression: Compression) -> Vec<Value> {
    let headers = vec![("b", Some("1")), ("a", None), ("b", Some("2")), ("b", Some("1")), ("c", Some(""))];
    let odd: [Fields<'_>; 5] = [
        (Some("key"), Some("value"), headers),
        (None, Some("no key"), vec![]),
        (Some("tombstone"), None, vec![]),
        (Some(""), Some(""), vec![]),
        (Some("schlüssel"), Some("流れ"), vec![]),
    ];
    let mut builder = BatchBuilder::new(compression);
    let mut printed: Vec<_> =
        (0..).zip(&odd).map(|(offset, fields)| push(&mut builder, offset, fields)).collect();
    broker.append(TOPIC, &builder.build().unwrap());
    for offset in 5..3000 {
        let value = format!("line {offset} of a long log, {} bytes after the last one", offset * 31 % 977);
        printed.push(push(&mut builder, offset, &(Some("log"), Some(&value), vec![])));
    }
    broker.append(TOPIC, &builder.build().unwrap());
    printed
}

#[test]
fn kcat_reads_our_batches() {
    let Some(kcat) = clients::find("kcat", "kcat_reads_our_batches") else { return };
    for compression in Compression::ALL {
        let broker = FakeKafka::start().unwrap();
        let expected = fill(&broker, compression);
        let address = broker.address().to_string();
        let output = Command::new(&kcat)
            .args(["-C", "-b", &address, "-t", TOPIC, "-p", "0", "-o", "beginning", "-e", "-q", "-J"])
            .args(["-X", "check.crcs=true"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{compression}: {} {errors}", output.status);
        let printed: Vec<Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(printed.len(), expected.len(), "{compression}: {errors}");
        for (printed, expected) in printed.iter().zip(&expected) {
            assert_eq!(printed, expected, "{compression}");
        }
    }
}
