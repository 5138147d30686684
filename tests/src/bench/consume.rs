//! How fast librdkafka gets records out: those just written, which are in the page cache, and those that are not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::engine::{Bench, FreshTopic, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::Result;
use crate::measure::figures::Unit;
use crate::measure::librdkafka::{Load, RECORD_BYTES};

#[derive(Clone, Copy, PartialEq)]
enum From {
    PageCache,
    Disk,
}

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka]);
    let records = bench.scaled(1_000_000_000, 20_000_000) / RECORD_BYTES;
    for partitions in [1, 4] {
        let mut topics = BTreeMap::new();
        for from in [From::PageCache, From::Disk] {
            let place = if from == From::Disk { "cold" } else { "page cache" };
            let what = format!(
                "consume 1 kB, {partitions} partition{}, {place}",
                if partitions > 1 { "s" } else { "" }
            );
            let row = Row::new(what, Unit::MbPerS, kinds.iter().map(|kind| kind.name()))
                .against(Kind::Kafka.name())
                .processor_in(Unit::SPerGb);
            bench.measure_brokers(vec![row], &kinds, |bench, kind| {
                let topic = filled(bench, &mut topics, kind, partitions, records)?;
                if from == From::Disk {
                    let data = bench.servers.get(kind)?.data_dir().ok_or("it has no files")?;
                    forget(&data)?;
                }
                let megabytes = f64::from(records) * f64::from(RECORD_BYTES) / 1e6;
                let (seconds, taken) = watched(topic.pid, By::Gigabytes(megabytes / 1e3), || {
                    bench.client.consume(topic.address, &topic.name, partitions, records)
                })?;
                Ok(Turn::of([megabytes / seconds], taken))
            });
        }
        for (kind, topic) in topics {
            // What is left over costs space and nothing else.
            let _ = bench.servers.get(kind).map(|_| topic.delete());
        }
    }
}

/// The topic of a broker, written when it is first asked for.
fn filled(
    bench: &mut Bench<'_>,
    topics: &mut BTreeMap<Kind, FreshTopic>,
    kind: Kind,
    partitions: u32,
    records: u32,
) -> Result<FreshTopic> {
    // It may stand still since the others' turn.
    bench.servers.get(kind)?;
    if let Some(topic) = topics.get(&kind) {
        return Ok(topic.clone());
    }
    let topic = bench.fresh_topic(kind, partitions)?;
    bench.client.produce(topic.address, &topic.name, &Load::of(records))?;
    topics.insert(kind, topic.clone());
    Ok(topic)
}

/// Has the kernel drop all files below a folder from its page cache.
pub(super) fn forget(folder: &Path) -> Result<()> {
    // What is not on disk yet stays in memory.
    nix::unistd::sync();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            forget(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            // One that is gone meanwhile is not in memory either.
            let Ok(file) = File::open(entry.path()) else { continue };
            posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        }
    }
    Ok(())
}
