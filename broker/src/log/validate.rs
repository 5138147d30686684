//! What a batch from a client must be to be stored.

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use runnel_proto::records::{
    self, BatchError, BatchHeader, BatchReader, Compression, HEADER_BYTES, Record, stamp_append_time,
    verify_crc,
};
use runnel_proto::text::escape;

use crate::config::{TimestampType, TopicConfig};
use crate::error::{BrokerError, RefusedRecord};
use crate::types::UnixMillis;

/// Attribute bits that a client may set: compression, transactional.
const CLIENT_ATTRIBUTES: i16 = 0b1_0111;

/// The fewest bytes that a record takes uncompressed.
const MIN_RECORD_BYTES: usize = 7;

/// Records of a compacted topic are looked at, up to this size decompressed.
const MAX_DECOMPRESSED_BYTES: usize = 128 << 20;

/// Up to this size decompressed it is told which records of a batch have wrong timestamps.
const MAX_TOLD_BYTES: usize = 1 << 20;

/// So many of a batch's records are told of.
const MAX_REFUSED: usize = 1000;

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
/// The records inside are looked at only where the topic is compacted and each needs a key, and when the header tells that some
/// timestamp is wrong; elsewhere what is wrong inside a compressed batch shows at its consumers, as the price of not
/// decompressing every batch.
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
    let needs = Needs::of(config, now_ms);
    check_timestamps(&header, &needs, config, now_ms).map_err(|reason| untimely(reason, &bytes, &needs))?;
    if needs.keys {
        check_keys(&bytes, &needs)?;
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

/// What a topic asks of each record.
struct Needs {
    /// A key.
    keys: bool,
    /// A timestamp, if it has one, within these bounds; `None`: the broker gives it.
    times: Option<RangeInclusive<UnixMillis>>,
}

impl Needs {
    fn of(config: &TopicConfig, now_ms: UnixMillis) -> Self {
        let times = now_ms.saturating_sub(config.message_timestamp_before_max_ms)
            ..=now_ms.saturating_add(config.message_timestamp_after_max_ms);
        let is_given = config.message_timestamp_type == TimestampType::LogAppendTime;
        Self { keys: config.cleanup_policy.compact, times: (!is_given).then_some(times) }
    }

    fn refusal(&self, record: &Record<'_>) -> Option<&'static str> {
        if self.keys && record.key.is_none() {
            return Some(NO_KEY);
        }
        // -1 stands for no timestamp.
        let is_timely =
            |times: &RangeInclusive<_>| record.timestamp_ms == -1 || times.contains(&record.timestamp_ms);
        if self.times.as_ref().is_none_or(is_timely) { None } else { Some(UNTIMELY) }
    }

    /// The first records that are refused.
    fn refused(&self, bytes: &[u8], max_bytes: usize) -> Result<Vec<RefusedRecord>, BatchError> {
        let mut reader = BatchReader::new(max_bytes);
        let mut refused = Vec::new();
        for (record, index) in reader.read(bytes)?.zip(0..) {
            if let Some(reason) = self.refusal(&record?).filter(|_| refused.len() < MAX_REFUSED) {
                refused.push(RefusedRecord { index, reason });
            }
        }
        Ok(refused)
    }
}

const NO_KEY: &str = "it has no key; a compacted topic needs one";
const UNTIMELY: &str =
    "its timestamp is beyond message.timestamp.before.max.ms or message.timestamp.after.max.ms";

/// By the header, which has the first timestamp and the newest.
fn check_timestamps(
    header: &BatchHeader,
    needs: &Needs,
    config: &TopicConfig,
    now_ms: UnixMillis,
) -> Result<(), String> {
    let Some(times) = &needs.times else { return Ok(()) };
    let (oldest, newest) = (header.base_timestamp_ms, header.max_timestamp_ms);
    if oldest < -1 || newest < -1 {
        return Err("a timestamp is negative".to_owned());
    }
    if newest > *times.end() {
        return Err(format!(
            "its newest timestamp, {newest}, is more than message.timestamp.after.max.ms, {} ms, ahead of the \
             broker's clock, {now_ms}; set the producer's clock",
            config.message_timestamp_after_max_ms
        ));
    }
    // -1 stands for no timestamp.
    if oldest >= 0 && oldest < *times.start() {
        return Err(format!(
            "its first timestamp, {oldest}, is more than message.timestamp.before.max.ms, {} ms, behind the \
             broker's clock, {now_ms}",
            config.message_timestamp_before_max_ms
        ));
    }
    Ok(())
}

/// Which records it is shows only if they need not be decompressed to much.
fn untimely(reason: String, bytes: &[u8], needs: &Needs) -> BrokerError {
    let records = needs.refused(bytes, MAX_TOLD_BYTES).unwrap_or_default();
    BrokerError::InvalidTimestamp { reason, records }
}

fn check_keys(bytes: &[u8], needs: &Needs) -> Result<(), BrokerError> {
    let records = needs.refused(bytes, MAX_DECOMPRESSED_BYTES).map_err(refuse)?;
    let Some(first) = records.first() else { return Ok(()) };
    let reason = format!("record {} of it: {}", first.index, first.reason);
    match records.iter().all(|record| record.reason == NO_KEY) {
        true => Err(BrokerError::InvalidRecord { reason, records }),
        false => Err(BrokerError::InvalidTimestamp { reason, records }),
    }
}

fn refuse(error: BatchError) -> BrokerError {
    match error {
        // As in Kafka, the formats of the past are told apart from what is no format.
        BatchError::Magic(0 | 1) => refused_whole(error.to_string()),
        BatchError::Crc { .. } | BatchError::Magic(_) | BatchError::Length(_) => BrokerError::CorruptBatch,
        // A codec's words may hold bytes of the batch.
        error => refused_whole(escape(&error.to_string()).into_owned()),
    }
}

fn refused_whole(reason: String) -> BrokerError {
    BrokerError::InvalidRecord { reason, records: Vec::new() }
}

fn invalid(reason: &str) -> Result<(), BrokerError> {
    Err(refused_whole(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use runnel_proto::records::BatchBuilder;

    use super::*;
    use crate::config::CleanupPolicy;

    const NOW_MS: i64 = 1_767_225_600_000;

    /// A batch of records with these times, each with a key or none.
    fn batch(codec: Compression, records: &[(i64, Option<&[u8]>)]) -> Bytes {
        let mut builder = BatchBuilder::new(codec);
        for (time_ms, key) in records {
            builder.push(*time_ms, *key, Some(b"value"), &[]);
        }
        builder.build().expect("a batch")
    }

    fn refused(config: &TopicConfig, batch: Bytes) -> (bool, Vec<(i32, &'static str)>) {
        let error = check(batch, config, "t", NOW_MS).expect_err("some record is wrong");
        let records = error.refused_records().iter().map(|record| (record.index, record.reason)).collect();
        (matches!(error, BrokerError::InvalidTimestamp { .. }), records)
    }

    #[test]
    fn it_is_told_which_records_are_refused() {
        let compact = CleanupPolicy { delete: false, compact: true };
        let compacted = TopicConfig { cleanup_policy: compact, ..TopicConfig::default() };
        let plain = TopicConfig { message_timestamp_before_max_ms: 1000, ..TopicConfig::default() };
        let both = TopicConfig { cleanup_policy: compact, ..plain.clone() };
        let key = Some(&b"k"[..]);
        for codec in [Compression::None, Compression::Zstd] {
            let keyless = batch(codec, &[(NOW_MS, key), (NOW_MS, None), (NOW_MS, key), (NOW_MS, None)]);
            assert_eq!(refused(&compacted, keyless.clone()), (false, vec![(1, NO_KEY), (3, NO_KEY)]));
            assert!(check(keyless, &plain, "t", NOW_MS).is_ok());
            let old =
                batch(codec, &[(NOW_MS - 1001, key), (NOW_MS, key), (NOW_MS + 3_600_001, None), (-1, key)]);
            assert_eq!(refused(&plain, old.clone()), (true, vec![(0, UNTIMELY), (2, UNTIMELY)]));
            assert_eq!(refused(&both, old), (true, vec![(0, UNTIMELY), (2, NO_KEY)]));
        }
    }

    #[test]
    fn no_more_are_told_than_an_answer_has_room_for() {
        let compact = CleanupPolicy { delete: false, compact: true };
        let compacted = TopicConfig { cleanup_policy: compact, ..TopicConfig::default() };
        let keyless = batch(Compression::Zstd, &vec![(NOW_MS, None); 3 * MAX_REFUSED]);
        assert_eq!(refused(&compacted, keyless).1.len(), MAX_REFUSED);
        let much = batch(Compression::Zstd, &vec![(NOW_MS + 3_600_001, None); MAX_TOLD_BYTES / 10]);
        assert_eq!(refused(&TopicConfig::default(), much), (true, vec![]), "it would take too much to look");
    }
}
