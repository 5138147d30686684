//! Who may commit and read offsets in a group of the consumer protocol: its members, in their epochs.

use crate::coordinator::group::api::CommitRequest;
use crate::coordinator::group::state::Group;
use crate::error::BrokerError;

impl Group {
    /// A member commits in its epoch. From outside one commits while there are no members.
    pub(in super::super) fn check_consumer_commit(&self, commit: &CommitRequest) -> Result<(), BrokerError> {
        if commit.generation < 0 && !self.rows.has_members() {
            return Ok(());
        }
        self.check_member_epoch(&commit.member_id, commit.generation)
    }

    /// The caller is a member, and in this epoch.
    pub(in super::super) fn check_member_epoch(&self, member: &str, epoch: i32) -> Result<(), BrokerError> {
        let row = self.rows.members.get(member).ok_or_else(|| self.unknown_member(member))?;
        let current = self.rows.current(member).epoch;
        match row.classic {
            _ if epoch == current => Ok(()),
            Some(_) => Err(self.illegal_generation(epoch)),
            None => Err(BrokerError::StaleMemberEpoch {
                group: self.name.clone(),
                member: member.to_owned(),
                epoch,
                current,
            }),
        }
    }
}
