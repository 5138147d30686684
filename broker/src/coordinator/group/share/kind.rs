//! What a share group is not for, and what groups of other kinds are not.

use crate::coordinator::group::api::Request;
use crate::coordinator::group::state::Group;
use crate::error::BrokerError;

impl Group {
    /// Whether a request is one of the other protocols.
    pub(in super::super) fn is_for_others(&self, request: &Request) -> bool {
        matches!(
            request,
            Request::Join(_)
                | Request::Sync(_)
                | Request::Heartbeat(_)
                | Request::Leave(_)
                | Request::ConsumerHeartbeat(_)
                | Request::Commit(_)
                | Request::CommitTransactional(_)
                | Request::DeleteOffsets(_)
        )
    }

    /// Why such a request is refused.
    pub(in super::super) fn unfit_for_share(&self, request: &Request) -> BrokerError {
        match request {
            Request::Join(_) => self.inconsistent(),
            Request::Sync(request) => self.unknown_member(&request.member_id),
            Request::Heartbeat(request) => self.unknown_member(&request.member_id),
            Request::Leave(request) => {
                self.unknown_member(request.members.first().map_or("", |member| &member.member_id))
            }
            _ => BrokerError::OtherGroupKind { group: self.name.clone(), kind: "a share group" },
        }
    }

    /// Why a request about share groups is refused by what is none.
    pub(in super::super) fn no_share_group(&self) -> BrokerError {
        match self.is_unknown() {
            true => self.unknown_group(),
            false => BrokerError::OtherGroupKind { group: self.name.clone(), kind: "no share group" },
        }
    }
}
