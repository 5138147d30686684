//! From a broker's start to its first answer, after it was stopped in order.

use std::net::SocketAddr;

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::since_start;
use crate::harness::Home;
use crate::kafka::Kafka;
use crate::measure::alone::Stopped;
use crate::measure::figures::{Unit, grouped};
use crate::measure::runnel::Broker;
use crate::measure::wire::Connection;
use crate::measure::{Result, kafka};

/// What is started again and again.
#[derive(Default)]
struct Started {
    runnel: Option<(Broker, Home)>,
    kafka: Option<Kafka>,
}

pub(super) fn measure(bench: &mut Bench<'_>) {
    bench.servers.end();
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka]);
    for partitions in [0, bench.scaled(1000, 100), bench.scaled(10_000, 200)] {
        let with = if partitions == 0 {
            "empty".to_owned()
        } else {
            format!("{} empty partitions", grouped(partitions))
        };
        let rows = vec![
            Row::new(
                format!("start to first answer, {with}"),
                Unit::Ms,
                kinds.iter().map(|kind| kind.name()),
            )
            .against(Kind::Kafka.name()),
        ];
        let mut started = Started::default();
        bench.measure_brokers(rows, &kinds, |bench, kind| {
            let (started_in_ms, pid) = match kind {
                Kind::Kafka => {
                    let kafka = started.kafka(bench, partitions)?;
                    (kafka.started_in_ms, kafka.pid())
                }
                _ => {
                    let _alone =
                        started.kafka.as_ref().map(|kafka| Stopped::stop(kafka.pid())).transpose()?;
                    let runnel = started.runnel(partitions)?;
                    (runnel.started_in_ms, runnel.pid())
                }
            };
            Ok(Turn::of([started_in_ms], since_start(pid, started_in_ms)?))
        });
    }
}

impl Started {
    fn runnel(&mut self, partitions: u32) -> Result<&Broker> {
        let home = match self.runnel.take() {
            None => {
                let home = Home::new();
                let broker = Broker::start(&home)?;
                create_topic(broker.address(&home)?, partitions)?;
                broker.stop();
                home
            }
            Some((broker, home)) => {
                broker.stop();
                home
            }
        };
        let broker = Broker::start(&home)?;
        Ok(&self.runnel.insert((broker, home)).0)
    }

    fn kafka(&mut self, bench: &Bench<'_>, partitions: u32) -> Result<&Kafka> {
        let mut kafka = match self.kafka.take() {
            Some(kafka) => kafka,
            None => {
                let kafka = kafka::start(bench.program.as_ref().map_err(Clone::clone)?, &[])?;
                create_topic(kafka.address, partitions)?;
                kafka
            }
        };
        kafka.start_again()?;
        Ok(self.kafka.insert(kafka))
    }
}

fn create_topic(broker: SocketAddr, partitions: u32) -> Result<()> {
    match partitions {
        0 => Ok(()),
        _ => Connection::open(broker)?.create_topic("many", partitions),
    }
}
