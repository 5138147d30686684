//! Those who work beside the writers: readers, a group that commits, somebody who creates and deletes a topic. Each
//! remembers what it was told, and looks afterwards whether that still holds.

use runnel_proto::records::split_batches;
use runnel_proto::v1::groups_client::GroupsClient;
use runnel_proto::v1::topics_client::TopicsClient;
use runnel_proto::v1::{
    CommitOffsetsRequest, ConsumePartition, ConsumeRequest, CreateTopicRequest, DeleteTopicRequest,
    FetchOffsetsRequest, ListTopicsRequest, OffsetCommit,
};
use tonic::transport::Channel;

use super::TOPIC;
use super::writer::RecordId;
use crate::harness::{records, unpack};

const GROUP: &str = "bystander";
const SPARE_TOPIC: &str = "now-and-then";

/// Follows a partition as it grows.
pub(super) struct Witness {
    partition: i32,
    next_offset: i64,
    seen: Vec<(i64, RecordId)>,
}

impl Witness {
    pub(super) fn new(partition: i32) -> Self {
        Self { partition, next_offset: 0, seen: Vec::new() }
    }

    pub(super) fn partition(&self) -> i32 {
        self.partition
    }

    /// What it saw since the last call.
    pub(super) fn take_seen(&mut self) -> Vec<(i64, RecordId)> {
        std::mem::take(&mut self.seen)
    }

    /// What comes before has been checked.
    pub(super) fn go_on_at(&mut self, offset: i64) {
        self.next_offset = offset;
    }

    /// Reads until the broker is gone.
    pub(super) async fn watch(&mut self, channel: Channel) {
        let wanted = ConsumePartition {
            topic: TOPIC.into(),
            partition: self.partition,
            offset: self.next_offset,
            stop_offset: None,
        };
        let request = ConsumeRequest { partitions: vec![wanted], ..Default::default() };
        let Ok(answers) = records(channel).consume(request).await else { return };
        let mut answers = answers.into_inner();
        while let Ok(Some(answer)) = answers.message().await {
            assert!(answer.error.is_none(), "a reader was refused: {:?}", answer.error);
            for batch in split_batches(&answer.batches) {
                self.take_in(batch.expect("readers get whole batches").1);
            }
            self.next_offset = answer.next_offset;
        }
    }

    fn take_in(&mut self, batch: &[u8]) {
        for record in unpack(batch).expect("readers get sound batches") {
            let id = RecordId::of_value(&record.value.unwrap_or_default()).expect("only writers write");
            // Batches come whole: the first may begin before the offset that was asked for.
            if record.offset >= self.next_offset {
                self.seen.push((record.offset, id));
            }
        }
    }
}

/// Commits a growing offset.
#[derive(Default)]
pub(super) struct Committer {
    sent: i64,
    acknowledged: i64,
}

impl Committer {
    /// Commits until the broker is gone.
    pub(super) async fn commit(&mut self, channel: Channel) {
        let mut groups = GroupsClient::new(channel);
        loop {
            self.sent += 1;
            let commit = OffsetCommit {
                topic: TOPIC.into(),
                partition: 0,
                offset: self.sent,
                ..OffsetCommit::default()
            };
            let request = CommitOffsetsRequest {
                group: GROUP.into(),
                generation: -1,
                offsets: vec![commit],
                ..CommitOffsetsRequest::default()
            };
            let Ok(answer) = groups.commit_offsets(request).await else { return };
            let refusal = answer.into_inner().results.into_iter().find_map(|result| result.error);
            assert_eq!(refusal, None, "a commit was refused");
            self.acknowledged = self.sent;
        }
    }

    /// The group stands at the last acknowledged commit, or at the one that the kill cut off.
    pub(super) async fn check(&self, channel: Channel) -> Result<(), String> {
        let request = FetchOffsetsRequest { group: GROUP.into(), partitions: Vec::new() };
        let fetched = GroupsClient::new(channel).fetch_offsets(request).await;
        let stands = match fetched {
            Ok(fetched) => fetched.into_inner().offsets.iter().find_map(|row| row.offset).unwrap_or(0),
            Err(_) if self.acknowledged == 0 => 0,
            Err(status) => return Err(format!("the group's offsets can't be read: {}", status.message())),
        };
        if (self.acknowledged..=self.sent).contains(&stands) {
            return Ok(());
        }
        let (from, to) = (self.acknowledged, self.sent);
        Err(format!("the group stands at {stands}, and {from} was acknowledged, {to} sent"))
    }
}

/// Creates a topic, deletes it, creates it again.
#[derive(Default)]
pub(super) struct Administrator {
    exists: bool,
    /// Whether the answer to the last change was cut off.
    unknown: bool,
}

impl Administrator {
    /// Changes until the broker is gone.
    pub(super) async fn toggle(&mut self, channel: Channel) {
        let mut topics = TopicsClient::new(channel);
        loop {
            self.unknown = true;
            let changed = if self.exists {
                topics.delete_topic(DeleteTopicRequest { name: SPARE_TOPIC.into() }).await.map(drop)
            } else {
                let request =
                    CreateTopicRequest { name: SPARE_TOPIC.into(), ..CreateTopicRequest::default() };
                topics.create_topic(request).await.map(drop)
            };
            if changed.is_err() {
                return;
            }
            self.unknown = false;
            self.exists = !self.exists;
        }
    }

    /// The topic is there or not, as was acknowledged last.
    pub(super) async fn check(&mut self, channel: Channel) -> Result<(), String> {
        let listed = TopicsClient::new(channel).list_topics(ListTopicsRequest::default()).await;
        let topics = listed.map_err(|status| status.message().to_owned())?.into_inner().topics;
        let exists = topics.iter().any(|topic| topic.name == SPARE_TOPIC);
        if exists != self.exists && !self.unknown {
            let promised = if self.exists { "created" } else { "deleted" };
            return Err(format!("topic {SPARE_TOPIC} was {promised}, and that is forgotten"));
        }
        self.exists = exists;
        Ok(())
    }
}
