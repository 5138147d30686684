use runnel_proto::records::{BatchBuilder, BatchHeader, Compression, ProducerStamp, stamp_producer};

use super::*;

const NOW_MS: UnixMillis = 1_700_000_000_000;

/// The header of producer 7's batch of `count` records.
fn batch(epoch: i16, sequence: i32, count: i32, base_offset: Offset) -> BatchHeader {
    header(
        ProducerStamp {
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: sequence,
            transactional: false,
        },
        count,
        base_offset,
    )
}

fn transactional(epoch: i16, sequence: i32, base_offset: Offset) -> BatchHeader {
    header(
        ProducerStamp { producer_id: 7, producer_epoch: epoch, base_sequence: sequence, transactional: true },
        1,
        base_offset,
    )
}

fn header(producer: ProducerStamp, count: i32, base_offset: Offset) -> BatchHeader {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(NOW_MS, None, None, &[]);
    let mut bytes = builder.build().unwrap().to_vec();
    stamp_producer(&mut bytes, producer);
    let header = BatchHeader::parse(&bytes).unwrap();
    BatchHeader { base_offset, last_offset_delta: count - 1, record_count: count, ..header }
}

/// Takes a batch as a log does.
fn take(producers: &mut Producers, header: BatchHeader) -> Result<Option<Offset>, BrokerError> {
    match producers.check(&header, None, false)? {
        Verdict::Duplicate(sent) => Ok(Some(sent.base_offset)),
        Verdict::Append => {
            producers.replay(&header, None, Some(NOW_MS));
            Ok(None)
        }
    }
}

fn end(
    producers: &mut Producers,
    commit: bool,
    epoch: i16,
    coordinator_epoch: i32,
    offset: Offset,
) -> Result<Option<AbortedTransaction>, BrokerError> {
    let header = batch(epoch, -1, 1, offset);
    let marker = Some(marker(commit, coordinator_epoch));
    producers.check(&header, marker, false)?;
    Ok(producers.replay(&header, marker, Some(NOW_MS)))
}

fn marker(commit: bool, coordinator_epoch: i32) -> TransactionMarker {
    let control_type = if commit { ControlType::Commit } else { ControlType::Abort };
    TransactionMarker { control_type, coordinator_epoch }
}

const APPENDED: Result<Option<Offset>, BrokerError> = Ok(None);

fn duplicate(offset: Offset) -> Result<Option<Offset>, BrokerError> {
    Ok(Some(offset))
}

fn out_of_order(sequence: i32, expected: i32) -> Result<Option<Offset>, BrokerError> {
    Err(BrokerError::OutOfOrderSequence { producer_id: 7, sequence, expected })
}

fn old_epoch(epoch: i16, current: i16) -> Result<Option<Offset>, BrokerError> {
    Err(BrokerError::InvalidProducerEpoch { producer_id: 7, epoch, current })
}

#[test]
fn sequences_follow_one_another_and_the_last_five_batches_may_come_again() {
    let mut producers = Producers::default();
    let rows = [
        // An unknown producer may begin anywhere: its state may have expired.
        (batch(0, 40, 10, 0), APPENDED),
        (batch(0, 50, 1, 10), APPENDED),
        (batch(0, 50, 1, 11), duplicate(10)),
        (batch(0, 40, 10, 11), duplicate(0)),
        (batch(0, 40, 9, 11), out_of_order(40, 51)),
        (batch(0, 52, 1, 11), out_of_order(52, 51)),
        (batch(0, 49, 1, 11), out_of_order(49, 51)),
        (batch(0, 0, 1, 11), out_of_order(0, 51)),
        (batch(0, 51, 3, 20), APPENDED),
        (batch(0, 54, 1, 30), APPENDED),
        (batch(0, 55, 1, 31), APPENDED),
        (batch(0, 40, 10, 32), duplicate(0)),
        (batch(0, 56, 1, 32), APPENDED),
        // The sixth last is forgotten.
        (batch(0, 40, 10, 33), out_of_order(40, 57)),
        (batch(0, 50, 1, 33), duplicate(10)),
        // The next epoch begins at 0.
        (batch(1, 57, 1, 33), out_of_order(57, 0)),
        (batch(1, 0, 1, 33), APPENDED),
        (batch(1, 0, 1, 34), duplicate(33)),
        (batch(0, 56, 1, 34), old_epoch(0, 1)),
        (batch(0, 57, 1, 34), old_epoch(0, 1)),
        (batch(1, 1, 1, 34), APPENDED),
        (batch(3, 1, 1, 35), out_of_order(1, 0)),
        (batch(3, 0, 1, 35), APPENDED),
    ];
    for (number, (header, expected)) in rows.into_iter().enumerate() {
        assert_eq!(take(&mut producers, header), expected, "row {number}");
    }
}

#[test]
fn sequences_begin_anew_after_the_largest() {
    let mut producers = Producers::default();
    assert_eq!(take(&mut producers, batch(0, i32::MAX - 1, 2, 0)), APPENDED);
    assert_eq!(take(&mut producers, batch(0, 1, 1, 2)), out_of_order(1, 0));
    assert_eq!(take(&mut producers, batch(0, 0, 1, 2)), APPENDED);
    assert_eq!(take(&mut producers, batch(0, 1, 1, 3)), APPENDED);

    let mut producers = Producers::default();
    assert_eq!(take(&mut producers, batch(0, i32::MAX - 1, 5, 0)), APPENDED, "a batch across the end");
    assert_eq!(producers.views()[0].last_sequence, 2);
    assert_eq!(take(&mut producers, batch(0, i32::MAX - 1, 5, 5)), duplicate(0));
    assert_eq!(take(&mut producers, batch(0, 3, 1, 5)), APPENDED);
}

#[test]
fn producers_do_not_disturb_each_other() {
    let mut producers = Producers::default();
    assert_eq!(take(&mut producers, batch(5, 0, 1, 0)), APPENDED);
    let other = BatchHeader { producer_id: 8, ..batch(0, 0, 1, 1) };
    assert_eq!(take(&mut producers, other), APPENDED);
    assert_eq!(take(&mut producers, batch(5, 1, 1, 2)), APPENDED);
    assert_eq!(producers.views().iter().map(|view| view.producer_id).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn a_silent_producer_is_forgotten_but_not_with_its_transaction_open() {
    let mut producers = Producers::default();
    take(&mut producers, batch(0, 0, 1, 0)).unwrap();
    let open = BatchHeader { producer_id: 8, ..transactional(0, 0, 1) };
    take(&mut producers, open).unwrap();
    producers.expire(NOW_MS + 999, 1000);
    assert_eq!(producers.views().len(), 2);
    producers.expire(NOW_MS + 1000, 1000);
    assert_eq!(producers.views().iter().map(|view| view.producer_id).collect::<Vec<_>>(), [8]);
    assert_eq!(take(&mut producers, batch(0, 9, 1, 2)), APPENDED, "any sequence will do now");

    let mut producers = Producers::default();
    producers.replay(&batch(0, 0, 1, 0), None, None);
    producers.expire(NOW_MS, 1000);
    producers.expire(NOW_MS + 999, 1000);
    assert!(!producers.is_empty(), "its time runs from when the broker started");
    producers.expire(NOW_MS + 1000, 1000);
    assert!(producers.is_empty());
}

#[test]
fn markers_end_transactions() {
    let mut producers = Producers::default();
    assert_eq!(producers.last_stable_offset(50), 50);
    take(&mut producers, transactional(0, 0, 10)).unwrap();
    take(&mut producers, transactional(0, 1, 11)).unwrap();
    let other = BatchHeader { producer_id: 8, ..transactional(0, 0, 12) };
    take(&mut producers, other).unwrap();
    assert_eq!(producers.last_stable_offset(9), 9);
    assert_eq!(producers.last_stable_offset(13), 10);
    assert_eq!(
        take(&mut producers, batch(0, 2, 1, 13)).map_err(|error| error.to_string()),
        Err("the transaction of producer \"7\" does not allow this: it is open, and the batch is not part of it"
            .into())
    );

    let aborted = end(&mut producers, false, 0, 3, 13).unwrap().expect("one was open");
    let expected =
        AbortedTransaction { producer_id: 7, first_offset: 10, last_offset: 13, last_stable_offset: 12 };
    assert_eq!(aborted, expected);
    assert_eq!(producers.last_stable_offset(13), 10, "the marker may be lost yet");
    assert_eq!(producers.last_stable_offset(14), 12, "another one is open");

    assert_eq!(end(&mut producers, false, 0, 3, 14), Ok(None), "none was open");
    assert_eq!(
        end(&mut producers, false, 0, 2, 15),
        Err(BrokerError::TransactionCoordinatorFenced { producer_id: 7, epoch: 2, current: 3 })
    );
    assert_eq!(take(&mut producers, transactional(0, 2, 15)), APPENDED, "the sequence goes on");
    assert_eq!(end(&mut producers, true, 0, 4, 16), Ok(None), "a commit leaves nothing to leave out");

    assert_eq!(end(&mut producers, false, 1, 4, 17), Ok(None), "the coordinator fences the producer");
    assert_eq!(take(&mut producers, transactional(0, 3, 18)), old_epoch(0, 1));
    assert_eq!(take(&mut producers, transactional(1, 3, 18)), out_of_order(3, 0));
    assert_eq!(
        end(&mut producers, true, 0, 4, 18).map(|_| None),
        old_epoch(0, 1),
        "the producer's epoch binds its coordinator, too"
    );
    assert_eq!(take(&mut producers, transactional(1, 0, 18)), APPENDED);
}

#[test]
fn the_brokers_own_batches_have_no_sequence() {
    let mut producers = Producers::default();
    assert_eq!(take(&mut producers, transactional(0, -1, 0)), APPENDED);
    assert_eq!(take(&mut producers, transactional(0, -1, 1)), APPENDED);
    assert_eq!(producers.last_stable_offset(2), 0);
    assert_eq!(producers.views()[0].last_sequence, -1);
}

#[test]
fn with_rising_epochs_a_transaction_begins_with_the_first_sequence_number() {
    let producers = Producers::default();
    let late = producers.check(&transactional(0, 5, 0), None, true);
    assert_eq!(late, Err(BrokerError::OutOfOrderSequence { producer_id: 7, sequence: 5, expected: 0 }));
    assert_eq!(producers.check(&transactional(0, 5, 0), None, false), Ok(Verdict::Append));
    assert_eq!(producers.check(&transactional(0, 0, 0), None, true), Ok(Verdict::Append));
}

#[test]
fn with_rising_epochs_a_marker_is_above_what_it_ends() {
    let mut producers = Producers::default();
    assert_eq!(take(&mut producers, transactional(3, 0, 0)), APPENDED);
    let check = |producers: &Producers, epoch| {
        producers.check(&batch(epoch, -1, 1, 1), Some(marker(true, 0)), true).map(|_| ())
    };
    let refused = BrokerError::InvalidProducerEpoch { producer_id: 7, epoch: 3, current: 3 };
    assert_eq!(check(&producers, 3), Err(refused));
    assert_eq!(check(&producers, 4), Ok(()));
    end(&mut producers, true, 4, 0, 1).expect("ended");
    assert_eq!(check(&producers, 4), Ok(()), "it may be repeated");
    assert_eq!(take(&mut producers, transactional(4, 0, 2)), APPENDED);
    assert!(check(&producers, 4).is_err(), "but not once the next transaction is open");
}
