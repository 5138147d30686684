//! Which topics a group's members read. The one place where the broker looks into what members say.

use std::collections::BTreeSet;

use bytes::{Buf, Bytes};

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
        let mut topics = BTreeSet::new();
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
pub(super) fn subscribed_topics(subscription: &Bytes) -> Option<BTreeSet<String>> {
    let mut bytes = subscription.clone();
    let version = bytes.try_get_i16().ok()?;
    let count = bytes.try_get_i32().ok()?;
    if version < 0 {
        return None;
    }
    (0..count)
        .map(|_| {
            let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
            let topic = (length <= bytes.len()).then(|| bytes.split_to(length))?;
            str::from_utf8(&topic).ok().map(str::to_owned)
        })
        .collect()
}
