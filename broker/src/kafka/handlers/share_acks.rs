//! What `ShareFetch` and `ShareAcknowledge` have in common: who asks, and what it says of the records that it holds.

use std::collections::HashMap;

use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::{check_share_groups, group_code};
use crate::coordinator::group::{AckBatch, AckKind, ShareAcknowledgeRequest};
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::kafka::share_sessions::Member;
use crate::types::TopicPartition;

/// Clients make up ids of so many characters at most.
const MAX_MEMBER_ID_CHARS: usize = 36;

/// What is said of one partition: batches by their first and last offsets, each with types.
pub(super) struct Acks {
    pub(super) topic_id: Uuid,
    pub(super) partition: i32,
    pub(super) batches: Vec<(i64, i64, Vec<i8>)>,
}

impl Acks {
    pub(super) fn place(&self) -> TopicPartition {
        TopicPartition { topic_id: self.topic_id, partition: self.partition }
    }
}

/// Who asks.
pub(super) fn member(
    call: &Call,
    group: Option<StrBytes>,
    id: Option<StrBytes>,
) -> Result<Member, ErrorCode> {
    check_share_groups(call).map_err(|refusal| refusal.code)?;
    let (group, id) = (group.unwrap_or_default(), id.unwrap_or_default());
    if group.is_empty() || id.is_empty() || id.chars().count() > MAX_MEMBER_ID_CHARS {
        return Err(ErrorCode::InvalidRequest);
    }
    Ok(Member { group: group.to_string(), id: id.to_string() })
}

/// Takes a member's word for each partition, and tells what became of it when that is on disk. `renews`: it may ask for more time.
pub(super) async fn acknowledge(
    call: &Call,
    member: &Member,
    rows: Vec<Acks>,
    renews: bool,
) -> Vec<(TopicPartition, ErrorCode)> {
    let mut outcomes: Vec<_> = rows.iter().map(|row| (row.place(), ErrorCode::None)).collect();
    let (mut taken, mut partitions) = (Vec::new(), Vec::new());
    for (number, row) in rows.into_iter().enumerate() {
        let place = row.place();
        match find(call, place).and_then(|()| batches(row, renews)) {
            Ok(batches) => {
                taken.push(number);
                partitions.push((place, batches));
            }
            Err(error) => outcomes[number].1 = error,
        }
    }
    if taken.is_empty() {
        return outcomes;
    }
    let request =
        ShareAcknowledgeRequest { group: member.group.clone(), member_id: member.id.clone(), partitions };
    match call.operations.groups().share_acknowledge(request).await {
        Ok(results) => {
            for (number, result) in taken.into_iter().zip(results) {
                outcomes[number].1 = result.map_or_else(|error| code(&error), |()| ErrorCode::None);
            }
        }
        Err(error) => taken.into_iter().for_each(|number| outcomes[number].1 = group_code(&error)),
    }
    outcomes
}

/// Rows by topic, both in the order in which they come first.
pub(super) fn by_topic<T>(rows: Vec<(TopicPartition, T)>) -> Vec<(Uuid, Vec<(i32, T)>)> {
    let mut topics: Vec<(Uuid, Vec<(i32, T)>)> = Vec::new();
    let mut numbers = HashMap::new();
    for (TopicPartition { topic_id, partition }, row) in rows {
        let number = *numbers.entry(topic_id).or_insert(topics.len());
        if number == topics.len() {
            topics.push((topic_id, Vec::new()));
        }
        topics[number].1.push((partition, row));
    }
    topics
}

fn find(call: &Call, place: TopicPartition) -> Result<(), ErrorCode> {
    let topic = call.topic("", place.topic_id)?;
    topic.partition(place.partition).map(|_| ()).map_err(|error| code(&error))
}

fn batches(row: Acks, renews: bool) -> Result<Vec<AckBatch>, ErrorCode> {
    let batch = |(first, last, types): (i64, i64, Vec<i8>)| {
        let kinds = types.into_iter().map(|number| kind(number, renews)).collect::<Option<Vec<_>>>()?;
        Some(AckBatch { first, last, kinds })
    };
    let batches: Option<_> = row.batches.into_iter().map(batch).collect();
    batches.ok_or(ErrorCode::InvalidRequest)
}

fn kind(number: i8, renews: bool) -> Option<AckKind> {
    match number {
        0 => Some(AckKind::Gap),
        1 => Some(AckKind::Accept),
        2 => Some(AckKind::Release),
        3 => Some(AckKind::Reject),
        4 if renews => Some(AckKind::Renew),
        _ => None,
    }
}
