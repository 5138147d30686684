//! Control batches: markers that end transactions (KIP-98). One record each:
//!
//! ```text
//! key:   version i16 (0) | type i16 (0 abort, 1 commit)
//! value: version i16 (0) | coordinator epoch i32
//! ```

use bytes::Bytes;

use super::header::seal;
use super::{BatchBuilder, BatchError, BatchHeader, Compression, Record};

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ControlType {
    /// Its records are to be skipped by readers of committed data.
    Abort,
    /// Its records count.
    Commit,
}

/// The marker that ends one transaction of one producer in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionMarker {
    /// How the transaction ended.
    pub control_type: ControlType,
    /// Epoch of the transaction coordinator that decided.
    pub coordinator_epoch: i32,
}

impl TransactionMarker {
    /// Reads the record of a control batch; `None` for types that are not transaction markers.
    ///
    /// # Errors
    /// [`BatchError::Malformed`] when key or value is cut short or of an unknown version.
    pub fn read(record: &Record<'_>) -> Result<Option<Self>, BatchError> {
        let key: &[u8; 4] = record
            .key
            .and_then(<[u8]>::first_chunk)
            .ok_or(BatchError::Malformed("a control record's key is cut short"))?;
        check_version([key[0], key[1]])?;
        let control_type = match i16::from_be_bytes([key[2], key[3]]) {
            0 => ControlType::Abort,
            1 => ControlType::Commit,
            _ => return Ok(None),
        };
        let value: &[u8; 6] = record
            .value
            .and_then(<[u8]>::first_chunk)
            .ok_or(BatchError::Malformed("a control record's value is cut short"))?;
        check_version([value[0], value[1]])?;
        let coordinator_epoch = i32::from_be_bytes([value[2], value[3], value[4], value[5]]);
        Ok(Some(Self { control_type, coordinator_epoch }))
    }
}

/// Later versions only append fields, so that they read like version 0.
fn check_version(version: [u8; 2]) -> Result<(), BatchError> {
    if i16::from_be_bytes(version) < 0 {
        return Err(BatchError::Malformed("a control record's version is negative"));
    }
    Ok(())
}

/// The batch that ends a transaction of `producer_id` at `producer_epoch`; base offset 0, to be stamped on append.
pub fn control_batch(
    marker: TransactionMarker,
    producer_id: i64,
    producer_epoch: i16,
    timestamp_ms: i64,
) -> Bytes {
    let kind: i16 = match marker.control_type {
        ControlType::Abort => 0,
        ControlType::Commit => 1,
    };
    let key = [[0; 2], kind.to_be_bytes()].concat();
    let value = [[0; 2].as_slice(), &marker.coordinator_epoch.to_be_bytes()].concat();
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(timestamp_ms, Some(&key), Some(&value), &[]);
    let plain = builder.build().expect("one small record always fits");
    let mut header = BatchHeader::parse(&plain).expect("it was just built");
    header.mark_control();
    header.producer_id = producer_id;
    header.producer_epoch = producer_epoch;
    let mut batch = Vec::from(plain);
    seal(&mut batch, &header).expect("its size did not change");
    Bytes::from(batch)
}
