//! Share sessions (KIP-932): a member names its partitions once, then only what changes, and acknowledges step by step.
//!
//! A session belongs to its member, not to a connection: clients fetch by one and acknowledge by another. It ends with the
//! connection that fetched last. What its member holds is given back then. Pure: no clock, no lock.

use std::collections::{HashMap, HashSet};

use runnel_proto::kafka::ErrorCode;

use crate::operations::Taken;
use crate::types::TopicPartition;

/// The request opens a session.
pub(super) const INITIAL_EPOCH: i32 = 0;
/// The request closes its session.
pub(super) const FINAL_EPOCH: i32 = -1;

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) group: String,
    pub(super) id: String,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct ShareSessions {
    by_member: HashMap<Member, Session>,
    last_id: u64,
    last_connection: u64,
}

#[derive(Debug)]
struct Session {
    /// Tells it apart from those before and after it.
    id: u64,
    connection: u64,
    /// What the next request must say.
    epoch: i32,
    /// In the order in which they get their turn.
    partitions: Vec<Kept>,
    /// The memory that it has.
    _taken: Taken,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    partition: TopicPartition,
    /// The client knows that nothing is wrong with it.
    is_told: bool,
}

/// A fetch by a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The session's id.
    pub(super) session: u64,
    /// All partitions to look at, in order, and whether the client is to be told of each whatever is found.
    pub(super) partitions: Vec<(TopicPartition, bool)>,
}

/// What a request changes in its session.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) added: Vec<TopicPartition>,
    pub(super) forgotten: Vec<TopicPartition>,
}

impl ShareSessions {
    /// The number of a new connection.
    pub(super) fn connected(&mut self) -> u64 {
        self.last_connection += 1;
        self.last_connection
    }

    /// Opens a member's session, in place of one that it has. `take` gets it memory, if there is some.
    ///
    /// # Errors
    /// There are `limit` of them already, or there is no memory.
    pub(super) fn open(
        &mut self,
        member: Member,
        connection: u64,
        change: Change,
        limit: usize,
        take: impl FnOnce(usize) -> Option<Taken>,
    ) -> Result<Plan, ErrorCode> {
        self.by_member.remove(&member);
        if self.by_member.len() >= limit {
            return Err(ErrorCode::ShareSessionLimitReached);
        }
        self.last_id += 1;
        let mut session = Session {
            id: self.last_id,
            connection,
            epoch: 1,
            partitions: Vec::new(),
            _taken: Taken::default(),
        };
        session.change(change);
        session._taken = take(session.size_bytes(&member)).ok_or(ErrorCode::ShareSessionLimitReached)?;
        let plan = session.plan();
        self.by_member.insert(member, session);
        Ok(plan)
    }

    /// Goes on with a session.
    ///
    /// # Errors
    /// There is none, it is at another step, or there is no memory for it any more.
    pub(super) fn go_on(
        &mut self,
        member: &Member,
        connection: u64,
        epoch: i32,
        change: Change,
        take: impl FnOnce(usize) -> Option<Taken>,
    ) -> Result<Plan, ErrorCode> {
        let session = self.step(member, epoch)?;
        session.connection = connection;
        if !change.added.is_empty() || !change.forgotten.is_empty() {
            session.change(change);
            session._taken = Taken::default();
            match take(session.size_bytes(member)) {
                Some(taken) => session._taken = taken,
                None => {
                    self.by_member.remove(member);
                    return Err(ErrorCode::ShareSessionNotFound);
                }
            }
        }
        Ok(session.plan())
    }

    /// Takes a step that acknowledges and fetches nothing.
    ///
    /// # Errors
    /// There is no such session, or it is at another step.
    pub(super) fn acknowledge(&mut self, member: &Member, epoch: i32) -> Result<(), ErrorCode> {
        match epoch {
            INITIAL_EPOCH => Err(ErrorCode::InvalidShareSessionEpoch),
            _ => self.step(member, epoch).map(|_| ()),
        }
    }

    /// Whether a member has a session.
    pub(super) fn has(&self, member: &Member) -> bool {
        self.by_member.contains_key(member)
    }

    /// Ends a session, and tells which it was.
    pub(super) fn close(&mut self, member: &Member) -> Option<u64> {
        self.by_member.remove(member).map(|session| session.id)
    }

    /// Ends the sessions of a connection that is gone.
    pub(super) fn disconnected(&mut self, connection: u64) -> Vec<(Member, u64)> {
        let is_gone = |_: &Member, session: &mut Session| session.connection == connection;
        self.by_member.extract_if(is_gone).map(|(member, session)| (member, session.id)).collect()
    }

    /// Takes note of what the client is told: of the partitions that `fed` it, which get their next turn after the others, and of
    /// those that `failed`, which it is told of again when they do not any more.
    pub(super) fn told(
        &mut self,
        member: &Member,
        session: u64,
        fed: &HashSet<TopicPartition>,
        failed: &HashSet<TopicPartition>,
    ) {
        let Some(session) = self.by_member.get_mut(member).filter(|found| found.id == session) else {
            return;
        };
        for kept in &mut session.partitions {
            kept.is_told = !failed.contains(&kept.partition);
        }
        session.partitions.sort_by_key(|kept| fed.contains(&kept.partition));
    }

    fn step(&mut self, member: &Member, epoch: i32) -> Result<&mut Session, ErrorCode> {
        let session = self.by_member.get_mut(member).ok_or(ErrorCode::ShareSessionNotFound)?;
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        Ok(session)
    }
}

impl Session {
    fn change(&mut self, change: Change) {
        let mut known: HashSet<_> = self.partitions.iter().map(|kept| kept.partition).collect();
        let new = change.added.into_iter().filter(|partition| known.insert(*partition));
        self.partitions.extend(new.map(|partition| Kept { partition, is_told: false }));
        let forgotten: HashSet<_> = change.forgotten.into_iter().collect();
        self.partitions.retain(|kept| !forgotten.contains(&kept.partition));
    }

    fn plan(&self) -> Plan {
        let partitions = self.partitions.iter().map(|kept| (kept.partition, !kept.is_told)).collect();
        Plan { session: self.id, partitions }
    }

    fn size_bytes(&self, member: &Member) -> usize {
        size_of::<Self>() + member.group.len() + member.id.len() + size_of_val(&self.partitions[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Uuid;

    fn partition(partition: i32) -> TopicPartition {
        TopicPartition { topic_id: Uuid::from_u128(1), partition }
    }

    fn member(id: &str) -> Member {
        Member { group: "g".to_owned(), id: id.to_owned() }
    }

    fn adds(numbers: &[i32]) -> Change {
        Change { added: numbers.iter().copied().map(partition).collect(), forgotten: Vec::new() }
    }

    fn take(_: usize) -> Option<Taken> {
        Some(Taken::default())
    }

    fn rows(plan: &Plan) -> Vec<(i32, bool)> {
        plan.partitions.iter().map(|(partition, is_new)| (partition.partition, *is_new)).collect()
    }

    #[test]
    fn a_session_remembers_its_partitions_and_who_had_something_comes_last() {
        let (mut sessions, a) = (ShareSessions::default(), member("a"));
        let plan = sessions.open(a.clone(), 7, adds(&[0, 1, 1, 2]), 10, take).unwrap();
        assert_eq!(rows(&plan), [(0, true), (1, true), (2, true)]);
        let (fed, failed) = (HashSet::from([partition(0)]), HashSet::from([partition(2)]));
        sessions.told(&a, plan.session, &fed, &failed);
        let change = Change { added: vec![partition(3)], forgotten: vec![partition(1)] };
        let plan = sessions.go_on(&a, 7, 1, change, take).unwrap();
        assert_eq!(rows(&plan), [(2, true), (0, false), (3, true)]);
        sessions.acknowledge(&a, 2).unwrap();
        assert!(sessions.go_on(&a, 7, 3, Change::default(), take).is_ok());
    }

    #[test]
    fn another_session_or_step_is_refused() {
        let (mut sessions, a) = (ShareSessions::default(), member("a"));
        let go_on = |sessions: &mut ShareSessions, epoch| {
            sessions.go_on(&member("a"), 7, epoch, Change::default(), take).unwrap_err()
        };
        assert_eq!(go_on(&mut sessions, 1), ErrorCode::ShareSessionNotFound);
        assert_eq!(sessions.acknowledge(&a, 1), Err(ErrorCode::ShareSessionNotFound));
        sessions.open(a.clone(), 7, adds(&[0]), 10, take).unwrap();
        assert_eq!(go_on(&mut sessions, 2), ErrorCode::InvalidShareSessionEpoch);
        assert_eq!(sessions.acknowledge(&a, 0), Err(ErrorCode::InvalidShareSessionEpoch));
        let full = sessions.open(member("b"), 8, adds(&[0]), 1, take).unwrap_err();
        assert_eq!(full, ErrorCode::ShareSessionLimitReached);
        assert!(sessions.open(a.clone(), 8, adds(&[0]), 1, take).is_ok(), "in place of its own");
        assert_eq!(sessions.open(a, 8, adds(&[0]), 1, |_| None), Err(ErrorCode::ShareSessionLimitReached));
    }

    #[test]
    fn a_session_ends_with_the_connection_that_fetched_last() {
        let (mut sessions, a) = (ShareSessions::default(), member("a"));
        sessions.open(a.clone(), 7, adds(&[0]), 10, take).unwrap();
        sessions.go_on(&a, 8, 1, Change::default(), take).unwrap();
        assert!(sessions.disconnected(7).is_empty());
        assert_eq!(sessions.disconnected(8), [(a.clone(), 1)]);
        assert!(!sessions.has(&a) && sessions.close(&a).is_none());
    }

    #[test]
    fn steps_go_on_at_one_after_the_last() {
        let (mut sessions, a) = (ShareSessions::default(), member("a"));
        sessions.open(a.clone(), 7, adds(&[0]), 10, take).unwrap();
        sessions.by_member.get_mut(&a).unwrap().epoch = i32::MAX;
        sessions.acknowledge(&a, i32::MAX).unwrap();
        assert!(sessions.acknowledge(&a, 1).is_ok());
    }
}
