//! The layout of what is kept.

use super::*;
use crate::coordinator::transaction::records::{
    decode_key, decode_producer_ids, decode_transaction, producer_ids_record, transaction_record,
};

fn full() -> TransactionMetadata {
    TransactionMetadata {
        producer: Producer { id: 258, epoch: 7 },
        previous_producer_id: Some(5),
        next_producer_id: Some(6),
        last_epoch: Some(6),
        timeout_ms: 60_000,
        state: TransactionState::PrepareCommit,
        targets: [orders(1), orders(0), group(), Target::Group("h".into())].into(),
        updated_ms: 1_700_000_000_001,
        started_ms: Some(1_700_000_000_000),
        bumps_epoch: true,
    }
}

fn empty() -> TransactionMetadata {
    TransactionMetadata {
        previous_producer_id: None,
        next_producer_id: None,
        last_epoch: None,
        state: TransactionState::Empty,
        targets: [].into(),
        started_ms: None,
        bumps_epoch: false,
        ..full()
    }
}

#[test]
fn transactional_ids_come_back_as_written() {
    for metadata in [full(), empty()] {
        let record = transaction_record("t", &metadata);
        assert_eq!(&record.key[..], b"\0\0\0\x01t");
        assert_eq!(decode_key(&record.key), Ok(Key::Transaction("t".into())));
        assert_eq!(decode_transaction(&record.value.expect("a value")), Ok(metadata));
    }
}

#[test]
fn the_layout_is_kafkas() {
    // Written by Kafka 4.1's `TransactionLogValue`.
    let without_ours =
        TransactionMetadata { last_epoch: None, targets: [orders(0), orders(1)].into(), ..full() };
    let value = transaction_record("t", &without_ours).value.expect("a value");
    assert_eq!(
        &value[..],
        b"\0\x01\0\0\0\0\0\0\x01\x02\0\x07\0\0\xea\x60\x02\x02\x07orders\x03\0\0\0\0\0\0\0\x01\0\
          \0\0\x01\x8b\xcf\xe5\x68\x01\0\0\x01\x8b\xcf\xe5\x68\0\x03\0\x08\0\0\0\0\0\0\0\x05\
          \x01\x08\0\0\0\0\0\0\0\x06\x02\x02\0\x02"
    );
    let value = transaction_record("t", &empty()).value.expect("a value");
    assert_eq!(
        &value[..],
        b"\0\x01\0\0\0\0\0\0\x01\x02\0\x07\0\0\xea\x60\0\x01\
          \0\0\x01\x8b\xcf\xe5\x68\x01\xff\xff\xff\xff\xff\xff\xff\xff\0"
    );
}

#[test]
fn producer_ids_come_back_as_written() {
    let record = producer_ids_record(4_000);
    assert_eq!(decode_key(&record.key), Ok(Key::ProducerIds));
    assert_eq!(decode_producer_ids(&record.value.expect("a value")), Ok(4_000));
}

#[test]
fn what_a_later_version_adds_is_skipped() {
    let mut value = transaction_record("t", &empty()).value.expect("a value").to_vec();
    assert_eq!(value.pop(), Some(0), "no tagged fields");
    value.extend(b"\x01\x03\x02\0\x09");
    assert_eq!(decode_transaction(&Bytes::from(value)), Ok(empty()));
}

#[test]
fn no_cut_or_flipped_byte_panics_or_reserves_by_a_count() {
    let value = transaction_record("t", &full()).value.expect("a value");
    for end in 0..value.len() {
        assert!(decode_transaction(&value.slice(..end)).is_err(), "cut at {end}");
    }
    for at in 0..value.len() {
        for bit in 0..8 {
            let mut bytes = value.to_vec();
            bytes[at] ^= 1 << bit;
            // Whatever comes of it, it comes back.
            let _ = decode_transaction(&Bytes::from(bytes));
        }
    }
}
