//! How long members may be silent, or be late. Gone with the process: after a start everybody has a whole session to show up.

use std::collections::BTreeMap;

use super::rows::{MemberState, Rows};
use crate::config::GroupConfig;
use crate::types::UnixMillis;

/// A fence that could not be written down is tried again after this.
const RETRY_MS: i64 = 1_000;

/// The deadlines of a group's members.
#[derive(Debug, Default)]
pub(in super::super) struct Lives {
    by_member: BTreeMap<String, Life>,
    /// The version of the topics that the group has taken into account.
    pub(in super::super) topics_version: u64,
}

#[derive(Debug)]
struct Life {
    session: UnixMillis,
    /// In this epoch it must give partitions up, by then.
    revocation: Option<(i32, UnixMillis)>,
    /// A classic member that was told to join again must have by then.
    join: Option<UnixMillis>,
    /// A classic member that has joined must ask for its assignment by then.
    sync: Option<UnixMillis>,
}

impl Life {
    fn deadline(&self) -> UnixMillis {
        let others = self.revocation.map(|(_, at)| at).into_iter().chain(self.join).chain(self.sync);
        others.fold(self.session, UnixMillis::min)
    }
}

impl Lives {
    /// Brings the deadlines in line with the rows: new members get theirs, those who are gone lose them.
    pub(in super::super) fn follow(&mut self, rows: &Rows, now: UnixMillis, config: &GroupConfig) {
        self.by_member.retain(|id, _| rows.members.contains_key(id));
        for (id, row) in &rows.members {
            let session = now + session_timeout_ms(rows, id, config);
            let life = self.by_member.entry(id.clone()).or_insert(Life {
                session,
                revocation: None,
                join: None,
                sync: None,
            });
            let current = rows.currents.get(id);
            let revoking = current
                .filter(|current| current.state == MemberState::UnrevokedPartitions && row.classic.is_none());
            life.revocation = revoking.map(|current| match life.revocation {
                Some((epoch, at)) if epoch == current.epoch => (epoch, at),
                _ => (current.epoch, now + i64::from(row.rebalance_timeout_ms)),
            });
            if row.classic.is_none() {
                (life.join, life.sync) = (None, None);
            }
        }
    }

    /// Takes a sign of life.
    pub(super) fn touch(&mut self, rows: &Rows, id: &str, now: UnixMillis, config: &GroupConfig) {
        let session = now + session_timeout_ms(rows, id, config);
        if let Some(life) = self.by_member.get_mut(id) {
            life.session = session;
        }
    }

    /// A classic member was told to join again.
    pub(super) fn expect_join(&mut self, rows: &Rows, id: &str, now: UnixMillis) {
        let by = now + rebalance_timeout_ms(rows, id);
        if let Some(life) = self.by_member.get_mut(id) {
            life.join.get_or_insert(by);
        }
    }

    /// A classic member has joined, and is to ask for its assignment.
    pub(super) fn expect_sync(&mut self, rows: &Rows, id: &str, now: UnixMillis) {
        let by = now + rebalance_timeout_ms(rows, id);
        if let Some(life) = self.by_member.get_mut(id) {
            (life.join, life.sync) = (None, Some(by));
        }
    }

    /// A classic member has its assignment.
    pub(super) fn synced(&mut self, id: &str) {
        if let Some(life) = self.by_member.get_mut(id) {
            life.sync = None;
        }
    }

    pub(in super::super) fn next_deadline(&self) -> Option<UnixMillis> {
        self.by_member.values().map(Life::deadline).min()
    }

    /// The members whose time is over, each put off a little: if it can't be written down that they go, that is tried again.
    pub(super) fn take_due(&mut self, now: UnixMillis) -> Vec<String> {
        let due = self.by_member.iter_mut().filter(|(_, life)| life.deadline() <= now);
        due.map(|(id, life)| {
            *life = Life { session: now + RETRY_MS, revocation: None, join: None, sync: None };
            id.clone()
        })
        .collect()
    }
}

fn session_timeout_ms(rows: &Rows, id: &str, config: &GroupConfig) -> i64 {
    let classic = rows.members.get(id).and_then(|row| row.classic.as_ref());
    classic.map_or(config.consumer_session_timeout_ms, |classic| classic.session_timeout_ms).into()
}

fn rebalance_timeout_ms(rows: &Rows, id: &str) -> i64 {
    rows.members.get(id).map_or(0, |row| row.rebalance_timeout_ms.into())
}
