//! The target assignment: who is to have what.

use std::collections::{BTreeMap, BTreeSet};

use runnel_proto::group::{ServerAssignor, ServerMember};

use super::rows::Rows;
use crate::coordinator::group::topics::Topics;

impl Rows {
    /// Shares out all that is read, anew, for the group's present epoch.
    pub(super) fn retarget(&mut self, topics: &Topics, assignors: &[ServerAssignor]) {
        let members: BTreeMap<_, _> = self
            .members
            .iter()
            .map(|(id, row)| {
                let target = self.targets.get(id).map(|target| topics.named(target)).unwrap_or_default();
                let wanted = self.topics_of(row).into_iter().map(str::to_owned).collect();
                (id.clone(), ServerMember { instance_id: row.instance_id.clone(), topics: wanted, target })
            })
            .collect();
        let read: BTreeSet<&str> =
            members.values().flat_map(|member| &member.topics).map(String::as_str).collect();
        let counts = read.into_iter().filter_map(|name| Some((name.to_owned(), topics.get(name)?.1)));
        let given = self.assignor(assignors).assign(&members, &counts.collect());
        self.targets =
            given.into_iter().map(|(id, given)| (id, topics.identified(&given.partitions))).collect();
        self.target_epoch = self.epoch();
    }

    /// The assignor that most members ask for; the first of those in service when nobody asks.
    pub(in super::super) fn assignor(&self, assignors: &[ServerAssignor]) -> ServerAssignor {
        let votes = |assignor: &ServerAssignor| {
            let is_for_it = |name: &&String| name.as_str() == assignor.name();
            self.members.values().filter_map(|row| row.assignor.as_ref()).filter(is_for_it).count()
        };
        // Of several with as many votes the first; `max_by_key` would take the last.
        assignors
            .iter()
            .rev()
            .copied()
            .max_by_key(|assignor| votes(assignor))
            .unwrap_or(ServerAssignor::Uniform)
    }
}
