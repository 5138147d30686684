//! A disk whose syncs stall: every ten seconds none ends for two. A library that is loaded before the broker has its
//! syncs wait (`tests/peers/slow_disk.c`); files and kernel are what they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::bench::engine::{Bench, Turn};
use crate::bench::row::Row;
use crate::bench::servers::{FLUSHED, Kind, Runnel, Server};
use crate::bench::watch::{By, watched};
use crate::command::run;
use crate::measure::figures::Unit;
use crate::measure::wire::Connection;
use crate::measure::{Result, kafka};

const RATE: u32 = 1000;
/// Its Kafka is started anew each time.
const WARM_UP_RECORDS: u32 = 100_000;
const PRELOAD: &str = "LD_PRELOAD";

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    bench.servers.end();
    // Two stalls and more; as little as one for a look.
    let seconds = bench.scaled(30, 12);
    let kinds = bench.kinds(&[Kind::Runnel, Kind::KafkaFlushed]);
    let rows = ["p50", "p99", "p99.9", "worst"].map(|figure| {
        let what =
            format!("due to acknowledged, 1,000 records/s, a disk that stalls 2 s every 10 s, {figure}");
        Row::new(what, Unit::Ms, kinds.iter().map(|kind| kind.name())).against(Kind::KafkaFlushed.name())
    });
    let library = build().map_err(|error| error.to_string());
    bench.measure_brokers(rows.into(), &kinds, |bench, kind| {
        let (_folder, library) = library.as_ref().map_err(Clone::clone)?;
        let server = start(bench, kind, library)?;
        let topic = bench.fresh_name("stalled");
        Connection::open(server.address())?.create_topic(&topic, 1)?;
        let (percentiles, taken) = watched(server.pid(), By::Time, || {
            bench.client.open_loop(server.address(), &topic, RATE, seconds)
        })?;
        Ok(Turn::of(percentiles, taken))
    });
}

fn start(bench: &Bench<'_>, kind: Kind, library: &Path) -> Result<Server> {
    if kind == Kind::Runnel {
        return Ok(Server::Runnel(Runnel::start_in(&[], &[(PRELOAD, library)])?));
    }
    let program = bench.program.clone()?.with(PRELOAD, library);
    Ok(Server::Kafka(kafka::warmed(&program, &[FLUSHED], &bench.client, WARM_UP_RECORDS)?))
}

/// The library, and the folder that it is gone with.
fn build() -> Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("slow_disk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/slow_disk.c");
    let mut cc = Command::new("cc");
    run(cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library).arg(source))?;
    Ok((folder, library))
}
