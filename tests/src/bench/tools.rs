//! Kafka's own load generators, as whoever knows Kafka would try a broker.

use super::engine::{Bench, FreshTopic, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::command::run;
use crate::measure::Result;
use crate::measure::figures::Unit;
use crate::measure::librdkafka::{Load, RECORD_BYTES};

const PRODUCER: &str = "org.apache.kafka.tools.ProducerPerformance";
const CONSUMER: &str = "org.apache.kafka.tools.ConsumerPerformance";
const END_TO_END: &str = "org.apache.kafka.tools.EndToEndLatency";

pub(super) fn measure(bench: &mut Bench<'_>) {
    let records = bench.scaled(1_000_000_000, 20_000_000) / RECORD_BYTES;
    produce(bench, records);
    consume(bench, records);
    end_to_end(bench);
}

fn produce(bench: &mut Bench<'_>, records: u32) {
    let kinds = bench.kinds(&Kind::ALL);
    let row =
        Row::new("ProducerPerformance 1 kB, acks=all", Unit::MbPerS, kinds.iter().map(|kind| kind.name()))
            .against(Kind::Kafka.name())
            .below(Kind::Discarding.name())
            .processor_in(Unit::SPerGb);
    bench.measure_brokers(vec![row], &kinds, |bench, kind| {
        let topic = bench.fresh_topic(kind, 1)?;
        let mut program = bench.program.clone()?.tool(PRODUCER);
        program.args(["--topic", &topic.name, "--num-records", &records.to_string()]);
        program.args(["--record-size", &RECORD_BYTES.to_string(), "--throughput", "-1", "--producer-props"]);
        program.args([&format!("bootstrap.servers={}", topic.address), "acks=all"]);
        let (told, taken) = watched(topic.pid, By::Gigabytes(gigabytes(records)), || run(&mut program))?;
        topic.delete()?;
        Ok(Turn::of([megabytes_a_second(sent_a_second(&told, records), &told)?], taken))
    });
}

fn consume(bench: &mut Bench<'_>, records: u32) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka]);
    let row =
        Row::new("ConsumerPerformance 1 kB, page cache", Unit::MbPerS, kinds.iter().map(|kind| kind.name()))
            .against(Kind::Kafka.name())
            .processor_in(Unit::SPerGb);
    bench.measure_brokers(vec![row], &kinds, |bench, kind| {
        let topic = bench.fresh_topic(kind, 1)?;
        bench.client.produce(topic.address, &topic.name, &Load::of(records))?;
        let mut program = bench.program.clone()?.tool(CONSUMER);
        program.args(["--topic", &topic.name, "--messages", &records.to_string()]);
        program.args(["--bootstrap-server", &topic.address.to_string()]);
        let (told, taken) = watched(topic.pid, By::Gigabytes(gigabytes(records)), || run(&mut program))?;
        topic.delete()?;
        Ok(Turn::of([megabytes_a_second(fetched_a_second(&told, records), &told)?], taken))
    });
}

fn end_to_end(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]);
    let records: u32 = bench.scaled(10_000, 200);
    let row = Row::new(
        "EndToEndLatency 1 kB, acks=all, one at a time, mean",
        Unit::Ms,
        kinds.iter().map(|kind| kind.name()),
    );
    bench.measure_brokers(vec![row.against(Kind::Kafka.name())], &kinds, |bench, kind| {
        let FreshTopic { address, pid, name } = &bench.fresh_topic(kind, 1)?;
        let mut program = bench.program.clone()?.tool(END_TO_END);
        let size = RECORD_BYTES.to_string();
        program.args([&address.to_string(), name, &records.to_string(), "all", &size]);
        let (told, taken) = watched(*pid, By::Time, || run(&mut program))?;
        let mean = told.lines().find_map(|line| line.strip_prefix("Avg latency: ")?.strip_suffix(" ms"));
        let mean: f64 = mean.ok_or_else(|| format!("EndToEndLatency told no mean: {told}"))?.parse()?;
        Ok(Turn::of([mean], taken))
    });
}

fn gigabytes(records: u32) -> f64 {
    f64::from(records) * f64::from(RECORD_BYTES) / 1e9
}

/// Its "MB" are not of 1,000,000 bytes.
fn megabytes_a_second(records_a_second: Option<f64>, told: &str) -> Result<f64> {
    let records_a_second = records_a_second.ok_or_else(|| format!("it told no rate: {told}"))?;
    Ok(records_a_second * f64::from(RECORD_BYTES) / 1e6)
}

/// From "1000 records sent, 250.5 records/sec (…", the last of such lines.
fn sent_a_second(told: &str, records: u32) -> Option<f64> {
    let sent = format!("{records} records sent, ");
    told.lines().rev().find_map(|line| line.strip_prefix(&sent)?.split(' ').next()?.parse().ok())
}

/// The last column of the last line that has all columns, if the fifth says that all records came.
fn fetched_a_second(told: &str, records: u32) -> Option<f64> {
    let columns = |line: &str| line.split(", ").map(|column| column.trim().to_owned()).collect::<Vec<_>>();
    let last = told.lines().rev().map(columns).find(|columns| columns.len() == 10)?;
    let came: u32 = last[4].parse().ok()?;
    if came < records { None } else { last[9].parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_last_line() {
        let told = "10 records sent, 9.5 records/sec (8 MB/sec), 3 ms avg\n30 records sent, 8.5 records/sec (8 MB/sec), 5 ms avg\n";
        assert_eq!(sent_a_second(told, 30), Some(8.5));
        assert_eq!(sent_a_second(told, 20), None);
        let told = "a, b, c, d, e, f, g, h, i, fetch.nMsg.sec\n\
                    2026-11-28 22:54:31:597, 2026-11-28 22:54:41:313, 191.1, 19.6, 200478, 20633.7, 5737, 3979, 48.0, 50384.5\n";
        assert_eq!(fetched_a_second(told, 200_000), Some(50384.5));
        assert_eq!(fetched_a_second(told, 300_000), None, "records are missing");
        assert_eq!(fetched_a_second("nothing", 1), None);
    }
}
