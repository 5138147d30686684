//! A partition's log against what its writers were promised: the judgement alone.

use std::collections::HashMap;

use super::writer::{Answer, RecordId, Sent};
use crate::harness::unpack;

/// What is known of one partition's log.
#[derive(Debug)]
pub(super) struct LogCheck {
    partition: i32,
    next_offset: i64,
    /// Each writer's last sequence in the log.
    last: HashMap<u32, u64>,
    /// The records that came since the last settlement.
    new: HashMap<RecordId, i64>,
    /// Every acknowledged batch so far, for the last look.
    acknowledged: Vec<Sent>,
    tally: Tally,
}

/// Records, counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) unknown: u64,
    pub(super) unknown_stored: u64,
    pub(super) seen: u64,
}

impl LogCheck {
    pub(super) fn new(partition: i32) -> Self {
        Self {
            partition,
            next_offset: 0,
            last: HashMap::new(),
            new: HashMap::new(),
            acknowledged: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn partition(&self) -> i32 {
        self.partition
    }

    pub(super) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes in batches from the log: they follow without a hole, and no writer's record stands twice or out of order.
    pub(super) fn append(&mut self, batches: &[impl AsRef<[u8]>]) -> Result<(), String> {
        for batch in batches {
            for record in unpack(batch.as_ref()).map_err(|error| self.at(self.next_offset, &error))? {
                let value = record.value.unwrap_or_default();
                let id = RecordId::of_value(&value)
                    .ok_or_else(|| self.at(record.offset, "a record nobody sent"))?;
                self.record(record.offset, id)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, offset: i64, id: RecordId) -> Result<(), String> {
        if offset != self.next_offset {
            return Err(self.at(offset, &format!("a hole: offset {} was to come", self.next_offset)));
        }
        if let Some(last) = self.last.insert(id.writer, id.sequence)
            && last >= id.sequence
        {
            return Err(
                self.at(offset, &format!("{id:?} comes after sequence {last}: twice or out of order"))
            );
        }
        self.next_offset += 1;
        self.new.insert(id, offset);
        Ok(())
    }

    /// Holds what was sent against the records that came.
    pub(super) fn settle<'a>(&mut self, sent: impl Iterator<Item = &'a Sent>) -> Result<(), String> {
        for batch in sent {
            let offsets: Vec<i64> = batch.records().filter_map(|id| self.new.get(&id).copied()).collect();
            let stored = offsets.len() as u64;
            match batch.answer {
                Answer::Stored { base_offset } => {
                    let promised = (base_offset..).take(batch.count as usize);
                    if !promised.eq(offsets.iter().copied()) {
                        return Err(self.at(base_offset, &format!("lost: {batch:?} is at {offsets:?}")));
                    }
                    self.tally.acknowledged += batch.count;
                    self.acknowledged.push(*batch);
                }
                Answer::Refused if stored > 0 => {
                    return Err(self.at(offsets[0], &format!("stored although refused: {batch:?}")));
                }
                Answer::None if stored != 0 && stored != batch.count => {
                    return Err(self.at(offsets[0], &format!("half a batch: {batch:?} is at {offsets:?}")));
                }
                Answer::Refused => {}
                Answer::None => {
                    self.tally.unknown += batch.count;
                    self.tally.unknown_stored += stored;
                }
            }
        }
        Ok(())
    }

    /// What readers saw before the kill is still there.
    pub(super) fn has_all(&mut self, seen: Vec<(i64, RecordId)>) -> Result<(), String> {
        for (offset, id) in seen {
            if self.new.get(&id) != Some(&offset) {
                return Err(self.at(offset, &format!("a reader saw {id:?} there, and now it is gone")));
            }
            self.tally.seen += 1;
        }
        Ok(())
    }

    /// The new records are settled.
    pub(super) fn forget_new(&mut self) {
        self.new.clear();
    }

    fn at(&self, offset: i64, what: &str) -> String {
        format!("partition {}, offset {offset}: {what}", self.partition)
    }
}

/// Judges a whole log, read from its beginning, once more.
pub(super) fn verify_all(known: &LogCheck, batches: &[impl AsRef<[u8]>]) -> Result<(), String> {
    let mut again = LogCheck::new(known.partition);
    again.append(batches)?;
    if again.next_offset != known.next_offset {
        return Err(again.at(again.next_offset, &format!("the log ended at {} before", known.next_offset)));
    }
    again.settle(known.acknowledged.iter())
}

#[cfg(test)]
mod tests {
    use runnel_proto::records::{BatchBuilder, Compression};

    use super::*;

    fn id(writer: u32, sequence: u64) -> RecordId {
        RecordId { writer, sequence }
    }

    fn batch(base_offset: i64, records: &[RecordId]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(Compression::None);
        for record in records {
            builder.push(0, None, Some(&record.value()), &[]);
        }
        let mut bytes = builder.build().expect("a batch").to_vec();
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes
    }

    fn sent(first: RecordId, count: u64, answer: Answer) -> Sent {
        Sent { partition: 0, first, count, answer }
    }

    fn log() -> LogCheck {
        let mut log = LogCheck::new(0);
        log.append(&[batch(0, &[id(0, 0), id(0, 1)]), batch(2, &[id(1, 0)])]).expect("sound");
        log
    }

    #[test]
    fn a_sound_log_passes() {
        let mut log = log();
        let promised = [
            sent(id(0, 0), 2, Answer::Stored { base_offset: 0 }),
            sent(id(1, 0), 1, Answer::None),
            sent(id(1, 1), 5, Answer::None),
            sent(id(0, 2), 1, Answer::Refused),
        ];
        log.settle(promised.iter()).expect("sound");
        log.has_all(vec![(1, id(0, 1))]).expect("sound");
        assert_eq!((log.tally.acknowledged, log.tally.unknown, log.tally.unknown_stored), (2, 6, 1));
        verify_all(&log, &[batch(0, &[id(0, 0), id(0, 1)]), batch(2, &[id(1, 0)])]).expect("sound");
    }

    #[test]
    fn every_kind_of_loss_is_found() {
        let broken = [
            (sent(id(0, 0), 3, Answer::Stored { base_offset: 0 }), "lost"),
            (sent(id(0, 0), 2, Answer::Stored { base_offset: 1 }), "lost"),
            (sent(id(2, 0), 1, Answer::Stored { base_offset: 0 }), "lost"),
            (sent(id(0, 0), 3, Answer::None), "half a batch"),
            (sent(id(1, 0), 1, Answer::Refused), "refused"),
        ];
        for (promise, words) in broken {
            let error = log().settle([promise].iter()).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        assert!(log().has_all(vec![(5, id(0, 1))]).is_err_and(|error| error.contains("gone")));
    }

    #[test]
    fn holes_repetitions_and_strangers_are_found() {
        let cases = [
            (batch(4, &[id(0, 2)]), "hole"),
            (batch(3, &[id(0, 1)]), "twice"),
            (batch(3, &[id(1, 0)]), "twice"),
        ];
        for (bytes, words) in cases {
            let error = log().append(&[bytes]).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        let mut stranger = BatchBuilder::new(Compression::None);
        stranger.push(0, None, Some(b"hello"), &[]);
        let error = LogCheck::new(0).append(&[stranger.build().expect("a batch")]).expect_err("a stranger");
        assert!(error.contains("nobody sent"), "{error}");
    }
}
