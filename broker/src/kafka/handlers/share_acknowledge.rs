//! `ShareAcknowledge`: a member says what became of records, and asks for none.

use runnel_proto::kafka::messages::share_acknowledge_response::{
    PartitionData, ShareAcknowledgeTopicResponse,
};
use runnel_proto::kafka::messages::{ShareAcknowledgeRequest, ShareAcknowledgeResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::share_acks::{Acks, acknowledge, by_topic, member};
use crate::kafka::call::Call;
use crate::kafka::share_sessions::{FINAL_EPOCH, Member};
use crate::types::TopicPartition;

/// Answers a request, when what it says is on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ShareAcknowledgeRequest,
) -> ShareAcknowledgeResponse {
    let who = member(call, request.group_id.clone(), request.member_id.clone());
    let who = match who.and_then(|who| step(call, &who, request.share_session_epoch).map(|()| who)) {
        Ok(who) => who,
        Err(error) => return ShareAcknowledgeResponse { error_code: error.code(), ..Default::default() },
    };
    let (closes, renews) = (request.share_session_epoch == FINAL_EPOCH, request.is_renew_ack);
    let outcomes = acknowledge(call, &who, rows(request), renews).await;
    if closes {
        let session = call.client.shares().close(&who);
        if let Some(session) = session {
            call.operations.end_share_session(who.group.clone(), who.id, session).await;
        }
    }
    let lock_ms = call.operations.groups().share_settings(&who.group).record_lock_duration_ms;
    ShareAcknowledgeResponse {
        acquisition_lock_timeout_ms: lock_ms as i32,
        responses: topics(outcomes),
        ..Default::default()
    }
}

fn step(call: &Call, who: &Member, epoch: i32) -> Result<(), ErrorCode> {
    let mut sessions = call.client.shares();
    match epoch {
        FINAL_EPOCH if sessions.has(who) => Ok(()),
        FINAL_EPOCH => Err(ErrorCode::ShareSessionNotFound),
        epoch => sessions.acknowledge(who, epoch),
    }
}

fn rows(request: ShareAcknowledgeRequest) -> Vec<Acks> {
    let topics = request.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |row| Acks {
            topic_id: topic.topic_id,
            partition: row.partition_index,
            batches: row
                .acknowledgement_batches
                .into_iter()
                .map(|batch| (batch.first_offset, batch.last_offset, batch.acknowledge_types))
                .collect(),
        })
    });
    topics.collect()
}

fn topics(outcomes: Vec<(TopicPartition, ErrorCode)>) -> Vec<ShareAcknowledgeTopicResponse> {
    let partition = |(partition_index, error): (i32, ErrorCode)| PartitionData {
        partition_index,
        error_code: error.code(),
        ..Default::default()
    };
    let topic = |(topic_id, rows): (Uuid, Vec<_>)| ShareAcknowledgeTopicResponse {
        topic_id,
        partitions: rows.into_iter().map(partition).collect(),
    };
    by_topic(outcomes).into_iter().map(topic).collect()
}
