//! A producer of text: of what compresses as logs and messages do, by the librdkafka that this program is built with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::Result;
use super::librdkafka::Load;
use crate::harness::Random;

const PATIENCE: Duration = Duration::from_secs(300);
/// Full queue: so long until there may be room.
const BACKS_OFF: Duration = Duration::from_millis(1);
/// More than fit into a batch, so that no batch has one twice.
const DIFFERENT_RECORDS: usize = 4096;
const WORDS: usize = 2000;

/// Produces records of text, compressed by a codec; seconds from the first to the last acknowledgement.
pub(crate) fn produce(broker: SocketAddr, topic: &str, load: &Load, codec: &str) -> Result<f64> {
    let records = records(load.record_bytes as usize, DIFFERENT_RECORDS.min(load.records as usize));
    let acknowledged = Arc::new(AtomicU32::new(0));
    let producer: ThreadedProducer<Counting> = ClientConfig::new()
        .set("bootstrap.servers", broker.to_string())
        .set("acks", load.acks.to_string())
        .set("enable.idempotence", load.idempotent.to_string())
        .set("compression.codec", codec)
        .create_with_context(Counting(Arc::clone(&acknowledged)))?;
    let start = Instant::now();
    for record in records.iter().cycle().take(load.records as usize) {
        let mut next = BaseRecord::<(), [u8]>::to(topic).payload(record);
        while let Err((error, refused)) = producer.send(next) {
            if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                return Err(error.into());
            }
            std::thread::sleep(BACKS_OFF);
            next = refused;
        }
    }
    producer.flush(PATIENCE)?;
    let seconds = start.elapsed().as_secs_f64();
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    if acknowledged != load.records {
        return Err(format!("{acknowledged} of {} records were acknowledged", load.records).into());
    }
    Ok(seconds)
}

/// Counts what is acknowledged.
struct Counting(Arc<AtomicU32>);

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Lines of words, some of them far more frequent than others.
fn records(bytes: usize, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(1);
    let words: Vec<String> = (0..WORDS).map(|_| word(&mut random)).collect();
    let record = |random: &mut Random| {
        let mut text = String::new();
        while text.len() < bytes {
            // The lesser of two: frequent words come first.
            let place = random.below(WORDS as u64).min(random.below(WORDS as u64));
            text.push_str(&words[place as usize]);
            text.push(' ');
        }
        text.truncate(bytes);
        text.into_bytes()
    };
    (0..count).map(|_| record(&mut random)).collect()
}

fn word(random: &mut Random) -> String {
    let letters = 2 + random.below(9);
    (0..letters).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}
