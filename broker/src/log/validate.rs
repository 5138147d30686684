//! What a batch from a client must be to be stored.

use bytes::{Bytes, BytesMut};
use runnel_proto::records::{
    self, BatchError, BatchHeader, BatchReader, Compression, HEADER_BYTES, stamp_append_time, verify_crc,
};
use runnel_proto::text::escape;

use crate::config::{TimestampType, TopicConfig};
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// Attribute bits that a client may set: compression, transactional.
const CLIENT_ATTRIBUTES: i16 = 0b1_0111;

/// The fewest bytes that a record takes uncompressed.
const MIN_RECORD_BYTES: usize = 7;

/// Records of a compacted topic are looked at, up to this size decompressed.
const MAX_DECOMPRESSED_BYTES: usize = 128 << 20;

/// A batch fit to be appended.
#[derive(Debug, Clone)]
pub struct ValidBatch {
    /// The whole batch; offset and leader epoch are written when it is appended.
    pub bytes: Bytes,
    /// Its header.
    pub header: BatchHeader,
    /// The epoch of its producer rises with each transaction (KIP-890): the batches of one begin with sequence number 0, and its
    /// marker has the next epoch.
    pub bumps_epoch: bool,
}

impl ValidBatch {
    /// A batch that the broker made itself, a control batch perhaps. Its sum is checked, no policy is.
    ///
    /// # Errors
    /// Those of [`verify_crc`].
    pub fn internal(bytes: Bytes) -> Result<Self, BatchError> {
        verify_crc(&bytes)?;
        let header = BatchHeader::parse(&bytes)?;
        Ok(Self { bytes, header, bumps_epoch: false })
    }

    /// The timestamp of all its records, if the broker gave it.
    pub fn log_append_time_ms(&self) -> Option<UnixMillis> {
        let stamped = self.header.timestamp_type() == records::TimestampType::LogAppendTime;
        stamped.then_some(self.header.max_timestamp_ms)
    }
}

/// Checks one batch that is to be appended to `topic`, and stamps its append time where the topic wants that.
///
/// The records inside are looked at only where the topic is compacted and each needs a key; elsewhere what is wrong
/// inside a compressed batch shows at its consumers, as the price of not decompressing every batch.
///
/// # Errors
/// [`BrokerError::RecordTooLarge`], [`BrokerError::CorruptBatch`], [`BrokerError::InvalidRecord`] or
/// [`BrokerError::InvalidTimestamp`].
pub fn check(
    bytes: Bytes,
    config: &TopicConfig,
    topic: &str,
    now_ms: UnixMillis,
) -> Result<ValidBatch, BrokerError> {
    if bytes.len() > config.max_message_bytes {
        return Err(BrokerError::RecordTooLarge {
            topic: topic.to_owned(),
            size_bytes: bytes.len(),
            limit_bytes: config.max_message_bytes,
        });
    }
    let header = BatchHeader::parse(&bytes).map_err(refuse)?;
    verify_crc(&bytes).map_err(refuse)?;
    check_header(&header)?;
    if config.message_timestamp_type == TimestampType::CreateTime {
        check_timestamps(&header, config, now_ms)?;
    }
    if config.cleanup_policy.compact {
        check_keys(&bytes)?;
    }
    match config.message_timestamp_type {
        TimestampType::CreateTime => Ok(ValidBatch { bytes, header, bumps_epoch: false }),
        TimestampType::LogAppendTime => {
            let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
            stamp_append_time(&mut bytes, now_ms);
            let header = BatchHeader::parse(&bytes).map_err(refuse)?;
            Ok(ValidBatch { bytes: bytes.freeze(), header, bumps_epoch: false })
        }
    }
}

fn check_header(header: &BatchHeader) -> Result<(), BrokerError> {
    let compression = header.compression().map_err(refuse)?;
    let body = header.size_bytes - HEADER_BYTES;
    let count = usize::try_from(header.record_count).unwrap_or(0);
    if count == 0 || header.last_offset_delta != header.record_count - 1 {
        return invalid("its record count is not the count of its offsets, or 0");
    }
    if compression == Compression::None && count > body / MIN_RECORD_BYTES {
        return invalid("it has fewer bytes than its record count needs");
    }
    if header.base_offset != 0 {
        return invalid("its base offset is not 0; the broker gives offsets");
    }
    if header.timestamp_type() == records::TimestampType::LogAppendTime {
        return invalid("it claims LogAppendTime, which only the broker gives");
    }
    if header.is_control() || header.attributes & !CLIENT_ATTRIBUTES != 0 {
        return invalid("it has attributes that only the broker sets");
    }
    if header.is_transactional() && header.producer_id < 0 {
        return invalid("it is transactional and has no producer id");
    }
    if header.producer_id >= 0 && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return invalid("it has a producer id and no sequence or epoch");
    }
    Ok(())
}

fn check_timestamps(
    header: &BatchHeader,
    config: &TopicConfig,
    now_ms: UnixMillis,
) -> Result<(), BrokerError> {
    let (oldest, newest) = (header.base_timestamp_ms, header.max_timestamp_ms);
    if oldest < -1 || newest < -1 {
        return untimely("a timestamp is negative".to_owned());
    }
    if newest > now_ms.saturating_add(config.message_timestamp_after_max_ms) {
        return untimely(format!(
            "its newest timestamp, {newest}, is more than message.timestamp.after.max.ms, {} ms, ahead of the \
             broker's clock, {now_ms}; set the producer's clock",
            config.message_timestamp_after_max_ms
        ));
    }
    // -1 stands for no timestamp.
    if oldest >= 0 && oldest < now_ms.saturating_sub(config.message_timestamp_before_max_ms) {
        return untimely(format!(
            "its first timestamp, {oldest}, is more than message.timestamp.before.max.ms, {} ms, behind the \
             broker's clock, {now_ms}",
            config.message_timestamp_before_max_ms
        ));
    }
    Ok(())
}

fn untimely(reason: String) -> Result<(), BrokerError> {
    Err(BrokerError::InvalidTimestamp { reason })
}

fn check_keys(bytes: &[u8]) -> Result<(), BrokerError> {
    let mut reader = BatchReader::new(MAX_DECOMPRESSED_BYTES);
    for (number, record) in reader.read(bytes).map_err(refuse)?.enumerate() {
        if record.map_err(refuse)?.key.is_none() {
            return refuse_because(format!("record {number} of it has no key; a compacted topic needs one"));
        }
    }
    Ok(())
}

fn refuse(error: BatchError) -> BrokerError {
    match error {
        // As in Kafka, the formats of the past are told apart from what is no format.
        BatchError::Magic(0 | 1) => BrokerError::InvalidRecord { reason: error.to_string() },
        BatchError::Crc { .. } | BatchError::Magic(_) | BatchError::Length(_) => BrokerError::CorruptBatch,
        // A codec's words may hold bytes of the batch.
        error => BrokerError::InvalidRecord { reason: escape(&error.to_string()).into_owned() },
    }
}

fn invalid(reason: &str) -> Result<(), BrokerError> {
    refuse_because(reason.to_owned())
}

fn refuse_because(reason: String) -> Result<(), BrokerError> {
    Err(BrokerError::InvalidRecord { reason })
}
