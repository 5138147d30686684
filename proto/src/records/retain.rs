use bytes::Bytes;

use super::compression::Compressor;
use super::header::{HEADER_BYTES, seal};
use super::{BatchError, BatchHeader, BatchReader, Compression, Record};

/// What [`BatchReader::retain`] leaves of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retained {
    /// Every record: the batch stays as it is.
    All,
    /// Some records: this batch replaces it.
    Some(Bytes),
    /// No record.
    None,
}

impl BatchReader {
    /// Drops the records for which `keep` says no, as log compaction does. The rest keeps offsets, timestamps,
    /// producer, attributes and the batch's offset range; only count, largest timestamp, size and CRC change.
    ///
    /// # Errors
    /// Those of [`BatchReader::read`] and of its records.
    pub fn retain(
        &mut self,
        batch: &[u8],
        mut keep: impl FnMut(&Record<'_>) -> bool,
    ) -> Result<Retained, BatchError> {
        let mut records = self.read(batch)?;
        let header = *records.header();
        let mut kept = vec![0; HEADER_BYTES];
        let mut record_count = 0;
        let mut max_timestamp_ms = i64::MIN;
        for record in records.by_ref() {
            let record = record?;
            if keep(&record) {
                // Deltas count from the header's base offset and timestamp, which stay: the bytes can, too.
                kept.extend_from_slice(record.encoded());
                record_count += 1;
                max_timestamp_ms = max_timestamp_ms.max(record.timestamp_ms);
            }
        }
        if record_count == header.record_count {
            return Ok(Retained::All);
        }
        if record_count == 0 {
            return Ok(Retained::None);
        }
        let mut batch = compress(kept, header.compression()?)?;
        seal(&mut batch, &BatchHeader { record_count, max_timestamp_ms, ..header })?;
        Ok(Retained::Some(Bytes::from(batch)))
    }
}

fn compress(batch: Vec<u8>, compression: Compression) -> Result<Vec<u8>, BatchError> {
    if compression == Compression::None {
        return Ok(batch);
    }
    let mut compressed = vec![0; HEADER_BYTES];
    Compressor::new(compression).compress(&batch[HEADER_BYTES..], &mut compressed)?;
    Ok(compressed)
}
