//! What consumers read. The one place where the broker looks into what members and leaders say.

use std::collections::BTreeSet;

use runnel_proto::group::{Assignment, Subscription, TopicPartitions};

use super::state::Group;

/// The topics that a group reads.
pub(super) enum Subscribed {
    /// These.
    Topics(BTreeSet<String>),
    /// It cannot be told, so every topic counts as read.
    Unknown,
}

impl Subscribed {
    pub(super) fn contains(&self, topic: &str) -> bool {
        match self {
            Self::Topics(topics) => topics.contains(topic),
            Self::Unknown => true,
        }
    }
}

impl Group {
    pub(super) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some("consumer")
    }

    /// What the members read, by what each says for any of its protocols.
    pub(super) fn subscribed_topics(&self) -> Subscribed {
        if !self.members.is_empty() && !self.is_of_consumers() {
            return Subscribed::Unknown;
        }
        let protocols = self.members.values().flat_map(|member| &member.protocols);
        let mut topics: BTreeSet<String> =
            self.rows.subscribed_topics().into_iter().map(str::to_owned).collect();
        for protocol in protocols {
            match subscribed_topics(&protocol.metadata) {
                Some(subscribed) => topics.extend(subscribed),
                None => return Subscribed::Unknown,
            }
        }
        Subscribed::Topics(topics)
    }
}

/// The topics in a consumer's subscription; `None` when the bytes are none.
pub(super) fn subscribed_topics(subscription: &[u8]) -> Option<BTreeSet<String>> {
    Subscription::decode(subscription).ok().map(|subscription| subscription.topics.into_iter().collect())
}

/// The partitions in a consumer's assignment; none when the bytes are not one.
pub(super) fn assigned_partitions(assignment: &[u8]) -> Vec<TopicPartitions> {
    Assignment::decode(assignment).map(|assignment| assignment.partitions).unwrap_or_default()
}
