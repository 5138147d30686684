//! What must hold whatever happens, told by the durable records, the markers and the answers.

use std::collections::{BTreeMap, BTreeSet};

use runnel_broker::coordinator::transaction::records::{self, Key};
use runnel_broker::coordinator::transaction::{
    EndRequest, Marker, Producer, Reply, Request, Target, TransactionMetadata, TransactionState,
};
use runnel_broker::error::BrokerError;
use runnel_broker::types::LogRecord;

/// One transaction: of which id, and how many of that id were completed before it.
pub(crate) type TransactionKey = (String, u64);

/// What a partition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Data(Producer, TransactionKey),
    Marker(Marker, TransactionKey),
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Transactions completed, by id.
    completed: BTreeMap<String, u64>,
    /// How each transaction was decided, and who took part.
    decided: BTreeMap<TransactionKey, (bool, BTreeSet<Target>)>,
    marked: BTreeSet<(TransactionKey, Target)>,
    partitions: BTreeMap<Target, Vec<Entry>>,
    /// The highest epoch that a partition has seen of a producer id.
    epochs: BTreeMap<(Target, i64), i16>,
    /// Who got a producer id first.
    owners: BTreeMap<i64, String>,
    /// Everybody who was told to be the producer of an id, in that order.
    producers: BTreeMap<String, Vec<Producer>>,
    /// Who has a transaction open, by id.
    open: BTreeMap<String, Producer>,
    /// Those whose transaction was aborted without their asking.
    gone: BTreeSet<Producer>,
    /// Offsets that were to be committed: within which transaction, and whether that was acknowledged.
    offsets: BTreeMap<i64, (TransactionKey, bool)>,
    pub(crate) fenced: u64,
}

impl Model {
    /// How many transactions ended so.
    pub(crate) fn ended(&self, commit: bool) -> u64 {
        self.decided.values().filter(|(decided, _)| *decided == commit).count() as u64
    }

    /// The transaction that an id has, or will have next.
    pub(crate) fn current(&self, id: &str) -> TransactionKey {
        (id.to_owned(), self.completed.get(id).copied().unwrap_or(0))
    }

    /// A record has become durable, while these requests were not answered.
    pub(crate) fn kept<'a>(&mut self, record: &LogRecord, asked: impl Iterator<Item = &'a Request>) {
        let Ok(Key::Transaction(id)) = records::decode_key(&record.key) else { return };
        let Some(value) = &record.value else { return };
        let metadata = records::decode_transaction(value).expect("a readable record");
        let key = self.current(&id);
        match metadata.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                self.decide(key, &metadata, asked);
            }
            TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
                self.complete(key, &metadata)
            }
            TransactionState::Empty | TransactionState::Ongoing => {
                if metadata.state == TransactionState::Ongoing {
                    self.open.insert(id, metadata.producer);
                }
                assert!(!self.decided.contains_key(&key), "{key:?} goes on after it was decided");
            }
        }
    }

    fn decide<'a>(
        &mut self,
        key: TransactionKey,
        metadata: &TransactionMetadata,
        mut asked: impl Iterator<Item = &'a Request>,
    ) {
        let commit = metadata.state == TransactionState::PrepareCommit;
        if let Some(producer) = self.open.remove(&key.0) {
            let is_asked_for = asked.any(|request| {
                matches!(request, Request::End(end) if end.producer == producer && end.commit == commit)
            });
            assert!(is_asked_for || !commit, "{key:?} is committed, and nobody asked for it");
            if !is_asked_for {
                self.gone.insert(producer);
            }
        }
        let before = self.decided.insert(key.clone(), (commit, metadata.targets.clone()));
        assert_eq!(before, None, "{key:?} was decided twice");
    }

    fn complete(&mut self, key: TransactionKey, metadata: &TransactionMetadata) {
        let (commit, targets) = self.decided.get(&key).expect("complete only what is decided");
        assert_eq!(*commit, metadata.state == TransactionState::CompleteCommit, "{key:?} changed its mind");
        for target in targets {
            let is_marked = self.marked.contains(&(key.clone(), target.clone()));
            assert!(is_marked, "{key:?} is complete, and {target:?} does not know");
        }
        *self.completed.entry(key.0).or_default() += 1;
    }

    /// A marker was asked for.
    pub(crate) fn mark(&self, key: &TransactionKey, target: &Target, marker: Marker) {
        let (commit, targets) = self.decided.get(key).expect("a marker only for what is durably decided");
        assert_eq!(marker.commit, *commit, "{key:?} gets a marker of another outcome");
        assert!(targets.contains(target), "{target:?} does not take part in {key:?}");
    }

    /// A target took its marker.
    pub(crate) fn marked(&mut self, key: &TransactionKey, target: &Target, marker: Marker) {
        self.marked.insert((key.clone(), target.clone()));
        if let Target::Partition(_) = target {
            self.check_epoch(target, marker.producer);
            let entry = Entry::Marker(marker, key.clone());
            self.partitions.entry(target.clone()).or_default().push(entry);
        }
    }

    /// A batch was appended by somebody who was let in.
    pub(crate) fn append(&mut self, key: &TransactionKey, target: &Target, producer: Producer) {
        let is_marked = self.marked.contains(&(key.clone(), target.clone()));
        assert!(!is_marked, "{producer} writes to {target:?} behind the marker of {key:?}");
        self.check_epoch(target, producer);
        let entry = Entry::Data(producer, key.clone());
        self.partitions.entry(target.clone()).or_default().push(entry);
    }

    fn check_epoch(&mut self, target: &Target, producer: Producer) {
        let highest = self.epochs.entry((target.clone(), producer.id)).or_insert(producer.epoch);
        assert!(producer.epoch >= *highest, "{producer} comes to {target:?} after epoch {highest}");
        *highest = producer.epoch;
    }

    /// An offset is about to be committed within a transaction.
    pub(crate) fn offset(&mut self, offset: i64, key: TransactionKey) {
        self.offsets.insert(offset, (key, false));
    }

    pub(crate) fn offset_acknowledged(&mut self, offset: i64) {
        self.offsets.get_mut(&offset).expect("an offset that was sent").1 = true;
    }

    /// What can be seen of an id's offset, where no transaction may yet change it, is of the last that committed one.
    pub(crate) fn check_offset(&self, id: &str, seen: Option<i64>) {
        let counts =
            |key: &TransactionKey| key.0 == id && self.decided.get(key).is_some_and(|(commit, _)| *commit);
        let newest = self.offsets.iter().rev().find(|(_, (key, acknowledged))| *acknowledged && counts(key));
        assert!(
            seen >= newest.map(|(offset, _)| *offset),
            "{id}: {seen:?} is seen, {newest:?} was acknowledged"
        );
        if let Some(seen) = seen {
            let (key, _) = self.offsets.get(&seen).expect("an offset that was sent");
            assert!(counts(key), "{id}: offset {seen} of {key:?} counts, and its transaction does not");
        }
    }

    /// A request was answered, while the id's transaction was in this state.
    pub(crate) fn answered(
        &mut self,
        request: &Request,
        answer: &Result<Reply, BrokerError>,
        state: Option<TransactionState>,
    ) {
        match (request, answer) {
            (Request::Init(init), Ok(Reply::Initialized(producer))) => {
                self.became_producer(init.transactional_id.as_deref(), *producer);
            }
            (Request::Add(add), Ok(_)) => self.check_not_fenced(&add.transactional_id, add.producer),
            (Request::End(end), Ok(Reply::Ended(producer))) => self.ended_by(end, *producer, state),
            (_, Err(BrokerError::ProducerFenced { .. } | BrokerError::InvalidProducerIdMapping { .. })) => {
                self.fenced += 1;
            }
            (_, Ok(reply)) => panic!("{request:?} was answered with {reply:?}"),
            (_, Err(_)) => {}
        }
    }

    /// Somebody was told to be the producer of an id, or of none.
    pub(crate) fn became_producer(&mut self, id: Option<&str>, producer: Producer) {
        let fresh = format!("nobody {}", self.owners.len());
        let owner = id.map_or(fresh, str::to_owned);
        let known = self.owners.entry(producer.id).or_insert_with(|| owner.clone());
        assert_eq!(*known, owner, "producer id {} was given out twice", producer.id);
        let Some(id) = id else { return };
        let all = self.producers.entry(id.to_owned()).or_default();
        if all.last() != Some(&producer) {
            assert!(!all.contains(&producer), "{producer} came back to {id}");
            all.push(producer);
        }
    }

    fn ended_by(&mut self, end: &EndRequest, next: Producer, state: Option<TransactionState>) {
        let id = &end.transactional_id;
        let mut key = self.current(id);
        if !state.is_some_and(TransactionState::is_ending) {
            key.1 = key.1.checked_sub(1).expect("an end that came before");
        }
        let (commit, _) = self.decided.get(&key).expect("an answer only to what is durably decided");
        assert_eq!(*commit, end.commit, "{key:?} ended otherwise than {} was told", end.producer);
        if next == end.producer {
            self.check_not_fenced(id, end.producer);
        } else {
            assert!(end.bumps_epoch, "{} becomes {next} without having asked", end.producer);
            self.became_producer(Some(id), next);
        }
    }

    /// Nobody who was told so since has taken over.
    pub(crate) fn check_not_fenced(&self, id: &str, producer: Producer) {
        assert!(
            !self.gone.contains(&producer),
            "{producer} of {id} goes on after its transaction was aborted"
        );
        let current = self.producers.get(id).and_then(|all| all.last());
        assert_eq!(current, Some(&producer), "{producer} of {id} goes on, and is fenced");
    }

    /// Nothing goes on any more: everything that was written is followed by the marker of its own transaction.
    pub(crate) fn check_settled(&self) {
        for (target, entries) in &self.partitions {
            for (at, entry) in entries.iter().enumerate() {
                let Entry::Data(producer, key) = entry else { continue };
                let end = entries[at..].iter().find_map(|entry| match entry {
                    Entry::Marker(marker, of) if marker.producer.id == producer.id => Some((marker, of)),
                    _ => None,
                });
                let decided = self.decided.get(key).map(|(commit, _)| (*commit, key));
                let told = end.map(|(marker, of)| (marker.commit, of));
                assert_eq!(told, decided, "what {key:?} wrote to {target:?}");
                let bumped = end.filter(|(marker, _)| marker.bumps_epoch);
                let is_above = bumped.is_none_or(|(marker, _)| marker.producer.epoch > producer.epoch);
                assert!(is_above, "{producer} and the marker of {key:?} in {target:?} have one epoch");
            }
        }
    }
}
