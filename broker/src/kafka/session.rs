//! Fetch sessions (KIP-227): a client names its partitions once, then only what changes; it is told only of what changed.
//!
//! A connection has at most one session, which ends with it: a client that comes back on another connection is told that
//! its session is unknown, and begins anew, as the protocol has it. Pure: no clock, no lock.

use std::collections::HashSet;

use runnel_proto::kafka::messages::FetchRequest;
use runnel_proto::kafka::messages::fetch_request::FetchPartition;
use runnel_proto::kafka::messages::fetch_response::{EpochEndOffset, PartitionData};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

/// The request stands alone, and ends a session that it names.
const FINAL_EPOCH: i32 = -1;
/// The request names all partitions and begins a session.
const INITIAL_EPOCH: i32 = 0;
/// The first version whose clients have sessions.
const SESSIONS_SINCE: i16 = 7;
/// The first version whose clients name topics by their ids.
const IDS_SINCE: i16 = 13;

/// A partition to fetch from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The topic's name, in versions that have it.
    pub(super) topic: StrBytes,
    /// The topic's id, in versions that have it.
    pub(super) topic_id: Uuid,
    /// From where, and how much.
    pub(super) row: FetchPartition,
}

impl Wanted {
    fn is(&self, topic: &str, topic_id: Uuid, partition: i32) -> bool {
        self.row.partition == partition && self.topic_id == topic_id && self.topic == *topic
    }
}

/// What a request comes to.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// What to answer with; 0 without a session.
    pub(super) session_id: i32,
    /// Leave out the partitions that have nothing new.
    pub(super) incremental: bool,
    /// All partitions to look at, in order.
    pub(super) partitions: Vec<Wanted>,
}

/// The session of one connection, if it has one.
#[derive(Debug, Default)]
pub(super) struct Sessions(Option<Session>);

#[derive(Debug)]
struct Session {
    id: i32,
    /// What the next request must say.
    epoch: i32,
    by_id: bool,
    partitions: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    wanted: Wanted,
    told: Option<Told>,
}

/// What the client knows of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    high_watermark: i64,
    last_stable_offset: i64,
    log_start_offset: i64,
}

impl Sessions {
    /// Sees what a request is about; `new_id` gives the id of a session that it begins, not 0.
    ///
    /// # Errors
    /// It names a session that there is not, or another step of it.
    pub(super) fn begin(
        &mut self,
        request: FetchRequest,
        version: i16,
        new_id: impl FnOnce() -> i32,
    ) -> Result<Plan, ErrorCode> {
        let (session_id, epoch) = (request.session_id, request.session_epoch);
        if epoch == FINAL_EPOCH || epoch == INITIAL_EPOCH {
            self.0.take_if(|session| session.id == session_id);
            let partitions = flat(&request);
            if epoch == FINAL_EPOCH || version < SESSIONS_SINCE {
                return Ok(Plan { session_id: 0, incremental: false, partitions });
            }
            let new_id = new_id();
            let by_id = version >= IDS_SINCE;
            let kept = partitions.iter().map(|wanted| Kept { wanted: wanted.clone(), told: None });
            self.0 = Some(Session { id: new_id, epoch: 1, by_id, partitions: kept.collect() });
            return Ok(Plan { session_id: new_id, incremental: false, partitions });
        }
        let session = self.0.as_mut().filter(|session| session.id == session_id);
        let session = session.ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        session.change(&request)?;
        session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        let partitions = session.partitions.iter().map(|kept| kept.wanted.clone()).collect();
        Ok(Plan { session_id, incremental: true, partitions })
    }

    /// Memory that the session takes.
    pub(super) fn size_bytes(&self) -> usize {
        let kept = self.0.iter().flat_map(|session| &session.partitions);
        kept.map(|kept| size_of::<Kept>() + kept.wanted.topic.as_bytes().len()).sum()
    }

    /// Ends the session; the client begins another one when it learns of it from the answer to this plan.
    pub(super) fn end(&mut self, plan: Plan) -> Plan {
        self.0 = None;
        Plan { session_id: 0, incremental: false, ..plan }
    }

    /// Takes what was found, in the order of the plan: what the client is to be told.
    pub(super) fn finish(
        &mut self,
        plan: &Plan,
        found: Vec<(Wanted, PartitionData)>,
    ) -> Vec<(Wanted, PartitionData)> {
        let Some(session) = self.0.as_mut().filter(|session| session.id == plan.session_id) else {
            return found;
        };
        let mut told = Vec::with_capacity(found.len());
        let mut fed = HashSet::new();
        for (number, (wanted, data)) in found.into_iter().enumerate() {
            let news = session.partitions[number].take_note(&data);
            if data.records.as_ref().is_some_and(|records| !records.is_empty()) {
                fed.insert(number);
            }
            if news || !plan.incremental {
                told.push((wanted, data));
            }
        }
        // Those that had something go to the end, so that with a small limit all get their turn.
        let mut number = 0;
        let mut rear: Vec<_> = session
            .partitions
            .extract_if(.., |_| {
                number += 1;
                fed.contains(&(number - 1))
            })
            .collect();
        session.partitions.append(&mut rear);
        told
    }
}

impl Session {
    fn change(&mut self, request: &FetchRequest) -> Result<(), ErrorCode> {
        let changed = flat(request);
        let mixes = |topic_id: Uuid| topic_id.is_nil() == self.by_id;
        if changed.iter().any(|wanted| mixes(wanted.topic_id))
            || request.forgotten_topics_data.iter().any(|topic| mixes(topic.topic_id))
        {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        for topic in &request.forgotten_topics_data {
            self.partitions.retain(|kept| {
                !topic
                    .partitions
                    .iter()
                    .any(|&partition| kept.wanted.is(&topic.topic, topic.topic_id, partition))
            });
        }
        for wanted in changed {
            let same =
                |kept: &&mut Kept| kept.wanted.is(&wanted.topic, wanted.topic_id, wanted.row.partition);
            match self.partitions.iter_mut().find(same) {
                Some(kept) => kept.wanted = wanted,
                None => self.partitions.push(Kept { wanted, told: None }),
            }
        }
        Ok(())
    }
}

impl Kept {
    /// Whether the client does not know yet what was found.
    fn take_note(&mut self, data: &PartitionData) -> bool {
        let now = Told {
            high_watermark: data.high_watermark,
            last_stable_offset: data.last_stable_offset,
            log_start_offset: data.log_start_offset,
        };
        let has_records = data.records.as_ref().is_some_and(|records| !records.is_empty());
        let diverges = data.diverging_epoch != EpochEndOffset::default();
        // An error is told again and again, until it is over.
        let news = has_records || diverges || data.error_code != 0 || self.told != Some(now);
        self.told = (data.error_code == 0).then_some(now);
        news
    }
}

fn flat(request: &FetchRequest) -> Vec<Wanted> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for topic in &request.topics {
        // A copy: a session outlives the request's frame.
        let name = StrBytes::from(&*topic.topic);
        // Told of once, however often it is named.
        let rows =
            topic.partitions.iter().filter(|row| seen.insert((&topic.topic, topic.topic_id, row.partition)));
        all.extend(rows.map(|row| Wanted {
            topic: name.clone(),
            topic_id: topic.topic_id,
            row: row.clone(),
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use runnel_proto::kafka::messages::fetch_request::{FetchTopic, ForgottenTopic};

    use super::*;

    fn request(session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
        let rows = partitions.iter().map(|&(partition, fetch_offset)| FetchPartition {
            partition,
            fetch_offset,
            ..Default::default()
        });
        let topic = FetchTopic { topic: "t".into(), partitions: rows.collect(), ..Default::default() };
        let topics = if partitions.is_empty() { Vec::new() } else { vec![topic] };
        FetchRequest { session_id, session_epoch, topics, ..Default::default() }
    }

    fn offsets(plan: &Plan) -> Vec<(i32, i64)> {
        plan.partitions.iter().map(|wanted| (wanted.row.partition, wanted.row.fetch_offset)).collect()
    }

    /// Finds the same in every partition but those named, which have records.
    fn find(plan: &Plan, fed: &[i32]) -> Vec<(Wanted, PartitionData)> {
        let found = plan.partitions.iter().map(|wanted| {
            let records =
                if fed.contains(&wanted.row.partition) { Bytes::from("batch") } else { Bytes::new() };
            let partition_index = wanted.row.partition;
            let data = PartitionData {
                partition_index,
                high_watermark: 7,
                records: Some(records.into()),
                ..Default::default()
            };
            (wanted.clone(), data)
        });
        found.collect()
    }

    fn told(rows: &[(Wanted, PartitionData)]) -> Vec<i32> {
        rows.iter().map(|(_, data)| data.partition_index).collect()
    }

    #[test]
    fn a_session_tells_only_what_is_new() {
        let mut sessions = Sessions::default();
        let plan = sessions.begin(request(0, 0, &[(0, 5), (1, 6), (2, 7)]), 12, || 99).unwrap();
        assert_eq!((plan.session_id, plan.incremental), (99, false));
        assert_eq!(told(&sessions.finish(&plan, find(&plan, &[]))), [0, 1, 2], "all of them at first");

        let plan = sessions.begin(request(99, 1, &[]), 12, || 100).unwrap();
        assert_eq!(offsets(&plan), [(0, 5), (1, 6), (2, 7)]);
        assert_eq!(told(&sessions.finish(&plan, find(&plan, &[1]))), [1]);

        let plan = sessions.begin(request(99, 2, &[(1, 8), (3, 0)]), 12, || 100).unwrap();
        assert_eq!(offsets(&plan), [(0, 5), (2, 7), (1, 8), (3, 0)], "who had something comes last");
        assert_eq!(told(&sessions.finish(&plan, find(&plan, &[]))), [3]);

        let forget = ForgottenTopic { topic: "t".into(), partitions: vec![0, 2], ..Default::default() };
        let request = FetchRequest { forgotten_topics_data: vec![forget], ..request(99, 3, &[]) };
        assert_eq!(offsets(&sessions.begin(request, 12, || 100).unwrap()), [(1, 8), (3, 0)]);
    }

    #[test]
    fn an_error_is_told_until_it_is_over_and_then_that_it_is() {
        let mut sessions = Sessions::default();
        let plan = sessions.begin(request(0, 0, &[(0, 5)]), 12, || 99).unwrap();
        sessions.finish(&plan, find(&plan, &[]));
        for epoch in 1..=2 {
            let plan = sessions.begin(request(99, epoch, &[]), 12, || 1).unwrap();
            let mut found = find(&plan, &[]);
            found[0].1.error_code = 9;
            assert_eq!(told(&sessions.finish(&plan, found)), [0]);
        }
        let plan = sessions.begin(request(99, 3, &[]), 12, || 1).unwrap();
        assert_eq!(told(&sessions.finish(&plan, find(&plan, &[]))), [0]);
        let plan = sessions.begin(request(99, 4, &[]), 12, || 1).unwrap();
        assert!(sessions.finish(&plan, find(&plan, &[])).is_empty());
    }

    #[test]
    fn another_session_or_step_is_refused() {
        let mut sessions = Sessions::default();
        let refused = |sessions: &mut Sessions, request| sessions.begin(request, 12, || 99).unwrap_err();
        assert_eq!(refused(&mut sessions, request(5, 1, &[])), ErrorCode::FetchSessionIdNotFound);
        sessions.begin(request(0, 0, &[(0, 5)]), 12, || 99).unwrap();
        assert_eq!(refused(&mut sessions, request(98, 1, &[])), ErrorCode::FetchSessionIdNotFound);
        assert_eq!(refused(&mut sessions, request(99, 2, &[])), ErrorCode::InvalidFetchSessionEpoch);
        let mut by_id = request(99, 1, &[(0, 6)]);
        by_id.topics[0].topic_id = Uuid::from_u128(1);
        assert_eq!(refused(&mut sessions, by_id), ErrorCode::FetchSessionTopicIdError);
        let plan = sessions.begin(request(99, -1, &[(0, 5)]), 12, || 1).unwrap();
        assert_eq!((plan.session_id, plan.incremental), (0, false));
        assert_eq!(refused(&mut sessions, request(99, 1, &[])), ErrorCode::FetchSessionIdNotFound);
    }

    #[test]
    fn steps_go_on_at_one_after_the_last() {
        let mut sessions = Sessions::default();
        sessions.begin(request(0, 0, &[(0, 5)]), 12, || 99).unwrap();
        sessions.0.as_mut().unwrap().epoch = i32::MAX;
        sessions.begin(request(99, i32::MAX, &[]), 12, || 1).unwrap();
        assert!(sessions.begin(request(99, 1, &[]), 12, || 1).is_ok());
    }
}
