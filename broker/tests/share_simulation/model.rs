//! What must be true of each record, from what its readers were told.

use std::collections::BTreeMap;

use runnel_broker::coordinator::group::AckKind;

/// A record: partition and offset.
pub(crate) type Place = (i32, i64);

#[derive(Debug, Default)]
struct Record {
    holder: Option<Holder>,
    /// How often it was delivered, as far as that is known.
    deliveries: i16,
    /// Whether that is exact: a crash forgets deliveries that were not written down.
    is_exact: bool,
    /// The most that was ever told.
    most: i16,
    end: Option<End>,
}

#[derive(Debug, Clone)]
struct Holder {
    member: usize,
    until: i64,
}

/// Nobody shall have it again.
#[derive(Debug, Clone, Copy)]
struct End {
    accepted: bool,
    /// The member was told so: then not even a crash may change it.
    is_durable: bool,
    /// In which run of the coordinator that was.
    run: u32,
}

/// All records.
#[derive(Debug)]
pub(crate) struct Model {
    records: BTreeMap<Place, Record>,
    limit: i16,
    run: u32,
    pub(crate) redelivered: u64,
}

impl Model {
    pub(crate) fn new(limit: i16) -> Self {
        Self { records: BTreeMap::new(), limit, run: 0, redelivered: 0 }
    }

    /// A record that the group is to have.
    pub(crate) fn appended(&mut self, place: Place) {
        self.records.insert(place, Record { is_exact: true, ..Record::default() });
    }

    pub(crate) fn delivered(&mut self, place: Place, member: usize, deliveries: i16, now: i64, until: i64) {
        let record = self.records.get_mut(&place).unwrap_or_else(|| panic!("{place:?} is no record"));
        if let Some(holder) = &record.holder {
            assert!(holder.until <= now, "{place:?} goes to {member} while {holder:?} has it");
        }
        if let Some(end) = record.end.take() {
            assert!(!end.is_durable, "{place:?} is delivered after it was acknowledged: {end:?}");
            assert!(end.run < self.run, "{place:?} is delivered after {end:?}, without a crash");
        }
        assert!((1..=self.limit).contains(&deliveries), "{place:?} is delivered for the {deliveries}. time");
        if record.is_exact {
            assert_eq!(deliveries, record.deliveries + 1, "{place:?}");
        }
        self.redelivered += u64::from(deliveries > 1);
        *record = Record {
            holder: Some(Holder { member, until }),
            deliveries,
            is_exact: true,
            most: record.most.max(deliveries),
            end: None,
        };
    }

    /// What a member may hold, in order.
    pub(crate) fn held(&self, member: usize, partition: i32) -> Vec<i64> {
        let is_held = |record: &Record| record.holder.as_ref().is_some_and(|holder| holder.member == member);
        let records = self.records.range((partition, 0)..(partition + 1, 0));
        records.filter(|(_, record)| is_held(record)).map(|((_, offset), _)| *offset).collect()
    }

    /// Whether a member holds a record: surely, surely not, or nobody knows, as its time is over.
    pub(crate) fn holds(&self, place: Place, member: usize, now: i64) -> Option<bool> {
        match self.records.get(&place).and_then(|record| record.holder.as_ref()) {
            Some(holder) if holder.member == member => (holder.until > now).then_some(true),
            _ => Some(false),
        }
    }

    /// The coordinator has taken a member's word.
    pub(crate) fn acknowledged(&mut self, place: Place, kind: AckKind, until: i64) {
        let run = self.run;
        let Some(record) = self.records.get_mut(&place) else { return };
        let end = |accepted| Some(End { accepted, is_durable: false, run });
        match kind {
            AckKind::Accept => (record.holder, record.end) = (None, end(true)),
            AckKind::Reject | AckKind::Gap => (record.holder, record.end) = (None, end(false)),
            AckKind::Release => record.holder = None,
            AckKind::Renew => {
                if let Some(holder) = &mut record.holder {
                    holder.until = until;
                }
            }
        }
    }

    /// The member was told that its word is written down.
    pub(crate) fn written(&mut self, place: Place) {
        let run = self.run;
        let end = self.records.get_mut(&place).and_then(|record| record.end.as_mut());
        if let Some(end) = end.filter(|end| end.run == run) {
            end.is_durable = true;
        }
    }

    /// A member's session is over: it holds nothing, and what it held does not count.
    pub(crate) fn released(&mut self, member: usize, now: i64) {
        for record in self.records.values_mut() {
            if let Some(holder) = record.holder.take_if(|holder| holder.member == member) {
                record.deliveries -= 1;
                // It may have lost it before.
                record.is_exact &= holder.until > now;
            }
        }
    }

    pub(crate) fn crashed(&mut self) {
        self.run += 1;
        for record in self.records.values_mut() {
            (record.holder, record.is_exact) = (None, false);
        }
    }

    /// Nobody is given anything any more: where is everything?
    pub(crate) fn check_nothing_is_lost(&self) {
        for (place, record) in &self.records {
            let is_over = record.end.is_some() || record.most >= self.limit;
            assert!(is_over, "{place:?} is lost: {record:?}");
        }
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.records.values().filter(|record| record.end.is_some_and(|end| end.accepted)).count() as u64
    }

    pub(crate) fn delivered_too_often(&self) -> u64 {
        self.records.values().filter(|record| record.end.is_none() && record.most >= self.limit).count()
            as u64
    }
}
