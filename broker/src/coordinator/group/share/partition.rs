//! A share partition: what a share group has made of the records of one partition (KIP-932).
//!
//! Before `start` everything is done with; from `end` on nothing was looked at. Between them lie runs of offsets that are in
//! the same state, without a gap. Pure: every method takes what it needs, the time among it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::api::{AckBatch, AckKind, Acquired, Found, Span};
use super::settings::ShareSettings;
use crate::types::{Offset, UnixMillis};

/// What one group has made of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SharePartition {
    start: Offset,
    end: Offset,
    /// By their first offsets. They cover all from `start` to `end`; no two neighbours are the same.
    runs: BTreeMap<Offset, Run>,
}

/// Offsets in the same state, up to and without `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) end: Offset,
    pub(super) state: RunState,
    /// How often they were given to somebody, this time included; 0 for what is done with.
    pub(super) deliveries: i16,
}

/// What a run's offsets are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunState {
    /// For whoever asks.
    Available,
    /// Locked for a member, for so long.
    Acquired { member: Arc<str>, until: UnixMillis },
    /// Accepted, rejected, delivered too often, or never there: for nobody any more.
    Done,
}

/// How much a member is to get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// About so many records; a batch that is begun is given whole, unless `is_exact`.
    pub(super) records: i64,
    pub(super) is_exact: bool,
    /// What is acquired is told in pieces of about so many records, which end where batches do.
    pub(super) batch_size: i64,
}

/// Why nothing of an acknowledgement was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckRefusal {
    /// It makes no sense, or names what was never delivered.
    Invalid(&'static str),
    /// It names what the member does not hold, or no longer.
    NotHeld,
}

/// What became of deliveries that ended without their holder's word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// Some are for others now.
    pub(super) released: bool,
    /// Something is to be written down.
    pub(super) changed: bool,
}

impl SharePartition {
    /// A partition of which everything from `start` on is to be delivered.
    pub(super) fn new(start: Offset) -> Self {
        Self { start, end: start, runs: BTreeMap::new() }
    }

    /// A partition as it was kept: runs follow one another from `start` on.
    pub(super) fn restored(start: Offset, kept: impl IntoIterator<Item = Run>) -> Self {
        let mut partition = Self::new(start);
        for run in kept {
            let (first, end) = (partition.end, run.end);
            partition.runs.insert(first, run);
            partition.end = end;
        }
        partition.settle();
        partition
    }

    /// The offset of the first record that is not done with (SPSO).
    pub(in super::super) fn start(&self) -> Offset {
        self.start
    }

    /// The runs, with their first offsets.
    pub(super) fn runs(&self) -> impl DoubleEndedIterator<Item = (Offset, &Run)> {
        self.runs.iter().map(|(first, run)| (*first, run))
    }

    /// How many offsets after the start are done with.
    pub(in super::super) fn done(&self) -> i64 {
        self.lengths(|state| *state == RunState::Done)
    }

    fn in_flight(&self) -> i64 {
        self.lengths(|state| *state != RunState::Done)
    }

    fn lengths(&self, is_wanted: impl Fn(&RunState) -> bool) -> i64 {
        self.runs().filter(|(_, run)| is_wanted(&run.state)).map(|(first, run)| run.end - first).sum()
    }

    /// The first offset that somebody could be given; `None` while too much is in flight.
    pub(super) fn next_offset(&self, settings: &ShareSettings) -> Option<Offset> {
        let available = self.runs().find(|(_, run)| run.state == RunState::Available);
        match available {
            Some((first, _)) => Some(first),
            None => (self.in_flight() < settings.limits.max_record_locks).then_some(self.end),
        }
    }

    /// Gives records to a member, of those that were found in the log. What lies between them is not there, and done with.
    pub(super) fn acquire(
        &mut self,
        member: &Arc<str>,
        found: &Found,
        share: Share,
        now: UnixMillis,
        settings: &ShareSettings,
    ) -> Vec<Acquired> {
        if found.from > self.end {
            // The partition was moved back meanwhile: what lies between is not known.
            return Vec::new();
        }
        let until = now + settings.record_lock_duration_ms;
        let mut taking =
            Taking { member, until, share, left: share.records, acquired: Vec::new(), is_large: false };
        let mut at = found.from.max(self.start);
        for span in &found.spans {
            if taking.left <= 0 {
                break;
            }
            self.skip(at, span.first.min(found.to));
            at = self.take(Span { first: span.first.max(at), ..*span }, &mut taking, settings);
            if at <= span.last {
                break;
            }
        }
        if taking.left > 0 && at >= found.spans.last().map_or(at, |span| span.last + 1) {
            self.skip(at, found.to);
        }
        self.settle();
        taking.acquired
    }

    /// Nobody gets these: they are not there. Only what nobody has is touched.
    fn skip(&mut self, first: Offset, end: Offset) {
        let first = first.max(self.start);
        if first >= end {
            return;
        }
        self.change(first, end.min(self.end), |run| {
            if run.state == RunState::Available {
                (run.state, run.deliveries) = (RunState::Done, 0);
            }
        });
        self.extend(end, RunState::Done, 0);
    }

    /// Takes what is free of one batch, and returns where that ended.
    fn take(&mut self, span: Span, taking: &mut Taking<'_>, settings: &ShareSettings) -> Offset {
        taking.next_batch();
        let known = self.end.min(span.last + 1);
        if span.first < known {
            self.split(span.first);
            self.split(known);
        }
        let free: Vec<_> = self
            .runs
            .range(span.first..known.max(span.first))
            .filter(|(_, run)| run.state == RunState::Available)
            .map(|(first, run)| (*first, run.end, run.deliveries))
            .collect();
        for (first, end, deliveries) in free {
            if deliveries >= settings.limits.delivery_count_limit {
                // As after a start, or when the limit was lowered.
                self.change(first, end, |run| (run.state, run.deliveries) = (RunState::Done, 0));
                continue;
            }
            let end = taking.limit(first, end);
            self.change(first, end, |run| {
                (run.state, run.deliveries) = (taking.state(), run.deliveries + 1);
            });
            taking.took(first, end, deliveries + 1);
            if taking.left <= 0 && taking.share.is_exact {
                return end;
            }
        }
        let first = self.end.max(span.first);
        let room = settings.limits.max_record_locks - self.in_flight();
        if first > span.last || first != self.end {
            return span.last + 1;
        }
        if room <= 0 {
            taking.left = 0;
            return first;
        }
        let mut end = taking.limit(first, span.last + 1);
        if taking.share.is_exact {
            end = end.min(first + room);
        }
        self.extend(end, taking.state(), 1);
        taking.took(first, end, 1);
        if room <= end - first {
            taking.left = 0;
        }
        end
    }

    /// Takes a member's word for what it was given: all of it, or nothing.
    ///
    /// # Errors
    /// What of it is wrong.
    pub(super) fn acknowledge(
        &mut self,
        member: &str,
        batches: &[AckBatch],
        now: UnixMillis,
        settings: &ShareSettings,
    ) -> Result<Ended, AckRefusal> {
        self.check(member, batches)?;
        let until = now + settings.record_lock_duration_ms;
        let mut ended = Ended::default();
        for (first, end, kind) in batches.iter().flat_map(AckBatch::ranges) {
            let first = first.max(self.start);
            if first >= end {
                continue;
            }
            ended.changed |= kind != AckKind::Renew;
            self.change(first, end, |run| match kind {
                AckKind::Accept | AckKind::Reject | AckKind::Gap => {
                    (run.state, run.deliveries) = (RunState::Done, 0);
                }
                AckKind::Release => ended.released |= run.give_back(settings),
                AckKind::Renew => {
                    if let RunState::Acquired { until: at, .. } = &mut run.state {
                        *at = until;
                    }
                }
            });
        }
        self.settle();
        Ok(ended)
    }

    fn check(&self, member: &str, batches: &[AckBatch]) -> Result<(), AckRefusal> {
        let mut before = -1;
        for batch in batches {
            let AckBatch { first, last, kinds } = batch;
            if first > last || *first <= before {
                return Err(AckRefusal::Invalid("its batches are not in order"));
            }
            let count = last - first + 1;
            if kinds.len() != 1 && kinds.len() as i64 != count {
                return Err(AckRefusal::Invalid(
                    "there is one type for a batch, or one for each of its offsets",
                ));
            }
            before = *last;
            if *last >= self.end {
                return Err(AckRefusal::Invalid("it names offsets that were never delivered"));
            }
            let holds =
                |run: &Run| matches!(&run.state, RunState::Acquired { member: by, .. } if **by == *member);
            if !self.overlapping((*first).max(self.start), last + 1).all(holds) {
                return Err(AckRefusal::NotHeld);
            }
        }
        Ok(())
    }

    fn overlapping(&self, first: Offset, end: Offset) -> impl Iterator<Item = &Run> {
        let before = self.runs.range(..first).next_back().filter(|(_, run)| run.end > first);
        let before = before.filter(|_| first < end);
        before.into_iter().chain(self.runs.range(first..end.max(first))).map(|(_, run)| run)
    }

    /// A member's session is over: what it holds is for others, and its deliveries do not count, since nobody knows whether it
    /// saw them.
    pub(super) fn release(&mut self, member: &str) -> Ended {
        self.end_deliveries(
            |by, _| by == member,
            |run| {
                (run.state, run.deliveries) = (RunState::Available, run.deliveries - 1);
                true
            },
        )
    }

    /// What was held for too long is for others.
    pub(super) fn expire(&mut self, now: UnixMillis, settings: &ShareSettings) -> Ended {
        self.end_deliveries(|_, until| until <= now, |run| run.give_back(settings))
    }

    fn end_deliveries(
        &mut self,
        is_over: impl Fn(&str, UnixMillis) -> bool,
        end: impl Fn(&mut Run) -> bool,
    ) -> Ended {
        let mut ended = Ended::default();
        for run in self.runs.values_mut() {
            if matches!(&run.state, RunState::Acquired { member, until } if is_over(member, *until)) {
                ended.changed = true;
                ended.released |= end(run);
            }
        }
        if ended.changed {
            self.settle();
        }
        ended
    }

    /// The records before `offset` are gone from the log. True when that changes anything.
    pub(super) fn begin_at(&mut self, offset: Offset) -> bool {
        if offset <= self.start {
            return false;
        }
        self.split(offset);
        self.runs = self.runs.split_off(&offset);
        (self.start, self.end) = (offset, self.end.max(offset));
        self.settle();
        true
    }

    /// Changes the runs from `first` to `end`, which are known.
    fn change(&mut self, first: Offset, end: Offset, mut change: impl FnMut(&mut Run)) {
        if first >= end {
            return;
        }
        self.split(first);
        self.split(end);
        self.runs.range_mut(first..end).for_each(|(_, run)| change(run));
    }

    /// Lets a run begin at an offset.
    fn split(&mut self, at: Offset) {
        let Some((_, run)) = self.runs.range_mut(..at).next_back() else { return };
        if run.end > at {
            let rest = run.clone();
            run.end = at;
            self.runs.insert(at, rest);
        }
    }

    /// Looks further, up to `end`.
    fn extend(&mut self, end: Offset, state: RunState, deliveries: i16) {
        if end > self.end {
            self.runs.insert(self.end, Run { end, state, deliveries });
            self.end = end;
        }
    }

    /// Puts neighbours together that are the same, and lets the start move on.
    fn settle(&mut self) {
        while let Some(first) = self.runs.first_entry().filter(|first| first.get().state == RunState::Done) {
            self.start = first.remove().end;
        }
        let is_same = |(before, after): (&Run, &Run)| {
            before.state == after.state && before.deliveries == after.deliveries
        };
        if !self.runs.values().zip(self.runs.values().skip(1)).any(is_same) {
            return;
        }
        let mut settled: Vec<(Offset, Run)> = Vec::with_capacity(self.runs.len());
        for (first, run) in std::mem::take(&mut self.runs) {
            match settled.last_mut() {
                Some((_, last)) if is_same((last, &run)) => last.end = run.end,
                _ => settled.push((first, run)),
            }
        }
        self.runs = settled.into_iter().collect();
    }
}

impl Run {
    /// Ends a delivery that counts. True when others may have another one.
    fn give_back(&mut self, settings: &ShareSettings) -> bool {
        let is_left = self.deliveries < settings.limits.delivery_count_limit;
        if is_left {
            self.state = RunState::Available;
        } else {
            (self.state, self.deliveries) = (RunState::Done, 0);
        }
        is_left
    }
}

/// What a member is being given.
struct Taking<'a> {
    member: &'a Arc<str>,
    until: UnixMillis,
    share: Share,
    left: i64,
    acquired: Vec<Acquired>,
    /// The last piece is as large as was asked for.
    is_large: bool,
}

impl Taking<'_> {
    fn state(&self) -> RunState {
        RunState::Acquired { member: Arc::clone(self.member), until: self.until }
    }

    /// How far it may go.
    fn limit(&self, first: Offset, end: Offset) -> Offset {
        if self.share.is_exact { end.min(first + self.left.max(0)) } else { end }
    }

    /// A piece that is large enough ends before the next batch.
    fn next_batch(&mut self) {
        let records = self.acquired.last().map_or(0, |last| last.last - last.first + 1);
        self.is_large = self.share.batch_size > 0 && records >= self.share.batch_size;
    }

    fn took(&mut self, first: Offset, end: Offset, deliveries: i16) {
        if first >= end {
            return;
        }
        self.left -= end - first;
        match self.acquired.last_mut() {
            Some(last) if last.last + 1 == first && last.deliveries == deliveries && !self.is_large => {
                last.last = end - 1;
            }
            _ => self.acquired.push(Acquired { first, last: end - 1, deliveries }),
        }
        self.is_large = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::{decode_partition, encode_partition};
    use super::super::settings::ShareLimits;
    use super::*;
    use crate::config::GroupConfig;
    use crate::types::{TopicPartition, Uuid};

    fn settings() -> ShareSettings {
        let limits = ShareLimits { max_record_locks: 20, ..ShareLimits::default() };
        let settings = ShareSettings::of(limits, &GroupConfig::default());
        ShareSettings { record_lock_duration_ms: 100, ..settings }
    }

    fn found(from: Offset, spans: &[(Offset, Offset)]) -> Found {
        Found {
            partition: TopicPartition { topic_id: Uuid::from_u128(1), partition: 0 },
            from,
            to: spans.last().map_or(from, |(_, last)| last + 1),
            spans: spans.iter().map(|(first, last)| Span { first: *first, last: *last }).collect(),
        }
    }

    fn some(records: i64) -> Share {
        Share { records, is_exact: false, batch_size: 0 }
    }

    fn acquire(
        partition: &mut SharePartition,
        member: &str,
        found: &Found,
        share: Share,
        now: UnixMillis,
    ) -> Vec<(Offset, Offset, i16)> {
        let acquired = partition.acquire(&Arc::from(member), found, share, now, &settings());
        acquired.into_iter().map(|got| (got.first, got.last, got.deliveries)).collect()
    }

    fn tell(
        partition: &mut SharePartition,
        member: &str,
        first: Offset,
        last: Offset,
        kinds: &[AckKind],
    ) -> Result<Ended, AckRefusal> {
        let batch = AckBatch { first, last, kinds: kinds.to_vec() };
        partition.acknowledge(member, &[batch], 0, &settings())
    }

    #[test]
    fn batches_come_whole_unless_every_record_counts() {
        let batches = found(0, &[(0, 3), (4, 7), (8, 9)]);
        let mut partition = SharePartition::new(0);
        assert_eq!(acquire(&mut partition, "a", &batches, some(5), 0), [(0, 7, 1)]);
        assert_eq!(acquire(&mut partition, "b", &batches, some(5), 0), [(8, 9, 1)]);
        let mut partition = SharePartition::new(0);
        let exact = Share { is_exact: true, ..some(5) };
        assert_eq!(acquire(&mut partition, "a", &batches, exact, 0), [(0, 4, 1)]);
        assert_eq!(partition.next_offset(&settings()), Some(5));
        let mut partition = SharePartition::new(0);
        let split = Share { batch_size: 3, ..some(10) };
        assert_eq!(acquire(&mut partition, "a", &batches, split, 0), [(0, 3, 1), (4, 7, 1), (8, 9, 1)]);
    }

    #[test]
    fn what_is_not_there_is_done_with() {
        let mut partition = SharePartition::new(0);
        // A gap before, one between, one behind: markers, aborted records, what compaction has left.
        let mut batches = found(0, &[(2, 3), (6, 6)]);
        batches.to = 9;
        assert_eq!(acquire(&mut partition, "a", &batches, some(10), 0), [(2, 3, 1), (6, 6, 1)]);
        assert_eq!((partition.start(), partition.done()), (2, 4));
        tell(&mut partition, "a", 2, 3, &[AckKind::Accept]).unwrap();
        tell(&mut partition, "a", 6, 6, &[AckKind::Accept]).unwrap();
        assert_eq!(
            (partition.start(), partition.done(), partition.next_offset(&settings())),
            (9, 0, Some(9))
        );
        // Nothing for anybody at all.
        let mut nothing = found(9, &[]);
        nothing.to = 12;
        assert_eq!(acquire(&mut partition, "a", &nothing, some(10), 0), []);
        assert_eq!(partition.start(), 12);
    }

    #[test]
    fn so_much_may_be_under_way() {
        let mut partition = SharePartition::new(0);
        assert_eq!(acquire(&mut partition, "a", &found(0, &[(0, 14), (15, 29)]), some(100), 0), [(0, 29, 1)]);
        assert_eq!(partition.next_offset(&settings()), None);
        assert_eq!(acquire(&mut partition, "b", &found(30, &[(30, 30)]), some(100), 0), []);
        tell(&mut partition, "a", 5, 5, &[AckKind::Release]).unwrap();
        assert_eq!(partition.next_offset(&settings()), Some(5), "what is free is not new");
        assert_eq!(acquire(&mut partition, "b", &found(0, &[(0, 29), (30, 40)]), some(9), 0), [(5, 5, 2)]);
        // One at the front holds up nobody, if the others are done with.
        tell(&mut partition, "a", 6, 29, &[AckKind::Accept]).unwrap();
        assert_eq!(partition.next_offset(&settings()), Some(30));
        assert_eq!((partition.start(), partition.done()), (0, 24));
    }

    #[test]
    fn each_record_has_its_own_fate() {
        let mut partition = SharePartition::new(0);
        acquire(&mut partition, "a", &found(0, &[(0, 4)]), some(5), 0);
        let kinds = [AckKind::Accept, AckKind::Release, AckKind::Reject, AckKind::Gap, AckKind::Release];
        let ended = tell(&mut partition, "a", 0, 4, &kinds).unwrap();
        assert_eq!(ended, Ended { released: true, changed: true });
        assert_eq!(partition.start(), 1);
        assert_eq!(acquire(&mut partition, "b", &found(1, &[(0, 4)]), some(5), 0), [(1, 1, 2), (4, 4, 2)]);
    }

    #[test]
    fn an_acknowledgement_is_taken_whole_or_not_at_all() {
        let mut partition = SharePartition::new(0);
        acquire(&mut partition, "a", &found(0, &[(0, 4)]), some(5), 0);
        acquire(&mut partition, "b", &found(5, &[(5, 9)]), some(5), 0);
        let before = partition.clone();
        assert_eq!(tell(&mut partition, "a", 3, 6, &[AckKind::Accept]), Err(AckRefusal::NotHeld));
        assert_eq!(tell(&mut partition, "c", 0, 0, &[AckKind::Accept]), Err(AckRefusal::NotHeld));
        for (first, last, kinds) in [(4, 3, 1), (0, 2, 2), (8, 10, 1)] {
            let refused = tell(&mut partition, "a", first, last, &vec![AckKind::Accept; kinds]);
            assert!(matches!(refused, Err(AckRefusal::Invalid(_))), "{first} {last}");
        }
        assert_eq!(partition, before);
        tell(&mut partition, "a", 0, 4, &[AckKind::Accept]).unwrap();
        assert_eq!(tell(&mut partition, "a", 0, 4, &[AckKind::Accept]), Ok(Ended::default()), "it is over");
    }

    #[test]
    fn a_record_is_delivered_so_often_and_no_more() {
        let mut partition = SharePartition::new(0);
        for delivery in 1..=5 {
            let now = i64::from(delivery) * 1_000;
            assert_eq!(acquire(&mut partition, "a", &found(0, &[(0, 0)]), some(5), now), [(0, 0, delivery)]);
            assert_eq!(partition.expire(now + 99, &settings()), Ended::default());
            assert!(partition.expire(now + 100, &settings()).changed);
        }
        assert_eq!((partition.start(), partition.next_offset(&settings())), (1, Some(1)));
    }

    #[test]
    fn the_end_of_a_session_does_not_count() {
        let mut partition = SharePartition::new(0);
        for _ in 0..9 {
            assert_eq!(acquire(&mut partition, "a", &found(0, &[(0, 3)]), some(5), 0), [(0, 3, 1)]);
            assert_eq!(partition.release("a"), Ended { released: true, changed: true });
        }
        assert_eq!(partition.release("a"), Ended::default());
    }

    #[test]
    fn records_that_are_gone_from_the_log_are_done_with() {
        let mut partition = SharePartition::new(0);
        acquire(&mut partition, "a", &found(0, &[(0, 9)]), some(10), 0);
        assert!(partition.begin_at(4) && !partition.begin_at(4));
        tell(&mut partition, "a", 0, 9, &[AckKind::Release]).unwrap();
        assert_eq!(acquire(&mut partition, "b", &found(4, &[(0, 9)]), some(10), 0), [(4, 9, 2)]);
        assert!(partition.begin_at(50));
        assert_eq!((partition.start(), partition.next_offset(&settings())), (50, Some(50)));
    }

    #[test]
    fn a_place_that_was_moved_back_meanwhile_gives_nothing() {
        let mut partition = SharePartition::new(5);
        assert_eq!(acquire(&mut partition, "a", &found(20, &[(20, 25)]), some(10), 0), []);
        assert_eq!((partition.start(), partition.next_offset(&settings())), (5, Some(5)));
    }

    #[test]
    fn it_comes_back_as_it_was_but_for_who_holds_what() {
        let mut partition = SharePartition::new(100);
        acquire(&mut partition, "a", &found(100, &[(100, 119)]), some(20), 0);
        tell(&mut partition, "a", 103, 104, &[AckKind::Accept]).unwrap();
        tell(&mut partition, "a", 108, 109, &[AckKind::Release]).unwrap();
        let kept = encode_partition(&partition);
        let mut back = decode_partition(&kept).expect("it is read");
        assert_eq!((back.start(), back.done()), (100, 2));
        let again = acquire(&mut back, "b", &found(100, &[(100, 119)]), some(50), 0);
        assert_eq!(again, [(100, 102, 1), (105, 107, 1), (108, 109, 2), (110, 119, 1)]);
        for end in 0..kept.len() {
            assert!(decode_partition(&kept.slice(..end)).is_err(), "cut at {end}");
        }
        for at in 0..kept.len() {
            for bit in 0..8 {
                let mut bytes = kept.to_vec();
                bytes[at] ^= 1 << bit;
                // Whatever comes of it, it comes back.
                let _ = decode_partition(&bytes::Bytes::from(bytes));
            }
        }
    }
}
